"""E-Net: L-Net's face four times as large, with the person's own detail (Cheng et al. 2022, section 3.3; spec 2.4).

A style of 512 numbers, seen in the 384 x 384 reference, steers a small StyleGAN-like decoder that starts at L-Net's
96 x 96 face. All pictures are **BGR** in 0..1. L-Net is part of the network, under ``low_res``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from talkingface.models.video_retalking.neural.lip_synthesizer import LipSynthesizerWidths, LNet
from talkingface.models.video_retalking.neural.modulated_convolution import SLOPE, StyledConv2d, ToPicture

SCALE = 4  # of the result against L-Net's face
BORDER = 2  # pixels mirrored around L-Net's face, which doublings and convolutions take off again
HALVINGS = 6  # of the reference on its way to a style


@dataclass(frozen=True)
class IdentityUpsamplerWidths:
    """How large an E-Net is; the defaults are the released network's.

    Attributes:
        lips: Of the L-Net within.
        low_size: Height and width of L-Net's face.
        reference_size: Height and width that the reference is brought to; a multiple of 64.
        large: Channels of the encoder's first two stages.
        small: Channels of its later stages, and numbers of the style.
        doubled: Channels of the decoder at twice the size of L-Net's face, and at four times.
    """

    lips: LipSynthesizerWidths = field(default_factory=LipSynthesizerWidths)
    low_size: int = 96
    reference_size: int = 256
    large: int = 256
    small: int = 512
    doubled: tuple[int, int] = (256, 128)

    def narrowed(self, divisor: int, blocks: int = 9, low_size: int = 96) -> IdentityUpsamplerWidths:
        """The same network with layers so many times narrower (16 at most) and smaller pictures; for tests."""
        return replace(
            self,
            lips=self.lips.narrowed(divisor, blocks),
            low_size=low_size,
            reference_size=64 if low_size < 96 else 256,
            large=self.large // divisor,
            small=self.small // divisor,
            doubled=(self.doubled[0] // divisor, self.doubled[1] // divisor),
        )


class UpsampledFaces(NamedTuple):
    """E-Net's result.

    Attributes:
        image: (N, 3, 4 h, 4 w) BGR about 0..1, not clipped.
        low_res: (N, 3, h, w) L-Net's faces, BGR in 0..1.
    """

    image: Tensor
    low_res: Tensor


class ENet(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """The whole network. Call ``eval()`` before using it."""

    def __init__(self, widths: IdentityUpsamplerWidths | None = None, noise_seed: int = 0) -> None:
        """Build it with random weights.

        Args:
            widths: Of its layers; None for the released network's.
            noise_seed: Of the noise that is added where a call gives none: always the same.
        """
        super().__init__()
        self.widths = w = widths or IdentityUpsamplerWidths()
        self.low_res = LNet(w.lips)
        self.conv_body_first = nn.Conv2d(3, w.large, 1)
        outputs = [w.large] + [w.small] * (HALVINGS - 1)
        inputs = [w.large, *outputs[:-1]]
        self.conv_body_down = nn.ModuleList(HalvingBlock(a, b) for a, b in zip(inputs, outputs, strict=True))
        self.final_conv = nn.Conv2d(w.small, w.small, 3, padding=1)
        self.final_linear = nn.Linear(w.small * (w.reference_size // 2**HALVINGS) ** 2, w.small)
        twice, four_times = w.doubled
        steps = ((3, twice), (twice, twice), (twice, four_times), (four_times, four_times))
        self.style_convs = nn.ModuleList(
            StyledConv2d(a, b, w.small, enlarging=place % 2 == 0) for place, (a, b) in enumerate(steps)
        )
        self.to_rgbs = nn.ModuleList(ToPicture(channels, w.small) for channels in w.doubled)
        for i, values in enumerate(self.draw_noise(torch.Generator().manual_seed(noise_seed))):
            self.register_buffer(f"own_noise{i}", values, persistent=False)  # no key of the released weights

    def forward(
        self, mel: Tensor, faces: Tensor, reference: Tensor, noise: tuple[Tensor, ...] | None = None
    ) -> UpsampledFaces:
        """Speak, and enlarge.

        Args:
            mel: (N, 1, 80, 16) windows in -4..4.
            faces: (N, 6, H, W) BGR in 0..1: the face with its lower half 0, and one the style is taken from.
            reference: (N, 3, H, W) BGR in 0..1, what L-Net sees of the person.
            noise: From ``draw_noise``, the same for all frames; None for the network's own, always the same.

        Returns:
            Faces of 384 x 384 with the released widths, whatever H and W.
        """
        masked, identity = faces.split(3, dim=1)
        low_res = self.low_res(mel, self.reduced(torch.cat([masked, reference], dim=1)))
        return UpsampledFaces(self.enlarge(low_res, self.style(identity), noise), low_res)

    def reduced(self, faces: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, 96, 96) as L-Net was trained to see faces: interpolated, not averaged.

        They lie in memory as L-Net's weights do, whose layout need not be that of the rest.
        """
        weight = next(value for value in self.low_res.encoder.parameters() if value.dim() == 4)
        last = weight.is_contiguous(memory_format=torch.channels_last)
        layout = torch.channels_last if last else torch.contiguous_format
        return _resized(faces, self.widths.low_size).contiguous(memory_format=layout)

    def style(self, reference: Tensor) -> Tensor:
        """(N, 3, H, W) BGR in 0..1 -> (N, 512): who it is. Once is enough for frames that share a reference."""
        features = self.conv_body_first(_resized(reference, self.widths.reference_size))
        features = functional.leaky_relu(features, SLOPE, inplace=True)
        for block in self.conv_body_down:
            features = block(features)
        features = functional.leaky_relu(self.final_conv(features), SLOPE, inplace=True)
        style: Tensor = self.final_linear(features.flatten(1))
        return style

    def enlarge(self, low_res: Tensor, style: Tensor, noise: tuple[Tensor, ...] | None = None) -> Tensor:
        """Enlarge faces four times.

        Args:
            low_res: (N, 3, h, w) BGR in 0..1.
            style: (N, 512) from ``style``, or (1, 512) for all.
            noise: From ``draw_noise``; None for the network's own.

        Returns:
            (N, 3, 4 h, 4 w) BGR, not clipped.
        """
        values = self.own_noise() if noise is None else noise
        picture = functional.pad(low_res, (BORDER, BORDER, BORDER, BORDER), mode="reflect")
        features = picture
        for stage, to_picture in enumerate(self.to_rgbs):
            for layer in (2 * stage, 2 * stage + 1):  # without padding each takes a pixel from every side
                features = self.style_convs[layer](features, style, values[layer])
            picture = _within(_doubled(picture)) + to_picture(features, style)
        return _within(picture)

    def own_noise(self) -> tuple[Tensor, ...]:
        """The noise that is added where a call gives none."""
        return tuple(getattr(self, f"own_noise{i}") for i in range(len(self.style_convs)))

    def draw_noise(self, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Noise for a clip, (1, 1, H, W) for each of the four layers, as the released program draws it for a frame.

        Args:
            generator: Of the processor; the values do not depend on where the network is.
        """
        twice, four_times = 2 * self.widths.low_size, SCALE * self.widths.low_size
        like = self.final_linear.weight
        return tuple(
            torch.randn(1, 1, size, size, generator=generator).to(like)
            for size in (twice + 6, twice + 4, four_times + 6, four_times + 4)
        )


class HalvingBlock(nn.Module):  # type: ignore[misc]
    """Two convolutions with a halving between them, beside a plain way that is halved as well."""

    def __init__(self, inputs: int, outputs: int) -> None:
        """Build it with random weights."""
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, inputs, 3, padding=1)
        self.conv2 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / 2, W / 2). Halving by interpolation is the mean of four pixels."""
        inner = functional.avg_pool2d(functional.leaky_relu(self.conv1(features), SLOPE, inplace=True), 2)
        plain = self.skip(functional.avg_pool2d(features, 2))
        halved: Tensor = plain.add_(functional.leaky_relu(self.conv2(inner), SLOPE, inplace=True))
        return halved


def _resized(pictures: Tensor, size: int) -> Tensor:
    if pictures.shape[-2:] == (size, size):
        return pictures
    return functional.interpolate(pictures, size=(size, size), mode="bilinear", align_corners=False)


def _within(pictures: Tensor) -> Tensor:
    """Without the two outermost rows and columns."""
    return pictures[..., 2:-2, 2:-2]


def _doubled(pictures: Tensor) -> Tensor:
    return functional.interpolate(pictures, scale_factor=2.0, mode="bilinear", align_corners=False)
