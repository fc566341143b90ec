"""The networks as their released programs compute them: what the cheaper ways are compared with.

The repository's own networks, unfolded, with everything computed plainly while ``computed_plainly`` lasts: pixels are
doubled before the convolution, D-Net's dead convolutions run, E-Net pads its borders and cuts them off at the end, and
pictures stay in the layout they come in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from math import sqrt
from unittest.mock import patch

import torch
from torch import Tensor
from torch.nn import functional

from talkingface.models.video_retalking.neural import expression_editor, identity_upsampler, picture_blocks
from talkingface.restore import gfpgan, parsenet


def enlarged_then_convolved(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    enlarged = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    return functional.conv2d(enlarged, weight, bias, padding=1)


def doubled_then_convolved(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    doubled = functional.interpolate(x, scale_factor=2, mode="nearest")
    return functional.conv2d(functional.pad(doubled, (1, 1, 1, 1), mode="reflect"), weight, bias)


def repainted_with_dead_convolution(
    self: expression_editor.RepaintingBlock, features: Tensor, descriptor: Tensor
) -> Tensor:
    functional.leaky_relu(self.norm1(self.conv1(features), descriptor), picture_blocks.SLOPE)
    repainted: Tensor = self.norm2(self.conv2(features), descriptor) + features
    return repainted


def enlarged_with_borders(
    self: identity_upsampler.ENet, low_res: Tensor, style: Tensor, noise: tuple[Tensor, ...] | None = None
) -> Tensor:
    """Borders padded by zeros and cut off last; the noise is laid into the middle, where it counts."""
    values = self.own_noise() if noise is None else noise
    picture = functional.pad(low_res, (2, 2, 2, 2), mode="reflect")
    features = picture
    for stage, to_picture in enumerate(self.to_rgbs):
        features = functional.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)
        for layer in (2 * stage, 2 * stage + 1):
            block = self.style_convs[layer]
            convolution = block.modulated_conv
            before = convolution.modulation(style)[0]
            weight = convolution.weight[0] * before[None, :, None, None]
            weight = weight * torch.rsqrt(weight.square().sum((1, 2, 3)) + 1e-8)[:, None, None, None]
            features = functional.conv2d(features, weight, padding=1) * sqrt(2)
            border = (features.shape[-1] - values[layer].shape[-1]) // 2
            features = features + block.weight * functional.pad(values[layer], (border,) * 4) + block.bias
            features = functional.leaky_relu(features, 0.2)
        larger = functional.interpolate(picture, scale_factor=2.0, mode="bilinear", align_corners=False)
        picture = to_picture(features, style) + larger
    return picture[..., 8:-8, 8:-8]


@contextmanager
def computed_plainly() -> Iterator[None]:
    """While it lasts, networks that were not folded compute as released; for single pictures."""
    with ExitStack() as stack:
        for owner, name, plain in (
            (gfpgan, "enlarged_convolution", enlarged_then_convolved),
            (parsenet, "doubled_convolution", doubled_then_convolved),
            (expression_editor.RepaintingBlock, "forward", repainted_with_dead_convolution),
            (identity_upsampler.ENet, "enlarge", enlarged_with_borders),
            (torch, "channels_last", torch.contiguous_format),  # what some networks lay their input out as
        ):
            stack.enter_context(patch.object(owner, name, plain))
        yield
