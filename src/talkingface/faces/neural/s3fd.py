"""S3FD, a face detector (Zhang et al. 2017, "Single Shot Scale-invariant Face Detector"; spec section 2.5).

State dict as in ``s3fd-619a316812.pth``. What it gives is read by ``s3fd_boxes``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F  # noqa: N812  # the usual name
from torch import Tensor, nn

MEAN = (104.0, 117.0, 123.0)  # taken off the picture's channels, in whatever order they come
NORMED = {"conv3_3": 10.0, "conv4_3": 8.0, "conv5_3": 5.0}  # the levels whose features are brought to one length
LEVELS = ("conv3_3_norm", "conv4_3_norm", "conv5_3_norm", "fc7", "conv6_2", "conv7_2")
STRIDES = (4, 8, 16, 32, 64, 128)  # of the levels
STAGES = (2, 2, 3, 3, 3)  # convolutions before each halving


@dataclass(frozen=True)
class S3FDWidths:
    """Channels; the defaults are the released network's.

    Attributes:
        stages: Of the five stages of a VGG-16.
        wide: Of the two layers behind it.
        narrow: Of the two layers that lead to the last levels.
        last: Of the last two levels.
    """

    stages: tuple[int, int, int, int, int] = (64, 128, 256, 512, 512)
    wide: int = 1024
    narrow: tuple[int, int] = (256, 128)
    last: tuple[int, int] = (512, 256)

    def narrowed(self, divisor: int) -> S3FDWidths:
        """The same network, narrower, for tests; it runs none of the released weights."""
        a, b, c, d, e = (max(1, width // divisor) for width in self.stages)
        wide, *narrow = (max(1, width // divisor) for width in (self.wide, *self.narrow))
        last = (max(1, self.last[0] // divisor), max(1, self.last[1] // divisor))
        return replace(self, stages=(a, b, c, d, e), wide=wide, narrow=(narrow[0], narrow[1]), last=last)


class S3FD(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """Scores and boxes at six scales."""

    def __init__(self, widths: S3FDWidths | None = None) -> None:
        """Build it with random weights.

        Args:
            widths: Of its layers; None for the released network's.
        """
        super().__init__()
        self.widths = widths or S3FDWidths()
        inputs = 3
        for stage, (count, outputs) in enumerate(zip(STAGES, self.widths.stages, strict=True), 1):
            for place in range(1, count + 1):
                self.add_module(f"conv{stage}_{place}", nn.Conv2d(inputs, outputs, 3, padding=1))
                inputs = outputs
        wide, (narrow6, narrow7), (last6, last7) = self.widths.wide, self.widths.narrow, self.widths.last
        self.fc6 = nn.Conv2d(inputs, wide, 3, padding=3)
        self.fc7 = nn.Conv2d(wide, wide, 1)
        self.conv6_1, self.conv6_2 = nn.Conv2d(wide, narrow6, 1), nn.Conv2d(narrow6, last6, 3, stride=2, padding=1)
        self.conv7_1, self.conv7_2 = nn.Conv2d(last6, narrow7, 1), nn.Conv2d(narrow7, last7, 3, stride=2, padding=1)
        channels = dict(zip(LEVELS, (*self.widths.stages[2:], wide, last6, last7), strict=True))
        for name, length in NORMED.items():
            self.add_module(f"{name}_norm", _Length(channels[f"{name}_norm"], length))
        for place, (name, width) in enumerate(channels.items()):
            self.add_module(f"{name}_mbox_conf", nn.Conv2d(width, 2 if place else 4, 3, padding=1))
            self.add_module(f"{name}_mbox_loc", nn.Conv2d(width, 4, 3, padding=1))

    def forward(self, image: Tensor) -> list[Tensor]:
        """Look for faces.

        Args:
            image: (N, 3, H, W), 0..255, less ``MEAN``. The released programs give it RGB and take the blue-green-red
                means off it.

        Returns:
            For each of ``STRIDES`` logits of no face and a face (N, 2, h, w), then box offsets (N, 4, h, w): twelve.
        """
        x = image.contiguous(memory_format=torch.channels_last)
        levels = []
        for stage, count in enumerate(STAGES, 1):
            for place in range(1, count + 1):
                x = F.relu(getattr(self, f"conv{stage}_{place}")(x), inplace=True)
            if f"conv{stage}_{count}" in NORMED:
                levels.append(getattr(self, f"conv{stage}_{count}_norm")(x))
            x = F.max_pool2d(x, 2)
        for names in (("fc6", "fc7"), ("conv6_1", "conv6_2"), ("conv7_1", "conv7_2")):
            for name in names:
                x = F.relu(getattr(self, name)(x), inplace=True)
            levels.append(x)
        heads = []
        for name, level in zip(LEVELS, levels, strict=True):
            scores = getattr(self, f"{name}_mbox_conf")(level)
            if scores.shape[1] > 2:  # the finest level has three ways of not being a face: the likeliest counts
                scores = torch.cat([scores[:, :3].amax(1, keepdim=True), scores[:, 3:]], 1)
            heads += [scores, getattr(self, f"{name}_mbox_loc")(level)]
        return heads


class _Length(nn.Module):  # type: ignore[misc]
    """Bring the features of every place to one length, channel by channel scaled."""

    def __init__(self, channels: int, length: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), length))

    def forward(self, x: Tensor) -> Tensor:
        least = max(1e-10, torch.finfo(x.dtype).tiny)  # in half precision 1e-10 is nothing
        return x / (x.norm(dim=1, keepdim=True) + least) * self.weight[:, None, None]
