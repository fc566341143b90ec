"""Convolutions whose weights a style scales (StyleGAN 2, Karras et al. 2020), for a whole batch in one call.

A style scales the inputs of a convolution, and the demodulation its outputs; so instead of one set of weights a
picture, the pictures are scaled before and after one shared convolution. For a single picture the weights are scaled:
mostly they are fewer numbers.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  # the usual name
from torch import Tensor, nn

EPSILON = 1e-8


class EqualisedLinear(nn.Module):  # type: ignore[misc]  # torch is not followed
    """A linear layer whose weights are kept at unit variance and scaled when it runs."""

    def __init__(self, inputs: int, outputs: int, *, rate: float = 1.0, bias: float = 0.0) -> None:
        """Build it with random weights.

        Args:
            inputs: Features in.
            outputs: Features out.
            rate: Its learning rate beside the others': weights and bias are so many times larger than they act.
            bias: That it starts with.
        """
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), float(bias)))
        self.gain, self.rate = rate / math.sqrt(inputs), rate

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs) -> (N, outputs)."""
        return F.linear(x * self.gain, self.weight, self.bias * self.rate)


class ModulatedConvolution(nn.Module):  # type: ignore[misc]
    """The weights, and the layer that makes a style of the latent; the networks that own it run the convolution."""

    squares: Tensor | None

    def __init__(
        self, inputs: int, outputs: int, size: int, modulation: nn.Module, *, gain: float = 1.0, normalise: bool = True
    ) -> None:
        """Build it with random weights.

        Args:
            inputs: Channels in.
            outputs: Channels out.
            size: Of the square kernel, odd.
            modulation: (N, latent) -> (N, inputs), a factor for every channel.
            gain: By which the weights are scaled when it runs.
            normalise: Whether each output is scaled to the variance that unscaled weights would give it.
        """
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, outputs, inputs, size, size) / (gain * math.sqrt(inputs * size**2)))
        self.modulation = modulation
        self.gain, self.normalise = gain, normalise
        self.register_buffer("squares", None, persistent=False)

    def fold(self) -> None:
        """Sum the squares of the weights once; no gradient passes them any more. Loading other weights undoes it."""
        self.squares = self._squares().detach()

    def scaled(self, x: Tensor, latent: Tensor, factor: float = 1.0) -> tuple[Tensor, Tensor, Tensor | None]:
        """What to convolve with what, and what to multiply the result with (before a bias is added).

        Args:
            x: (N, inputs, H, W).
            latent: (N, latent).
            factor: Scales the result.

        Returns:
            The picture (N, inputs, H, W), the weights (outputs, inputs, size, size), and a factor (N, outputs, 1, 1) of
            the result; None if there is nothing to multiply.
        """
        styles = self.modulation(latent) * self.gain
        precise = torch.promote_types(styles.dtype, torch.float32)  # 1e-8 is nothing in half precision
        factors = None
        if self.normalise:
            squares = self._squares() if self.squares is None else self.squares
            factors = factor * torch.rsqrt(styles.to(precise).square() @ squares.to(precise).T + EPSILON)
            factors = factors.to(styles.dtype)
        elif factor != 1:
            styles = styles * factor
        if len(x) == 1:
            weight = self.weight[0] * styles[0, :, None, None]
            return x, weight if factors is None else weight * factors[0, :, None, None, None], None
        return x * styles[:, :, None, None], self.weight[0], None if factors is None else factors[:, :, None, None]

    def _squares(self) -> Tensor:
        precise = torch.promote_types(self.weight.dtype, torch.float32)
        return self.weight[0].to(precise).square().sum((2, 3))

    def _load_from_state_dict(self, *arguments: Any, **names: Any) -> None:
        self.squares = None
        super()._load_from_state_dict(*arguments, **names)
