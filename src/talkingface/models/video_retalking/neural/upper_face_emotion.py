"""GANimation: a face with other action units (Pumarola et al. 2018; spec section 2.5), for brows and eyes.

Pictures are in -1..1. The released program gave it **BGR** pictures of 128 x 128.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from talkingface.models.video_retalking.neural.picture_blocks import CHANNEL, EPSILON, HALVES, centred_and_gain

ACTION_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)  # by their numbers in FACS


@dataclass(frozen=True)
class EmotionWidths:
    """How large a GANimation generator is; the defaults are the released network's.

    Attributes:
        full: Channels at full size; twice and four times as many at half and quarter size.
        blocks: Residual blocks at quarter size.
    """

    full: int = 64
    blocks: int = 6


class EmotionLayers(NamedTuple):
    """What the network says.

    Attributes:
        color: (N, 3, H, W) new colours in -1..1.
        mask: (N, 1, H, W) how much of the old colours stays, 0..1.
        features: (N, full, H, W) what both were made from.
    """

    color: Tensor
    mask: Tensor
    features: Tensor


class GANimation(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """The generator."""

    def __init__(self, widths: EmotionWidths | None = None) -> None:
        """Build it with random weights.

        Args:
            widths: Of its layers; None for the released network's.
        """
        super().__init__()
        self.widths = w = widths or EmotionWidths()
        full, half, quarter = w.full, 2 * w.full, 4 * w.full
        self.model = nn.Sequential(
            *_normed(nn.Conv2d(3 + len(ACTION_UNITS), full, 7, padding=3), full),
            *_normed(nn.Conv2d(full, half, 4, stride=2, padding=1), half),
            *_normed(nn.Conv2d(half, quarter, 4, stride=2, padding=1), quarter),
            *(_ResidualBlock(quarter) for _ in range(w.blocks)),
            *_normed(nn.ConvTranspose2d(quarter, half, 4, stride=2, padding=1), half),
            *_normed(nn.ConvTranspose2d(half, full, 4, stride=2, padding=1), full),
        )
        self.color_top = nn.Sequential(nn.Conv2d(full, 3, 7, padding=3, bias=False), nn.Tanh())
        self.au_top = nn.Sequential(nn.Conv2d(full, 1, 7, padding=3, bias=False), nn.Sigmoid())

    def forward(self, image: Tensor, aus: Tensor) -> EmotionLayers:
        """Ask for other action units.

        Args:
            image: (N, 3, H, W) in -1..1; the released weights know 128 x 128, sizes are multiples of 4.
            aus: (N, 17) how strong each of ``ACTION_UNITS`` shall be, 0..1.
        """
        everywhere = aus[:, :, None, None].expand(-1, -1, *image.shape[-2:])
        features = self.model(torch.cat([image, everywhere], dim=1))
        return EmotionLayers(self.color_top(features), self.au_top(features), features)

    def express(self, image: Tensor, aus: Tensor) -> Tensor:
        """The picture with other action units, (N, 3, H, W) in -1..1; see ``forward``."""
        new = self(image, aus)
        return torch.lerp(new.color, image, new.mask)


class _ResidualBlock(nn.Module):  # type: ignore[misc]
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            *_normed(nn.Conv2d(channels, channels, 3, padding=1), channels),
            *_normed(nn.Conv2d(channels, channels, 3, padding=1), channels)[:2],
        )

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = features + self.conv_block(features)
        return out


class ChannelNorm(nn.Module):  # type: ignore[misc]
    """Each channel of each picture normalised, without weights: an instance norm in any memory layout."""

    def __init__(self, channels: int) -> None:
        """Build it for so many channels."""
        super().__init__()
        self.channels = channels

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        if features.is_contiguous() or features.dtype in HALVES:
            normalised: Tensor = nn.functional.group_norm(features, self.channels, eps=EPSILON)
            return normalised
        centred, gain = centred_and_gain(features, CHANNEL)
        return centred * gain


def _normed(convolution: nn.Module, channels: int) -> list[nn.Module]:
    """A convolution, its norm and its rectifier."""
    return [convolution, ChannelNorm(channels), nn.ReLU(inplace=True)]
