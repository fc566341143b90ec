"""Wav2Lip's generator (Prajwal et al. 2020): the lips of a face, spoken, at 96 x 96.

Pictures are **BGR** in 0..1: a face whose lower half is 0, and another picture of the same person.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from talkingface.models.clip_batches import clip_of, frames_of, speech_of
from talkingface.models.wav2lip.convolutions import (
    NormedConv2d,
    NormedTransposedConv2d,
    residual_pair,
    speech_encoder,
)


@dataclass(frozen=True)
class GeneratorWidths:
    """How large a generator is; the defaults are the released network's.

    Attributes:
        down: Channels of the face encoder at 96, 48, 24, 12, 6, 3 and 1 pixels; the last also of the sound.
        up: Channels of the decoder at 1, 3, 6, 12, 24, 48 and 96 pixels.
        speech: Channels of the sound's first four stages.
        last: Channels of the last convolution but one.
    """

    down: tuple[int, ...] = (16, 32, 64, 128, 256, 512, 512)
    up: tuple[int, ...] = (512, 512, 512, 384, 256, 128, 64)
    speech: tuple[int, int, int, int] = (32, 64, 128, 256)
    last: int = 32

    def narrowed(self, divisor: int) -> GeneratorWidths:
        """The same network with layers so many times narrower, 16 at most; for tests."""
        a, b, c, d = (width // divisor for width in self.speech)
        return GeneratorWidths(
            tuple(width // divisor for width in self.down),
            tuple(width // divisor for width in self.up),
            (a, b, c, d),
            self.last // divisor,
        )


class Wav2Lip(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """The generator. Call ``eval()`` before using it: its norms then use the statistics learnt in training."""

    def __init__(self, widths: GeneratorWidths | None = None) -> None:
        """Build it with random weights.

        Args:
            widths: Of its layers; None for the released network's.
        """
        super().__init__()
        self.widths = w = widths or GeneratorWidths()
        d, u = w.down, w.up
        self.face_encoder_blocks = nn.ModuleList(
            [
                nn.Sequential(NormedConv2d(6, d[0], kernel=7, padding=3)),
                nn.Sequential(NormedConv2d(d[0], d[1], stride=2), *residual_pair(d[1])),
                nn.Sequential(NormedConv2d(d[1], d[2], stride=2), *residual_pair(d[2]), *residual_pair(d[2])[:1]),
                nn.Sequential(NormedConv2d(d[2], d[3], stride=2), *residual_pair(d[3])),
                nn.Sequential(NormedConv2d(d[3], d[4], stride=2), *residual_pair(d[4])),
                nn.Sequential(NormedConv2d(d[4], d[5], stride=2), *residual_pair(d[5])[:1]),
                nn.Sequential(NormedConv2d(d[5], d[6], padding=0), NormedConv2d(d[6], d[6], kernel=1, padding=0)),
            ]
        )
        self.audio_encoder = speech_encoder((*w.speech, d[6]))
        self.face_decoder_blocks = nn.ModuleList(
            [
                nn.Sequential(NormedConv2d(d[6], u[0], kernel=1, padding=0)),
                nn.Sequential(NormedTransposedConv2d(u[0] + d[6], u[1], stride=1, padding=0), *residual_pair(u[1])[:1]),
                *(
                    nn.Sequential(
                        NormedTransposedConv2d(u[i] + d[6 - i], u[i + 1], stride=2, padding=1),
                        *residual_pair(u[i + 1]),
                    )
                    for i in range(1, 6)
                ),
            ]
        )
        self.output_block = nn.Sequential(NormedConv2d(u[6] + d[0], w.last), nn.Conv2d(w.last, 3, 1), nn.Sigmoid())

    def forward(self, mel: Tensor, faces: Tensor) -> Tensor:
        """Speak.

        Args:
            mel: (N, 1, 80, 16) windows in -4..4, or (N, T, 1, 80, 16).
            faces: (N, 6, 96, 96) BGR in 0..1, or (N, 6, T, 96, 96): the face with its lower half 0, and another.

        Returns:
            (N, 3, 96, 96) BGR in 0..1, or (N, 3, T, 96, 96).
        """
        if faces.dim() == 5:
            return clip_of(self(speech_of(mel), frames_of(faces)), faces.shape[0])
        seen = []
        features = faces
        for block in self.face_encoder_blocks:
            features = block(features)
            seen.append(features)
        features = self.audio_encoder(mel)
        for block in self.face_decoder_blocks:
            features = torch.cat([block(features), seen.pop()], dim=1)
        picture: Tensor = self.output_block(features)
        return picture
