"""GFPGAN, the "clean" architecture (Wang et al. 2021, "Towards Real-World Blind Face Restoration with Generative Facial
Prior"; spec section 2.5).

A U-Net cleans a degraded face coarsely and says, size by size, how half of a StyleGAN 2 generator's channels are to be
scaled and shifted. State dict as in ``GFPGANv1.3.pth``, ``params_ema``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812  # the usual name
from torch import Tensor, nn

from talkingface.restore.modulated import ModulatedConvolution
from talkingface.restore.upsampling import enlarged_convolution

SLOPE = 0.2
ROOT_2 = math.sqrt(2)
SMALLEST = 4  # pixels across, where the generator begins


@dataclass(frozen=True)
class GFPGANWidths:
    """Channels by size; the defaults are the released network's.

    Attributes:
        channels: Of the generator at 4, 8, 16 ... pixels across, even; the U-Net has half as many. The last is the
            picture's size.
        latent: Numbers of a style.
        mapping: Layers of the style network, which is loaded and never run: the U-Net makes the styles.
    """

    channels: tuple[int, ...] = (512, 512, 512, 512, 512, 256, 128, 64)
    latent: int = 512
    mapping: int = 8

    @property
    def size(self) -> int:
        """Pixels across of the picture."""
        return SMALLEST << (len(self.channels) - 1)

    @property
    def styles(self) -> int:
        """How many convolutions have a style of their own; the last also serves the last picture."""
        return 2 * len(self.channels)

    def narrowed(self, divisor: int, size: int = 64) -> GFPGANWidths:
        """The same network, narrower and for smaller pictures, for tests; it runs none of the released weights."""
        sizes = int(math.log2(size // SMALLEST)) + 1
        channels = tuple(2 * max(1, width // (2 * divisor)) for width in self.channels[-sizes:])
        return replace(self, channels=channels, latent=max(1, self.latent // divisor))


class GFPGAN(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """Restores faces that are aligned as in FFHQ."""

    def __init__(self, widths: GFPGANWidths | None = None) -> None:
        """Build it with random weights.

        Args:
            widths: Of its layers; None for the released network's.
        """
        super().__init__()
        self.widths = widths or GFPGANWidths()
        up = [width // 2 for width in self.widths.channels]
        down = up[::-1]
        self.conv_body_first = nn.Conv2d(3, down[0], 1)
        self.conv_body_down = nn.ModuleList(_Halved(a, b) for a, b in pairwise(down))
        self.final_conv = nn.Conv2d(up[0], up[0], 3, padding=1)
        self.conv_body_up = nn.ModuleList(_Enlarged(a, b) for a, b in pairwise(up))
        self.toRGB = nn.ModuleList(nn.Conv2d(width, 3, 1) for width in up[1:])
        self.final_linear = nn.Linear(up[0] * SMALLEST**2, self.widths.styles * self.widths.latent)
        self.stylegan_decoder = _Generator(self.widths)
        self.condition_scale = nn.ModuleList(_condition(width) for width in up[1:])
        self.condition_shift = nn.ModuleList(_condition(width) for width in up[1:])

    def forward(self, image: Tensor, noise: Sequence[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        """Restore, and show the U-Net's own pictures.

        Args:
            image: (N, 3, 512, 512) RGB, -1..1.
            noise: As for ``restore``.

        Returns:
            As ``restore``, and the U-Net's pictures (N, 3, 8, 8) to (N, 3, 512, 512).
        """
        pictures: list[Tensor] = []
        return self._run(image, noise, pictures), pictures

    def restore(self, image: Tensor, noise: Sequence[Tensor] | None = None) -> Tensor:
        """Restore aligned faces.

        Args:
            image: (N, 3, 512, 512) RGB, -1..1.
            noise: What the generator adds, as ``make_noise`` draws it: the same for all frames of a clip, or it
                flickers. None for the maps that are stored with the weights.

        Returns:
            (N, 3, 512, 512) RGB; it may reach a little beyond -1..1.
        """
        return self._run(image, noise, None)

    def make_noise(self, generator: torch.Generator, count: int = 1) -> list[Tensor]:
        """Draw the noise of a clip.

        Args:
            generator: Whose device draws.
            count: Maps for as many pictures; 1 serves a batch of any size with the same.

        Returns:
            (count, 1, side, side), two for every size but the smallest; of the weights' device and dtype.
        """
        like = self.conv_body_first.weight
        sides = [stored.shape[-1] for stored in self.stylegan_decoder.stored_noise()]
        drawn = (torch.randn(count, 1, side, side, generator=generator, device=generator.device) for side in sides)
        return [one.to(like) for one in drawn]

    def fold(self) -> GFPGAN:
        """Compute once what depends on the weights alone; after loading them, to save time."""
        for module in self.modules():
            if isinstance(module, ModulatedConvolution):
                module.fold()
        return self

    def _run(self, image: Tensor, noise: Sequence[Tensor] | None, pictures: list[Tensor] | None) -> Tensor:
        x = F.leaky_relu(self.conv_body_first(image.contiguous(memory_format=torch.channels_last)), SLOPE)
        skips = []
        for halved in self.conv_body_down:
            x = halved(x)
            skips.append(x)
        x = F.leaky_relu(self.final_conv(x), SLOPE)
        latents = self.final_linear(x.flatten(1)).unflatten(1, (self.widths.styles, self.widths.latent))
        conditions = []
        for level, enlarged in enumerate(self.conv_body_up):
            x = enlarged(x + skips[-1 - level])
            conditions.append((self.condition_scale[level](x), self.condition_shift[level](x)))
            if pictures is not None:
                pictures.append(self.toRGB[level](x))
        restored: Tensor = self.stylegan_decoder(latents, conditions, noise)
        return restored


class _Halved(nn.Module):  # type: ignore[misc]
    """Residual block that halves the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, inputs, 3, padding=1)
        self.conv2 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        # bilinear at half the size is the mean of four
        inner = F.avg_pool2d(F.leaky_relu(self.conv1(x), SLOPE, inplace=True), 2)
        return F.leaky_relu(self.conv2(inner), SLOPE, inplace=True) + self.skip(F.avg_pool2d(x, 2))


