"""Where each pixel of an edited face comes from, and moving it: D-Net's warping (spec section 2.2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from talkingface.models.video_retalking.neural.picture_blocks import SLOPE, AdaptiveNorm, PictureNorm

UPWARDS = 3  # of the five halvings so many are undone: the flow has a quarter of the picture's size


class FlowNetwork(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """An hourglass whose every norm the descriptor steers."""

    def __init__(self, widths: Sequence[int], descriptor: int, hidden: int) -> None:
        """Build it with random weights.

        Args:
            widths: Channels at full, half ... one thirty-second of the size.
            descriptor: Numbers of the descriptor.
            hidden: Of the adaptive norms.
        """
        super().__init__()
        self.hourglass = nn.Module()
        self.hourglass.encoder = _Encoder(widths, descriptor, hidden)
        self.hourglass.decoder = _Decoder(widths, descriptor, hidden)
        channels = 2 * widths[2]
        self.flow_out = nn.Sequential(
            PictureNorm(channels), nn.LeakyReLU(SLOPE, inplace=True), nn.Conv2d(channels, 2, 7, padding=3)
        )

    def forward(self, image: Tensor, descriptor: Tensor) -> Tensor:
        """(N, 3, H, W) and (N, F) -> (N, 2, H / 4, W / 4): right and down, in pixels of that grid."""
        features = self.hourglass.decoder(self.hourglass.encoder(image, descriptor), descriptor)
        flow: Tensor = self.flow_out(features)
        return flow


def warped(image: Tensor, flow: Tensor) -> Tensor:
    """Move a picture.

    The released program counts the flow's grid from the centres of its outermost pixels and the picture's from their
    outer edges. Its weights were trained with that, so it stays. Coordinates are float32 at least: half precision would
    be out by a pixel.

    Args:
        image: (N, C, H, W).
        flow: (N, 2, h, w) right and down, in pixels of its grid.

    Returns:
        (N, C, H, W), 0 where a pixel comes from outside.
    """
    height, width = flow.shape[-2:]
    wide = torch.promote_types(flow.dtype, torch.float32)
    across = torch.linspace(-1, 1, width, device=flow.device, dtype=wide)
    down = torch.linspace(-1, 1, height, device=flow.device, dtype=wide)
    still = torch.stack(torch.broadcast_tensors(across[None, :], down[:, None]))
    pixels = torch.tensor([2 / (width - 1), 2 / (height - 1)], device=flow.device, dtype=wide)
    places = still + flow.to(wide) * pixels[:, None, None]
    places = functional.interpolate(places, size=image.shape[-2:], mode="bilinear", align_corners=False)
    moved: Tensor = functional.grid_sample(
        image.to(wide), places.permute(0, 2, 3, 1), mode="bilinear", padding_mode="zeros", align_corners=False
    )
    return moved.to(image.dtype)


class _Encoder(nn.Module):  # type: ignore[misc]
    def __init__(self, widths: Sequence[int], descriptor: int, hidden: int) -> None:
        super().__init__()
        self.input_layer = nn.Conv2d(3, widths[0], 7, padding=3)
        self.steps = len(widths) - 1
        for i in range(self.steps):
            self.add_module(f"encoder{i}", _Halving(widths[i], widths[i + 1], descriptor, hidden))

    def forward(self, image: Tensor, descriptor: Tensor) -> list[Tensor]:
        """The features at every size, the largest first."""
        features = [self.input_layer(image)]
        for i in range(self.steps):
            features.append(getattr(self, f"encoder{i}")(features[-1], descriptor))
        return features


class _Decoder(nn.Module):  # type: ignore[misc]
    def __init__(self, widths: Sequence[int], descriptor: int, hidden: int) -> None:
        super().__init__()
        last = len(widths) - 2
        inputs = widths[-1]
        self.steps = range(last, last - UPWARDS, -1)
        for i in self.steps:
            self.add_module(f"decoder{i}", _Doubling(inputs, widths[i], descriptor, hidden))
            inputs = 2 * widths[i]

    def forward(self, encoded: list[Tensor], descriptor: Tensor) -> Tensor:
        features = encoded[-1]
        for i in self.steps:
            larger = getattr(self, f"decoder{i}")(features, descriptor)
            features = torch.cat([larger, encoded[i]], dim=1)
        return features


class _Halving(nn.Module):  # type: ignore[misc]
    def __init__(self, inputs: int, outputs: int, descriptor: int, hidden: int) -> None:
        super().__init__()
        self.conv_0 = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)
        self.norm_0 = AdaptiveNorm(inputs, descriptor, hidden)
        self.conv_1 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.norm_1 = AdaptiveNorm(outputs, descriptor, hidden)

    def forward(self, features: Tensor, descriptor: Tensor) -> Tensor:
        smaller = self.conv_0(_rectified(self.norm_0(features, descriptor)))
        out: Tensor = self.conv_1(_rectified(self.norm_1(smaller, descriptor)))
        return out


class _Doubling(nn.Module):  # type: ignore[misc]
    def __init__(self, inputs: int, outputs: int, descriptor: int, hidden: int) -> None:
        super().__init__()
        self.conv_0 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm_0 = AdaptiveNorm(inputs, descriptor, hidden)
        self.conv_1 = nn.ConvTranspose2d(outputs, outputs, 3, stride=2, padding=1, output_padding=1)
        self.norm_1 = AdaptiveNorm(outputs, descriptor, hidden)
        self.conv_s = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
        self.norm_s = AdaptiveNorm(inputs, descriptor, hidden)

    def forward(self, features: Tensor, descriptor: Tensor) -> Tensor:
        plain = self.conv_s(_rectified(self.norm_s(features, descriptor)))
        inner = self.conv_0(_rectified(self.norm_0(features, descriptor)))
        out: Tensor = self.conv_1(_rectified(self.norm_1(inner, descriptor))) + plain
        return out


def _rectified(features: Tensor) -> Tensor:
    return functional.leaky_relu(features, SLOPE, inplace=True)
