from __future__ import annotations

import numpy as np
import pytest

from talkingface.faces.track import FaceTrack
from talkingface.models.wav2lip.face_boxes import SMALLEST_SIDE, face_boxes
from talkingface.options import Pads

NO_PADS = Pads(0, 0, 0, 0)


def track_of(boxes: np.ndarray, times: np.ndarray | None = None) -> FaceTrack:
    count = len(boxes)
    times = np.arange(count) / 25 if times is None else times
    points = np.zeros((count, 478, 3), np.float32)
    presence = np.ones(count, np.float32)
    return FaceTrack(np.arange(count), times, points, presence, 200, 100, boxes=boxes.astype(np.float32))


def moving(times: np.ndarray) -> np.ndarray:
    return np.array([20.0, 10, 60, 70]) + 100 * times[:, None]


def test_a_box_neither_lags_behind_a_moving_face_nor_runs_before_it() -> None:
    times = np.array([0, 1, 2, 3, 5, 6, 9, 10, 11, 12]) / 25  # frames of unequal length
    found = face_boxes(track_of(moving(times), times), 0, NO_PADS)
    np.testing.assert_allclose(found, moving(times), atol=1e-3)


def test_smoothing_takes_tremor_away_and_can_be_left_out() -> None:
    boxes = np.tile([20.0, 10, 60, 70], (40, 1)) + np.random.default_rng(0).normal(0, 1, (40, 4))
    plain = face_boxes(track_of(boxes), 0, NO_PADS, smooth=False)
    np.testing.assert_allclose(plain, boxes, atol=1e-4)
    steady = face_boxes(track_of(boxes), 0, NO_PADS)
    assert np.diff(steady, axis=0).std() < 0.35 * np.diff(plain, axis=0).std()


@pytest.mark.parametrize(
    ("rotation", "expected"),
    [(0, [20, 10, 60, 70]), (90, [30, 20, 90, 60]), (180, [140, 30, 180, 90]), (270, [10, 140, 70, 180])],
)
def test_pads_are_added_in_the_picture_as_shown(rotation: int, expected: list[float]) -> None:
    track = track_of(np.tile([20.0, 10, 60, 70], (3, 1)))
    x0, y0, x1, y1 = expected
    np.testing.assert_allclose(face_boxes(track, rotation, NO_PADS)[1], expected, atol=1e-3)
    padded = face_boxes(track, rotation, Pads(1, 10, 2, 3))[1]
    np.testing.assert_allclose(padded, [x0 - 2, y0 - 1, x1 + 3, y1 + 10], atol=1e-3)


def test_pads_never_take_the_whole_box_away() -> None:
    track = track_of(np.tile([20.0, 10, 60, 70], (3, 1)))
    x0, y0, x1, y1 = face_boxes(track, 0, Pads(-50, -50, -50, -50))[0]
    assert (x1 - x0, y1 - y0) == (SMALLEST_SIDE, SMALLEST_SIDE)
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((40, 40), abs=1e-3)
