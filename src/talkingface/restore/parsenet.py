"""ParseNet: which pixel is skin, nose, lip, hair (spec section 2.5). State dict as in ``ParseNet-latest.pth``.

An encoder, ten residual blocks around which the encoder's features go too, and a decoder; it takes any size that is a
multiple of 16, though it was trained at 512.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812  # the usual name
from torch import Tensor, nn

from talkingface.restore.norm_folding import folded
from talkingface.restore.upsampling import doubled_convolution

SLOPE = 0.2


class FacePart(IntEnum):
    """The classes, by their place among the logits (the names are CelebAMask-HQ's)."""

    BACKGROUND = 0
    SKIN = 1
    NOSE = 2
    GLASSES = 3
    LEFT_EYE = 4
    RIGHT_EYE = 5
    LEFT_BROW = 6
    RIGHT_BROW = 7
    LEFT_EAR = 8
    RIGHT_EAR = 9
    MOUTH = 10
    UPPER_LIP = 11
    LOWER_LIP = 12
    HAIR = 13
    HAT = 14
    EARRING = 15
    NECKLACE = 16
    NECK = 17
    CLOTH = 18


@dataclass(frozen=True)
class ParseNetWidths:
    """Channels; the defaults are the released network's.

    Attributes:
        channels: At the picture's size, at a half of it, a quarter ...
        blocks: Residual blocks at the smallest size.
    """

    channels: tuple[int, ...] = (64, 128, 256, 256, 256)
    blocks: int = 10

    def narrowed(self, divisor: int) -> ParseNetWidths:
        """The same network, narrower, for tests; it runs none of the released weights."""
        return replace(self, channels=tuple(max(1, width // divisor) for width in self.channels), blocks=2)


class ParseNet(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """Parses faces that are aligned as in FFHQ. Call ``eval()`` before using it."""

    def __init__(self, widths: ParseNetWidths | None = None) -> None:
        """Build it with random weights.

        Args:
            widths: Of its layers; None for the released network's.
        """
        super().__init__()
        self.widths = widths or ParseNetWidths()
        down = self.widths.channels
        up = down[::-1]
        self.encoder = nn.Sequential(_Layer(3, down[0]), *(_Block(a, b, "halve") for a, b in pairwise(down)))
        self.body = nn.Sequential(*(_Block(down[-1], down[-1]) for _ in range(self.widths.blocks)))
        self.decoder = nn.Sequential(*(_Block(a, b, "double") for a, b in pairwise(up)))
        self.out_mask_conv = _Layer(up[-1], len(FacePart))
        self.out_img_conv = _Layer(up[-1], 3)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, H, W) RGB, -1..1 -> logits (N, 19, H, W) by ``FacePart``, and the picture it also learnt to make."""
        features = self._features(image)
        return self.out_mask_conv(features), self.out_img_conv(features)

    def parse(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) RGB, -1..1 -> logits (N, 19, H, W) by ``FacePart``."""
        logits: Tensor = self.out_mask_conv(self._features(image))
        return logits

    def fold(self) -> ParseNet:
        """Put the norms into the convolutions; after loading weights, to save time. No weights load afterwards."""
        for module in self.modules():
            if isinstance(module, _Layer):
                module.fold()
        return self

    def _features(self, image: Tensor) -> Tensor:
        encoded = self.encoder(image.contiguous(memory_format=torch.channels_last))
        features: Tensor = self.decoder(encoded + self.body(encoded))
        return features


class _Layer(nn.Module):  # type: ignore[misc]
    """3x3 convolution with the border mirrored, of the picture doubled or to half the size; a norm; an activation."""

    def __init__(
        self, inputs: int, outputs: int, size: str = "", *, normed: bool = False, activated: bool = False
    ) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(inputs, outputs, 3, stride=2 if size == "halve" else 1, bias=not normed)
        # the state dict names it twice
        self.norm = nn.Sequential(OrderedDict(norm=nn.BatchNorm2d(outputs))) if normed else nn.Identity()
        self.double, self.activated = size == "double", activated

    def forward(self, x: Tensor) -> Tensor:
        if self.double:
            x = doubled_convolution(x, self.conv2d.weight, self.conv2d.bias)
        else:
            x = self.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"))
        x = self.norm(x)
        return F.leaky_relu(x, SLOPE, inplace=True) if self.activated else x

    def fold(self) -> None:
        if isinstance(self.norm, nn.Sequential):
            self.conv2d, self.norm = folded(self.conv2d, self.norm.norm), nn.Identity()


class _Block(nn.Module):  # type: ignore[misc]
    """Residual block; ``size`` is "halve", "double" or nothing."""

    def __init__(self, inputs: int, outputs: int, size: str = "") -> None:
        super().__init__()
        self.shortcut_func = _Layer(inputs, outputs, size) if size or inputs != outputs else nn.Identity()
        first, second = ("", size) if size == "halve" else (size, "")
        self.conv1 = _Layer(inputs, outputs, first, normed=True, activated=True)
        self.conv2 = _Layer(outputs, outputs, second, normed=True)

    def forward(self, x: Tensor) -> Tensor:
        inner: Tensor = self.conv2(self.conv1(x))
        return inner + self.shortcut_func(x)
