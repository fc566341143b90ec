"""The record of one face."""

from __future__ import annotations

import numpy as np
import pytest

from talkingface.faces.track import FaceTrack, boxes_of


def test_prominence_weighs_time_and_size() -> None:
    def track(frames: int, width: float) -> FaceTrack:
        points = np.zeros((frames, 478, 3), np.float32)
        points[:, 0, :2] = width, 1.2 * width
        return FaceTrack(np.arange(frames), np.arange(frames) / 25, points, np.ones(frames, np.float32), 1000, 500)

    assert track(10, 200).prominence == pytest.approx(2)
    assert track(10, 200).prominence > track(10, 90).prominence
    assert track(10, 200).prominence > track(4, 200).prominence


def test_the_width_of_a_face_is_its_shorter_side_and_rows_must_agree() -> None:
    points = np.zeros((3, 478, 3), np.float32)
    points[:, 0, :2] = 100, 70  # a face in a picture that lies on its side
    track = FaceTrack(np.arange(3), np.arange(3) / 25, points, np.ones(3, np.float32), 1000, 500)
    assert track.face_width == 70
    np.testing.assert_allclose(track.boxes, [[0, 0, 100, 70]] * 3)
    assert track.confidence.tolist() == [1, 1, 1]
    assert track.identity is None
    with pytest.raises(ValueError, match="4 frames, but 3 rows of times"):
        FaceTrack(np.arange(4), track.times, points, track.presence, 1000, 500)


def test_boxes_are_read_a_window_at_a_time() -> None:
    points = np.random.default_rng(0).uniform(0, 100, (600, 478, 3)).astype(np.float32)
    boxes = boxes_of(points)
    np.testing.assert_array_equal(boxes[:, :2], points[..., :2].min(1))
    np.testing.assert_array_equal(boxes[:, 2:], points[..., :2].max(1))
