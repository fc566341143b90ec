"""The torch networks by the names of their released weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def build(name: str) -> Any:
    """Build a network at full width, with random weights, for the CPU.

    Args:
        name: Such as ``SyncNet``.

    Returns:
        A ``torch.nn.Module`` whose state dict has the released weights' keys and shapes.

    Raises:
        NotImplementedError: there is no network of this name; the message lists those that there are.
    """
    if name not in _BUILDERS:
        raise NotImplementedError(f"there is no network {name!r}; known: {', '.join(sorted(_BUILDERS))}")
    return _BUILDERS[name]()


def _syncnet() -> Any:
    from talkingface.models.syncnet.network import SyncNet  # loads torch

    return SyncNet()


def _lnet() -> Any:
    from talkingface.models.video_retalking.neural.lip_synthesizer import LNet

    return LNet()


def _enet() -> Any:
    from talkingface.models.video_retalking.neural.identity_upsampler import ENet

    return ENet()


def _dnet() -> Any:
    from talkingface.models.video_retalking.neural.expression_editor import DNet

    return DNet()


_BUILDERS: dict[str, Callable[[], Any]] = {
    "DNet": _dnet,
    "ENet": _enet,
    "LNet": _lnet,
    "SyncNet": _syncnet,
}
