"""The spectrogram that Wav2Lip's and VideoReTalking's networks listen to: 80 mel bands, 80 times a second, in decibels.

Mono 16 kHz sound, 50 ms windows, -4 (silence) to 4. Column j is centred on j / 80 seconds; a network hears 16 columns,
0.2 s, from a frame's time on. Loudness is not evened out: the networks were trained so.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from talkingface.media.mel import MelSetting, mel_filters
from talkingface.media.row_file import Rows

SAMPLE_RATE = 16_000
HOP = 200
MEL_RATE = SAMPLE_RATE // HOP
BANDS = 80
WINDOW = 800
SPEECH_COLUMNS = 16  # of one window that a network hears
EMPHASIS = np.float32(0.97)
QUIETEST, LOUDEST = -4.0, 4.0
RANGE = 100.0  # decibels between them
REFERENCE = 20.0  # decibels that a spectrum's magnitude is above what counts as 0
FLOOR = 1e-5  # of the magnitudes
CHUNK = 800  # columns at a time: 10 s
FILTERS = MelSetting(BANDS, 55.0, 7600.0, True, WINDOW, float(EMPHASIS), 1.0, FLOOR, True)


class DecibelMel:
    """The spectrogram of a sound, made some columns at a time. Beyond the sound there is silence."""

    def __init__(self, samples: Rows, mirrored: bool = False) -> None:
        """Look at a sound.

        Args:
            samples: Mono 16 kHz, -1..1, in memory or on disk.
            mirrored: What the windows that hang over the sound's ends see there: the sound in a mirror, as in Wav2Lip's
                training, or zeros, as in VideoReTalking's. Only the two outermost columns at each end differ. A sound
                of 400 samples or fewer is too short for a mirror and gets zeros.
        """
        self._samples = samples
        self._mirrored = mirrored and len(samples) > WINDOW // 2
        turns = 2 * np.pi * np.arange(WINDOW) / WINDOW
        self._window = (0.5 - 0.5 * np.cos(turns)).astype(np.float32)
        self._filters = mel_filters(FILTERS, WINDOW).T

    def __len__(self) -> int:
        """How many columns have their centre in the sound."""
        return 1 + len(self._samples) // HOP

    def columns(self, first: int, count: int) -> NDArray[np.float32]:
        """Make some columns.

        Args:
            first: The first of them; before 0 and from ``len`` on there is silence.
            count: How many.

        Returns:
            (80, count) in -4..4.
        """
        result = np.full((BANDS, count), QUIETEST, np.float32)
        low, high = max(0, -first), min(count, len(self) - first)
        for start in range(low, high, CHUNK):
            stop = min(high, start + CHUNK)
            sound = self._emphasised((first + start) * HOP - WINDOW // 2, (stop - start - 1) * HOP + WINDOW)
            parts = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP] * self._window
            magnitudes = np.abs(np.fft.rfft(parts, axis=1)).astype(np.float32) @ self._filters
            decibels = 20 * np.log10(np.maximum(magnitudes, FLOOR)) - REFERENCE
            share = (decibels + RANGE) / RANGE
            result[:, start:stop] = np.clip(share * (LOUDEST - QUIETEST) + QUIETEST, QUIETEST, LOUDEST).T
        return result

    def windows(self, times: Sequence[float] | NDArray[np.floating]) -> NDArray[np.float32]:
        """What is heard at frames' times.

        No frame goes without: where the released programs stop at the sound's end, or hear its last columns again, the
        windows run on into silence.

        Args:
            times: (N,) seconds.

        Returns:
            (N, 80, 16).
        """
        if len(times) == 0:
            return np.empty((0, BANDS, SPEECH_COLUMNS), np.float32)
        # a time that rounding put just before a column still means that column
        starts = np.floor(np.asarray(times, np.float64) * MEL_RATE + 1e-6).astype(np.int64)
        first = int(starts.min())
        columns = self.columns(first, int(starts.max()) - first + SPEECH_COLUMNS)
        return np.stack([columns[:, start - first : start - first + SPEECH_COLUMNS] for start in starts])

    def _emphasised(self, begin: int, count: int) -> NDArray[np.float32]:
        """Some pre-emphasised samples, with zeros or a mirror beyond the ends."""
        places = np.arange(begin, begin + count)
        last = len(self._samples) - 1
        if self._mirrored:
            places = np.abs(places)
            places = last - np.abs(last - places)
        inside = (places >= 0) & (places <= last)
        if not inside.any():
            return np.zeros(count, np.float32)
        low, high = int(places[inside].min()), int(places[inside].max()) + 1
        before = 1 if low else 0  # each sample is weighed against the one before it
        plain = np.asarray(self._samples[low - before : high], np.float32)
        emphasised = plain.copy()
        emphasised[1:] -= EMPHASIS * plain[:-1]
        result = np.zeros(count, np.float32)
        result[inside] = emphasised[before:][places[inside] - low]
        return result


def released_window_starts(columns: int, rate: float) -> list[int]:
    """The first columns of the windows that the released programs give to a clip's frames, to compare with them.

    Args:
        columns: Of the spectrogram, 16 or more.
        rate: Frames a second.

    Returns:
        One for each frame they would make; the last is always that of the last 16 columns.

    Raises:
        ValueError: there are fewer than 16 columns, or the rate is not positive.
    """
    if columns < SPEECH_COLUMNS or not rate > 0:
        raise ValueError(f"windows need 16 columns and a rate above 0, not {columns} and {rate}")
    step = MEL_RATE / rate
    starts: list[int] = []
    while (start := int(len(starts) * step)) + SPEECH_COLUMNS <= columns:
        starts.append(start)
    return [*starts, columns - SPEECH_COLUMNS]
