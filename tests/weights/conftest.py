"""Networks and files of weights that are small enough to be made by the dozen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from talkingface.models import networks


def _builders() -> dict[str, Any]:
    import torch

    from talkingface.faces.neural.fan import FAN, FANWidths
    from talkingface.faces.neural.s3fd import S3FD, S3FDWidths
    from talkingface.models.syncnet.network import SyncNet, SyncNetWidths
    from talkingface.models.video_retalking.neural.expression_editor import DNet, ExpressionEditorWidths
    from talkingface.models.video_retalking.neural.identity_upsampler import ENet, IdentityUpsamplerWidths
    from talkingface.models.video_retalking.neural.lip_synthesizer import LipSynthesizerWidths, LNet
    from talkingface.models.video_retalking.neural.upper_face_emotion import EmotionWidths, GANimation
    from talkingface.models.wav2lip.discriminator import DiscriminatorWidths, Wav2LipDisc
    from talkingface.models.wav2lip.generator import GeneratorWidths, Wav2Lip
    from talkingface.models.wav2lip.sync_expert import SyncExpertWidths, Wav2LipSyncNet
    from talkingface.restore.gfpgan import GFPGAN, GFPGANWidths
    from talkingface.restore.gpen import GPEN, GPENWidths
    from talkingface.restore.parsenet import ParseNet, ParseNetWidths
    from talkingface.restore.retinaface import RetinaFace, RetinaFaceWidths

    return {
        "DNet": lambda: DNet(ExpressionEditorWidths().narrowed(16)),
        "Deep3DRecon": lambda: torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)),
        "ENet": lambda: ENet(IdentityUpsamplerWidths().narrowed(16, 1, 32)),
        "FAN4": lambda: FAN(FANWidths().narrowed(16)),
        "GANimation": lambda: GANimation(EmotionWidths(4, 1)),
        "GFPGANv1Clean512": lambda: GFPGAN(GFPGANWidths().narrowed(16)),
        "GPEN512": lambda: GPEN(GPENWidths().narrowed(16)),
        "LNet": lambda: LNet(LipSynthesizerWidths().narrowed(16, 1)),
        "ParseNet512": lambda: ParseNet(ParseNetWidths().narrowed(16)),
        "RetinaFaceR50": lambda: RetinaFace(RetinaFaceWidths().narrowed(16)),
        "S3FD": lambda: S3FD(S3FDWidths().narrowed(16)),
        "SyncNet": lambda: SyncNet(SyncNetWidths().narrowed(64)),
        "Wav2Lip": lambda: Wav2Lip(GeneratorWidths().narrowed(16)),
        "Wav2LipDisc": lambda: Wav2LipDisc(DiscriminatorWidths().narrowed(16)),
        "Wav2LipSyncNet": lambda: Wav2LipSyncNet(SyncExpertWidths().narrowed(16)),
    }


@pytest.fixture
def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """``networks.build`` builds narrow ones, by the same names and with the same kinds of layers."""
    pytest.importorskip("torch", reason="weights of networks need torch")
    for name, builder in _builders().items():
        monkeypatch.setitem(networks._BUILDERS, name, builder)


@pytest.fixture
def checkpoints(tmp_path: Path) -> Path:
    """An empty folder of checkpoints."""
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    return folder


def seeded_state(network: str, seed: int = 1) -> dict[str, Any]:
    """Tensors of a network, the same for the same seed."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return dict(networks.build(network).state_dict())


@pytest.fixture
def state_of() -> Any:
    """``seeded_state``, for tests that cannot import this file."""
    return seeded_state
