"""Which networks run for one output frame, at which size, in each preset of the neural backend and as released.

Face tracks (found once, for every backend alike) are not networks of VideoReTalking and are not in the list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from talkingface.faces.neural.fan import FAN, FANWidths
from talkingface.faces.neural.s3fd import S3FD, S3FDWidths
from talkingface.models.networks import build
from talkingface.models.video_retalking.neural.expression_editor import DNet, ExpressionEditorWidths
from talkingface.models.video_retalking.neural.face_coefficients import Deep3DRecon
from talkingface.models.video_retalking.neural.identity_upsampler import ENet, IdentityUpsamplerWidths
from talkingface.models.video_retalking.neural.lip_synthesizer import LipSynthesizerWidths, LNet
from talkingface.models.video_retalking.neural.upper_face_emotion import EmotionWidths, GANimation
from talkingface.models.wav2lip.generator import GeneratorWidths, Wav2Lip
from talkingface.restore.gfpgan import GFPGAN, GFPGANWidths
from talkingface.restore.gpen import GPEN, GPENWidths
from talkingface.restore.parsenet import ParseNet, ParseNetWidths
from talkingface.restore.resnet50 import ResNetWidths
from talkingface.restore.retinaface import RetinaFace, RetinaFaceWidths

Shapes = tuple[tuple[int, ...], ...]
SPEECH = ((1, 80, 16), (6, 384, 384), (3, 384, 384))


@dataclass(frozen=True)
class Run:
    """One network for one frame.

    Attributes:
        stage: What it is for.
        network: Its name in ``networks.build``.
        shapes: Of one frame's inputs.
        call: Runs it; ``forward`` unless something else is enough.
    """

    stage: str
    network: str
    shapes: Shapes
    call: Callable[..., Any] = lambda network, *inputs: network(*inputs)

    def inputs(self, batch: int, like: Tensor | None = None, layout: torch.memory_format | None = None) -> list[Tensor]:
        """Random inputs, 0..1, as the tensor given is; pictures in the given layout."""
        where = {} if like is None else {"device": like.device, "dtype": like.dtype}
        made = [torch.rand(batch, *shape, **where) for shape in self.shapes]
        return [x.contiguous(memory_format=layout) if layout is not None and x.dim() == 4 else x for x in made]


def _parse(network: Any, image: Tensor) -> Tensor:
    return network.parse(image)


def _restore(network: Any, image: Tensor) -> Tensor:
    return network.restore(image)


def _picture(height: int, width: int | None = None) -> Shapes:
    return ((3, height, width or height),)


DEEP3D = Run("coefficients of the face", "Deep3DRecon", _picture(224))
DNET = Run("expression stabilised (D-Net)", "DNet", ((3, 256, 256), (73, 26)))
REFERENCE = Run("reference enhanced (GPEN)", "GPEN512", _picture(512))
LIPS = Run("lips spoken and enlarged (L-Net, E-Net)", "ENet", SPEECH)
GFPGAN_MOUTH = Run("mouth restored (GFPGAN)", "GFPGANv1Clean512", _picture(512), _restore)
PARSED = Run("face parsed at 256", "ParseNet512", _picture(256), _parse)
REFERENCE_PARSED = Run("reference parsed at 512", "ParseNet512", _picture(512), _parse)
PARSED_WHOLE = Run("face parsed at 512", "ParseNet512", _picture(512), _parse)
WHOLE_PARSENET = Run("face parsed at 512", "ParseNet512", _picture(512))

PRESETS: Mapping[str, tuple[Run, ...]] = {
    "fast": (DEEP3D, DNET, LIPS),
    "balanced": (DEEP3D, DNET, LIPS, GFPGAN_MOUTH, PARSED),
    "best": (DEEP3D, DNET, REFERENCE, REFERENCE_PARSED, LIPS, GFPGAN_MOUTH, PARSED_WHOLE),
}


def released(height: int, width: int) -> tuple[Run, ...]:
    """What the released program runs for a frame of this size (spec sections 1.2 and 5.3)."""
    small = 1000 / max(height, width) if max(height, width) > 1500 else 1.0
    whole = _picture(height, width)
    shrunk = _picture(round(height * small), round(width * small))
    return (
        DEEP3D,
        Run("landmarks: S3FD at 256", "S3FD", _picture(256)),
        Run("landmarks: FAN", "FAN4", _picture(256)),
        DNET,
        Run("reference: RetinaFace at 256", "RetinaFaceR50", _picture(256)),
        REFERENCE,
        WHOLE_PARSENET,
        Run("oriented crop: S3FD at 256", "S3FD", _picture(256)),
        Run("oriented crop: FAN", "FAN4", _picture(256)),
        Run("face box: S3FD on the frame", "S3FD", whole),
        LIPS,
        Run("GFPGAN's RetinaFace on the frame", "RetinaFaceR50", whole),
        GFPGAN_MOUTH,
        Run("blend: RetinaFace on the frame, shrunk", "RetinaFaceR50", shrunk),
        WHOLE_PARSENET,
        WHOLE_PARSENET,
    )


def made(name: str, narrow: int = 1) -> nn.Module:
    """A network with random weights, in ``eval()``; ``narrow`` times narrower, for trying programs out."""
    network: nn.Module = build(name) if narrow == 1 else _NARROW[name](narrow)
    return network.eval().requires_grad_(False)


def built(name: str, narrow: int = 1) -> nn.Module:
    """The same with some noise where the strength of noise begins at 0."""
    network = made(name, narrow)
    for value in network.parameters():
        if value.shape == (1,) and value == 0:
            value.fill_(0.05)
    return network


def _narrow_gpen(divisor: int) -> nn.Module:
    return GPEN(GPENWidths().narrowed(divisor, size=512))


def _narrow_gfpgan(divisor: int) -> nn.Module:
    return GFPGAN(GFPGANWidths().narrowed(divisor, size=512))


_NARROW: Mapping[str, Callable[[int], nn.Module]] = {
    "DNet": lambda divisor: DNet(ExpressionEditorWidths().narrowed(divisor)),
    "Deep3DRecon": lambda divisor: Deep3DRecon(ResNetWidths().narrowed(divisor)),
    "ENet": lambda divisor: ENet(IdentityUpsamplerWidths().narrowed(divisor, blocks=1)),
    "FAN4": lambda divisor: FAN(FANWidths().narrowed(divisor)),
    "GFPGANv1Clean512": _narrow_gfpgan,
    "GANimation": lambda divisor: GANimation(EmotionWidths(64 // divisor)),
    "GPEN512": _narrow_gpen,
    "LNet": lambda divisor: LNet(LipSynthesizerWidths().narrowed(divisor, blocks=1)),
    "ParseNet512": lambda divisor: ParseNet(ParseNetWidths().narrowed(divisor)),
    "RetinaFaceR50": lambda divisor: RetinaFace(RetinaFaceWidths().narrowed(divisor)),
    "S3FD": lambda divisor: S3FD(S3FDWidths().narrowed(divisor)),
    "Wav2Lip": lambda divisor: Wav2Lip(GeneratorWidths().narrowed(divisor)),
}
