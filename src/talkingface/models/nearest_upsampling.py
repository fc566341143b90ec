"""Doubling a picture by repeating its pixels, and a 3x3 convolution of it, as one convolution of the small picture.

Of the nine pixels that such a convolution looks at, only four are different. So each of the four pixels that come of
one needs a 2x2 kernel whose weights are sums of the 3x3 kernel's: four ninths of the products, and no large picture
in between. The result is the same but for rounding, the border of zeros included.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from talkingface.models.spectral_norm import SpectralConv2d


class DoublingConv2d(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """Doubling and convolution in one, from the weights of the convolution."""

    weight: Tensor  # (4 outputs, inputs, 2, 2): of the upper left, upper right, lower left and lower right pixels

    def __init__(self, convolution: nn.Conv2d) -> None:
        """Take the weights of a plain 3x3 convolution with a border of one zero and a bias."""
        super().__init__()
        self.outputs = convolution.out_channels
        exact = convolution.weight.detach().to("cpu", torch.float64)  # not every accelerator has float64
        # rows of the small picture under a pair of rows of the large one: the one above and itself; itself and below
        pairs = torch.tensor([[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]], dtype=torch.float64)
        phases = torch.einsum("oikl,amk,bnl->aboimn", exact, pairs, pairs)
        self.weight = nn.Parameter(phases.flatten(0, 2).to(convolution.weight), requires_grad=False)
        self.bias = nn.Parameter(convolution.bias.detach().repeat(4), requires_grad=False)

    def forward(self, features: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, 2 H, 2 W)."""
        n, _, height, width = features.shape
        # all four kernels at all places between pixels; of each, the places before or after its pixel are taken
        between = functional.conv2d(features, self.weight, self.bias, padding=1)
        phases = between.reshape(n, 2, 2, self.outputs, height + 1, width + 1)
        rows = torch.stack(
            [torch.stack([phases[:, a, b, :, a : a + height, b : b + width] for b in (0, 1)], dim=-1) for a in (0, 1)],
            dim=-3,
        )
        return rows.reshape(n, self.outputs, 2 * height, 2 * width)


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
