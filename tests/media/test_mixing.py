"""Backgrounds under a new sound, and sums of several sounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talkingface.media.mixing import mixed_sound, sum_sounds
from talkingface.media.sound import SoundRecorder, StoredSound

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
RATE = 16_000


def stored(folder: Path, name: str, samples: np.ndarray, rate: int = RATE) -> StoredSound:
    recorder = SoundRecorder(folder / name, samples.shape[1])
    recorder.extend(samples.astype(np.float32))
    return recorder.finish(rate, LAYOUTS[samples.shape[1]], Path(f"{name}.wav"))


def tone(seconds: float, hertz: float = 440, level: float = 0.2, channels: int = 1, rate: int = RATE) -> np.ndarray:
    wave = level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return np.repeat(wave[:, None], channels, 1)


def test_sums_are_exact_where_nothing_must_change(tmp_path: Path) -> None:
    main, own = tone(3), tone(4, 300)
    mix = mixed_sound(stored(tmp_path, "main", main), stored(tmp_path, "own", own), 0.5, 3.0, tmp_path / "mix")
    assert (mix.sound.length, mix.sound.channels, mix.sound.sample_rate) == (3 * RATE, 1, RATE)
    np.testing.assert_allclose(mix.sound.rows[:], main + 0.5 * own[: 3 * RATE], atol=1e-6)
    assert mix.notes == ()
    assert mix.sound.path == Path("main.wav")


def test_long_sounds_have_no_seams(tmp_path: Path) -> None:
    main, own = tone(40, channels=2), tone(40, 300, channels=2)
    mix = mixed_sound(stored(tmp_path, "main", main), stored(tmp_path, "own", own), 1.0, 40.0, tmp_path / "mix")
    np.testing.assert_allclose(mix.sound.rows[:], main + own, atol=1e-6)


def test_the_main_sound_is_untouched_by_a_silent_background(tmp_path: Path) -> None:
    main = np.random.default_rng(0).uniform(-1, 1, (2 * RATE, 2)).astype(np.float32)
    mix = mixed_sound(
        stored(tmp_path, "main", main), stored(tmp_path, "own", np.zeros((RATE, 1))), 4.0, 2.0, tmp_path / "mix"
    )
    np.testing.assert_array_equal(mix.sound.rows[:], main)


def test_a_background_goes_on_behind_the_end_of_the_main_sound(tmp_path: Path) -> None:
    main, own = tone(1), tone(3, 300)
    mix = mixed_sound(stored(tmp_path, "main", main), stored(tmp_path, "own", own), 1.0, 2.5, tmp_path / "mix")
    assert mix.sound.length == round(2.5 * RATE)
    np.testing.assert_allclose(mix.sound.rows[RATE + 10 :], own[RATE + 10 : round(2.5 * RATE)], atol=1e-6)


def test_a_short_background_begins_anew_without_a_click(tmp_path: Path) -> None:
    own = tone(1.0, 313.7, 0.3)  # no whole number of periods: a plain repetition would click
    silence = stored(tmp_path, "main", np.zeros((5 * RATE, 1)))
    heard = mixed_sound(silence, stored(tmp_path, "own", own), 1.0, 5.0, tmp_path / "mix").sound.rows[:][:, 0]
    assert len(heard) == 5 * RATE
    fade = round(0.05 * RATE)
    np.testing.assert_allclose(heard[: RATE - fade], own[: RATE - fade, 0], atol=1e-6)
    period = RATE - fade
    np.testing.assert_allclose(heard[period + fade : 2 * period], own[fade:period, 0], atol=1e-6)
    steepest = 0.3 * 2 * np.pi * 313.7 / RATE
    assert np.abs(np.diff(heard)).max() < 1.6 * steepest
    level = np.sqrt(np.convolve(heard**2, np.ones(800) / 800, "valid"))
    assert level.min() > 0.4 * level.max()


@pytest.mark.parametrize("shorter", [0.0, 0.1])
def test_a_background_that_all_but_fits_does_not_begin_anew(tmp_path: Path, shorter: float) -> None:
    own = tone(2 - shorter)
    silence = stored(tmp_path, "main", np.zeros((2 * RATE, 1)))
    heard = mixed_sound(silence, stored(tmp_path, "own", own), 1.0, 2.0, tmp_path / "mix").sound.rows[:]
    np.testing.assert_allclose(heard[: len(own)], own, atol=1e-6)
    assert np.abs(heard[len(own) :]).max(initial=0) == 0


@pytest.mark.parametrize("length", [1, 100])
def test_a_moment_of_background_is_not_repeated(tmp_path: Path, length: int) -> None:
    silence = stored(tmp_path, "main", np.zeros((RATE, 1)))
    own = stored(tmp_path, "own", np.full((length, 1), 0.5))
    heard = mixed_sound(silence, own, 1.0, 1.0, tmp_path / "mix").sound.rows[:]
    assert np.flatnonzero(heard).tolist() == list(range(length))


@pytest.mark.parametrize(
    ("main_channels", "own_channels", "expected"), [(1, 1, 1), (1, 2, 2), (2, 1, 2), (1, 6, 2), (2, 6, 2), (6, 2, 6)]
)
def test_channels_are_reconciled(tmp_path: Path, main_channels: int, own_channels: int, expected: int) -> None:
    main = tone(1, channels=main_channels)
    own = tone(1, 300, 0.1, channels=own_channels)
    mix = mixed_sound(stored(tmp_path, "main", main), stored(tmp_path, "own", own), 1.0, 1.0, tmp_path / "mix")
    assert mix.sound.channels == expected
    added = mix.sound.rows[:] - main[:, :1]  # one channel of the main sound goes to both sides as it is
    if own_channels <= 2 and expected <= 2:
        np.testing.assert_allclose(added, np.repeat(own[:, :1], expected, 1), atol=1e-5)
    else:
        assert 0.03 < np.abs(added[2000:-2000, :2]).max() < 0.25


def test_another_rate_keeps_time_and_pitch(tmp_path: Path) -> None:
    own = tone(2, 440, rate=48_000, channels=2)
    silence = stored(tmp_path, "main", np.zeros((2 * RATE, 2)))
    mix = mixed_sound(silence, stored(tmp_path, "own", own, 48_000), 1.0, 2.0, tmp_path / "mix")
    assert mix.sound.sample_rate == RATE
    np.testing.assert_allclose(mix.sound.rows[:][200:-200], tone(2, 440, channels=2)[200:-200], atol=0.01)


def test_what_would_clip_is_turned_down_softly_and_only_there(tmp_path: Path) -> None:
    main = tone(6, 200, 0.5)
    own = tone(6, 330, 0.2)
    own[2 * RATE : 3 * RATE] *= 4
    mix = mixed_sound(stored(tmp_path, "main", main), stored(tmp_path, "own", own), 1.0, 6.0, tmp_path / "mix")
    heard = mix.sound.rows[:]
    assert 0.9 < np.abs(heard).max() <= 1.0
    (note,) = mix.notes
    assert "turned down" in note
    untouched = np.r_[0 : round(1.87 * RATE), round(3.13 * RATE) : 6 * RATE]
    np.testing.assert_allclose(heard[untouched], (main + own)[untouched], atol=1e-6)
    gain = heard[:, 0] / np.where(np.abs(main + own)[:, 0] > 0.05, (main + own)[:, 0], np.nan)
    assert np.nanmin(gain) > 0.7
    assert np.nanmax(np.abs(np.diff(gain))) < 0.005  # no step that could be heard


def test_a_background_with_values_that_are_no_numbers(tmp_path: Path) -> None:
    own = tone(1, rate=48_000)
    own[100] = np.nan
    main = tone(1)
    mix = mixed_sound(stored(tmp_path, "main", main), stored(tmp_path, "own", own, 48_000), 1.0, 1.0, tmp_path / "mix")
    assert mix.sound.finite
    assert "no numbers" in mix.notes[0]


def test_nothing_is_left_beside_the_result(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    main, own = stored(tmp_path, "main", tone(1)), stored(tmp_path, "own", tone(1, rate=44_100, channels=2), 44_100)
    mixed_sound(main, own, 1.0, 1.0, folder / "mix")
    assert [path.name for path in folder.iterdir()] == ["mix"]
    sum_sounds([main, own], folder / "mix")
    assert [path.name for path in folder.iterdir()] == ["mix"]


def test_sounds_of_several_speakers(tmp_path: Path) -> None:
    one = stored(tmp_path, "one", tone(1, 200, 0.2, rate=8_000), 8_000)
    two = stored(tmp_path, "two", tone(2.5, 500, 0.2, channels=2, rate=48_000), 48_000)
    three = stored(tmp_path, "three", tone(2, 900, 0.2, rate=48_000), 48_000)
    mix = sum_sounds([one, two, three], tmp_path / "mix")
    assert (mix.sound.sample_rate, mix.sound.channels, mix.sound.duration) == (48_000, 2, 2.5)
    expected = tone(2.5, 500, 0.2, 2, 48_000)
    expected[: 2 * 48_000] += tone(2, 900, 0.2, 2, 48_000)
    expected[:48_000] += tone(1, 200, 0.2, 2, 48_000)
    heard = mix.sound.rows[:]
    np.testing.assert_allclose(heard[1000:47_000], expected[1000:47_000], atol=0.01)
    np.testing.assert_allclose(heard[49_000:], expected[49_000:], atol=1e-5)
    assert mix.notes == ()


def test_speakers_at_once_do_not_clip(tmp_path: Path) -> None:
    voices = [stored(tmp_path, f"voice{number}", tone(1, 200 + number, 0.7)) for number in range(3)]
    mix = sum_sounds(voices, tmp_path / "mix")
    assert mix.sound.peak <= 1
    assert "turned down" in mix.notes[0]


def test_one_sound_is_itself(tmp_path: Path) -> None:
    samples = tone(1, channels=2)
    mix = sum_sounds([stored(tmp_path, "one", samples)], tmp_path / "mix")
    np.testing.assert_allclose(mix.sound.rows[:], samples, atol=1e-7)
    with pytest.raises(ValueError, match="no sounds"):
        sum_sounds([], tmp_path / "mix")
