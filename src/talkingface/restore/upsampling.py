"""Convolutions of enlarged pictures at the cost of the small ones, and the blur that goes with them.

Enlarging twofold bilinearly is the same as putting zeros between the samples and blurring with 1-3-3-1; and a blur and
a convolution may change places. So the convolution runs on the small picture (as a transposed one, a quarter of the
multiplications) and one channelwise blur follows.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F  # noqa: N812  # the usual name
from torch import Tensor

TAPS = (1.0, 3.0, 3.0, 1.0)
SMALLEST = 16  # of a picture's side: below it the plain way is as quick


def blur_kernel(gain: float = 1.0) -> Tensor:
    """(4, 4) product of two 1-3-3-1 blurs, with this sum."""
    line = torch.tensor(TAPS)
    return gain * torch.outer(line, line) / 64


def blur(x: Tensor, kernel: Tensor, padding: int, bias: Tensor | None = None) -> Tensor:
    """Convolve every channel of (N, C, H, W) with one (4, 4) symmetrical kernel, zeros around; bias (C,)."""
    channels = x.shape[1]
    return F.conv2d(x, kernel.to(x).expand(channels, 1, 4, 4), bias, padding=padding, groups=channels)


def enlarged_convolution(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Bilinear enlargement, then a 3x3 convolution with zeros around; the small picture is what is convolved.

    Args:
        x: (N, in, H, W).
        weight: (out, in, 3, 3).
        bias: (out,) or None.

    Returns:
        (N, out, 2 H, 2 W): up to rounding ``conv2d(interpolate(x, 2, "bilinear"), weight, bias, padding=1)``.
    """
    if min(x.shape[2:]) < SMALLEST:
        enlarged = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return F.conv2d(enlarged, weight, bias, padding=1)
    out = _convolved_first(x, weight, bias, border=0)
    _take_border_away(out, x, weight)
    return out


def enlarged_convolution_within(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """As ``enlarged_convolution``, without what the zeros around would touch.

    Args:
        x: (N, in, H, W).
        weight: (out, in, 3, 3).
        bias: (out,) or None.

    Returns:
        (N, out, 2 H - 2, 2 W - 2): up to rounding ``conv2d(interpolate(x, 2, "bilinear"), weight, bias)``.
    """
    return _convolved_first(x, weight, bias, border=1)


def _convolved_first(x: Tensor, weight: Tensor, bias: Tensor | None, border: int) -> Tensor:
    """The convolution of the enlarged picture with its border repeated, without ``border`` lines on every side."""
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    spread = F.conv_transpose2d(padded, weight.transpose(0, 1).flip(2, 3), stride=2, padding=1 + border)
    return blur(spread, _spreading_kernel(x.dtype, x.device), 0, bias)


@lru_cache(maxsize=8)  # copied to a device once
def _spreading_kernel(dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # it may serve training later
        return blur_kernel(4.0).to(device, dtype)


def _take_border_away(out: Tensor, x: Tensor, weight: Tensor) -> None:
    """Around the enlarged picture lie zeros, not the repeated border that the blur saw: subtract what that added."""
    top, bottom = (_enlarged_line(x[:, :, row]) for row in (0, -1))
    left, right = (_enlarged_line(x[:, :, :, column]) for column in (0, -1))
    out[:, :, 0] -= F.conv1d(F.pad(top, (1, 1), mode="replicate"), weight[:, :, 0])
    out[:, :, -1] -= F.conv1d(F.pad(bottom, (1, 1), mode="replicate"), weight[:, :, 2])
    out[:, :, :, 0] -= F.conv1d(left, weight[:, :, :, 0], padding=1)  # the corners went with the lines above
    out[:, :, :, -1] -= F.conv1d(right, weight[:, :, :, 2], padding=1)


def _enlarged_line(line: Tensor) -> Tensor:
    return F.interpolate(line, scale_factor=2, mode="linear", align_corners=False)


def doubled_convolution(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Nearest enlargement, then a 3x3 convolution with the border mirrored; the small picture is what is convolved.

    Args:
        x: (N, in, H, W).
        weight: (out, in, 3, 3).
        bias: (out,) or None.

    Returns:
        (N, out, 2 H, 2 W). Where neighbours are equal their weights add up: a transposed 4x4 convolution does what the
        3x3 one did, with 16 multiplications for 36. The mirrored border of a doubled picture is its repeated border.
    """
    kernel = _added_up(_added_up(weight, 2), 3)
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    return F.conv_transpose2d(padded, kernel.transpose(0, 1), bias, stride=2, padding=3)


def _added_up(weight: Tensor, dimension: int) -> Tensor:
    """Three taps along a dimension become the four that a sample spreads over its two places and their neighbours."""
    first, middle, last = weight.unbind(dimension)
    return torch.stack([last, middle + last, first + middle, first], dimension)
