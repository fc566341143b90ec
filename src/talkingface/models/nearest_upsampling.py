"""Doubling a picture by repeating its pixels, and a 3x3 convolution of it, as one convolution of the small picture.

Of the nine pixels that such a convolution looks at, only four are different. So a transposed 4x4 convolution with a
stride of 2, whose weights are sums of the 3x3 kernel's, does both: four ninths of the products, and no large picture in
between. The result is the same but for rounding, the border of zeros included.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from talkingface.models.spectral_norm import SpectralConv2d, in_float64


class DoublingConv2d(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """Doubling and convolution in one, from the weights of the convolution."""

    weight: Tensor  # (inputs, outputs, 4, 4)

    def __init__(self, convolution: nn.Conv2d) -> None:
        """Take the weights of a plain 3x3 convolution with a border of one zero and a bias."""
        super().__init__()
        exact = in_float64(convolution.weight.detach())
        # what a pixel gives to the four lines around it: a doubled line has it twice, one beside the other
        taps = torch.tensor([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]], dtype=torch.float64, device=exact.device)
        spread = torch.einsum("oikl,mk,nl->iomn", exact, taps, taps)
        self.weight = nn.Parameter(spread.to(convolution.weight), requires_grad=False)
        self.bias = nn.Parameter(convolution.bias.detach(), requires_grad=False)

    def forward(self, features: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, 2 H, 2 W)."""
        larger: Tensor = functional.conv_transpose2d(features, self.weight, self.bias, stride=2, padding=1)
        return larger


def fold_nearest_upsampling(module: nn.Module) -> int:
    """Make one step of every doubling and convolution in a network, in place, after ``fold_spectral_norm``.

    Blocks that double their picture first say so by an attribute ``doubles_first``.

    Args:
        module: A network with its weights loaded.

    Returns:
        How many were folded; the network cannot be trained from then on.

    Raises:
        ValueError: a convolution is still spectrally normalised.
    """
    folded = 0
    for block in module.modules():
        if getattr(block, "doubles_first", False) and not isinstance(block.model[0], DoublingConv2d):
            if isinstance(block.model[0], SpectralConv2d):
                raise ValueError("fold_spectral_norm comes before fold_nearest_upsampling")
            block.model[0] = DoublingConv2d(block.model[0])
            folded += 1
    return folded
