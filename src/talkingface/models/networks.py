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


def _lnet() -> Any:
    from talkingface.models.video_retalking.neural.lip_synthesizer import LNet

    return LNet()


def _enet() -> Any:
    from talkingface.models.video_retalking.neural.identity_upsampler import ENet

    return ENet()


def _dnet() -> Any:
    from talkingface.models.video_retalking.neural.expression_editor import DNet

    return DNet()


def _deep3drecon() -> Any:
    from talkingface.models.video_retalking.neural.face_coefficients import Deep3DRecon

    return Deep3DRecon()


def _ganimation() -> Any:
    from talkingface.models.video_retalking.neural.upper_face_emotion import GANimation

    return GANimation()


def _wav2lip() -> Any:
    from talkingface.models.wav2lip.generator import Wav2Lip

    return Wav2Lip()


def _wav2lipsyncnet() -> Any:
    from talkingface.models.wav2lip.sync_expert import Wav2LipSyncNet

    return Wav2LipSyncNet()


def _wav2lipdisc() -> Any:
    from talkingface.models.wav2lip.discriminator import Wav2LipDisc

    return Wav2LipDisc()


_BUILDERS: dict[str, Callable[[], Any]] = {
    "DNet": _dnet,
    "Deep3DRecon": _deep3drecon,
    "ENet": _enet,
    "FAN4": _fan,
    "GANimation": _ganimation,
    "GFPGANv1Clean512": _gfpgan,
    "GPEN512": _gpen,
    "LNet": _lnet,
    "ParseNet512": _parsenet,
    "RetinaFaceR50": _retinaface,
    "S3FD": _s3fd,
    "SyncNet": _syncnet,
    "Wav2Lip": _wav2lip,
    "Wav2LipDisc": _wav2lipdisc,
    "Wav2LipSyncNet": _wav2lipsyncnet,
}
