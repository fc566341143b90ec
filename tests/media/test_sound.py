"""Sound in memory and on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talkingface.media.sound import AudioTrack, SoundRecorder, StoredSound


def recorded(path: Path, samples: np.ndarray, rate: int = 1000, piece: int = 777) -> StoredSound:
    recorder = SoundRecorder(path, samples.shape[1])
    for low in range(0, len(samples), piece):
        recorder.extend(samples[low : low + piece])
    return recorder.finish(rate, "stereo", Path("a.wav"))


@pytest.fixture
def samples() -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.9, 0.9, (50_001, 2)).astype(np.float32)


def test_what_was_recorded_comes_back(tmp_path: Path, samples: np.ndarray) -> None:
    sound = recorded(tmp_path / "rows", samples)
    assert (sound.length, sound.channels, sound.duration) == (50_001, 2, 50.001)
    np.testing.assert_array_equal(sound.rows[:], samples)
    assert sound.peak == pytest.approx(np.abs(samples).max())
    assert (sound.clipped_share, sound.finite, sound.loss) == (0, True, None)


def test_an_old_file_is_no_part_of_a_new_sound(tmp_path: Path, samples: np.ndarray) -> None:
    recorded(tmp_path / "rows", samples)
    assert recorded(tmp_path / "rows", samples[:10]).length == 10


@pytest.mark.parametrize("seconds", [0.5, 7.0, 100.0])
@pytest.mark.parametrize(("first", "count"), [(0, None), (13, 20_000), (49_000, 5_000), (60_000, None)])
def test_blocks_follow_each_other(
    tmp_path: Path, samples: np.ndarray, seconds: float, first: int, count: int | None
) -> None:
    wanted = samples[first:] if count is None else samples[first : first + count]
    track = AudioTrack(samples, 1000, Path("a.wav"), 0.0, "stereo")
    for sound in (recorded(tmp_path / "rows", samples), track):
        blocks = list(sound.blocks(seconds, first, count))
        assert all(0 < len(block) <= max(1, round(1000 * seconds)) for block in blocks)
        np.testing.assert_array_equal(np.concatenate([np.zeros((0, 2), np.float32), *blocks]), wanted)


def test_blocks_of_many_channels_stay_small(tmp_path: Path) -> None:
    sound = recorded(tmp_path / "rows", np.zeros((40_000, 64), np.float32), rate=192_000)
    assert max(block.size for block in sound.blocks(10.0)) <= 1 << 20


def test_the_first_seconds(tmp_path: Path, samples: np.ndarray) -> None:
    part = recorded(tmp_path / "rows", samples).first(1.5)
    assert (part.length, part.duration) == (1500, 1.5)
    np.testing.assert_array_equal(np.concatenate(list(part.blocks(1.0))), samples[:1500])
    assert part.first(99).length == 1500
    assert part.first(-1).length == 0


def test_clipped_values_and_values_that_are_no_numbers_are_counted(tmp_path: Path) -> None:
    samples = np.zeros((1000, 2), np.float32)
    samples[:50, 0] = 1.0
    samples[:50, 1] = -1.25
    clipped = recorded(tmp_path / "a", samples)
    assert (clipped.clipped_share, clipped.peak, clipped.finite) == (0.05, 1.25, True)
    for value in (np.nan, np.inf, -np.inf):
        samples[700, 1] = value
        sound = recorded(tmp_path / "b", samples)
        assert not sound.finite
        assert sound.peak == 1.25
