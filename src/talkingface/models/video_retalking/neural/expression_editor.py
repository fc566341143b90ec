"""D-Net: the same face with another expression (Cheng et al. 2022, section 3.1, after PIRenderer; spec section 2.2).

Coefficients of 26 consecutive frames become a descriptor; it steers a network that tells where each pixel comes from,
and one that repaints what the warp leaves. Pictures are **RGB** in -1..1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from talkingface.models.video_retalking.neural.flow_network import FlowNetwork, warped
from talkingface.models.video_retalking.neural.picture_blocks import (
    HIDDEN,
    SLOPE,
    AdaptiveNorm,
    DownBlock,
    FinalBlock,
    FirstBlock,
    JumpBlock,
    UpBlock,
)

COEFFICIENTS = 73  # 64 of the expression, 3 angles, 3 of the place, 3 of the crop
REPAINTS = 2  # residual blocks at each size


@dataclass(frozen=True)
class ExpressionEditorWidths:
    """How large a D-Net is; the defaults are the released network's.

    Attributes:
        descriptor: Numbers of the descriptor.
        hidden: Of the adaptive norms.
        flow: Channels of the flow network at full, half ... one thirty-second of the size.
        picture: Channels of the repainting at full, half, quarter and eighth size.
    """

    descriptor: int = 256
    hidden: int = HIDDEN
    flow: tuple[int, int, int, int, int, int] = (32, 64, 128, 256, 256, 256)
    picture: tuple[int, int, int, int] = (64, 128, 256, 256)

    def narrowed(self, divisor: int) -> ExpressionEditorWidths:
        """The same network with layers so many times narrower, 32 at most; for tests."""
        f1, f2, f3, f4, f5, f6 = (width // divisor for width in self.flow)
        p1, p2, p3, p4 = (width // divisor for width in self.picture)
        return replace(
            self,
            descriptor=self.descriptor // divisor,
            hidden=self.hidden // divisor,
            flow=(f1, f2, f3, f4, f5, f6),
            picture=(p1, p2, p3, p4),
        )


class EditedFaces(NamedTuple):
    """D-Net's result.

    Attributes:
        flow_field: (N, 2, H / 4, W / 4) how many pixels of that grid to the right and down each pixel comes from.
        warp_image: (N, 3, H, W) the source moved by the flow, RGB in -1..1.
        fake_image: (N, 3, H, W) the source repainted, RGB in -1..1.
    """

    flow_field: Tensor
    warp_image: Tensor
    fake_image: Tensor


class DNet(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """The whole network."""

    def __init__(self, widths: ExpressionEditorWidths | None = None) -> None:
        """Build it with random weights.

        Args:
            widths: Of its layers; None for the released network's.
        """
        super().__init__()
        self.widths = w = widths or ExpressionEditorWidths()
        self.mapping_net = CoefficientMapping(w.descriptor)
        self.warpping_net = FlowNetwork(w.flow, w.descriptor, w.hidden)  # so it is spelt in the released weights
        self.editing_net = EditingNetwork(w)

    def forward(self, image: Tensor, coeffs: Tensor) -> EditedFaces:
        """Give faces the expressions, angles and places of coefficients.

        Args:
            image: (N, 3, H, W) RGB in -1..1. The released weights know 256 x 256; sizes are multiples of 32.
            coeffs: (N, 73, 26), see ``semantic_window``.
        """
        descriptor = self.mapping_net(coeffs)
        flow = self.warpping_net(image, descriptor)
        warp = warped(image, flow)
        return EditedFaces(flow, warp, self.editing_net(image, warp, descriptor))


class CoefficientMapping(nn.Module):  # type: ignore[misc]
    """Convolutions along time that end in one descriptor."""

    def __init__(self, width: int) -> None:
        """Build it with random weights for descriptors of ``width`` numbers."""
        super().__init__()
        self.first = nn.Sequential(nn.Conv1d(COEFFICIENTS, width, 7))
        for i in range(3):
            layers = nn.LeakyReLU(SLOPE), nn.Conv1d(width, width, 3, dilation=3)
            self.add_module(f"encoder{i}", nn.Sequential(*layers))

    def forward(self, coeffs: Tensor) -> Tensor:
        """(N, 73, 26) -> (N, width)."""
        features = self.first(coeffs)
        for encoder in (self.encoder0, self.encoder1, self.encoder2):
            features = encoder(features) + features[:, :, 3:-3]
        descriptor: Tensor = features.mean(2)
        return descriptor


class EditingNetwork(nn.Module):  # type: ignore[misc]
    """Repaints the warped source, with the source beside it."""

    def __init__(self, widths: ExpressionEditorWidths) -> None:
        """Build it with random weights."""
        super().__init__()
        full, half, quarter, eighth = widths.picture
        self.encoder = nn.Module()
        self.encoder.first = FirstBlock(6, full, spectral=False)
        for i, (inputs, outputs) in enumerate(((full, half), (half, quarter), (quarter, eighth))):
            self.encoder.add_module(f"down{i}", DownBlock(inputs, outputs, spectral=False))
        self.decoder = nn.Module()
        for i, inputs, outputs in ((2, eighth, quarter), (1, quarter, half), (0, half, full)):
            self.decoder.add_module(f"res{i}", RepaintingBlocks(inputs, widths.descriptor, widths.hidden))
            self.decoder.add_module(f"up{i}", UpBlock(inputs, outputs, spectral=False))
            self.decoder.add_module(f"jump{i}", JumpBlock(outputs, spectral=False))
        self.decoder.final = FinalBlock(full, 3, spectral=False, squeeze=nn.Tanh())

    def forward(self, source: Tensor, warp: Tensor, descriptor: Tensor) -> Tensor:
        """(N, 3, H, W) twice, RGB in -1..1, and (N, descriptor) -> (N, 3, H, W) RGB in -1..1."""
        down, up = self.encoder, self.decoder
        full = down.first(torch.cat([source, warp], dim=1))
        half = down.down0(full)
        quarter = down.down1(half)
        features = down.down2(quarter)
        features = up.up2(up.res2(features, descriptor)) + up.jump2(quarter)
        features = up.up1(up.res1(features, descriptor)) + up.jump1(half)
        features = up.up0(up.res0(features, descriptor)) + up.jump0(full)
        picture: Tensor = up.final(features)
        return picture


class RepaintingBlocks(nn.Module):  # type: ignore[misc]
    """Residual blocks in a row, ``res0`` and on."""

    def __init__(self, channels: int, descriptor: int, hidden: int) -> None:
        """Build them with random weights."""
        super().__init__()
        for i in range(REPAINTS):
            self.add_module(f"res{i}", RepaintingBlock(channels, descriptor, hidden))

    def forward(self, features: Tensor, descriptor: Tensor) -> Tensor:
        """(N, C, H, W) and (N, F) -> (N, C, H, W)."""
        for block in self.children():
            features = block(features, descriptor)
        return features


class RepaintingBlock(nn.Module):  # type: ignore[misc]
    """A convolution and an adaptive norm beside the plain way.

    The released program computes a first convolution and norm as well, and throws the result away. Their weights are in
    the released file; they are loaded here, and not computed.
    """

    def __init__(self, channels: int, descriptor: int, hidden: int) -> None:
        """Build it with random weights."""
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm1 = AdaptiveNorm(channels, descriptor, hidden)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = AdaptiveNorm(channels, descriptor, hidden)

    def forward(self, features: Tensor, descriptor: Tensor) -> Tensor:
        """(N, C, H, W) and (N, F) -> (N, C, H, W)."""
        repainted: Tensor = self.norm2(self.conv2(features), descriptor) + features
        return repainted
