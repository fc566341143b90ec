"""Log-mel spectrogram on its own 100 Hz clock: what the mouth network and the sync expert listen to.

80 mel bands from 50 to 7600 Hz, 32 ms Hann windows every 10 ms, of mono 16 kHz speech. (The official networks use
another front end, 80 Hz and decibels; it belongs to them.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkingface.media.row_file import Rows

SAMPLE_RATE = 16_000
MEL_RATE = 100
BANDS = 80
WINDOW = 512
HOP = SAMPLE_RATE // MEL_RATE
LOWEST_HZ, HIGHEST_HZ = 50.0, 7600.0
PRE_EMPHASIS = 0.97
SPEECH_LEVEL = 0.05  # root mean square that the loud half of the sound is brought to
QUIETEST_SPEECH = 0.0015  # below about -56 dBFS there is no speech to bring up: noise must stay noise
CHUNK = 1000  # mel columns at a time: 10 s
BLOCK_PIECES = 1500  # 20 ms pieces at a time: 30 s


def mel_filters() -> NDArray[np.float32]:
    """Triangular HTK-mel filters (BANDS, WINDOW // 2 + 1), each summing to 1."""

    def to_mel(hertz: float) -> float:
        return float(2595 * np.log10(1 + hertz / 700))

    edges_mel = np.linspace(to_mel(LOWEST_HZ), to_mel(HIGHEST_HZ), BANDS + 2)
    edges = 700 * (10 ** (edges_mel / 2595) - 1)
    frequencies = np.arange(WINDOW // 2 + 1) * SAMPLE_RATE / WINDOW
    rising = (frequencies - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - frequencies) / np.diff(edges)[1:, None]
    weights = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(weights / np.maximum(weights.sum(1, keepdims=True), 1e-6), np.float32)


def speech_level(samples: Rows) -> float:
    """Root mean square of the louder half of the 20 ms pieces of mono 16 kHz samples (-1..1)."""
    piece = SAMPLE_RATE // 50
    count = len(samples) // piece
    if count == 0:
        return float(np.sqrt(np.mean(np.square(samples[:], dtype=np.float64)))) if len(samples) else 0.0
    power = np.empty(count)
    for start in range(0, count, BLOCK_PIECES):
        stop = min(count, start + BLOCK_PIECES)
        block = np.asarray(samples[start * piece : stop * piece], np.float32).reshape(-1, piece)
        power[start:stop] = np.square(block, dtype=np.float64).mean(1)
    return float(np.sqrt(np.sort(power)[count // 2 :].mean()))


class LogMel:
    """The log-mel spectrogram of a sound, independent of loudness, made a window at a time.

    Column j is centred on (j + 0.5) / 100 seconds. Beyond the sound's end there is silence.
    """

    def __init__(self, samples: Rows) -> None:
        """Listen to how loud the whole sound is.

        Args:
            samples: Mono 16 kHz, -1..1, in memory or on disk.
        """
        self._samples = samples
        self._gain = np.float32(SPEECH_LEVEL / max(speech_level(samples), QUIETEST_SPEECH))
        self._window = np.hanning(WINDOW).astype(np.float32)
        self._filters = mel_filters().T

    def columns(self, first: int, count: int) -> NDArray[np.float32]:
        """Make some columns.

        Args:
            first: The first of them, from 0 on.
            count: How many, also beyond the sound's end.

        Returns:
            (count, 80) float32, natural logarithm of power + 1e-6.
        """
        result = np.empty((count, BANDS), np.float32)
        for start in range(0, count, CHUNK):
            stop = min(count, start + CHUNK)
            padded = self._emphasised(first + start, stop - start)
            part = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP] * self._window
            power = np.abs(np.fft.rfft(part, axis=1)) ** 2
            result[start:stop] = np.log(power.astype(np.float32) @ self._filters + np.float32(1e-6))
        return result

    def _emphasised(self, first: int, count: int) -> NDArray[np.float32]:
        """The pre-emphasised samples under some columns, zeros where there is no sound."""
        begin = first * HOP - (WINDOW - HOP) // 2
        end = begin + (count - 1) * HOP + WINDOW
        low, high = min(max(0, begin), len(self._samples)), max(0, min(end, len(self._samples)))
        padded = np.zeros(end - begin, np.float32)
        if low < high:
            before = 1 if low else 0  # each sample is weighed against the one before it
            scaled = np.asarray(self._samples[low - before : high], np.float32) * self._gain
            emphasised = scaled.copy()
            emphasised[1:] -= np.float32(PRE_EMPHASIS) * scaled[:-1]
            padded[low - begin : high - begin] = emphasised[before:]
        return padded


def log_mel(samples: Rows, columns: int | None = None) -> NDArray[np.float32]:
    """The log-mel spectrogram of a whole sound, see ``LogMel``.

    Args:
        samples: Mono 16 kHz, -1..1, shape (n,).
        columns: How many columns to make; None for as many as the sound has.

    Returns:
        (columns, 80) float32.
    """
    return LogMel(samples).columns(0, -(-len(samples) // HOP) if columns is None else columns)
