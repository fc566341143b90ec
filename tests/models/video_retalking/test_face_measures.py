"""Seven measures of a face, and how a face moves when they change."""

from __future__ import annotations

import numpy as np
import pytest

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import inner_lip_gap
from talkingface.models.video_retalking.face_measures import (
    MEASURES,
    closed,
    displacement,
    measure,
    measured_like,
)
from talkingface.models.video_retalking.landmark.canonicalize import MouthShapeModel

MODEL = MouthShapeModel.load()
FACE = closed(MODEL.reference, MODEL.closing_direction)


def changed(change: np.ndarray) -> np.ndarray:
    face = FACE.copy()
    face[:, :2] += displacement(change, FACE)
    return face


def test_a_closed_mouth_is_closed_and_nothing_else_moves() -> None:
    assert float(inner_lip_gap(FACE)) == pytest.approx(0, abs=0.005)
    others = np.setdiff1d(np.arange(478), mesh.MOUTH_POINTS)
    np.testing.assert_array_equal(FACE[others], MODEL.reference[others].astype(np.float64))


@pytest.mark.parametrize("index", range(len(MEASURES)), ids=MEASURES)
@pytest.mark.parametrize("amount", [0.04, -0.04])
def test_a_measure_changes_as_asked_and_the_others_hardly(index: int, amount: float) -> None:
    change = np.zeros(len(MEASURES))
    change[index] = amount
    moved = measure(changed(change)) - measure(FACE)
    np.testing.assert_allclose(moved, change, atol=0.1 * abs(amount))


def test_faces_move_alike_on_both_sides() -> None:
    moved = displacement(np.array([0.05, 0.03, -0.02, 0.01, -0.01, 0.04, 0.06]), FACE)
    for left, right in ((55, 285), (46, 276), (159, 386), (145, 374), (61, 291), (57, 287), (212, 432)):
        np.testing.assert_allclose(moved[left] * [-1, 1], moved[right], atol=0.004)


def test_a_smile_opens_no_gap_and_leaves_eyes_and_nose() -> None:
    smile = np.zeros(len(MEASURES))
    smile[[5, 6]] = 0.06, 0.1
    assert float(inner_lip_gap(changed(smile))) == pytest.approx(float(inner_lip_gap(FACE)), abs=0.002)
    moved = displacement(smile, FACE)
    others = np.setdiff1d(np.arange(478), mesh.MOUTH_POINTS)
    assert not moved[others].any()
    assert np.abs(moved[mesh.CHIN]).max() < 0.005


def test_no_change_moves_nothing() -> None:
    np.testing.assert_allclose(displacement(np.zeros(7), FACE), 0, atol=1e-12)


def test_a_posed_face_is_measured_as_if_it_looked_straight_ahead() -> None:
    angle = np.radians(20)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    posed = 3 * FACE @ turn.T + [5, 7, 0]
    np.testing.assert_allclose(measure(measured_like(MODEL.reference, posed)), measure(FACE), atol=0.003)
