"""Convolutions whose weights are divided by their largest singular value (Miyato et al. 2018), and undoing that.

The released networks keep the undivided weights and two vectors. Once trained, the quotient is a constant: computed
once by ``fold_spectral_norm``, it costs nothing at every call.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

TINY = 1e-12  # keeps a vector of zeros from being divided by its length


class SpectralConv2d(nn.Conv2d):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """A convolution with the state dict that ``torch.nn.utils.spectral_norm`` gives one.

    Its keys are ``weight_orig``, ``weight_u``, ``weight_v`` and ``bias``.
    """

    weight_u: Tensor
    weight_v: Tensor

    def __init__(self, inputs: int, outputs: int, kernel: int, padding: int = 0) -> None:
        """Build it with random weights.

        Args:
            inputs: Channels.
            outputs: Channels.
            kernel: Height and width of the kernel.
            padding: Zeros around the picture.
        """
        super().__init__(inputs, outputs, kernel, padding=padding)
        weight = self.weight
        del self.weight  # set before each call, and never a parameter beside the undivided one
        self.weight_orig = weight
        flat = weight.detach().flatten(1)
        self.register_buffer("weight_u", functional.normalize(torch.randn(flat.shape[0]), dim=0, eps=TINY))
        self.register_buffer("weight_v", functional.normalize(flat.T @ self.weight_u, dim=0, eps=TINY))

    def divided_weight(self) -> Tensor:
        """The undivided weights by their largest singular value, as the two vectors tell it."""
        flat = self.weight_orig.flatten(1)
        largest: Tensor = self.weight_u @ (flat @ self.weight_v)
        return self.weight_orig / largest

    def forward(self, picture: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H', W'). While training, the two vectors follow the weights first."""
        if self.training:
            self._follow()
        features: Tensor = self._conv_forward(picture, self.divided_weight(), self.bias)
        return features

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def _follow(self) -> None:
        """One step of power iteration."""
        flat = self.weight_orig.flatten(1)
        v = functional.normalize(flat.T @ self.weight_u, dim=0, eps=TINY)
        u = functional.normalize(flat @ v, dim=0, eps=TINY)
        # new tensors, not new contents: the graph of an earlier call may still need the old ones
        self.weight_u, self.weight_v = u, v


def fold_spectral_norm(module: nn.Module) -> int:
    """Turn every spectrally normalised convolution into a plain one with the same result, in place.

    Do it after loading the released weights and before changing the precision: the quotient is then exact.

    Args:
        module: A network that holds such convolutions, at any depth.

    Returns:
        How many were folded. Their keys are then ``weight`` and ``bias``.
    """
    folded = 0
    for parent in module.modules():
        for name, child in list(parent.named_children()):
            if isinstance(child, SpectralConv2d):
                setattr(parent, name, _plain(child))
                folded += 1
    return folded


@torch.no_grad()  # type: ignore[untyped-decorator]
def _plain(convolution: SpectralConv2d) -> nn.Conv2d:
    inputs, outputs = convolution.in_channels, convolution.out_channels
    plain = nn.Conv2d(inputs, outputs, convolution.kernel_size, padding=convolution.padding, device="meta")
    exact = in_float64(convolution.weight_orig).flatten(1)
    largest = convolution.weight_u.to(exact) @ (exact @ convolution.weight_v.to(exact))
    weight = (exact / largest).reshape(convolution.weight_orig.shape).to(convolution.weight_orig)
    plain.weight = nn.Parameter(weight, requires_grad=convolution.weight_orig.requires_grad)
    plain.bias = convolution.bias
    return plain.train(convolution.training)


def in_float64(weight: Tensor) -> Tensor:
    """The numbers of a weight in float64, in the computer's memory: not every accelerator has float64."""
    return weight.to("meta" if weight.is_meta else "cpu", torch.float64)
