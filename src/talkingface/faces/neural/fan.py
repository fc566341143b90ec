"""FAN: 68 landmarks of a face by four stacked hourglasses (Bulat and Tzimiropoulos 2017; spec section 1.4).

State dict as the class's of ``2DFAN-4``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812  # the usual name
from torch import Tensor, nn

LANDMARKS = 68
DEPTH = 4  # times that an hourglass halves the size


@dataclass(frozen=True)
class FANWidths:
    """How wide and deep it is; the defaults are the released network's.

    Attributes:
        channels: Of the features between the hourglasses, a multiple of 16.
        stacks: Hourglasses.
    """

    channels: int = 256
    stacks: int = 4

    def narrowed(self, divisor: int, stacks: int = 2) -> FANWidths:
        """The same network, narrower and with fewer stacks, for tests; it runs none of the released weights."""
        return replace(self, channels=16 * max(1, self.channels // (16 * divisor)), stacks=stacks)


class FAN(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """Call ``eval()`` before using it: its norms then use the statistics learnt in training."""

    def __init__(self, widths: FANWidths | None = None) -> None:
        """Build it with random weights.

        Args:
            widths: Of its layers; None for the released network's.
        """
        super().__init__()
        self.widths = widths or FANWidths()
        channels = self.widths.channels
        self.conv1 = nn.Conv2d(3, channels // 4, 7, stride=2, padding=3)
        self.bn1 = nn.BatchNorm2d(channels // 4)
        self.conv2 = _Block(channels // 4, channels // 2)
        self.conv3 = _Block(channels // 2, channels // 2)
        self.conv4 = _Block(channels // 2, channels)
        for stack in range(self.widths.stacks):
            self.add_module(f"m{stack}", _Hourglass(channels))
            self.add_module(f"top_m_{stack}", _Block(channels, channels))
            self.add_module(f"conv_last{stack}", nn.Conv2d(channels, channels, 1))
            self.add_module(f"bn_end{stack}", nn.BatchNorm2d(channels))
            self.add_module(f"l{stack}", nn.Conv2d(channels, LANDMARKS, 1))
            if stack < self.widths.stacks - 1:
                self.add_module(f"bl{stack}", nn.Conv2d(channels, channels, 1))
                self.add_module(f"al{stack}", nn.Conv2d(LANDMARKS, channels, 1))

    def forward(self, image: Tensor) -> list[Tensor]:
        """(N, 3, 256, 256) RGB, 0..1 -> a stack's heat maps each, (N, 68, 64, 64); the last are the best."""
        x = image.contiguous(memory_format=torch.channels_last)
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        x = self.conv4(self.conv3(F.avg_pool2d(self.conv2(x), 2)))
        heatmaps = []
        for stack in range(self.widths.stacks):
            part = {name: getattr(self, f"{name}{stack}") for name in ("m", "top_m_", "conv_last", "bn_end", "l")}
            inner = part["conv_last"](part["top_m_"](part["m"](x)))
            inner = F.relu(part["bn_end"](inner), inplace=True)
            heatmaps.append(part["l"](inner))
            if stack < self.widths.stacks - 1:
                x = x + getattr(self, f"bl{stack}")(inner) + getattr(self, f"al{stack}")(heatmaps[-1])
        return heatmaps


class _Hourglass(nn.Module):  # type: ignore[misc]
    """Down to a 16th and up again, adding what each size held."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        for level in range(DEPTH, 0, -1):
            names = ["b1", "b2", "b3"] if level > 1 else ["b1", "b2", "b2_plus", "b3"]
            for name in names:
                self.add_module(f"{name}_{level}", _Block(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        return self._level(DEPTH, x)

    def _level(self, level: int, x: Tensor) -> Tensor:
        inner = getattr(self, f"b2_{level}")(F.avg_pool2d(x, 2))
        inner = self._level(level - 1, inner) if level > 1 else self.b2_plus_1(inner)
        inner = getattr(self, f"b3_{level}")(inner)
        out: Tensor = getattr(self, f"b1_{level}")(x) + F.interpolate(inner, scale_factor=2)
        return out


class _Block(nn.Module):  # type: ignore[misc]
    """Three convolutions in a row, the outcome of each of which is kept (half, a quarter and a quarter of channels)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        widths = (inputs, outputs // 2, outputs // 4, outputs // 4)
        for place, (before, after) in enumerate(pairwise(widths), 1):
            self.add_module(f"bn{place}", nn.BatchNorm2d(before))
            self.add_module(f"conv{place}", nn.Conv2d(before, after, 3, padding=1, bias=False))
        self.downsample: nn.Module = nn.Identity()
        if inputs != outputs:
            self.downsample = nn.Sequential(
                nn.BatchNorm2d(inputs), nn.ReLU(inplace=True), nn.Conv2d(inputs, outputs, 1, bias=False)
            )

    def forward(self, x: Tensor) -> Tensor:
        first = self.conv1(F.relu(self.bn1(x), inplace=True))
        second = self.conv2(F.relu(self.bn2(first), inplace=True))
        third = self.conv3(F.relu(self.bn3(second), inplace=True))
        return torch.cat([first, second, third], 1) + self.downsample(x)
