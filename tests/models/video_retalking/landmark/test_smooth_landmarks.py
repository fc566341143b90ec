"""Landmarks smoothed a block at a time."""

from __future__ import annotations

import numpy as np

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import smooth_in_time
from talkingface.faces.track import FaceTrack
from talkingface.models.video_retalking.landmark.smooth_landmarks import (
    BLOCK_ROWS,
    LANDMARK_SMOOTHING,
    RecentBlocks,
    SmoothLandmarks,
    without_jitter,
)


def track(seed: int, count: int = 3 * BLOCK_ROWS + 5) -> FaceTrack:
    points = np.random.default_rng(seed).uniform(0, 90, (count, 478, 3)).astype(np.float32)
    frames = np.arange(count, dtype=np.int64)
    return FaceTrack(frames, frames / 25, points, np.ones(count, np.float32), 640, 360, seed)


def test_blocks_and_rows_are_those_of_the_whole() -> None:
    one = track(0)
    whole = without_jitter(np.asarray(one.landmarks), one.times)
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


def test_trembling_is_smoothed_and_quick_motion_is_kept(make_track) -> None:
    still = make_track([0.1] * 40)
    random = np.random.default_rng(0)
    trembling = still.landmarks + random.normal(size=still.landmarks.shape) * 0.1
    calm = without_jitter(trembling, still.times)
    np.testing.assert_allclose(calm, smooth_in_time(trembling, still.times, LANDMARK_SMOOTHING))
    assert np.abs(calm - still.landmarks).mean() < 0.9 * np.abs(trembling - still.landmarks).mean()
    # a head that is somewhere else from one frame to the next, as in clips that leave out frames
    jumping = trembling.copy()
    jumping[20:, :, 0] += 12
    drawn = smooth_in_time(jumping, still.times, LANDMARK_SMOOTHING) - jumping
    kept = without_jitter(jumping, still.times) - jumping
    assert np.abs(drawn[19:21, :, 0]).mean() > 1
    assert np.abs(kept[19:21, :, 0]).mean() < 0.2


def test_a_mouth_that_snaps_open_does_not_keep_the_rest_of_the_face_from_being_smoothed(make_track) -> None:
    track = make_track([0.0] * 20 + [0.25] * 20)
    noisy = track.landmarks + np.random.default_rng(0).normal(size=track.landmarks.shape) * 0.1
    made = without_jitter(noisy, track.times)
    lips, eyes = list(mesh.LIPS_INNER), list(mesh.EYE_LEFT_CORNERS)
    np.testing.assert_allclose(made[20, lips], noisy[20, lips], atol=1e-9)
    smooth = smooth_in_time(noisy, track.times, LANDMARK_SMOOTHING)
    np.testing.assert_allclose(made[20, eyes], smooth[20, eyes])
