"""Convolutions whose input channels a style weighs (Karras et al. 2020), as E-Net's decoder has them.

The border is not padded: E-Net throws the border away, so what would depend on it is never computed. One style for a
whole batch is put into the weights; several are put into the pictures, so that a batch is one call either way.
Where a picture is enlarged first, the small one is convolved (``restore.upsampling``) if it has channels enough for
that to be less work.
"""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional

from talkingface.restore.upsampling import enlarged_convolution_within

SLOPE = 0.2
EPSILON = 1e-8
GAIN = sqrt(2.0)
FEWEST = 16  # channels below which an enlarged picture is convolved quicker than it is blurred


class ModulatedConv2d(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """A convolution without a border whose input channels are weighed by a style."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, style: int, demodulated: bool, enlarging: bool = False
    ) -> None:
        """Build it with random weights.

        Args:
            inputs: Channels.
            outputs: Channels.
            kernel: Height and width of the kernel.
            style: Numbers of a style.
            demodulated: Whether each output channel's weights are brought to length 1 after the style weighed them.
            enlarging: Whether the picture is doubled bilinearly first; with a kernel of 3 only.
        """
        super().__init__()
        self.demodulated = demodulated
        self.enlarging = enlarging
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
            (N, outputs, H - kernel + 1, W - kernel + 1), H and W doubled before where it is enlarging.
        """
        before = self.modulation(style)
        after = self._lengths(before) * gain
        weight = self.weight[0]
        if style.shape[0] == 1:
            styled = weight * before[0, None, :, None, None] * after[0, :, None, None, None]
            return self._convolved(features, styled, bias.flatten())
        convolved = self._convolved(features * before[:, :, None, None], weight, None)
        return torch.addcmul(bias, convolved, after[:, :, None, None])

    def _convolved(self, features: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.enlarging and features.shape[1] >= FEWEST:
            return enlarged_convolution_within(features, weight, bias)
        if self.enlarging:
            features = functional.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)
        convolved: Tensor = functional.conv2d(features, weight, bias)
        return convolved

    def _lengths(self, before: Tensor) -> Tensor:
        """(N, outputs) what each output channel is multiplied by."""
        if not self.demodulated:
            return before.new_ones(before.shape[0], self.weight.shape[1])
        wide = torch.promote_types(before.dtype, torch.float32)  # sums of thousands of squares
        squares = self.weight[0].to(wide).square().sum((2, 3))
        return (before.to(wide).square() @ squares.T + EPSILON).rsqrt().to(before.dtype)


class StyledConv2d(nn.Module):  # type: ignore[misc]
    """A modulated 3x3 convolution, of the picture doubled where it is enlarging, noise and a rectifier."""

    def __init__(self, inputs: int, outputs: int, style: int, enlarging: bool = False) -> None:
        """Build it with random weights and without noise."""
        super().__init__()
        self.modulated_conv = ModulatedConv2d(inputs, outputs, 3, style, demodulated=True, enlarging=enlarging)
        self.weight = nn.Parameter(torch.zeros(1))  # how strong the noise is
        self.bias = nn.Parameter(torch.zeros(1, outputs, 1, 1))

    def forward(self, features: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        """(N, inputs, H, W), (N or 1, style), noise of the result's size -> (N, outputs, H - 2, W - 2).

        H and W are doubled before where it is enlarging.
        """
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
