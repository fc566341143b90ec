"""ResNet-50 (He et al. 2016), with the stride in the 3x3 convolutions; the state dict's keys are torchvision's.

RetinaFace looks at three of its stages, the face model's coefficients (Deep3D) at the last. ``normed_convolutions``
name the norms that follow a convolution, for ``inference_folding``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch.nn.functional as F  # noqa: N812  # the usual name
from torch import Tensor, nn

from talkingface.restore.norm_folding import fold_norm

EXPANSION = 4  # a block's outputs, of its middle's channels


@dataclass(frozen=True)
class ResNetWidths:
    """How wide and deep it is; the defaults are ResNet-50's.

    Attributes:
        base: Channels of the first convolution; every stage doubles them.
        blocks: Of the four stages.
    """

    base: int = 64
    blocks: tuple[int, int, int, int] = (3, 4, 6, 3)

    @property
    def outputs(self) -> tuple[int, int, int, int]:
        """Channels that the four stages give."""
        one = self.base * EXPANSION
        return one, 2 * one, 4 * one, 8 * one

    def narrowed(self, divisor: int) -> ResNetWidths:
        """Narrower and of one block a stage, for tests."""
        return replace(self, base=max(1, self.base // divisor), blocks=(1, 1, 1, 1))


class ResNet(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """The body without pooling and classes."""

    normed_convolutions = (("conv1", "bn1"),)

    def __init__(self, widths: ResNetWidths) -> None:
        """Build it with random weights."""
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths.base, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(widths.base)
        inputs = widths.base
        for stage, (count, outputs) in enumerate(zip(widths.blocks, widths.outputs, strict=True), 1):
            strides = [1 if stage == 1 else 2] + [1] * (count - 1)
            blocks = [
                _Bottleneck(outputs if place else inputs, outputs, stride) for place, stride in enumerate(strides)
            ]
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
            inputs = outputs

    def forward(self, image: Tensor) -> Iterator[Tensor]:
        """(N, 3, H, W) -> what the four stages give, one by one, at a 4th, an 8th, a 16th and a 32nd of the size."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(image)), inplace=True), 3, stride=2, padding=1)
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
            yield x

    def fold(self) -> None:
        """Put the norms into the convolutions; after loading weights, to save time. No weights load afterwards."""
        fold_norm(self, "conv1", "bn1")
        for module in self.modules():
            if isinstance(module, _Bottleneck):
                module.fold()


class _Bottleneck(nn.Module):  # type: ignore[misc]
    normed_convolutions = (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"))

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        middle = outputs // EXPANSION
        self.conv1 = nn.Conv2d(inputs, middle, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(middle)
        self.conv2 = nn.Conv2d(middle, middle, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(middle)
        self.conv3 = nn.Conv2d(middle, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.bn1(self.conv1(x)), inplace=True)
        inner = F.relu(self.bn2(self.conv2(inner)), inplace=True)
        return F.relu(self.bn3(self.conv3(inner)) + self.downsample(x), inplace=True)

    def fold(self) -> None:
        for place in (1, 2, 3):
            fold_norm(self, f"conv{place}", f"bn{place}")
        if isinstance(self.downsample, nn.Sequential):
            fold_norm(self.downsample, "0", "1")
