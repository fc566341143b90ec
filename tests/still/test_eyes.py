from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.still.animate import locate_face
from talkingface.still.eyes import Eye

STRAIGHT = np.zeros(2)


def lid_gaps(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """Opening of both eyes in inter-ocular distances."""
    pairs = (
        (mesh.EYE_LEFT_UPPER, mesh.EYE_LEFT_LOWER),
        (mesh.EYE_RIGHT_UPPER, mesh.EYE_RIGHT_LOWER),
    )
    unit = np.linalg.norm(landmarks[33, :2] - landmarks[263, :2])
    gaps = [landmarks[list(low), 1].mean() - landmarks[list(up), 1].mean() for up, low in pairs]
    return np.array(gaps) / unit


@pytest.fixture
def eyes(portrait: NDArray[np.uint8], portrait_landmarks: NDArray[np.float64]) -> list[Eye]:
    return [Eye(portrait_landmarks, side, portrait.shape[1], portrait.shape[0]) for side in (0, 1)]


def test_an_open_eye_that_looks_straight_is_the_still(portrait: NDArray[np.uint8], eyes: list[Eye]) -> None:
    picture = portrait.copy()
    for eye in eyes:
        eye.render(picture, 0.0, STRAIGHT)
    assert np.array_equal(picture, portrait)


def test_a_closed_eye_is_closed(
    portrait: NDArray[np.uint8], portrait_landmarks: NDArray[np.float64], eyes: list[Eye]
) -> None:
    picture = portrait.copy()
    for eye in eyes:
        eye.render(picture, 1.0, STRAIGHT)
    assert np.all(lid_gaps(locate_face(picture)) < 0.4 * lid_gaps(portrait_landmarks))
    for eye in eyes:
        # where the white of the eye and the pupil were there is now one skin
        there = (np.abs(eye.a) < 0.5 * eye.half) & (eye.b > eye.top + 2) & (eye.b < eye.bottom - 5)
        before, after = (p[eye.y0 : eye.y1, eye.x0 : eye.x1][there].mean(-1) for p in (portrait, picture))
        assert before.std() > 50
        assert after.std() < 15


def test_only_the_surroundings_of_the_eye_change(portrait: NDArray[np.uint8], eyes: list[Eye]) -> None:
    picture = portrait.copy()
    eyes[0].render(picture, 0.7, np.array([0.01, 0.0]))
    changed = (picture != portrait).any(-1)
    rows, columns = np.nonzero(changed)
    eye = eyes[0]
    assert eye.x0 < columns.min() and columns.max() < eye.x1 - 1
    assert eye.y0 < rows.min() and rows.max() < eye.y1 - 1


def test_the_iris_moves_with_the_gaze(
    portrait: NDArray[np.uint8], portrait_landmarks: NDArray[np.float64], eyes: list[Eye]
) -> None:
    shift = 0.03
    centres = []
    for side in (-1, 1):
        picture = portrait.copy()
        for eye in eyes:
            eye.render(picture, 0.0, np.array([side * shift, 0.0]))
        centres.append(locate_face(picture)[[mesh.LEFT_IRIS[0], mesh.RIGHT_IRIS[0]], 0])
    moved = (centres[1] - centres[0]) / eyes[0].unit
    assert np.all(moved > shift)
    assert np.all(moved < 3 * shift)


def test_an_eye_outside_the_picture_is_left(
    portrait: NDArray[np.uint8], portrait_landmarks: NDArray[np.float64]
) -> None:
    picture = portrait.copy()
    elsewhere = portrait_landmarks + np.array([2000.0, 0, 0])
    Eye(elsewhere, 0, portrait.shape[1], portrait.shape[0]).render(picture, 1.0, STRAIGHT)
    assert np.array_equal(picture, portrait)
