"""The body of ResNet-50 (He et al. 2016, with the stride in the 3x3 convolution), which several networks share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

EXPANSION = 4
BLOCKS = (3, 4, 6, 3)


class ResNetBody(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """Everything up to the last pictures of features, with torchvision's keys."""

    normed_convolutions = (("conv1", "bn1"),)

    def __init__(self, width: int = 64, blocks: Sequence[int] = BLOCKS) -> None:
        """Build it with random weights.

        Args:
            width: Channels of the first convolution; the last stage has 32 times as many.
            blocks: Of each of the four stages.
        """
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        inputs = width
        for stage, count in enumerate(blocks):
            inner = width * 2**stage
            layers = [Bottleneck(inputs, inner, stride=1 if stage == 0 else 2)]
            inputs = inner * EXPANSION
            layers += [Bottleneck(inputs, inner) for _ in range(count - 1)]
            self.add_module(f"layer{stage + 1}", nn.Sequential(*layers))
        self.outputs = inputs

    def stages(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(N, 3, H, W) -> features at a quarter, an eighth, a sixteenth and a thirty-second of the size."""
        first = self.layer1(self.maxpool(torch.relu_(self.bn1(self.conv1(picture)))))
        second = self.layer2(first)
        third = self.layer3(second)
        return first, second, third, self.layer4(third)

    def forward(self, picture: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, outputs, H / 32, W / 32)."""
        return self.stages(picture)[-1]


class Bottleneck(nn.Module):  # type: ignore[misc]
    """Channels reduced, a 3x3 convolution, channels raised, beside a plain way."""

    normed_convolutions = (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"))

    def __init__(self, inputs: int, inner: int, stride: int = 1) -> None:
        """Build it with random weights; it has four times as many outputs as inner channels."""
        super().__init__()
        outputs = inner * EXPANSION
        self.conv1 = nn.Conv2d(inputs, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, features: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""
        plain = features if self.downsample is None else self.downsample(features)
        inner = torch.relu_(self.bn1(self.conv1(features)))
        inner = torch.relu_(self.bn2(self.conv2(inner)))
        return torch.relu_(self.bn3(self.conv3(inner)) + plain)
