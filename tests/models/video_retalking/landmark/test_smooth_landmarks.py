"""Landmarks smoothed a block at a time."""

from __future__ import annotations

import numpy as np

from talkingface.faces.geometry import smooth_in_time
from talkingface.faces.track import FaceTrack
from talkingface.models.video_retalking.landmark.smooth_landmarks import (
    BLOCK_ROWS,
    LANDMARK_SMOOTHING,
    RecentBlocks,
    SmoothLandmarks,
)


def track(seed: int, count: int = 3 * BLOCK_ROWS + 5) -> FaceTrack:
    points = np.random.default_rng(seed).uniform(0, 90, (count, 478, 3)).astype(np.float32)
    frames = np.arange(count, dtype=np.int64)
    return FaceTrack(frames, frames / 25, points, np.ones(count, np.float32), 640, 360, seed)


def test_blocks_and_rows_are_those_of_the_whole() -> None:
    one = track(0)
    whole = smooth_in_time(np.asarray(one.landmarks), one.times, LANDMARK_SMOOTHING)
    smooth = SmoothLandmarks(one)
    np.testing.assert_array_equal(np.concatenate([block for _, block in smooth.blocks()]), whole)
    for row in (0, BLOCK_ROWS - 1, BLOCK_ROWS, len(one) - 1, 3):
        np.testing.assert_allclose(smooth[row], whole[row], atol=1e-9)


def test_tracks_share_their_memory_and_not_their_blocks() -> None:
    recent = RecentBlocks(2)
    first, second = (SmoothLandmarks(track(seed), recent) for seed in (1, 2))
    expected = first[5].copy(), second[5].copy()
    assert not np.array_equal(*expected)
    second[BLOCK_ROWS]
    assert len(recent._blocks) == 2
    np.testing.assert_array_equal(first[5], expected[0])
    np.testing.assert_array_equal(second[5], expected[1])
