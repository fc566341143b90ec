"""From what a released file holds to the tensors of one network, by the names the network has for them.

Programs save more than weights: running averages beside the last step's, optimisers' moments (two thirds of some
files), other networks, names that begin with what they were trained inside of. What may be taken off is written down
here, network by network; nothing else is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from talkingface.weights.checkpoint import is_state


@dataclass(frozen=True)
class Wrapping:
    """How a network's released file wraps its tensors.

    Attributes:
        inside: Keys under which the tensors may lie, the first that is there is taken. Without any of them the file
            must hold the tensors themselves.
        dropped: Beginnings of names that are dropped: networks that are kept in files of their own.
        other: The weights that take the place of what was dropped, by the beginning of its names.
        stale: Ends of names that may be there and are not read, as the released program passes over them.
    """

    inside: tuple[str, ...] = ("state_dict", "model_state_dict", "model")
    dropped: tuple[str, ...] = ()
    other: Mapping[str, str] | None = None
    stale: tuple[str, ...] = ()


_DEFAULT = Wrapping()
_WRAPPINGS: dict[str, Wrapping] = {
    "DNet": Wrapping(("net_G_ema", *_DEFAULT.inside)),
    # E-Net's file has a copy of an L-Net whose size is another; the released program drops it and takes LNet.pth
    "ENet": Wrapping(dropped=("low_res.",), other={"low_res.": "LNet"}),
    "LNet": Wrapping(dropped=("low_res.",)),
    "Deep3DRecon": Wrapping(("net_recon", *_DEFAULT.inside)),
    "GFPGANv1Clean512": Wrapping(("params_ema", "params", *_DEFAULT.inside)),
    # instance norms kept running figures in old releases of torch, which nothing reads
    "GANimation": Wrapping(stale=(".running_mean", ".running_var", ".num_batches_tracked")),
}
# what torch itself adds to weights of before 0.4.1, and no evaluation reads
OPTIONAL_ENDS = (".num_batches_tracked",)
_TRAINED_IN = "module."  # torch's DataParallel names everything so


def wrapping_of(network: str) -> Wrapping:
    """How the released file of a network wraps its tensors."""
    return _WRAPPINGS.get(network, _DEFAULT)


def unwrapped(network: str, content: Any) -> dict[str, Any] | None:
    """A network's own tensors out of what its file holds.

    Args:
        network: By its name for ``networks.build``.
        content: What was read.

    Returns:
        Tensors by the network's names for them; None when the file holds no tensors by name where they are expected.
    """
    wrapping = wrapping_of(network)
    state = content
    if isinstance(content, Mapping):
        key = next((key for key in wrapping.inside if isinstance(content.get(key), Mapping)), None)
        state = content if key is None else content[key]
    if not is_state(state):
        return None
    named = {key.replace(_TRAINED_IN, ""): value for key, value in state.items()}
    return {
        key: value
        for key, value in named.items()
        if not key.startswith(wrapping.dropped or ("\0",)) and not key.endswith(wrapping.stale or ("\0",))
    }


def own_names(network: str, names: Any) -> list[str]:
    """Those of a network's names whose tensors its own file holds."""
    dropped = wrapping_of(network).dropped or ("\0",)
    return [name for name in names if not name.startswith(dropped)]
