"""GPEN (Yang et al. 2021, "GAN Prior Embedded Network for Blind Face Restoration in the Wild"; spec section 2.5).

An encoder draws features of every size and one latent out of a degraded face; a StyleGAN 2 generator, in which the
features stand in the place of noise, makes a clean face of them. State dict as in ``GPEN-BFR-512.pth``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812  # the usual name
from torch import Tensor, nn

from talkingface.restore.modulated import EqualisedLinear, ModulatedConvolution
from talkingface.restore.upsampling import blur, blur_kernel

SLOPE = 0.2
ROOT_2 = math.sqrt(2)  # every activation is scaled by it
RATE = 0.01  # of the mapping layers
SMALLEST = 4  # pixels across, where the generator begins


@dataclass(frozen=True)
class GPENWidths:
    """Channels by size; the defaults are the released network's.

    Attributes:
        channels: At 4, 8, 16 ... pixels across, in the encoder and, doubled by its features, in the generator. The last
            is the picture's size.
        latent: Numbers that the encoder sums the face up in.
        mapping: Layers between them and the styles.
    """

    channels: tuple[int, ...] = (512, 512, 512, 512, 512, 256, 128, 64)
    latent: int = 512
    mapping: int = 8

    @property
    def size(self) -> int:
        """Pixels across of the picture."""
        return SMALLEST << (len(self.channels) - 1)

    def narrowed(self, divisor: int, size: int = 64) -> GPENWidths:
        """The same network, narrower and for smaller pictures, for tests; it runs none of the released weights."""
        sizes = int(math.log2(size // SMALLEST)) + 1
        channels = tuple(max(1, width // divisor) for width in self.channels[-sizes:])
        return replace(self, channels=channels, latent=max(1, self.latent // divisor), mapping=2)


class GPEN(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """Restores faces that are aligned as in FFHQ. Nothing in it is random."""

    def __init__(self, widths: GPENWidths | None = None) -> None:
        """Build it with random weights.

        Args:
            widths: Of its layers; None for the released network's.
        """
        super().__init__()
        self.widths = widths or GPENWidths()
        channels = self.widths.channels[::-1]
        first = nn.Sequential(_EqualisedConvolution(3, channels[0], 1), _Activation(channels[0]))
        self.ecd0 = nn.Sequential(first)
        for level, (inputs, outputs) in enumerate(pairwise(channels), 1):
            halved = nn.Sequential(
                _Blur(1.0, padding=2), _EqualisedConvolution(inputs, outputs, 3, stride=2), _Activation(outputs)
            )
            setattr(self, f"ecd{level}", nn.Sequential(halved))
        self.final_linear = nn.Sequential(EqualisedLinear(channels[-1] * SMALLEST**2, self.widths.latent))
        self.generator = _Generator(self.widths)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, 512, 512) RGB, -1..1 -> the same, restored; it may reach a little beyond -1..1."""
        x = image.contiguous(memory_format=torch.channels_last)
        features = []
        for level in range(len(self.widths.channels)):
            x = getattr(self, f"ecd{level}")(x)
            features.append(x)
        latent = ROOT_2 * F.leaky_relu(self.final_linear(x.flatten(1)), SLOPE)
        restored: Tensor = self.generator(latent, features[::-1])
        return restored

    def fold(self) -> GPEN:
        """Compute once what depends on the weights alone; after loading them, to save time."""
        for module in self.modules():
            if isinstance(module, ModulatedConvolution):
                module.fold()
        return self


