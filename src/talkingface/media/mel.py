"""Log-mel spectrograms on their own 100 Hz clock: what the mouth network and the sync experts listen to.

Two of mono 16 kHz speech, column for column at the same times: 80 bands from 50 to 7600 Hz in 32 ms windows
(``MOUTH_MEL``), and the 32 bands from 60 to 3800 Hz in 25 ms windows that Google's speech embedding was trained on
(``PHONETIC_MEL``; Lin et al. 2020, as openWakeWord writes it down). (VideoReTalking's and
Wav2Lip's networks use another front end, 80 Hz and decibels: ``decibel_mel``.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkingface.media.row_file import Rows

SAMPLE_RATE = 16_000
MEL_RATE = 100
BANDS = 80  # of MOUTH_MEL
PHONETIC_BANDS = 32
WINDOW = 512
HOP = SAMPLE_RATE // MEL_RATE
SPEECH_LEVEL = 0.05  # root mean square that the loud half of the sound is brought to
QUIETEST_SPEECH = 0.0015  # below about -56 dBFS there is no speech to bring up: noise must stay noise
CHUNK = 1000  # mel columns at a time: 10 s
BLOCK_PIECES = 1500  # 20 ms pieces at a time: 30 s


@dataclass(frozen=True)
class MelSetting:
    """One kind of log-mel spectrogram.

    Attributes:
        bands: Mel bands.
        lowest: Hz, where the first band begins.
        highest: Hz, where the last band ends.
        slaney: Slaney's mel scale (linear below 1 kHz) and triangles of equal area in Hz, as librosa makes them; else
            HTK's scale and triangles that sum to 1.
        window: Samples that a Hann window weighs, in the middle of the ``WINDOW`` that are transformed.
        pre_emphasis: Share of the sample before that is taken off each.
        full_scale: What a sample of 1 counts as.
        floor: Power below which all is silence.
        decades: Powers are given as decimal logarithms plus 2, else as natural logarithms.
    """

    bands: int
    lowest: float
    highest: float
    slaney: bool
    window: int
    pre_emphasis: float
    full_scale: float
    floor: float
    decades: bool

    def hann(self) -> NDArray[np.float32]:
        """(WINDOW,) weights."""
        if self.window == WINDOW:
            return np.hanning(WINDOW).astype(np.float32)
        margin = (WINDOW - self.window) // 2
        return np.pad(np.hanning(self.window + 1)[:-1], margin).astype(np.float32)

    def compressed(self, power: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logarithms of powers."""
        if self.decades:
            return np.asarray(np.log10(np.maximum(power, np.float32(self.floor))) + np.float32(2))
        return np.asarray(np.log(power + np.float32(self.floor)))


MOUTH_MEL = MelSetting(80, 50.0, 7600.0, False, WINDOW, 0.97, 1.0, 1e-6, False)
# speech brought to SPEECH_LEVEL peaks at about 11.3 there; its training had all more than 80 dB below that cut off
PHONETIC_MEL = MelSetting(32, 60.0, 3800.0, True, 400, 0.0, 32767.0, 10**1.3, True)


def mel_filters(setting: MelSetting = MOUTH_MEL, transformed: int = WINDOW) -> NDArray[np.float32]:
    """Triangular mel filters (bands, transformed // 2 + 1), for spectra of so many transformed samples."""
    step = np.log(6.4) / 27  # of Slaney's scale above 1 kHz

    def to_mel(hertz: float) -> float:
        if not setting.slaney:
            return float(2595 * np.log10(1 + hertz / 700))
        return hertz * 3 / 200 if hertz < 1000 else float(15 + np.log(hertz / 1000) / step)

    mels = np.linspace(to_mel(setting.lowest), to_mel(setting.highest), setting.bands + 2)
    if setting.slaney:
        edges = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(step * (mels - 15)))
    else:
        edges = 700 * (10 ** (mels / 2595) - 1)
    frequencies = np.arange(transformed // 2 + 1) * SAMPLE_RATE / transformed
    rising = (frequencies - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - frequencies) / np.diff(edges)[1:, None]
    weights = np.maximum(0, np.minimum(rising, falling))
    if setting.slaney:
        return np.asarray(weights * (2 / (edges[2:] - edges[:-2]))[:, None], np.float32)
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

    def __init__(self, samples: Rows, setting: MelSetting = MOUTH_MEL, level: float | None = None) -> None:
        """Listen to how loud the whole sound is.

        Args:
            samples: Mono 16 kHz, -1..1, in memory or on disk.
            setting: Which spectrogram.
            level: From ``speech_level``, when it was measured before.
        """
        self._samples = samples
        self._setting = setting
        self._level = max(speech_level(samples) if level is None else level, QUIETEST_SPEECH)
        self._window = setting.hann()
        self._filters = mel_filters(setting).T

    def heard_as(self, setting: MelSetting) -> LogMel:
        """Another spectrogram of the same sound, without measuring its loudness again."""
        return LogMel(self._samples, setting, self._level)

    def columns(self, first: int, count: int) -> NDArray[np.float32]:
        """Make some columns.

        Args:
            first: The first of them; before 0 there is silence.
            count: How many, also beyond the sound's end.

        Returns:
            (count, bands) float32, logarithms of power; see ``MelSetting``.
        """
        result = np.empty((count, self._setting.bands), np.float32)
        for start in range(0, count, CHUNK):
            stop = min(count, start + CHUNK)
            padded = self._emphasised(first + start, stop - start)
            part = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP] * self._window
            power = np.abs(np.fft.rfft(part, axis=1)) ** 2
            result[start:stop] = self._setting.compressed(power.astype(np.float32) @ self._filters)
        return result

    def _emphasised(self, first: int, count: int) -> NDArray[np.float32]:
        """The pre-emphasised samples under some columns, zeros where there is no sound."""
        begin = first * HOP - (WINDOW - HOP) // 2
        end = begin + (count - 1) * HOP + WINDOW
        low, high = min(max(0, begin), len(self._samples)), max(0, min(end, len(self._samples)))
        padded = np.zeros(end - begin, np.float32)
        if low < high:
            before = 1 if low else 0  # each sample is weighed against the one before it
            gain = np.float32(self._setting.full_scale * SPEECH_LEVEL / self._level)
            scaled = np.asarray(self._samples[low - before : high], np.float32) * gain
            emphasised = scaled.copy()
            emphasised[1:] -= np.float32(self._setting.pre_emphasis) * scaled[:-1]
            padded[low - begin : high - begin] = emphasised[before:]
        return padded


def log_mel(samples: Rows, columns: int | None = None, setting: MelSetting = MOUTH_MEL) -> NDArray[np.float32]:
    """The log-mel spectrogram of a whole sound, see ``LogMel``.

    Args:
        samples: Mono 16 kHz, -1..1, shape (n,).
        columns: How many columns to make; None for as many as the sound has.
        setting: Which spectrogram.

    Returns:
        (columns, bands) float32.
    """
    return LogMel(samples, setting).columns(0, -(-len(samples) // HOP) if columns is None else columns)
