"""Sound as samples, in memory or on disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from talkingface.media.row_file import RowFile

CLIPPED = 0.999  # of full scale; what is there or above was most likely cut off
_BLOCK_SECONDS = 10.0
_BLOCK_VALUES = 1 << 20  # a block holds no more, however many channels and samples a second there are
_WRITTEN_VALUES = 1 << 16


class Sound(Protocol):
    """Sound that can be gone through in blocks: an ``AudioTrack`` or a ``StoredSound``."""

    @property
    def sample_rate(self) -> int:
        """Samples per second."""

    @property
    def layout(self) -> str:
        """FFmpeg's name of the channel layout."""

    @property
    def channels(self) -> int:
        """How many channels."""

    @property
    def length(self) -> int:
        """Samples a channel."""

    @property
    def path(self) -> Path:
        """The file it came from."""

    def blocks(
        self, seconds: float = _BLOCK_SECONDS, first: int = 0, count: int | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Yield the samples one after another."""


@dataclass(frozen=True)
class AudioTrack:
    """Sound in memory.

    Attributes:
        samples: (n, channels) float32, nominally -1..1.
        sample_rate: Samples per second.
        path: The file it came from.
        start: Second of the file's clock at which the first sample lies.
        layout: FFmpeg's name of the channel layout, such as ``"stereo"`` or ``"5.1"``.
    """

    samples: NDArray[np.float32]
    sample_rate: int
    path: Path
    start: float
    layout: str

    @property
    def channels(self) -> int:
        """How many channels."""
        return int(self.samples.shape[1])

    @property
    def length(self) -> int:
        """Samples a channel."""
        return len(self.samples)

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.sample_rate

    def blocks(
        self, seconds: float = _BLOCK_SECONDS, first: int = 0, count: int | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Yield the samples as ``StoredSound.blocks`` does."""
        for low, high in _spans(self, seconds, first, count):
            yield self.samples[low:high]


@dataclass(frozen=True)
class StoredSound:
    """Sound on disk.

    Attributes:
        rows: (channels,) float32 each, nominally -1..1; the first ``length`` of them are this sound.
        length: Samples a channel.
        sample_rate: Samples per second.
        layout: FFmpeg's name of the channel layout, such as ``"stereo"`` or ``"5.1"``.
        path: The file it came from.
        start: Second of that file's clock at which the first sample lies.
        loss: What is missing in it, one clause; None when it is whole.
        peak: Largest absolute value.
        clipped_share: 0..1, how many values are at full scale or beyond.
        finite: False when there are values that are no numbers (NaN or infinite).
    """

    rows: RowFile
    length: int
    sample_rate: int
    layout: str
    path: Path
    start: float = 0.0
    loss: str | None = None
    peak: float = 0.0
    clipped_share: float = 0.0
    finite: bool = True

    @property
    def channels(self) -> int:
        """How many channels."""
        return self.rows.shape[0]

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.length / self.sample_rate

    def blocks(
        self, seconds: float = _BLOCK_SECONDS, first: int = 0, count: int | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Yield the samples one after another.

        Args:
            seconds: Length of a block; less when there are very many channels or samples a second.
            first: The sample to begin with.
            count: How many samples; None for all there are.

        Yields:
            (n, channels) float32.
        """
        for low, high in _spans(self, seconds, first, count):
            yield self.rows[low:high]

    def first(self, seconds: float) -> StoredSound:
        """The first seconds of this sound; nothing is copied."""
        return replace(self, length=min(self.length, max(0, round(seconds * self.sample_rate))))


def _spans(sound: Sound, seconds: float, first: int, count: int | None) -> Iterator[tuple[int, int]]:
    stop = sound.length if count is None else min(sound.length, first + count)
    step = max(1, min(round(seconds * sound.sample_rate), _BLOCK_VALUES // sound.channels))
    for low in range(first, stop, step):
        yield low, min(stop, low + step)


class SoundRecorder:
    """Writes samples to disk and keeps account of them."""

    def __init__(self, file: Path, channels: int) -> None:
        """Begin a file; what it held before is gone.

        Args:
            file: Where the samples go.
            channels: How many.
        """
        file.unlink(missing_ok=True)
        self.rows = RowFile(file, (channels,))
        self.peak = 0.0
        self.finite = True
        self._clipped = 0
        self._waiting: list[NDArray[np.float32]] = []
        self._waiting_values = 0

    def extend(self, samples: NDArray[np.float32]) -> None:
        """Add (n, channels).

        Raises:
            OutputError: the file cannot be written.
        """
        self._waiting.append(samples)
        self._waiting_values += samples.size
        if self._waiting_values >= _WRITTEN_VALUES:
            self._write()

    def _write(self) -> None:
        if not self._waiting:
            return
        samples = np.concatenate(self._waiting)
        self._waiting, self._waiting_values = [], 0
        self.rows.extend(samples)
        size = np.abs(samples)
        peak = float(size.max(initial=0.0))
        if not np.isfinite(peak):  # NaN is the greatest of all
            self.finite = False
            peak = float(size[np.isfinite(size)].max(initial=0.0))
        self.peak = max(self.peak, peak)
        self._clipped += int((size >= CLIPPED).sum())

    def finish(
        self, sample_rate: int, layout: str, path: Path, start: float = 0.0, loss: str | None = None
    ) -> StoredSound:
        """Write what is left and give the sound.

        Raises:
            OutputError: the file cannot be written.
        """
        self._write()
        self.rows.flush()
        length = len(self.rows)
        share = self._clipped / max(1, length * self.rows.shape[0])
        return StoredSound(self.rows, length, sample_rate, layout, path, start, loss, self.peak, share, self.finite)
