from __future__ import annotations

import numpy as np
import pytest

from talkingface.errors import MediaError
from talkingface.evaluation.metrics.syncnet_distance import (
    BLOCK,
    FEWEST_WINDOWS,
    MAX_SHIFT,
    checked_figures,
    shifted_distances,
    syncnet_figures,
)
from talkingface.models.syncnet.embedding import WindowEmbeddings

from ...goldens import golden_functions, needs_goldens


def vectors(rows: int, seed: int = 0, size: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, size)).astype(np.float32)


def windows(rows: np.ndarray, first: int = 0, length: int | None = None) -> WindowEmbeddings:
    ticks = np.arange(first, first + len(rows))
    return WindowEmbeddings(rows, ticks, len(rows) + first + 5 if length is None else length)


def plain(lips: np.ndarray, sound: np.ndarray, shift: int) -> np.ndarray:
    """The definition: zeros around the sound, a millionth on every difference."""
    padded = np.pad(sound, ((shift, shift), (0, 0)))
    count = 2 * shift + 1
    return np.stack([np.sqrt(((row[None] - padded[i : i + count] + 1e-6) ** 2).sum(1)) for i, row in enumerate(lips)])


def test_distances_are_the_definition() -> None:
    lips, sound = vectors(40), vectors(40, 1)
    found = shifted_distances(lips, sound, np.arange(40), np.arange(-15, 16))
    np.testing.assert_allclose(found, plain(lips, sound, 15), atol=1e-5)
    np.testing.assert_allclose(found[0, 0], np.linalg.norm(lips[0]), rtol=1e-5)  # nothing is there: zeros
    same = shifted_distances(lips, lips, np.arange(40), np.array([0]))
    np.testing.assert_allclose(same, 1e-6 * 16**0.5, rtol=1e-3)  # not quite 0


@needs_goldens
@pytest.mark.parametrize("shift", [10, 15])
def test_the_reference_says_the_same(shift: int) -> None:
    about, expected = golden_functions("syncnet")
    tolerance = about["tolerance"]["dists"]
    lips, sound = expected["video"], expected["audio"]
    found = shifted_distances(lips, sound, np.arange(len(lips)), np.arange(-shift, shift + 1))
    np.testing.assert_allclose(found, expected[f"dists_{shift}"], atol=tolerance)
    figures = syncnet_figures(windows(lips), windows(sound), shift)
    np.testing.assert_allclose(figures.curve, expected[f"mean_{shift}"], atol=tolerance)
    summary = (figures.offset, figures.distance, figures.confidence)
    np.testing.assert_allclose(summary, expected[f"summary_{shift}"], atol=tolerance)
    np.testing.assert_allclose(figures.window_confidence, expected[f"framewise_{shift}"], atol=tolerance)


@pytest.mark.parametrize("late", [-7, 0, 4, 15])
def test_late_lips_have_a_positive_offset(late: int) -> None:
    sound = vectors(120)
    lips = np.roll(sound, late, axis=0) + vectors(120, 2) * np.float32(0.2)
    figures = syncnet_figures(windows(lips), windows(sound))
    assert figures.offset == late
    assert figures.distance == pytest.approx(figures.curve.min()) == figures.curve[MAX_SHIFT - late]
    assert figures.confidence == pytest.approx(np.median(figures.curve) - figures.curve.min())
    offsets, distances = figures.by_lateness()
    assert offsets == list(range(-15, 16)) and distances[offsets.index(late)] == figures.distance


def test_long_clips_are_compared_in_blocks_without_seams() -> None:
    count = 2 * BLOCK + 9
    lips, sound = vectors(count), vectors(count, 1)
    expected = plain(lips, sound, MAX_SHIFT)
    figures = syncnet_figures(windows(lips), windows(sound))
    np.testing.assert_allclose(figures.curve, expected.mean(0), atol=1e-5)
    np.testing.assert_allclose(figures.window_distance, expected[:, MAX_SHIFT - figures.offset], atol=1e-5)


def test_the_shorter_of_lips_and_sound_counts() -> None:
    lips, sound = vectors(60), vectors(90, 1)
    whole = syncnet_figures(windows(lips), windows(sound))
    np.testing.assert_allclose(whole.curve, plain(lips, sound[:60], 15).mean(0), atol=1e-5)
    other = syncnet_figures(windows(sound), windows(lips))
    assert other.ticks.tolist() == list(range(60))
    np.testing.assert_allclose(other.curve, plain(sound[:60], lips, 15).mean(0), atol=1e-5)


def test_a_track_within_the_clip_hears_what_is_around_it() -> None:
    sound = vectors(100)
    lips = WindowEmbeddings(sound[20:60], np.arange(20, 60), 105)
    expected = plain(sound[20:60], sound, 0)[:, 0] * 0  # zeros at no shift: the sound is everywhere there
    figures = syncnet_figures(lips, windows(sound))
    np.testing.assert_allclose(figures.window_distance, expected, atol=1e-4)
    padded = np.stack([np.linalg.norm(sound[k] - sound[k - 15 : k + 16], axis=1) for k in range(20, 60)])
    np.testing.assert_allclose(figures.curve, padded.mean(0), atol=1e-4)


def test_windows_of_several_tracks_count_alike_and_are_smoothed_apart() -> None:
    sound = vectors(100)
    ticks = np.r_[0:30, 50:90]
    lips = WindowEmbeddings(sound[ticks] + vectors(70, 3) * np.float32(0.5), ticks, 105)
    figures = syncnet_figures(lips, windows(sound))
    assert figures.offset == 0 and len(figures.window_confidence) == 70
    raw = np.median(figures.curve) - figures.window_distance
    for low, high in ((0, 30), (30, 70)):
        padded = np.pad(raw[low:high], 4)
        smooth = [np.median(padded[k : k + 9]) for k in range(high - low)]
        np.testing.assert_allclose(figures.window_confidence[low:high], smooth)


def test_too_little_is_said() -> None:
    enough = vectors(FEWEST_WINDOWS)
    checked_figures(windows(enough), windows(enough), "a.mp4")
    with pytest.raises(MediaError, match=r"a\.mp4: too short for SyncNet: 19 windows .* at least 1\.00 s"):
        checked_figures(windows(enough[:-1]), windows(enough), "a.mp4")
    with pytest.raises(MediaError, match="0 windows"):
        checked_figures(windows(enough[:0]), windows(enough), "a.mp4")
    with pytest.raises(ValueError, match="no window"):
        syncnet_figures(windows(enough), WindowEmbeddings(enough[:0], np.arange(0), 2))