class _Enlarged(nn.Module):  # type: ignore[misc]
    """Residual block that doubles the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, inputs, 3, padding=1)
        self.conv2 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.leaky_relu(self.conv1(x), SLOPE, inplace=True)
        inner = F.leaky_relu(enlarged_convolution(inner, self.conv2.weight, self.conv2.bias), SLOPE, inplace=True)
        # one point at a time, a convolution and an enlargement may change places
        return inner + F.interpolate(self.skip(x), scale_factor=2, mode="bilinear", align_corners=False)


def _condition(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1), nn.LeakyReLU(SLOPE, inplace=True), nn.Conv2d(width, width, 3, padding=1)
    )


class _Generator(nn.Module):  # type: ignore[misc]
    """StyleGAN 2 of which half the channels are scaled and shifted at every size."""

    def __init__(self, widths: GFPGANWidths) -> None:
        super().__init__()
        latent, channels = widths.latent, widths.channels
        mapping = ((nn.Linear(latent, latent), nn.LeakyReLU(SLOPE)) for _ in range(widths.mapping))
        self.style_mlp = nn.Sequential(nn.Identity(), *(layer for pair in mapping for layer in pair))
        self.constant_input = _Constant(channels[0])
        self.style_conv1 = _StyledConvolution(channels[0], channels[0], latent)
        self.to_rgb1 = _ToRGB(channels[0], latent)
        self.style_convs, self.to_rgbs = nn.ModuleList(), nn.ModuleList()
        self.noises = nn.Module()
        self.noises.register_buffer("noise0", torch.randn(1, 1, SMALLEST, SMALLEST))
        for level, (inputs, outputs) in enumerate(pairwise(channels), 1):
            self.style_convs.append(_StyledConvolution(inputs, outputs, latent, enlarge=True))
            self.style_convs.append(_StyledConvolution(outputs, outputs, latent))
            self.to_rgbs.append(_ToRGB(outputs, latent))
            side = SMALLEST * 2**level
            for place in (2 * level - 1, 2 * level):
                self.noises.register_buffer(f"noise{place}", torch.randn(1, 1, side, side))

    def stored_noise(self) -> list[Tensor]:
        """The maps that came with the weights."""
        return [getattr(self.noises, f"noise{place}") for place in range(2 * len(self.to_rgbs) + 1)]

    def forward(
        self, latents: Tensor, conditions: list[tuple[Tensor, Tensor]], noise: Sequence[Tensor] | None
    ) -> Tensor:
        """(N, styles, latent), scales and shifts (N, channels / 2, side, side) by size, noise -> (N, 3, H, W)."""
        maps = self.stored_noise() if noise is None else noise
        start = self.constant_input.weight.repeat(len(latents), 1, 1, 1).contiguous(memory_format=torch.channels_last)
        x = self.style_conv1(start, latents[:, 0], maps[0])
        picture: Tensor = self.to_rgb1(x, latents[:, 1])
        for level, (to_rgb, (scale, shift)) in enumerate(zip(self.to_rgbs, conditions, strict=True)):
            place = 2 * level + 1
            x = self.style_convs[place - 1](x, latents[:, place], maps[place])
            same, guided = x.chunk(2, 1)
            x = torch.cat([same, torch.addcmul(shift, guided, scale)], 1)
            x = self.style_convs[place](x, latents[:, place + 1], maps[place + 1])
            larger = F.interpolate(picture, scale_factor=2, mode="bilinear", align_corners=False)
            picture = to_rgb(x, latents[:, place + 2]) + larger
        return picture


class _StyledConvolution(nn.Module):  # type: ignore[misc]
    """Modulated convolution, noise of the strength ``weight``, bias and activation."""

    def __init__(self, inputs: int, outputs: int, latent: int, *, enlarge: bool = False) -> None:
        super().__init__()
        self.modulated_conv = ModulatedConvolution(inputs, outputs, 3, _modulation(latent, inputs))
        self.weight = nn.Parameter(torch.zeros(1))
        self.bias = nn.Parameter(torch.zeros(1, outputs, 1, 1))
        self.enlarge = enlarge

    def forward(self, x: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        x, weight, factors = self.modulated_conv.scaled(x, style, ROOT_2)
        early = self.bias.flatten() if factors is None else None
        x = enlarged_convolution(x, weight, early) if self.enlarge else F.conv2d(x, weight, early, padding=1)
        if factors is not None:
            x = torch.addcmul(self.bias, x, factors)
        return F.leaky_relu(torch.addcmul(x, noise, self.weight), SLOPE, inplace=True)


class _ToRGB(nn.Module):  # type: ignore[misc]
    def __init__(self, inputs: int, latent: int) -> None:
        super().__init__()
        self.modulated_conv = ModulatedConvolution(inputs, 3, 1, _modulation(latent, inputs), normalise=False)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        x, weight, _ = self.modulated_conv.scaled(x, style)
        return F.conv2d(x, weight, self.bias.flatten())


class _Constant(nn.Module):  # type: ignore[misc]
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, channels, SMALLEST, SMALLEST))


def _modulation(latent: int, channels: int) -> nn.Linear:
    layer = nn.Linear(latent, channels)
    nn.init.ones_(layer.bias)
    return layer
