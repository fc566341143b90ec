"""Residual blocks of fast Fourier convolutions (Chi et al. 2020), as L-Net's decoder has them (spec section 2.3).

The first quarter of the channels looks at its neighbourhood, the rest also at the whole picture, by its spectrum. The
released network's leaky rectifiers have a slope of 0.01 here, by an argument that went astray: trained so, kept so.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from talkingface.models.video_retalking.neural.picture_blocks import AdaptiveNorm, adapted

SLOPE = 0.01
LOCAL_PART = 4  # one channel in so many looks at its neighbourhood only


class FourierUnit(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """A 1x1 convolution of a picture's spectrum: every output pixel sees the whole picture."""

    normed_convolutions = (("conv_layer", "bn"),)

    def __init__(self, channels: int) -> None:
        """Build it with random weights."""
        super().__init__()
        self.conv_layer = nn.Conv2d(2 * channels, 2 * channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(2 * channels)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape. The transforms run in float32 at least: half precision has none."""
        n, channels, height, width = features.shape
        exact = features.to(torch.promote_types(features.dtype, torch.float32))
        spectrum = torch.view_as_real(torch.fft.rfft2(exact, norm="ortho"))  # (N, C, H, W // 2 + 1, 2)
        parts = spectrum.permute(0, 1, 4, 2, 3).reshape(n, 2 * channels, height, width // 2 + 1)
        mixed = functional.relu(self.bn(self.conv_layer(parts.to(features.dtype))))
        pairs = mixed.to(exact.dtype).reshape(n, channels, 2, height, width // 2 + 1).permute(0, 1, 3, 4, 2)
        complete = torch.view_as_complex(pairs.contiguous())
        picture: Tensor = torch.fft.irfft2(complete, s=(height, width), norm="ortho").to(features.dtype)
        return picture


class SpectralTransform(nn.Module):  # type: ignore[misc]
    """Channels halved, the Fourier unit beside a plain way, channels doubled."""

    def __init__(self, channels: int) -> None:
        """Build it with random weights for so many channels."""
        super().__init__()
        half = channels // 2
        self.conv1 = nn.Sequential(nn.Conv2d(channels, half, 1, bias=False), nn.BatchNorm2d(half), nn.ReLU())
        self.fu = FourierUnit(half)
        self.conv2 = nn.Conv2d(half, channels, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        halved = self.conv1(features)
        transformed: Tensor = self.conv2(halved + self.fu(halved))
        return transformed


class FourierConvolution(nn.Module):  # type: ignore[misc]
    """Convolutions within and between the local and the global channels."""

    def __init__(self, channels: int) -> None:
        """Build it with random weights; ``channels`` are all of them together."""
        super().__init__()
        self.local = channels // LOCAL_PART
        spread = channels - self.local
        self.convl2l = nn.Conv2d(self.local, self.local, 3, bias=False)
        self.convl2g = nn.Conv2d(self.local, spread, 3, bias=False)
        self.convg2l = nn.Conv2d(spread, self.local, 3, bias=False)
        self.convg2g = SpectralTransform(spread)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W), local channels first -> the same shape and order."""
        bordered = functional.pad(features, (1, 1, 1, 1), mode="reflect")  # once for the three convolutions
        near, far = bordered[:, : self.local], bordered[:, self.local :]
        local = self.convl2l(near) + self.convg2l(far)
        spread = self.convl2g(near) + self.convg2g(features[:, self.local :])
        return torch.cat([local, spread], dim=1)


class AdaptedFourierConvolution(nn.Module):  # type: ignore[misc]
    """A Fourier convolution, its adaptive norms and its rectifier."""

    def __init__(self, channels: int, descriptor: int, hidden: int) -> None:
        """Build it with random weights; ``descriptor`` and ``hidden`` are the adaptive norms'."""
        super().__init__()
        self.ffc = FourierConvolution(channels)
        self.bn_l = AdaptiveNorm(self.ffc.local, descriptor, hidden)
        self.bn_g = AdaptiveNorm(channels - self.ffc.local, descriptor, hidden)

    def forward(self, features: Tensor, descriptor: Tensor) -> Tensor:
        """(N, C, H, W) and (N, F) -> (N, C, H, W)."""
        both = (self.bn_l.scale_and_shift(descriptor), self.bn_g.scale_and_shift(descriptor))
        scale, shift = (torch.cat([local, spread], dim=1) for local, spread in zip(*both, strict=True))
        return functional.leaky_relu(adapted(self.ffc(features), scale, shift), SLOPE, inplace=True)


class FourierBlock(nn.Module):  # type: ignore[misc]
    """Two adapted Fourier convolutions beside the plain way."""

    def __init__(self, channels: int, descriptor: int, hidden: int) -> None:
        """Build it with random weights; ``descriptor`` and ``hidden`` are the adaptive norms'."""
        super().__init__()
        self.conv1 = AdaptedFourierConvolution(channels, descriptor, hidden)
        self.conv2 = AdaptedFourierConvolution(channels, descriptor, hidden)

    def forward(self, features: Tensor, descriptor: Tensor) -> Tensor:
        """(N, C, H, W) and (N, F) -> (N, C, H, W)."""
        return features + self.conv2(self.conv1(features, descriptor), descriptor)
