"""The spectrogram against the reference's own (where they are) and against its definition, step by step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talkingface.media.decibel_mel import CHUNK, FILTERS, DecibelMel, released_window_starts
from talkingface.media.mel import mel_filters
from talkingface.media.row_file import RowFile

from ..goldens import golden_functions, golden_module, needs_goldens


def sweep(count: int = 3300) -> np.ndarray:
    time = np.arange(count) / 16000
    return (0.4 * np.sin(2 * np.pi * (300 + 4000 * time) * time) * (time < 0.15)).astype(np.float32)


def plain(samples: np.ndarray, mode: str) -> np.ndarray:
    """The definition."""
    signal = np.append(samples[0], samples[1:] - 0.97 * samples[:-1].astype(np.float64))
    padded = np.pad(signal, 400, mode=mode)
    weights = np.sin(np.pi * np.arange(800) / 800) ** 2
    spectra = [np.abs(np.fft.rfft(padded[start : start + 800] * weights)) for start in range(0, len(signal) + 1, 200)]
    decibels = 20 * np.log10(np.maximum(1e-5, np.stack(spectra) @ mel_filters(FILTERS, 800).T)) - 20
    return np.clip(8 * (decibels + 100) / 100 - 4, -4, 4).T


@pytest.mark.parametrize("mirrored", [False, True])
def test_definition(mirrored: bool) -> None:
    mel = DecibelMel(sweep(), mirrored)
    columns = mel.columns(0, len(mel))
    assert columns.shape == (80, 17) and columns.dtype == np.float32
    np.testing.assert_allclose(columns, plain(sweep(), "reflect" if mirrored else "constant"), atol=1e-3)


def test_the_mirror_shows_in_two_columns_at_each_end() -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, 4000).astype(np.float32)
    zeros, mirror = (DecibelMel(sound, mirrored).columns(0, 21) for mirrored in (False, True))
    np.testing.assert_array_equal(zeros[:, 2:-2], mirror[:, 2:-2])
    assert np.abs(zeros - mirror)[:, [0, -1]].max() > 0.1


def test_pieces_are_the_whole(tmp_path: Path) -> None:
    sound = np.random.default_rng(1).normal(0, 0.1, 200 * (CHUNK + 30)).astype(np.float32)
    whole = DecibelMel(sound).columns(0, CHUNK + 31)
    rows = RowFile(tmp_path / "sound", ())
    with rows:
        rows.extend(sound)
    np.testing.assert_allclose(DecibelMel(rows).columns(CHUNK - 5, 20), whole[:, CHUNK - 5 : CHUNK + 15], atol=1e-4)


def test_silence_within_and_beyond_the_sound() -> None:
    assert (DecibelMel(np.zeros(16000, np.float32)).columns(-3, 100) == -4).all()
    mel = DecibelMel(sweep())
    around = mel.columns(-2, len(mel) + 4)
    assert (around[:, :2] == -4).all() and (around[:, -2:] == -4).all()
    np.testing.assert_array_equal(around[:, 2:-2], mel.columns(0, len(mel)))


def test_very_short_sounds_are_heard() -> None:
    for count in (1, 300, 400, 401):
        assert np.isfinite(DecibelMel(np.full(count, 0.1, np.float32), mirrored=True).columns(0, 3)).all()
    assert len(DecibelMel(np.zeros(0, np.float32))) == 1
    assert (DecibelMel(np.zeros(0, np.float32)).columns(0, 2) == -4).all()


def test_every_frame_hears_from_its_own_time_on() -> None:
    mel = DecibelMel(sweep())
    windows = mel.windows([0.1, 0.0, 0.3, 5.0])
    assert windows.shape == (4, 80, 16)
    np.testing.assert_allclose(windows[0], mel.columns(8, 16), atol=1e-4)
    np.testing.assert_allclose(windows[1], mel.columns(0, 16), atol=1e-4)
    assert (windows[3] == -4).all()
    assert mel.windows([]).shape == (0, 80, 16)


@pytest.mark.parametrize("rate", [24.0, 25.0, 30.0, 60.0])
def test_windows_are_the_released_ones_where_those_hear_the_frames_own_sound(rate: float) -> None:
    sound = np.random.default_rng(2).normal(0, 0.1, 16000).astype(np.float32)
    mel = DecibelMel(sound)
    starts = released_window_starts(len(mel), rate)[:-1]
    windows = mel.windows(np.arange(len(starts)) / rate)
    same = [
        np.allclose(window, mel.columns(start, 16), atol=1e-3) for window, start in zip(windows, starts, strict=True)
    ]
    assert np.mean(same) > 0.95  # its product is sometimes a rounding below a whole column


def test_released_windows_need_sound() -> None:
    assert released_window_starts(16, 25.0) == [0, 0]
    with pytest.raises(ValueError, match="16 columns"):
        released_window_starts(15, 25.0)
    with pytest.raises(ValueError, match="above 0"):
        released_window_starts(80, 0.0)


@needs_goldens
def test_goldens_of_the_spectrogram() -> None:
    about, golden = golden_functions("mel")
    make = golden_module("inputs").make
    sound, short = make(about["inputs"]["wav"]), make(about["inputs"]["wav_short"])
    tolerance = about["tolerance"]
    np.testing.assert_allclose(DecibelMel(sound).columns(0, 241), golden["constant"], atol=tolerance)
    mirrored = DecibelMel(sound, mirrored=True).columns(0, 241)
    np.testing.assert_allclose(np.hstack([mirrored[:, :4], mirrored[:, -4:]]), golden["reflect_edges"], atol=tolerance)
    np.testing.assert_allclose(mirrored[:, 2:-2], golden["constant"][:, 2:-2], atol=tolerance)
    np.testing.assert_allclose(DecibelMel(short).columns(0, 19), golden["short_constant"], atol=tolerance)
    np.testing.assert_array_equal(DecibelMel(np.zeros(16000)).columns(0, 3), golden["silence"])
    filters = mel_filters(FILTERS, 800)
    np.testing.assert_allclose(filters[::8], golden["basis"], atol=1e-7)
    np.testing.assert_allclose(filters.sum(dtype=np.float64), golden["basis_checksum"][0], rtol=1e-6)


@needs_goldens
def test_goldens_of_the_windows() -> None:
    _, golden = golden_functions("chunks")
    cases = zip(golden["fps"], golden["mel_columns"], golden["count"], strict=True)
    found = [released_window_starts(int(columns), float(rate)) for rate, columns, _ in cases]
    assert [len(starts) for starts in found] == golden["count"].tolist()
    assert np.concatenate(found).tolist() == golden["starts"].tolist()
