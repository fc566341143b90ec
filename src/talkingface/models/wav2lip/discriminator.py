"""Wav2Lip's visual discriminator (Prajwal et al. 2020): does the lower half of a face look real?"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from talkingface.models.clip_batches import frames_of
from talkingface.models.wav2lip.convolutions import Pair

SLOPE = 0.01


@dataclass(frozen=True)
class DiscriminatorWidths:
    """How large a discriminator is; the defaults are the released network's.

    Attributes:
        stages: Channels of its seven stages.
    """

    stages: tuple[int, ...] = (32, 64, 128, 256, 512, 512, 512)

    def narrowed(self, divisor: int) -> DiscriminatorWidths:
        """The same network with layers so many times narrower, 32 at most; for tests."""
        return DiscriminatorWidths(tuple(width // divisor for width in self.stages))


class Wav2LipDisc(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """The whole network."""

    def __init__(self, widths: DiscriminatorWidths | None = None) -> None:
        """Build it with random weights.

        Args:
            widths: Of its layers; None for the released network's.
        """
        super().__init__()
        self.widths = widths or DiscriminatorWidths()
        a, b, c, d, e, f, g = self.widths.stages
        self.face_encoder_blocks = nn.ModuleList(
            [
                nn.Sequential(_PlainConv2d(3, a, 7, 1, 3)),
                nn.Sequential(_PlainConv2d(a, b, 5, (1, 2), 2), _PlainConv2d(b, b, 5, 1, 2)),
                nn.Sequential(_PlainConv2d(b, c, 5, 2, 2), _PlainConv2d(c, c, 5, 1, 2)),
                nn.Sequential(_PlainConv2d(c, d, 5, 2, 2), _PlainConv2d(d, d, 5, 1, 2)),
                nn.Sequential(_PlainConv2d(d, e, 3, 2, 1), _PlainConv2d(e, e, 3, 1, 1)),
                nn.Sequential(_PlainConv2d(e, f, 3, 2, 1), _PlainConv2d(f, f, 3, 1, 1)),
                nn.Sequential(_PlainConv2d(f, g, 3, 1, 0), _PlainConv2d(g, g, 1, 1, 0)),
            ]
        )
        self.binary_pred = nn.Sequential(nn.Conv2d(g, 1, 1), nn.Sigmoid())

    def forward(self, clip: Tensor) -> Tensor:
        """(N, 3, T, 96, 96) whole faces, BGR in 0..1 -> (T N, 1) in 0..1, all clips' first frames first."""
        features = frames_of(clip)
        features = features[:, :, features.shape[2] // 2 :]
        for block in self.face_encoder_blocks:
            features = block(features)
        score: Tensor = self.binary_pred(features).flatten(1)
        return score


class _PlainConv2d(nn.Module):  # type: ignore[misc]
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: Pair, padding: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, padding))

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = nn.functional.leaky_relu(self.conv_block(features), SLOPE, inplace=True)
        return out
