from __future__ import annotations

import numpy as np
import pytest

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.track import FaceTrack
from talkingface.faces.video import shown_to_coded as points_to_coded
from talkingface.models.video_retalking.landmark.canonicalize import MouthShapeModel
from talkingface.models.video_retalking.neural.face_frames import chained, face_frames, shown_to_coded, undone
from talkingface.models.video_retalking.neural.standard_points import (
    IBUG_68,
    STANDARD_FIVE,
    eyes_nose_mouth,
    ibug_points,
)
from talkingface.options import Pads

WIDTH, HEIGHT, UNIT = 640, 480, 60.0
NO_PADS = Pads(0, 0, 0, 0)


def track(centres: np.ndarray, frames: np.ndarray | None = None, rotation: int = 0) -> FaceTrack:
    """The generic face, 60 pixels between the eyes, at places of the shown picture."""
    face = np.asarray(MouthShapeModel.load().reference, np.float64) * UNIT
    places = np.repeat(face[None], len(centres), 0)
    places[..., :2] += centres[:, None]
    for one in places:
        one[:, :2] = points_to_coded(one[:, :2], rotation, WIDTH, HEIGHT)
    numbers = np.arange(len(centres)) if frames is None else frames
    return FaceTrack(numbers, numbers / 25, places.astype(np.float32), np.ones(len(centres), np.float32), WIDTH, HEIGHT)


def test_the_standard_points_are_where_their_names_say() -> None:
    assert len(set(IBUG_68)) >= 66  # the lips' inner middles are also outer neighbours
    points = ibug_points(np.asarray(MouthShapeModel.load().reference))
    assert points[8, 1] == points[:, 1].max()  # the chin
    assert (np.diff(points[1:16, 0]) > 0).all()  # the jaw from left to right
    assert points[17:27, 1].max() < points[36:48, 1].min()  # brows above eyes
    found = eyes_nose_mouth(points[None]).five[0]
    np.testing.assert_array_equal(points[48], MouthShapeModel.load().reference[mesh.MOUTH_LEFT_CORNER, :2])
    # the standard face has its eyes as far apart, and its mouth as far below them, as the mesh's generic one
    across = STANDARD_FIVE[1, 0] - STANDARD_FIVE[0, 0]
    ratio = (found[3:, 1].mean() - found[:2, 1].mean()) / (found[1, 0] - found[0, 0])
    assert (STANDARD_FIVE[:2, 1].mean() - STANDARD_FIVE[3:, 1].mean()) / across == pytest.approx(ratio, rel=0.15)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_turned_pictures_have_the_same_squares(rotation: int) -> None:
    centres = np.tile([[260.0, 220.0]], (12, 1))
    plain, turned = (face_frames(track(centres, rotation=r), r, NO_PADS) for r in (0, rotation))
    for name in ("five", "crops", "boxes"):
        np.testing.assert_allclose(getattr(turned, name), getattr(plain, name), atol=1e-3)
    np.testing.assert_allclose(
        chained(np.array([[1.0, 0, 0], [0, 1, 0]]), shown_to_coded(rotation, WIDTH, HEIGHT))[:, 2],
        points_to_coded(np.zeros((1, 2)), rotation, WIDTH, HEIGHT)[0],
    )
    map_ = shown_to_coded(rotation, WIDTH, HEIGHT)
    np.testing.assert_allclose(chained(map_, undone(map_)), [[1, 0, 0], [0, 1, 0]], atol=1e-9)


def test_the_crop_follows_a_moving_head_and_holds_still_when_it_shakes() -> None:
    t = np.arange(100)
    walk = np.stack([150 + 3.0 * t, np.full(100, 200.0)], 1)  # 300 pixels: out of any fixed crop
    face = face_frames(track(walk), 0, NO_PADS)
    middle = face.crops[:, 0] + face.crops[:, 2] / 2
    np.testing.assert_allclose(np.diff(middle), 3, atol=0.01)
    shake = np.stack([200 + 2.0 * (-1.0) ** t, np.full(100, 200.0)], 1)
    shaken = face_frames(track(shake), 0, NO_PADS)
    assert np.ptp(shaken.crops[12:-12, 0]) < 0.5
    assert np.ptp(shaken.boxes[4:-4, 0]) < 1.7  # of 4


def test_boxes_are_smoothed_without_delay_and_widened() -> None:
    jump = np.tile([[200.0, 200.0]], (40, 1))
    jump[20:, 0] += 10
    boxes = face_frames(track(jump), 0, NO_PADS).boxes[:, 0]
    np.testing.assert_allclose(boxes + boxes[::-1], boxes[0] + boxes[-1], atol=1e-3)  # as early as late
    wide = face_frames(track(jump), 0, Pads(1, 20, 3, 4)).boxes - face_frames(track(jump), 0, NO_PADS).boxes
    np.testing.assert_allclose(wide, np.tile([-3, -1, 4, 20], (40, 1)), atol=1e-6)


def test_shots_are_smoothed_apart() -> None:
    places = np.tile([[200.0, 200.0]], (40, 1))
    places[20:, 0] += 100
    frames = np.array([*range(20), *range(30, 50)])
    boxes = face_frames(track(places, frames), 0, NO_PADS).boxes[:, 0]
    np.testing.assert_allclose(boxes[:20], boxes[0], atol=1e-3)
    np.testing.assert_allclose(boxes[20:], boxes[0] + 100, atol=1e-3)