class _Generator(nn.Module):  # type: ignore[misc]
    """StyleGAN 2 that takes encoder features, doubling its channels, where that has noise."""

    def __init__(self, widths: GPENWidths) -> None:
        super().__init__()
        latent, channels = widths.latent, widths.channels
        layers = (EqualisedLinear(latent, latent, rate=RATE) for _ in range(widths.mapping))
        self.style = nn.Sequential(nn.Identity(), *layers)  # the place of the normalisation, which has no weights
        self.input = _Constant(channels[0])
        self.conv1 = _StyledConvolution(channels[0], channels[0], latent)
        self.to_rgb1 = _ToRGB(channels[0], latent, enlarge=False)
        self.convs, self.to_rgbs = nn.ModuleList(), nn.ModuleList()
        for inputs, outputs in pairwise(channels):
            self.convs.append(_StyledConvolution(2 * inputs, outputs, latent, enlarge=True))
            self.convs.append(_StyledConvolution(2 * outputs, outputs, latent))
            self.to_rgbs.append(_ToRGB(outputs, latent, enlarge=True))

    def forward(self, latent: Tensor, features: list[Tensor]) -> Tensor:
        """(N, latent) and the encoder's features from the smallest on -> (N, 3, H, W)."""
        style = latent * torch.rsqrt(latent.square().mean(1, keepdim=True) + 1e-8)
        for layer in self.style[1:]:
            style = ROOT_2 * F.leaky_relu(layer(style), SLOPE)
        start = self.input.input.repeat(len(latent), 1, 1, 1).contiguous(memory_format=torch.channels_last)
        x = self.conv1(start, style, features[0])
        picture: Tensor = self.to_rgb1(x, style, None)
        for level, to_rgb in enumerate(self.to_rgbs):
            for convolution in self.convs[2 * level : 2 * level + 2]:
                x = convolution(x, style, features[level + 1])
            picture = to_rgb(x, style, picture)
        return picture


class _StyledConvolution(nn.Module):  # type: ignore[misc]
    """Modulated convolution, features beside its outcome, one activation for both: ``outputs`` become twice as many."""

    def __init__(self, inputs: int, outputs: int, latent: int, *, enlarge: bool = False) -> None:
        super().__init__()
        modulation = EqualisedLinear(latent, inputs, bias=1.0)
        self.conv = ModulatedConvolution(inputs, outputs, 3, modulation, gain=1 / math.sqrt(9 * inputs))
        if enlarge:
            self.conv.blur = _Blur(4.0, padding=1)
        self.noise = _Gain()
        self.activate = _Activation(2 * outputs)
        self.enlarge, self.outputs = enlarge, outputs

    def forward(self, x: Tensor, style: Tensor, features: Tensor) -> Tensor:
        x, weight, factors = self.conv.scaled(x, style, ROOT_2)
        own, others = (ROOT_2 * self.activate.bias).split(self.outputs)
        early = own if factors is None else None
        if self.enlarge:
            x = self.conv.blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), early)
        else:
            x = F.conv2d(x, weight, early, padding=1)
        if factors is not None:
            x = torch.addcmul(own[:, None, None], x, factors)
        beside = torch.addcmul(others[:, None, None], features, ROOT_2 * self.noise.weight[:, None, None])
        return F.leaky_relu(torch.cat([x, beside], 1), SLOPE, inplace=True)


class _ToRGB(nn.Module):  # type: ignore[misc]
    def __init__(self, inputs: int, latent: int, *, enlarge: bool) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))
        if enlarge:
            self.upsample = _Blur(4.0, padding=0)
        modulation = EqualisedLinear(latent, 2 * inputs, bias=1.0)
        gain = 1 / math.sqrt(2 * inputs)
        self.conv = ModulatedConvolution(2 * inputs, 3, 1, modulation, gain=gain, normalise=False)

    def forward(self, x: Tensor, style: Tensor, smaller: Tensor | None) -> Tensor:
        x, weight, _ = self.conv.scaled(x, style)
        picture = F.conv2d(x, weight, self.bias.flatten())
        if smaller is None:
            return picture
        kernel = self.upsample.kernel.expand(3, 1, 4, 4)
        return picture + F.conv_transpose2d(smaller, kernel, stride=2, padding=1, groups=3)


class _Constant(nn.Module):  # type: ignore[misc]
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input = nn.Parameter(torch.randn(1, channels, SMALLEST, SMALLEST))


class _Gain(nn.Module):  # type: ignore[misc]
    """How much the features count."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))


class _Blur(nn.Module):  # type: ignore[misc]
    def __init__(self, gain: float, padding: int) -> None:
        super().__init__()
        self.register_buffer("kernel", blur_kernel(gain))
        self.padding = padding

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        return blur(x, self.kernel, self.padding, bias)


class _EqualisedConvolution(nn.Module):  # type: ignore[misc]
    """A convolution without bias whose weights are kept at unit variance and scaled when it runs, by root 2 too."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.gain, self.stride = ROOT_2 / math.sqrt(inputs * size**2), stride

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.gain, stride=self.stride)


class _Activation(nn.Module):  # type: ignore[misc]
    """Bias and leaky activation; its input is scaled by root 2 already."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x + ROOT_2 * self.bias[:, None, None], SLOPE, inplace=True)
