"""The convolution blocks of Wav2Lip, which L-Net's hearing is made of too: batch norm, a rectifier, residual or not."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

Pair = int | tuple[int, int]


class NormedConv2d(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """Convolution, batch norm, the input added where ``residual``, rectifier."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        stride: Pair = 1,
        padding: int = 1,
        residual: bool = False,
    ) -> None:
        """Build it with random weights; ``residual`` needs as many outputs as inputs and a stride of 1."""
        super().__init__()
        self.conv_block = nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, padding), nn.BatchNorm2d(outputs))
        self.residual = residual

    def forward(self, features: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H', W')."""
        out = self.conv_block(features)
        if self.residual:
            out = out + features
        return torch.relu_(out)


class NormedTransposedConv2d(nn.Module):  # type: ignore[misc]
    """Transposed 3x3 convolution, batch norm, rectifier."""

    def __init__(self, inputs: int, outputs: int, stride: int, padding: int) -> None:
        """Build it with random weights; with a stride of 2 the picture exactly doubles."""
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ConvTranspose2d(inputs, outputs, 3, stride, padding, output_padding=stride - 1),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H', W')."""
        return torch.relu_(self.conv_block(features))


def residual_pair(channels: int) -> list[nn.Module]:
    """Two residual blocks."""
    return [NormedConv2d(channels, channels, residual=True) for _ in range(2)]


def speech_encoder(widths: Sequence[int], deep: bool = False) -> nn.Sequential:
    """(N, 1, 80, 16) mel windows in -4..4 -> (N, widths[4], 1, 1).

    Args:
        widths: Channels of the five stages; the released networks' are 32, 64, 128, 256, 512.
        deep: With one block more in the fourth stage, as the sync expert has it.
    """
    a, b, c, d, e = widths
    return nn.Sequential(
        NormedConv2d(1, a),
        *residual_pair(a),
        NormedConv2d(a, b, stride=(3, 1)),
        *residual_pair(b),
        NormedConv2d(b, c, stride=3),
        *residual_pair(c),
        NormedConv2d(c, d, stride=(3, 2)),
        *residual_pair(d)[: 2 if deep else 1],
        NormedConv2d(d, e, padding=0),
        NormedConv2d(e, e, kernel=1, padding=0),
    )
