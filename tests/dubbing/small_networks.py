"""Stand-ins for the released weights: the same networks, narrow and with weights of a seed, or ones that do nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from talkingface.models.video_retalking.neural.expression_editor import DNet, EditedFaces, ExpressionEditorWidths
from talkingface.models.video_retalking.neural.face_coefficients import Deep3DRecon
from talkingface.models.video_retalking.neural.identity_upsampler import ENet, IdentityUpsamplerWidths, UpsampledFaces
from talkingface.models.video_retalking.neural.upper_face_emotion import EmotionWidths, GANimation
from talkingface.restore.gfpgan import GFPGAN, GFPGANWidths
from talkingface.restore.gpen import GPEN, GPENWidths
from talkingface.restore.parsenet import FacePart, ParseNet, ParseNetWidths
from talkingface.restore.resnet50 import ResNetWidths
from talkingface.weights.catalog import catalog_entry

FILES = ("DNet", "LNet", "ENet", "Deep3DRecon", "GPEN512", "ParseNet512", "GFPGANv1Clean512", "GANimation")


def write_files(folder: Path) -> Path:
    """Files by the released names, so that they are found; nothing reads them."""
    folder.mkdir(exist_ok=True)
    for name in FILES:
        (folder / catalog_entry(name).files[0]).write_text(name)
    return folder


class MouthBelow(ParseNet):
    """A face with a mouth where one is in an aligned face: random weights would see anything anywhere."""

    def parse(self, image: Tensor) -> Tensor:
        logits = super().parse(image)
        side = image.shape[-1]
        logits[:, int(FacePart.SKIN)] += 30
        logits[
            :, int(FacePart.UPPER_LIP), side * 65 // 100 : side * 80 // 100, side * 35 // 100 : side * 65 // 100
        ] += 60
        return logits


def narrow(name: str) -> Any:
    """A narrow network by its name in the weights catalog, always the same."""
    builders: dict[str, Callable[[], nn.Module]] = {
        "DNet": lambda: DNet(ExpressionEditorWidths().narrowed(32)),
        "ENet": lambda: ENet(IdentityUpsamplerWidths().narrowed(16, 1, 24)),
        "Deep3DRecon": lambda: Deep3DRecon(ResNetWidths().narrowed(32)),
        "GPEN512": lambda: GPEN(GPENWidths().narrowed(16)),
        "GFPGANv1Clean512": lambda: GFPGAN(GFPGANWidths().narrowed(16)),
        "ParseNet512": lambda: MouthBelow(ParseNetWidths().narrowed(16)),
        "GANimation": lambda: GANimation(EmotionWidths(8, 1)),
    }
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(len(name))
        network = builders[name]().eval()
        for value in network.state_dict().values():
            if value.is_floating_point() and value.dim() == 1:
                value += 0.1 * torch.randn(value.shape).abs()
        if isinstance(network, Deep3DRecon):  # random weights see nearly the same in every face
            network.final_layers[1].weight *= 200
    return network


class _Changeless(nn.Module):
    """Has a weight, so that it has a dtype."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))


class SameExpression(_Changeless):
    """Stands for D-Net."""

    def forward(self, image: Tensor, coeffs: Tensor) -> EditedFaces:
        assert coeffs.shape[1:] == (73, 26)
        return EditedFaces(image[:, :2, ::4, ::4], image, image)


class ReferenceFace(_Changeless):
    """Stands for E-Net: the reference is the result."""

    def __init__(self) -> None:
        super().__init__()
        self.widths = IdentityUpsamplerWidths()

    def draw_noise(self, generator: torch.Generator) -> tuple[Tensor, ...]:
        return ()

    def forward(self, mel: Tensor, faces: Tensor, reference: Tensor, noise: Any) -> UpsampledFaces:
        assert mel.shape[1:] == (1, 80, 16)
        assert not faces[:, :3, 192:].any()
        assert faces[:, :3, :192].any()
        return UpsampledFaces(reference, reference[..., ::4, ::4])


class SameFace(_Changeless):
    """Stands for a restorer."""

    def __init__(self) -> None:
        super().__init__()
        self.widths = GPENWidths()

    def forward(self, image: Tensor) -> Tensor:
        return image

    def restore(self, image: Tensor, noise: Any) -> Tensor:
        return image

    def make_noise(self, generator: torch.Generator) -> list[Tensor]:
        return []


class AllSkin(_Changeless):
    """Stands for ParseNet."""

    def parse(self, image: Tensor) -> Tensor:
        logits = torch.zeros(len(image), len(FacePart), *image.shape[2:])
        logits[:, int(FacePart.SKIN)] = 1
        return logits


def changeless(name: str) -> Any:
    """A network that changes nothing, by its name in the weights catalog."""
    stand_ins = {"DNet": SameExpression, "ENet": ReferenceFace, "ParseNet512": AllSkin}
    if name in ("Deep3DRecon", "GANimation"):
        return narrow(name)
    return stand_ins.get(name, SameFace)()
