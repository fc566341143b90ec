"""Convolutions whose input channels a style weighs (Karras et al. 2020), as E-Net's decoder has them.

The border is not padded: E-Net throws the border away, so what would depend on it is never computed. One style for a
whole batch is put into the weights; several are put into the pictures, so that a batch is one call either way.
"""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2
EPSILON = 1e-8
GAIN = sqrt(2.0)


class ModulatedConv2d(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """A convolution without a border whose input channels are weighed by a style."""

    def __init__(self, inputs: int, outputs: int, kernel: int, style: int, demodulated: bool) -> None:
        """Build it with random weights.

        Args:
            inputs: Channels.
            outputs: Channels.
            kernel: Height and width of the kernel.
            style: Numbers of a style.
            demodulated: Whether each output channel's weights are brought to length 1 after the style weighed them.
        """
        super().__init__()
        self.demodulated = demodulated
        self.modulation = nn.Linear(style, inputs)
        nn.init.ones_(self.modulation.bias)
        self.weight = nn.Parameter(torch.randn(1, outputs, inputs, kernel, kernel) / sqrt(inputs * kernel**2))

    def forward(self, features: Tensor, style: Tensor, gain: float, bias: Tensor) -> Tensor:
        """Convolve.

        Args:
            features: (N, inputs, H, W).
            style: (N, style), or (1, style) for all.
            gain: What the result is multiplied by before the bias.
            bias: (1, outputs, 1, 1).

        Returns:
            (N, outputs, H - kernel + 1, W - kernel + 1).
        """
        before = self.modulation(style)
        after = self._lengths(before) * gain
        weight = self.weight[0]
        if style.shape[0] == 1:
            styled = weight * before[0, None, :, None, None] * after[0, :, None, None, None]
            one: Tensor = functional.conv2d(features, styled, bias.flatten())
            return one
        convolved = functional.conv2d(features * before[:, :, None, None], weight)
        return torch.addcmul(bias, convolved, after[:, :, None, None])

    def _lengths(self, before: Tensor) -> Tensor:
        """(N, outputs) what each output channel is multiplied by."""
        if not self.demodulated:
            return before.new_ones(before.shape[0], self.weight.shape[1])
        wide = torch.promote_types(before.dtype, torch.float32)  # sums of thousands of squares
        squares = self.weight[0].to(wide).square().sum((2, 3))
        return (before.to(wide).square() @ squares.T + EPSILON).rsqrt().to(before.dtype)


class StyledConv2d(nn.Module):  # type: ignore[misc]
    """A modulated 3x3 convolution, noise and a rectifier."""

    def __init__(self, inputs: int, outputs: int, style: int) -> None:
        """Build it with random weights and without noise."""
        super().__init__()
        self.modulated_conv = ModulatedConv2d(inputs, outputs, 3, style, demodulated=True)
        self.weight = nn.Parameter(torch.zeros(1))  # how strong the noise is
        self.bias = nn.Parameter(torch.zeros(1, outputs, 1, 1))

    def forward(self, features: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        """(N, inputs, H, W), (N or 1, style), (N or 1, 1, H - 2, W - 2) -> (N, outputs, H - 2, W - 2)."""
        convolved = self.modulated_conv(features, style, GAIN, self.bias)
        return functional.leaky_relu(convolved.add_(self.weight * noise), SLOPE, inplace=True)


class ToPicture(nn.Module):  # type: ignore[misc]
    """A modulated 1x1 convolution of features to colours."""

    def __init__(self, inputs: int, style: int) -> None:
        """Build it with random weights."""
        super().__init__()
        self.modulated_conv = ModulatedConv2d(inputs, 3, 1, style, demodulated=False)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """(N, inputs, H, W), (N or 1, style) -> (N, 3, H, W)."""
        colours: Tensor = self.modulated_conv(features, style, 1.0, self.bias)
        return colours
