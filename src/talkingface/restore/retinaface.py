"""RetinaFace (Deng et al. 2020) on a ResNet-50: faces and five points of each (spec section 2.5).

State dict as in ``RetinaFace-R50.pth``. What it gives is read by ``retinaface_boxes``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F  # noqa: N812  # the usual name
from torch import Tensor, nn

from talkingface.restore.norm_folding import fold_norm
from talkingface.restore.resnet50 import ResNet, ResNetWidths

SHAPES = 2  # of anchors at every place
POINTS = 5
BGR_MEAN = (104.0, 117.0, 123.0)  # of the pictures, taken off before the network


@dataclass(frozen=True)
class RetinaFaceWidths:
    """How wide it is; the defaults are the released network's.

    Attributes:
        body: The ResNet.
        pyramid: Channels of the feature pyramid, a multiple of 4.
    """

    body: ResNetWidths = field(default_factory=ResNetWidths)
    pyramid: int = 256

    def narrowed(self, divisor: int) -> RetinaFaceWidths:
        """The same network, narrower, for tests; it runs none of the released weights."""
        pyramid = 4 * max(1, self.pyramid // (4 * divisor))
        return replace(self, body=self.body.narrowed(divisor), pyramid=pyramid)


class RetinaFace(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """Call ``eval()`` before using it: its norms then use the statistics learnt in training."""

    def __init__(self, widths: RetinaFaceWidths | None = None) -> None:
        """Build it with random weights.

        Args:
            widths: Of its layers; None for the released network's.
        """
        super().__init__()
        self.widths = widths or RetinaFaceWidths()
        pyramid = self.widths.pyramid
        self.body = ResNet(self.widths.body)
        self.fpn = _Pyramid(self.widths.body.outputs[1:], pyramid)
        self.ssh1, self.ssh2, self.ssh3 = (_Context(pyramid) for _ in range(3))
        self.ClassHead = nn.ModuleList(_Head(pyramid, 2) for _ in range(3))
        self.BboxHead = nn.ModuleList(_Head(pyramid, 4) for _ in range(3))
        self.LandmarkHead = nn.ModuleList(_Head(pyramid, 2 * POINTS) for _ in range(3))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Look for faces.

        Args:
            image: (N, 3, H, W) BGR, 0..255, less ``BGR_MEAN``.

        Returns:
            For every anchor (as ``retinaface_boxes.anchors`` lists them): box offsets (N, A, 4), probabilities of no
            face and a face (N, A, 2), point offsets (N, A, 10).
        """
        stages = list(self.body(image.contiguous(memory_format=torch.channels_last)))
        levels = self.fpn(stages[1:])
        levels = [context(level) for context, level in zip((self.ssh1, self.ssh2, self.ssh3), levels, strict=True)]
        boxes, classes, points = (
            torch.cat([head(level) for head, level in zip(heads, levels, strict=True)], 1)
            for heads in (self.BboxHead, self.ClassHead, self.LandmarkHead)
        )
        return boxes, classes.softmax(-1), points

    def fold(self) -> RetinaFace:
        """Put the norms into the convolutions; after loading weights, to save time. No weights load afterwards."""
        self.body.fold()
        for owner in (self.fpn, self.ssh1, self.ssh2, self.ssh3):
            for layer in owner.children():
                fold_norm(layer, "0", "1")
        return self


class _Pyramid(nn.Module):  # type: ignore[misc]
    """Coarse levels are added to finer ones."""

    def __init__(self, inputs: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.output1, self.output2, self.output3 = (_layer(width, outputs, 1) for width in inputs)
        self.merge1, self.merge2 = _layer(outputs, outputs, 3), _layer(outputs, outputs, 3)

    def forward(self, stages: list[Tensor]) -> list[Tensor]:
        fine, middle, coarse = (
            F.relu(layer(stage), inplace=True)
            for layer, stage in zip((self.output1, self.output2, self.output3), stages, strict=True)
        )
        middle = F.relu(self.merge2(middle + F.interpolate(coarse, size=middle.shape[2:])), inplace=True)
        fine = F.relu(self.merge1(fine + F.interpolate(middle, size=fine.shape[2:])), inplace=True)
        return [fine, middle, coarse]


class _Context(nn.Module):  # type: ignore[misc]
    """What lies around every place, over 3, 5 and 7 samples."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half, quarter = channels // 2, channels // 4
        self.conv3X3 = _layer(channels, half, 3)
        self.conv5X5_1 = _layer(channels, quarter, 3)
        self.conv5X5_2 = _layer(quarter, quarter, 3)
        self.conv7X7_2 = _layer(quarter, quarter, 3)
        self.conv7x7_3 = _layer(quarter, quarter, 3)

    def forward(self, x: Tensor) -> Tensor:
        wider = F.relu(self.conv5X5_1(x), inplace=True)
        widest = F.relu(self.conv7X7_2(wider), inplace=True)
        return F.relu(torch.cat([self.conv3X3(x), self.conv5X5_2(wider), self.conv7x7_3(widest)], 1), inplace=True)


class _Head(nn.Module):  # type: ignore[misc]
    def __init__(self, inputs: int, numbers: int) -> None:
        super().__init__()
        self.conv1x1 = nn.Conv2d(inputs, SHAPES * numbers, 1)
        self.numbers = numbers

    def forward(self, x: Tensor) -> Tensor:
        return self.conv1x1(x).permute(0, 2, 3, 1).reshape(len(x), -1, self.numbers)


def _layer(inputs: int, outputs: int, size: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False), nn.BatchNorm2d(outputs))
