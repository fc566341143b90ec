"""SyncNet's released weights: where they are looked for, and how a file is checked before anything is scored with it.

The package does not carry them. A file that is there and is not them is an error, never a reason to leave scores out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talkingface.errors import WeightsUnusableError
from talkingface.weights.checkpoint import read_tensors

if TYPE_CHECKING:
    from talkingface.models.syncnet.network import SyncNet, SyncNetWidths

PLACES = (
    "LSE/syncnet_v2.model",
    "syncnet_v2.model",
    "LSE/syncnet_v2.safetensors",
    "syncnet_v2.safetensors",
)
LARGEST_FILE = 256 << 20  # bytes; the released file has 55 million
AGAIN = "put the released syncnet_v2.model (54.6 MB) there again"


@dataclass(frozen=True)
class SyncNetWeights:
    """A network with its weights.

    Attributes:
        network: In ``eval`` mode, on the CPU.
        path: The file they came from.
        sha256: Of that file, hexadecimal digits.
    """

    network: SyncNet
    path: Path
    sha256: str


def find_syncnet(checkpoint_dir: Path) -> Path | None:
    """The first of ``PLACES`` in a folder where there is a file; None when there is none."""
    return next((path for name in PLACES if (path := checkpoint_dir / name).is_file()), None)


def load_syncnet(path: Path, widths: SyncNetWidths | None = None) -> SyncNetWeights:
    """Load a file of weights, of which nothing is executed.

    Args:
        path: As ``torch.save`` writes it, or safetensors by its ending.
        widths: Of the network that the weights must fit; None for the released one's.

    Raises:
        WeightsUnusableError: the file cannot be read, would run code, or does not hold exactly this network.
        ImportError: torch is not installed.
    """
    from talkingface.models.syncnet.network import SyncNet  # loads torch

    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise WeightsUnusableError(f"{path}: {size / 1e6:.0f} MB are not SyncNet's weights; {AGAIN}")
    network = SyncNet(widths)
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        state = read_tensors(path)
    except ImportError as error:
        raise WeightsUnusableError(f"{path}: reading it needs safetensors: pip install 'talkingface[eval]'") from error
    except Exception as error:  # a damaged file fails in torch and in pickle in every way there is
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise WeightsUnusableError(f"{path}: cannot be read as SyncNet's weights ({reason}); {AGAIN}") from error
    fault = _fault(state, network.state_dict())
    if fault is not None:
        raise WeightsUnusableError(f"{path}: these are not SyncNet's weights: {fault}; {AGAIN}")
    network.load_state_dict(state, strict=True)
    return SyncNetWeights(network.eval(), path, sha256)


def _fault(state: Any, expected: Mapping[str, Any]) -> str | None:
    """What is wrong with a state dict, or None."""
    import torch

    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        return "the file does not hold tensors by name"
    missing, unknown = sorted(set(expected) - set(state)), sorted(str(key) for key in set(state) - set(expected))
    if missing or unknown:
        parts = [
            f"{len(keys)} {what}, such as {keys[0]}"
            for keys, what in ((missing, "missing"), (unknown, "unknown"))
            if keys
        ]
        return " and ".join(parts)
    for name, tensor in expected.items():
        found = state[name]
        if found.shape != tensor.shape:
            return f"{name} has the shape {tuple(found.shape)} instead of {tuple(tensor.shape)}"
        if found.is_floating_point() != tensor.is_floating_point():
            return f"{name} holds {found.dtype} instead of {tensor.dtype}"
        if not torch.isfinite(found).all():
            return f"{name} holds values that are not numbers"
    return None
