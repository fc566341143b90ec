"""What the networks learn from: displacements from the closed mouth, and batches of them beside their sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from talkingface.faces.geometry import gap_of
from talkingface.media.mel import BANDS, PHONETIC_BANDS
from talkingface.training.mouth_data import (
    MEL_PER_FRAME,
    MOUTH_VALUES,
    MouthClip,
    closed_shape,
    closing_direction,
)
from talkingface.training.mouth_network import COMPONENTS

LIP_POINTS, INNER_FROM = 40, 20
AMPLITUDE_LIMITS = (0.7, 1.5)


@dataclass(frozen=True)
class Example:
    """A clip as the networks see it.

    Attributes:
        clip: The clip.
        displacement: (T, 160) float32, from the closed mouth, at the average person's amplitude.
        speech: (T, 288) float32, the speech embedding's numbers for the whole clip; no rows where they are not needed.
    """

    clip: MouthClip
    displacement: NDArray[np.float32]
    speech: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))


def make_examples(clips: Sequence[MouthClip], direction: NDArray[np.float32]) -> list[Example]:
    """Displacements from each clip's closed mouth, every person's amplitude brought to the average one.

    Args:
        clips: Clips, at least one.
        direction: (80, 2) from ``closing_direction``.
    """
    moved = [clip.shape - closed_shape(clip.shape, direction) for clip in clips]
    overall = np.sqrt(np.mean(np.concatenate([gap_of(d) for d in moved]) ** 2))
    amplitudes: dict[int, float] = {}
    for person in {clip.person for clip in clips}:
        gaps = np.concatenate([gap_of(d) for d, c in zip(moved, clips, strict=True) if c.person == person])
        amplitudes[person] = float(np.clip(overall / np.sqrt(np.mean(gaps**2) + 1e-9), *AMPLITUDE_LIMITS))
    return [
        Example(clip, (d * amplitudes[clip.person]).reshape(len(d), -1).astype(np.float32))
        for clip, d in zip(clips, moved, strict=True)
    ]


def direction_and_examples(
    train: Sequence[MouthClip], held: Sequence[MouthClip]
) -> tuple[NDArray[np.float32], list[Example], list[Example]]:
    """The closing direction of the training people, and both parts as examples."""
    direction = closing_direction(train)
    return direction, make_examples(train, direction), make_examples(held, direction) if held else []


def point_weights() -> NDArray[np.float64]:
    """How much each of the 80 points counts: inner lips most, then lips, then jaw and cheeks."""
    weights = np.ones(MOUTH_VALUES // 2)
    weights[:LIP_POINTS] = 1.5
    weights[INNER_FROM:LIP_POINTS] = 2.5
    return weights


def principal_components(examples: Sequence[Example]) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """Basis (16, 160) scaled to one standard deviation a row, mean (160,), and the share of variance it holds."""
    rows = np.concatenate([e.displacement for e in examples]).astype(np.float64)
    mean = rows.mean(0)
    weights = point_weights().repeat(2) ** 0.5
    centred = (rows - mean)[:: max(1, len(rows) // 30_000)] * weights
    _, singular, vt = np.linalg.svd(centred, full_matrices=False)
    basis = vt[:COMPONENTS] / weights * (singular[:COMPONENTS, None] / np.sqrt(len(centred)))
    share = float((singular[:COMPONENTS] ** 2).sum() / (singular**2).sum())
    return basis.astype(np.float32), mean.astype(np.float32), share


def mel_statistics(examples: Sequence[Example]) -> tuple[Tensor, Tensor]:
    """Mean of each mel band (80,) and the mean of their standard deviations ()."""
    mel = np.concatenate([example.clip.mel[::MEL_PER_FRAME] for example in examples])
    return torch.from_numpy(mel.mean(0)), torch.tensor(float(mel.std(0).mean()))


def resampled(values: NDArray[np.float32], count: int, pace: float, centre: float) -> NDArray[np.float32]:
    """``count`` rows of (T, ...) at ``pace`` old rows a new one; row k lies at second k + ``centre`` of its clock."""
    place = np.clip((np.arange(count) + centre) * pace - centre, 0, len(values) - 1)
    base = np.minimum(place.astype(np.int64), len(values) - 2)
    share = (place - base).astype(np.float32)[:, None]
    return np.asarray(values[base] * (1 - share) + values[base + 1] * share, np.float32)


class Batch(NamedTuple):
    """What is learnt from at once.

    Attributes:
        mel: (B, 4 T, 80) log-mel, ``MOUTH_MEL``.
        target: (B, T, 160) displacements.
        exists: (B, T) 1 where a frame exists, else 0.
        joined: (B, T - 1) 1 where a frame and the next belong to one clip, else 0.
        phonetic: (B, 4 T, 32) log-mel, ``PHONETIC_MEL``.
    """

    mel: Tensor
    target: Tensor
    exists: Tensor
    joined: Tensor
    phonetic: Tensor


@dataclass(frozen=True)
class BatchShape:
    """How batches are cut.

    Attributes:
        rows: Examples side by side.
        frames: Frames of each.
        chained: Short clips follow each other until a row is full, so that their ends have speech around them as the
            frames of a sentence do; else the rest of a row is silence that does not count.
        tempo: Clips are sped up or slowed down by at most this share.
    """

    rows: int = 24
    frames: int = 64
    chained: bool = True
    tempo: float = 0.1


class Batches:
    """Draws random windows, each source with its share, each person alike (by root of the count) within a source.

    Args:
        examples: All of them.
        source_shares: Share of each source; a source that is not named counts as 0.5.
        shape: How batches are cut.
    """

    def __init__(
        self, examples: Sequence[Example], source_shares: Mapping[str, float], shape: BatchShape | None = None
    ) -> None:
        self.shape = shape or BatchShape()
        self.by_person: dict[str, dict[int, list[Example]]] = {}
        for example in examples:
            people = self.by_person.setdefault(example.clip.source, {})
            people.setdefault(example.clip.person, []).append(example)
        self.sources = sorted(self.by_person)
        shares = np.array([source_shares.get(source, 0.5) for source in self.sources])
        self.shares = shares / shares.sum()

    def pick(self, rng: np.random.Generator, source: str) -> Example:
        """A random clip of a source."""
        people = self.by_person[source]
        numbers = sorted(people)
        sizes = np.sqrt([len(people[n]) for n in numbers])
        clips = people[numbers[rng.choice(len(numbers), p=sizes / sizes.sum())]]
        return clips[rng.integers(len(clips))]

    def draw(self, rng: np.random.Generator) -> Batch:
        """One batch."""
        rows, frames = self.shape.rows, self.shape.frames
        mel = np.zeros((rows, frames * MEL_PER_FRAME, BANDS), np.float32)
        phonetic = np.zeros((rows, frames * MEL_PER_FRAME, PHONETIC_BANDS), np.float32)
        target = np.zeros((rows, frames, MOUTH_VALUES), np.float32)
        exists = np.zeros((rows, frames), np.float32)
        joined = np.zeros((rows, frames - 1), np.float32)
        for row in range(rows):
            source = self.sources[rng.choice(len(self.sources), p=self.shares)]
            begin = 0
            while begin < frames and (begin == 0 or self.shape.chained):
                example = self.pick(rng, source)
                pace = float(np.exp(rng.uniform(-self.shape.tempo, self.shape.tempo)))
                length = int((len(example.displacement) - 1) / pace) + 1
                points = resampled(example.displacement, length, pace, 0.0)
                first = int(rng.integers(0, max(1, length - (frames - begin) + 1)))
                count = min(frames - begin, length - first)
                end = begin + count
                for heard, columns in ((mel, example.clip.mel), (phonetic, example.clip.phonetic)):
                    sound = resampled(columns, length * MEL_PER_FRAME, pace, 0.5)
                    heard[row, begin * MEL_PER_FRAME : end * MEL_PER_FRAME] = sound[
                        first * MEL_PER_FRAME : (first + count) * MEL_PER_FRAME
                    ]
                    heard[row, end * MEL_PER_FRAME :] = sound.min(0)
                target[row, begin:end] = points[first : first + count]
                exists[row, begin:end] = 1
                joined[row, begin : end - 1] = 1
                begin = end
        return Batch(*(torch.from_numpy(part) for part in (mel, target, exists, joined, phonetic)))
