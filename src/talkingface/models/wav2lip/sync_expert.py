"""Wav2Lip's sync expert (Prajwal et al. 2020): five mouths and their sound, embedded on one sphere.

Not the SyncNet that scores are made with: this one sees colour, and the mel windows of the generator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from talkingface.models.wav2lip.convolutions import NormedConv2d, residual_pair, speech_encoder

FRAMES = 5


@dataclass(frozen=True)
class SyncExpertWidths:
    """How large a sync expert is; the defaults are the released network's.

    Attributes:
        face: Channels of the face's five stages; the last is the length of an embedding.
        speech: Channels of the sound's first four stages.
    """

    face: tuple[int, int, int, int, int] = (32, 64, 128, 256, 512)
    speech: tuple[int, int, int, int] = (32, 64, 128, 256)

    def narrowed(self, divisor: int) -> SyncExpertWidths:
        """The same network with layers so many times narrower, 32 at most; for tests."""
        a, b, c, d, e = (width // divisor for width in self.face)
        s1, s2, s3, s4 = (width // divisor for width in self.speech)
        return SyncExpertWidths((a, b, c, d, e), (s1, s2, s3, s4))


class Embeddings(NamedTuple):
    """Unit vectors, (N, face[4]) each; their product is 1 where mouth and sound belong together.

    Attributes:
        audio: Of the sound.
        face: Of the mouths.
    """

    audio: Tensor
    face: Tensor


class Wav2LipSyncNet(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """Both networks. Call ``eval()`` before using them: their norms then use the statistics learnt in training."""

    def __init__(self, widths: SyncExpertWidths | None = None) -> None:
        """Build it with random weights.

        Args:
            widths: Of its layers; None for the released network's.
        """
        super().__init__()
        self.widths = w = widths or SyncExpertWidths()
        a, b, c, d, e = w.face
        self.face_encoder = nn.Sequential(
            NormedConv2d(3 * FRAMES, a, kernel=7, padding=3),
            NormedConv2d(a, b, kernel=5, stride=(1, 2)),
            *residual_pair(b),
            NormedConv2d(b, c, stride=2),
            *residual_pair(c),
            *residual_pair(c)[:1],
            NormedConv2d(c, d, stride=2),
            *residual_pair(d),
            NormedConv2d(d, e, stride=2),
            *residual_pair(e),
            NormedConv2d(e, e, stride=2),
            NormedConv2d(e, e, padding=0),
            NormedConv2d(e, e, kernel=1, padding=0),
        )
        self.audio_encoder = speech_encoder((*w.speech, e), deep=True)

    def forward(self, mel: Tensor, faces: Tensor) -> Embeddings:
        """Embed.

        Args:
            mel: (N, 1, 80, 16) windows in -4..4.
            faces: (N, 15, 48, 96) lower halves of five consecutive faces, BGR in 0..1, frame after frame.
        """
        sound = self.audio_encoder(mel).flatten(1)
        mouths = self.face_encoder(faces).flatten(1)
        return Embeddings(functional.normalize(sound, dim=1), functional.normalize(mouths, dim=1))
