"""Coefficients of a three-dimensional face model, seen in a picture (Deep3DFaceRecon, Deng et al. 2019; spec 2.5)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from talkingface.restore.resnet50 import ResNet, ResNetWidths

IDENTITY, EXPRESSION, TEXTURE, ANGLES, LIGHT, PLACE = 80, 64, 80, 3, 27, 3
COEFFICIENTS = IDENTITY + EXPRESSION + TEXTURE + ANGLES + LIGHT + PLACE
HEADS = (IDENTITY, EXPRESSION, TEXTURE, ANGLES, LIGHT, 2, 1)  # the place's depth has a head of its own


class FaceCoefficients(NamedTuple):
    """The coefficients by what they mean; (N, ...) each.

    Attributes:
        identity: 80, the shape of the face at rest.
        expression: 64.
        texture: 80, its colours.
        angles: 3, radians about x, y and z.
        light: 27, spherical harmonics of three colours.
        place: 3.
    """

    identity: Tensor
    expression: Tensor
    texture: Tensor
    angles: Tensor
    light: Tensor
    place: Tensor


class Deep3DRecon(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """The whole network. Call ``eval()`` before using it: its norms then use the statistics learnt in training."""

    def __init__(self, widths: ResNetWidths | None = None) -> None:
        """Build it with random weights.

        Args:
            widths: Of the ResNet; None for the released network's.
        """
        super().__init__()
        self.widths = widths or ResNetWidths()
        self.backbone = ResNet(self.widths)
        self.final_layers = nn.ModuleList(nn.Conv2d(self.widths.outputs[-1], count, 1) for count in HEADS)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, 224, 224) RGB in 0..1, aligned by ``fit_pose`` -> (N, 257), in ``FaceCoefficients``' order."""
        for features in self.backbone(image):  # only the last stage counts; the others need not stay in memory
            seen = features
        seen = seen.mean((2, 3), keepdim=True)
        return torch.cat([head(seen).flatten(1) for head in self.final_layers], dim=1)


def named_coefficients(rows: Tensor) -> FaceCoefficients:
    """(..., 257 or more) -> the first 257 by what they mean."""
    parts = rows[..., :COEFFICIENTS].split((IDENTITY, EXPRESSION, TEXTURE, ANGLES, LIGHT, PLACE), dim=-1)
    return FaceCoefficients(*parts)
