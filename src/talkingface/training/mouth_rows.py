"""What the mouth networks learn from, made once for all of them: rows of speech with the speech embedding's numbers.

The embedding is the dearest part of a training step and is not trained, so it listens to every row once, in a voice,
room and noise of the row's own. The members of the ensemble draw from the same rows in orders of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from talkingface.progress import Cancellation, Progress
from talkingface.training.augment import PHONETIC_CHANGE, augment_mel
from talkingface.training.examples import Batches, BatchShape, Example
from talkingface.training.mouth_data import MouthClip
from talkingface.training.speech_embedding import SPEECH_VALUES, SpeechEmbedding, padded_with_silence

PLAIN_SHARE = 0.15  # of the rows, heard as they are


@dataclass(frozen=True)
class MouthRows:
    """Rows of 64 frames.

    Attributes:
        mel: (N, 4 T, 80) float16 log-mel as recorded; it is changed anew whenever a row is drawn.
        speech: (N, T, 288) float16 numbers of the speech embedding.
        target: (N, T, 160) float16 displacements.
        exists: (N, T) float16, 1 where a frame exists.
        joined: (N, T - 1) float16, 1 where a frame and the next belong to one clip.
    """

    mel: NDArray[np.float16]
    speech: NDArray[np.float16]
    target: NDArray[np.float16]
    exists: NDArray[np.float16]
    joined: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.mel)

    def draw(self, rng: np.random.Generator, count: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """``count`` different rows as float32 tensors, in the order of the attributes."""
        chosen = rng.choice(len(self), min(count, len(self)), replace=False)
        parts = (self.mel, self.speech, self.target, self.exists, self.joined)
        mel, speech, target, exists, joined = (torch.from_numpy(part[chosen].astype(np.float32)) for part in parts)
        return mel, speech, target, exists, joined

    def speech_statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (288,) of the embedding's numbers."""
        mean, square = np.zeros(SPEECH_VALUES), np.zeros(SPEECH_VALUES)
        for row in self.speech:
            mean += row.mean(0, dtype=np.float64)
            square += np.square(row, dtype=np.float64).mean(0)
        mean /= len(self)
        deviation = np.sqrt(np.maximum(square / len(self) - mean**2, 0)) + 1e-3
        return torch.from_numpy(mean.astype(np.float32)), torch.from_numpy(deviation.astype(np.float32))


def prepare_rows(
    examples: Sequence[Example],
    source_shares: Mapping[str, float],
    count: int,
    shape: BatchShape,
    embedding: SpeechEmbedding,
    seed: int,
    progress: Progress,
    cancel: Cancellation,
) -> MouthRows:
    """Draw rows and listen to them; the same seed gives the same rows.

    Args:
        examples: Clips to learn from.
        source_shares: Share of each source.
        count: Rows, rounded up to whole batches.
        shape: How rows are cut, and how many are heard at a time.
        embedding: The frozen speech embedding.
        seed: Of everything random.
        progress: Told about every batch.
        cancel: Checked at every batch.

    Raises:
        Cancelled: when asked to stop.
    """
    batches = Batches(examples, source_shares, shape)
    total = -(-count // shape.rows)
    progress.stage("listen to speech", total)
    parts: list[list[NDArray[np.float16]]] = [[], [], [], [], []]
    for number in range(total):
        cancel.check()
        batch = batches.draw(np.random.default_rng((seed, number)))
        noise = torch.Generator().manual_seed(seed * 1_000_003 + number)
        changed = augment_mel(batch.phonetic.transpose(1, 2), noise, PHONETIC_CHANGE).transpose(1, 2)
        plain = torch.rand(len(changed), 1, 1, generator=noise) < PLAIN_SHARE
        heard = torch.where(plain, batch.phonetic, changed)
        with torch.inference_mode():
            speech = embedding(padded_with_silence(heard))
        for part, rows in zip(parts, (batch.mel, speech, batch.target, batch.exists, batch.joined), strict=True):
            part.append(rows.numpy().astype(np.float16))
        progress.advance()
    return MouthRows(*(np.concatenate(part) for part in parts))


def speech_of_clip(embedding: SpeechEmbedding, clip: MouthClip) -> NDArray[np.float32]:
    """The embedding's numbers (T, 288) for a whole clip as recorded, silence before and after it."""
    with torch.inference_mode():
        heard = embedding(padded_with_silence(torch.from_numpy(np.ascontiguousarray(clip.phonetic))[None]))
        return np.asarray(heard[0].numpy())
