"""The convolution blocks that D-Net and L-Net are made of (spec section 2.1).

Every block is one convolution, a norm over the whole picture and a leaky rectifier, under the key ``model``; the
adaptive norm takes its scale and shift from a descriptor: of the expression in D-Net, of the sound in L-Net.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from talkingface.models.nearest_upsampling import DoublingConv2d
from talkingface.models.spectral_norm import SpectralConv2d

SLOPE = 0.1  # of the leaky rectifiers, but for those of the Fourier blocks
HIDDEN = 128  # of the adaptive norms
EPSILON = 1e-5
HALVES = (torch.float16, torch.bfloat16)
LARGE = 2**20  # numbers of a picture above which exactness costs more time than it is worth: D-Net's largest
CHANNEL, PICTURE = (2, 3), (1, 2, 3)  # axes of what a norm takes together


class PictureNorm(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """Each picture normalised over channels, rows and columns together; a scale and a shift a channel, (C, 1, 1)."""

    def __init__(self, channels: int) -> None:
        """Build it so that it leaves normalised pictures as they are."""
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        large = features[0].numel() > LARGE
        if large or features.is_contiguous() or features.dtype in HALVES:
            normalised: Tensor = functional.group_norm(features, 1, self.weight.flatten(), self.bias.flatten(), EPSILON)
            return normalised
        centred, gain = centred_and_gain(features, PICTURE)
        return torch.addcmul(self.bias, centred, self.weight * gain)


class AdaptiveNorm(nn.Module):  # type: ignore[misc]
    """Each channel normalised, then scaled and shifted as a descriptor says (Huang and Belongie 2017)."""

    def __init__(self, channels: int, descriptor: int, hidden: int = HIDDEN) -> None:
        """Build it with random weights.

        Args:
            channels: Of the pictures.
            descriptor: Numbers that describe the style.
            hidden: Of the layer between the descriptor and the scales.
        """
        super().__init__()
        self.mlp_shared = nn.Sequential(nn.Linear(descriptor, hidden), nn.ReLU())
        self.mlp_gamma = nn.Linear(hidden, channels)
        self.mlp_beta = nn.Linear(hidden, channels)

    def scale_and_shift(self, descriptor: Tensor) -> tuple[Tensor, Tensor]:
        """(N, F) -> two of (N, C): what normalised channels are multiplied by and what is added to them."""
        hidden = self.mlp_shared(descriptor)
        return 1 + self.mlp_gamma(hidden), self.mlp_beta(hidden)

    def forward(self, features: Tensor, descriptor: Tensor) -> Tensor:
        """(N, C, H, W) and (N, F) -> (N, C, H, W)."""
        return adapted(features, *self.scale_and_shift(descriptor))


def adapted(features: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Normalise each channel of each picture, then scale and shift it.

    Args:
        features: (N, C, H, W).
        scale: (N, C).
        shift: (N, C).

    Returns:
        (N, C, H, W).
    """
    n, c, height, width = features.shape
    if features.is_contiguous():  # all channels of all pictures as one picture's: norm and scale in one pass
        flat = features.reshape(1, n * c, height, width)
        one = functional.group_norm(flat, n * c, scale.reshape(-1), shift.reshape(-1), EPSILON)
        return one.reshape(n, c, height, width)
    if features.dtype in HALVES:
        normalised = functional.group_norm(features, c, eps=EPSILON)
        return torch.addcmul(shift[:, :, None, None], normalised, scale[:, :, None, None])
    centred, gain = centred_and_gain(features, CHANNEL)
    return torch.addcmul(shift[:, :, None, None], centred, scale[:, :, None, None] * gain)


def centred_and_gain(features: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """What normalises pictures whose channels are last in memory, in float32 and float64.

    torch's own norm takes the difference of two large sums there: errors of a thousandth were measured, of a millionth
    in this way, at about the same cost. Squares may overflow in half precision, for which torch sums in float32.

    Args:
        features: (N, C, H, W).
        axes: ``CHANNEL`` or ``PICTURE``: what is normalised together.

    Returns:
        The features less their means, and what to multiply them by, 1 long in the axes.
    """
    centred = features - features.mean(axes, keepdim=True)
    return centred, (centred.square().mean(axes, keepdim=True) + EPSILON).rsqrt()


class FirstBlock(nn.Module):  # type: ignore[misc]
    """7x7 convolution of a picture to features of the same size."""

    def __init__(self, inputs: int, outputs: int, spectral: bool) -> None:
        """Build it; ``spectral`` says whether its weights are spectrally normalised."""
        super().__init__()
        self.model = nn.Sequential(convolution(inputs, outputs, 7, spectral), PictureNorm(outputs), _rectifier())

    def forward(self, picture: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H, W)."""
        features: Tensor = self.model(picture)
        return features


class DownBlock(nn.Module):  # type: ignore[misc]
    """3x3 convolution, then pairs of rows and columns averaged."""

    def __init__(self, inputs: int, outputs: int, spectral: bool) -> None:
        """Build it; ``spectral`` says whether its weights are spectrally normalised."""
        super().__init__()
        self.model = nn.Sequential(
            convolution(inputs, outputs, 3, spectral), PictureNorm(outputs), _rectifier(), nn.AvgPool2d(2)
        )

    def forward(self, features: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / 2, W / 2)."""
        smaller: Tensor = self.model(features)
        return smaller


class UpBlock(nn.Module):  # type: ignore[misc]
    """Every pixel four times, then a 3x3 convolution; ``fold_nearest_upsampling`` makes one of the two."""

    doubles_first = True

    def __init__(self, inputs: int, outputs: int, spectral: bool) -> None:
        """Build it; ``spectral`` says whether its weights are spectrally normalised."""
        super().__init__()
        self.model = nn.Sequential(convolution(inputs, outputs, 3, spectral), PictureNorm(outputs), _rectifier())

    def forward(self, features: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, 2 H, 2 W)."""
        if not isinstance(self.model[0], DoublingConv2d):
            features = functional.interpolate(features, scale_factor=2.0, mode="nearest")
        larger: Tensor = self.model(features)
        return larger


class JumpBlock(nn.Module):  # type: ignore[misc]
    """3x3 convolution on the way from the encoder to the decoder."""

    def __init__(self, channels: int, spectral: bool) -> None:
        """Build it; ``spectral`` says whether its weights are spectrally normalised."""
        super().__init__()
        self.model = nn.Sequential(convolution(channels, channels, 3, spectral), PictureNorm(channels), _rectifier())

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        kept: Tensor = self.model(features)
        return kept


class FinalBlock(nn.Module):  # type: ignore[misc]
    """7x7 convolution of features to a picture, squeezed into its range."""

    def __init__(self, inputs: int, outputs: int, spectral: bool, squeeze: nn.Module) -> None:
        """Build it; ``squeeze`` is ``nn.Tanh()`` for -1..1 or ``nn.Sigmoid()`` for 0..1."""
        super().__init__()
        self.model = nn.Sequential(convolution(inputs, outputs, 7, spectral), squeeze)

    def forward(self, features: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H, W)."""
        picture: Tensor = self.model(features)
        return picture


def convolution(inputs: int, outputs: int, kernel: int, spectral: bool) -> nn.Conv2d:
    """A convolution that keeps the size, with a bias."""
    if spectral:
        return SpectralConv2d(inputs, outputs, kernel, kernel // 2)
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)


def _rectifier() -> nn.Module:
    return nn.LeakyReLU(SLOPE, inplace=True)
