"""The log-mel front end."""

from __future__ import annotations

import numpy as np
import pytest

from talkingface.media.mel import BANDS, SAMPLE_RATE, log_mel, mel_filters, speech_level


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
