from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.still.head import Head
from talkingface.still.motion import StillMotion, plan_motion


def resting(**changes: NDArray[np.float64]) -> StillMotion:
    one, two, three = np.zeros(1), np.zeros((1, 2)), np.zeros((1, 3))
    still = StillMotion(three, two, one, one, one, one, two)
    return replace(still, **changes)


def moved_by(head: Head, motion: StillMotion, point: NDArray[np.floating]) -> NDArray[np.float32]:
    field = head.displacement(motion, 0)
    column = (point[0] - head.x0) * head.columns / head.width
    row = (point[1] - head.y0) * head.rows / head.height
    return np.asarray(field[round(float(row)), round(float(column))])


def test_a_head_at_rest_is_the_still(portrait: NDArray[np.uint8], portrait_landmarks: NDArray[np.float64]) -> None:
    head = Head(portrait_landmarks, portrait.shape[1], portrait.shape[0])
    assert np.array_equal(head.render(portrait, resting(), 0), portrait)


def test_near_points_move_more_than_far_ones(
    portrait: NDArray[np.uint8], portrait_landmarks: NDArray[np.float64]
) -> None:
    head = Head(portrait_landmarks, portrait.shape[1], portrait.shape[0])
    turned = resting(rotation=np.radians([[4.0, 0.0, 0.0]]))
    nose, eye, ear = (
        moved_by(head, turned, portrait_landmarks[n])[0] for n in (mesh.NOSE_TIP, mesh.EYE_LEFT_CORNERS[0], 234)
    )
    assert nose > 1.25 * eye > 2 * abs(ear)
    nodding = resting(rotation=np.radians([[0.0, 3.0, 0.0]]))
    assert moved_by(head, nodding, portrait_landmarks[mesh.NOSE_TIP])[1] > 2


def test_the_background_and_the_border_stay(
    portrait: NDArray[np.uint8], portrait_landmarks: NDArray[np.float64]
) -> None:
    height, width = portrait.shape[:2]
    head = Head(portrait_landmarks, width, height)
    motion = plan_motion(50, 25, 2)
    for frame in (10, 30, 49):
        changed = (head.render(portrait, motion, frame) != portrait).any(-1)
        assert changed[200:260, 420:480].mean() > 0.9  # the nose
        assert not changed[:, : width // 8].any()
        assert not changed[:, -width // 4 :].any()
        for edge in (changed[0], changed[-1], changed[:, 0], changed[:, -1]):
            assert not edge.any()


def test_sampling_maps_undo_the_displacement(
    portrait: NDArray[np.uint8], portrait_landmarks: NDArray[np.float64]
) -> None:
    head = Head(portrait_landmarks, portrait.shape[1], portrait.shape[0])
    motion = resting(rotation=np.radians([[4.0, -2.0, 1.0]]), shift=np.array([[0.02, 0.01]]))
    map_x, map_y = head.sampling_maps(motion, 0)
    for number in (mesh.NOSE_TIP, mesh.CHIN, mesh.FOREHEAD, 33, 263, 61, 291):
        point = portrait_landmarks[number, :2]
        there = point + moved_by(head, motion, point)
        row, column = round(float(there[1])) - head.y0, round(float(there[0])) - head.x0
        assert np.hypot(map_x[row, column] - point[0], map_y[row, column] - point[1]) < 1.5


def test_a_face_at_the_border_of_a_small_picture(
    portrait: NDArray[np.uint8], portrait_landmarks: NDArray[np.float64]
) -> None:
    corner = np.array([360, 120])
    cropped = np.ascontiguousarray(portrait[corner[1] : corner[1] + 180, corner[0] : corner[0] + 150])
    landmarks = portrait_landmarks - [*corner, 0]
    head = Head(landmarks, 150, 180)
    picture = head.render(cropped, plan_motion(30, 25, 0), 29)
    assert picture.shape == cropped.shape
    assert np.array_equal(picture[0], cropped[0])
