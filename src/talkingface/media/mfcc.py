"""Mel-frequency cepstral coefficients exactly as SyncNet was trained on them, in blocks.

They are those of the Python package python_speech_features with its defaults: 13 coefficients of 25 ms windows every
10 ms, not tapered, of samples that count as 16-bit integers; filters by HTK's mel scale whose corners are rounded down
to bins; the first coefficient is the logarithm of the window's energy.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from talkingface.media.row_file import Rows

SAMPLE_RATE = 16_000
COLUMN_RATE = 100
COEFFICIENTS = 13
WINDOW = 400  # samples
HOP = SAMPLE_RATE // COLUMN_RATE
BLOCK = 1000  # columns at a time: 10 s

_TRANSFORM = 512
_BANDS = 26
_PRE_EMPHASIS = 0.97
_LIFTER = 22
_SMALLEST = float(np.finfo(np.float64).eps)  # stands for a power of 0
_INTEGERS_PER_UNIT = 32768.0


class Mfcc:
    """The coefficients of a sound, made a window at a time.

    Column j is of the 25 ms that begin at second j / 100. The sound ends in a column that it fills in part, with zeros
    after it. ``len`` says how many columns there are; a sound shorter than a window has one.
    """

    def __init__(self, samples: Rows) -> None:
        """Name the sound.

        Args:
            samples: Mono 16 kHz, in memory or on disk: int16, or float of -1..1, which is brought to the nearest int16
                as sound files are.
        """
        self._samples = samples

    def __len__(self) -> int:
        return 1 + max(0, -(-(len(self._samples) - WINDOW) // HOP))

    def columns(self, first: int, count: int) -> NDArray[np.float64]:
        """Make some columns.

        Args:
            first: The first of them, 0 or more.
            count: How many, also beyond the sound's end, where there are zeros.

        Returns:
            (count, 13).
        """
        result = np.empty((count, COEFFICIENTS))
        for start in range(0, count, BLOCK):
            stop = min(count, start + BLOCK)
            result[start:stop] = self._block(first + start, stop - start)
        return result

    def _block(self, first: int, count: int) -> NDArray[np.float64]:
        emphasised = self._emphasised(first * HOP, (count - 1) * HOP + WINDOW)
        windows = np.lib.stride_tricks.sliding_window_view(emphasised, WINDOW)[::HOP]
        power = np.abs(np.fft.rfft(windows, _TRANSFORM, axis=1)) ** 2 / _TRANSFORM
        energy = _not_zero(power.sum(1))
        bands = _not_zero(power @ _filters().T)
        coefficients = np.log(bands) @ _cosines().T
        coefficients[:, 0] = np.log(energy)
        return np.asarray(coefficients)

    def _emphasised(self, begin: int, count: int) -> NDArray[np.float64]:
        """So many samples from ``begin`` on, each less a share of the one before it; zeros after the end."""
        padded = np.zeros(count)
        low, high = min(begin, len(self._samples)), min(begin + count, len(self._samples))
        if low < high:
            before = 1 if low else 0  # the sound's first sample stays as it is
            integers = to_int16(self._samples[low - before : high]).astype(np.float64)
            emphasised = integers.copy()
            emphasised[1:] -= _PRE_EMPHASIS * integers[:-1]
            padded[: high - low] = emphasised[before:]
        return padded


def mfcc(samples: Rows) -> NDArray[np.float64]:
    """All coefficients of a sound, (columns, 13); see ``Mfcc``."""
    whole = Mfcc(samples)
    return whole.columns(0, len(whole))


def to_int16(samples: NDArray[np.generic]) -> NDArray[np.int16]:
    """Samples of -1..1 as 16-bit sound files hold them; what is int16 already stays."""
    if samples.dtype == np.int16:
        return samples.astype(np.int16, copy=False)
    scaled = np.rint(samples.astype(np.float64) * _INTEGERS_PER_UNIT)
    return np.clip(scaled, -_INTEGERS_PER_UNIT, _INTEGERS_PER_UNIT - 1).astype(np.int16)


def _not_zero(power: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(power == 0, _SMALLEST, power)


@cache
def _filters() -> NDArray[np.float64]:
    """Triangles (26, 257) from 0 to 8000 Hz, their corners whole bins, their tips 1."""
    highest = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, highest, _BANDS + 2) / 2595) - 1)
    corners = np.floor((_TRANSFORM + 1) * hertz / SAMPLE_RATE)
    weights = np.zeros((_BANDS, _TRANSFORM // 2 + 1))
    bins = np.arange(weights.shape[1])
    for band, (low, middle, high) in enumerate(zip(corners[:-2], corners[1:-1], corners[2:], strict=True)):
        rising, falling = (bins >= low) & (bins < middle), (bins >= middle) & (bins < high)
        weights[band, rising] = (bins[rising] - low) / (middle - low)
        weights[band, falling] = (high - bins[falling]) / (high - middle)
    return weights


@cache
def _cosines() -> NDArray[np.float64]:
    """(13, 26): the orthonormal cosine transform of 26 logarithms, its rows lifted."""
    row, column = np.arange(COEFFICIENTS)[:, None], np.arange(_BANDS)[None]
    cosines = np.cos(np.pi * row * (2 * column + 1) / (2 * _BANDS)) * np.sqrt(2 / _BANDS)
    cosines[0] /= np.sqrt(2)
    return np.asarray(cosines * (1 + _LIFTER / 2 * np.sin(np.pi * row / _LIFTER)))
