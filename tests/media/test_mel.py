"""The log-mel front end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talkingface.media.mel import (
    BANDS,
    HOP,
    MOUTH_MEL,
    PHONETIC_BANDS,
    PHONETIC_MEL,
    SAMPLE_RATE,
    WINDOW,
    LogMel,
    log_mel,
    mel_filters,
    speech_level,
)
from talkingface.media.row_file import RowFile


def tone(hertz: float, seconds: float = 1.0, amplitude: float = 0.3) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)).astype(
        np.float32
    )


def test_filters_are_triangles_of_sum_one_in_rising_order() -> None:
    filters = mel_filters()
    assert filters.shape == (BANDS, 257)
    assert filters.min() >= 0
    full = filters.sum(1) > 0
    assert full.all()  # no band is too narrow to hear anything
    np.testing.assert_allclose(filters.sum(1), 1, rtol=1e-5)
    centres = filters @ np.arange(257) * SAMPLE_RATE / 512
    assert np.all(np.diff(centres) > 0)
    assert 50 < centres[0] < 120
    assert 7000 < centres[-1] < 7600


@pytest.mark.parametrize("hertz", [300, 1000, 4000])
def test_a_tone_lights_its_own_band(hertz: float) -> None:
    mel = log_mel(tone(hertz))
    strongest = int(mel[20:80].mean(0).argmax())
    centres = mel_filters() @ np.arange(257) * SAMPLE_RATE / 512
    assert centres[strongest] == pytest.approx(hertz, rel=0.08)


def test_columns_are_centred_on_their_time() -> None:
    sound = np.zeros(SAMPLE_RATE, np.float32)
    sound[8000:8016] = 0.5  # a click at 0.5 s
    energy = log_mel(sound).mean(1)
    times = (np.arange(len(energy)) + 0.5) / 100
    heard = times[energy > energy.min() + 1]
    assert heard.mean() == pytest.approx(0.5, abs=0.006)
    assert np.ptp(heard) < 0.035


def test_loudness_does_not_matter() -> None:
    random = np.random.default_rng(0)
    speech = (random.normal(size=SAMPLE_RATE) * 0.1 * np.abs(np.sin(np.arange(SAMPLE_RATE) / 2000))).astype(np.float32)
    np.testing.assert_allclose(log_mel(speech), log_mel(speech * 0.2), atol=1e-3)


def test_noise_is_not_brought_up_to_speech() -> None:
    hiss = (np.random.default_rng(0).normal(size=SAMPLE_RATE) * 1e-5).astype(np.float32)
    assert log_mel(hiss).max() < log_mel(hiss * 3e3).max() - 4


def test_silence_is_the_floor() -> None:
    np.testing.assert_allclose(log_mel(np.zeros(3200, np.float32)), np.log(1e-6), rtol=1e-5)


@pytest.mark.parametrize(("samples", "columns"), [(0, 0), (1, 1), (160, 1), (161, 2), (16000, 100)])
def test_number_of_columns(samples: int, columns: int) -> None:
    assert log_mel(np.zeros(samples, np.float32)).shape == (columns, BANDS)


def test_asked_for_columns_beyond_the_end_are_silent() -> None:
    mel = log_mel(tone(500, 0.2), 60)
    assert mel.shape == (60, BANDS)
    np.testing.assert_allclose(mel[30:], np.log(1e-6), rtol=1e-5)
    np.testing.assert_array_equal(mel[:17], log_mel(tone(500, 0.2))[:17])


def test_long_sounds_are_made_in_pieces_without_seams() -> None:
    sound = np.random.default_rng(0).normal(size=SAMPLE_RATE * 31).astype(np.float32) * 0.1
    whole = log_mel(sound)
    assert whole.shape == (3100, BANDS)
    level = speech_level(sound) / speech_level(sound[29 * SAMPLE_RATE :])
    part = log_mel(sound[29 * SAMPLE_RATE :])
    np.testing.assert_allclose(whole[2904:], part[4:] - 2 * np.log(level), atol=2e-3)


def test_level_is_that_of_the_louder_half() -> None:
    quiet_and_loud = np.concatenate([np.zeros(SAMPLE_RATE, np.float32), tone(400, 1.0, 0.2)])
    assert speech_level(quiet_and_loud) == pytest.approx(0.2 / np.sqrt(2), rel=1e-3)
    assert speech_level(np.zeros(0, np.float32)) == 0
    assert speech_level(np.full(10, 0.5, np.float32)) == pytest.approx(0.5)


@pytest.mark.parametrize("samples", [0, 1, 150, 500, 16_000 * 3 + 77])
def test_windows_are_parts_of_the_whole(samples: int, tmp_path: Path) -> None:
    """The whole is computed here plainly: emphasised, padded and cut into windows in one piece."""
    sound = (0.1 * np.random.default_rng(0).normal(size=samples)).astype(np.float32)
    count = -(-samples // HOP) + 7
    scaled = sound * np.float32(0.05 / max(speech_level(sound), 0.0015))
    emphasised = scaled.copy()
    emphasised[1:] -= np.float32(0.97) * scaled[:-1]
    padded = np.pad(emphasised, ((WINDOW - HOP) // 2, count * HOP + WINDOW))
    windows = np.stack([padded[j * HOP : j * HOP + WINDOW] for j in range(count)]) * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(windows, axis=1)) ** 2
    expected = np.log(power @ mel_filters().T + 1e-6)
    stored = RowFile(tmp_path / "rows", ())
    stored.extend(sound)
    for source in (sound, stored):
        mel = LogMel(source)
        np.testing.assert_allclose(mel.columns(0, count), expected, atol=1e-3)
        for first, number in [(0, 1), (1, 5), (count - 3, 3), (count + 100, 2), (2, 0)]:
            piece = mel.columns(first, number)
            assert piece.shape == (number, BANDS)
            if first < count:
                np.testing.assert_allclose(piece, expected[first : first + number], atol=1e-3)
            else:
                np.testing.assert_allclose(piece, np.log(1e-6), rtol=1e-5)


def test_level_of_a_long_sound_is_that_of_all_its_pieces() -> None:
    sound = (0.1 * np.random.default_rng(0).normal(size=SAMPLE_RATE * 65 + 11)).astype(np.float32)
    pieces = np.sort(
        [np.mean(np.square(sound[k : k + 320], dtype=np.float64)) for k in range(0, len(sound) - 319, 320)]
    )
    assert speech_level(sound) == pytest.approx(np.sqrt(pieces[len(pieces) // 2 :].mean()), rel=1e-9)


def test_the_phonetic_spectrogram_is_the_one_the_speech_embedding_was_trained_on() -> None:
    # corners and middles of a few bands of librosa.filters.mel(sr=16000, n_fft=512, n_mels=32, fmin=60, fmax=3800)
    filters = mel_filters(PHONETIC_MEL)
    assert filters.shape == (PHONETIC_BANDS, 257)
    assert filters.max() == pytest.approx(0.014234, abs=1e-5)
    centres = (filters @ np.arange(257)) / filters.sum(1) * SAMPLE_RATE / 512
    assert centres[0] == pytest.approx(138, abs=15)
    assert centres[-1] == pytest.approx(3630, rel=0.03)
    mel = log_mel(tone(1000), setting=PHONETIC_MEL)
    assert int(mel[20:80].mean(0).argmax()) == int(np.abs(centres - 1000).argmin())
    assert mel.min() == pytest.approx(3.3, abs=1e-4)  # the floor
    assert 11 < mel.max() < 13


def test_both_spectrograms_have_the_same_clock() -> None:
    sound = np.zeros(SAMPLE_RATE, np.float32)
    sound[7920:8080] = tone(800, 0.01)
    for setting in (MOUTH_MEL, PHONETIC_MEL):
        energy = log_mel(sound, setting=setting).mean(1)
        energy -= energy.min()
        assert (energy * (np.arange(100) + 0.5)).sum() / energy.sum() == pytest.approx(50, abs=0.3)


def test_another_spectrogram_of_a_sound_needs_no_second_look_at_its_loudness() -> None:
    sound = tone(700, 0.5, 0.02)
    again = LogMel(sound).heard_as(PHONETIC_MEL)
    np.testing.assert_array_equal(again.columns(-3, 40), LogMel(sound, PHONETIC_MEL).columns(-3, 40))
    np.testing.assert_allclose(again.columns(-9, 4), 3.3, atol=1e-4)  # nothing before the sound
