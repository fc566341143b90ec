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


def _gpen() -> Any:
    from talkingface.restore.gpen import GPEN

    return GPEN()


def _gfpgan() -> Any:
    from talkingface.restore.gfpgan import GFPGAN

    return GFPGAN()


def _parsenet() -> Any:
    from talkingface.restore.parsenet import ParseNet

    return ParseNet()


def _retinaface() -> Any:
    from talkingface.restore.retinaface import RetinaFace

    return RetinaFace()


def _fan() -> Any:
    from talkingface.faces.neural.fan import FAN

    return FAN()


def _s3fd() -> Any:
    from talkingface.faces.neural.s3fd import S3FD

    return S3FD()


_BUILDERS: dict[str, Callable[[], Any]] = {
    "FAN4": _fan,
    "GFPGANv1Clean512": _gfpgan,
    "GPEN512": _gpen,
    "ParseNet512": _parsenet,
    "RetinaFaceR50": _retinaface,
    "S3FD": _s3fd,
    "SyncNet": _syncnet,
}
