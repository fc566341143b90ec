"""Log-mel spectrogram on its own 100 Hz clock: what the mouth network and the sync expert listen to.

80 mel bands from 50 to 7600 Hz, 32 ms Hann windows every 10 ms, of mono 16 kHz speech. (The official networks use
another front end, 80 Hz and decibels; it belongs to them.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
MEL_RATE = 100
BANDS = 80
WINDOW = 512
HOP = SAMPLE_RATE // MEL_RATE
LOWEST_HZ, HIGHEST_HZ = 50.0, 7600.0
PRE_EMPHASIS = 0.97
SPEECH_LEVEL = 0.05  # root mean square that the loud half of the sound is brought to
QUIETEST_SPEECH = 0.0015  # below about -56 dBFS there is no speech to bring up: noise must stay noise
CHUNK = 3000  # mel columns at a time: 30 s


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


def speech_level(samples: NDArray[np.float32]) -> float:
    """Root mean square of the louder half of the 20 ms pieces of mono 16 kHz samples (-1..1)."""
    piece = SAMPLE_RATE // 50
    count = len(samples) // piece
    if count == 0:
        return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0
    power = np.square(samples[: count * piece].reshape(count, piece), dtype=np.float64).mean(1)
    return float(np.sqrt(np.sort(power)[count // 2 :].mean()))


def log_mel(samples: NDArray[np.float32], columns: int | None = None) -> NDArray[np.float32]:
    """Log-mel spectrogram, independent of loudness.

    Args:
        samples: Mono 16 kHz, -1..1, shape (n,).
        columns: How many columns to make; None for as many as the sound has. Beyond its end there is silence.

    Returns:
        (columns, 80) float32, natural logarithm of power + 1e-6; column j is centred on (j + 0.5) / 100 seconds.
    """
    if columns is None:
        columns = -(-len(samples) // HOP)
    level = max(speech_level(samples), QUIETEST_SPEECH)
    scaled = np.asarray(samples, np.float32) * np.float32(SPEECH_LEVEL / level)
    emphasised = scaled.copy()
    emphasised[1:] -= np.float32(PRE_EMPHASIS) * scaled[:-1]
    before = (WINDOW - HOP) // 2
    after = max(0, columns * HOP + WINDOW - len(emphasised))
    padded = np.pad(emphasised, (before, after))
    window = np.hanning(WINDOW).astype(np.float32)
    filters = mel_filters().T
    result = np.empty((columns, BANDS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    for start in range(0, columns, CHUNK):
        part = frames[start : min(columns, start + CHUNK)] * window
        power = np.abs(np.fft.rfft(part, axis=1)) ** 2
        result[start : start + len(part)] = np.log(power.astype(np.float32) @ filters + np.float32(1e-6))
    return result
