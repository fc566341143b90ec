"""What a mouth looks like, in few numbers."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from talkingface.faces import mesh_topology as mesh
from talkingface.models.video_retalking.landmark.donor_look import (
    COLUMNS,
    INSIDE_ROWS,
    LIP_ROWS,
    ROWS,
    LookDistances,
    mouth_look,
)

SKIN, LIPS, TEETH, DARK = 140, 90, 230, 20


def picture(landmarks: np.ndarray, seam: float) -> np.ndarray:
    """Skin, lips, and two rows of teeth that meet in a dark line ``seam`` of the way down the opening."""
    luma = np.full((400, 480), SKIN, np.uint8)
    outer, inner = (landmarks[list(points), :2] for points in (mesh.LIPS_OUTER, mesh.LIPS_INNER))
    cv2.fillPoly(luma, [np.round(outer * 16).astype(np.int32)], LIPS, cv2.LINE_AA, 4)
    cv2.fillPoly(luma, [np.round(inner * 16).astype(np.int32)], TEETH, cv2.LINE_AA, 4)
    upper = inner[:11]
    lower = np.concatenate([inner[:1], inner[:10:-1], inner[10:11]])
    line = upper + seam * (lower - upper)
    cv2.polylines(luma, [np.round(line[1:10] * 16).astype(np.int32)], False, DARK, 3, cv2.LINE_AA, 4)
    return luma


@pytest.mark.parametrize("roll", [0, 90, 180])
@pytest.mark.parametrize("seam", [0.5, 0.75])
def test_the_seam_is_found_where_the_teeth_meet(make_track, seam: float, roll: float) -> None:
    landmarks = make_track([0.3], roll=roll, middle=(240, 200)).landmarks[0]
    look = mouth_look(picture(landmarks, seam), 0, 0, landmarks, 255)
    np.testing.assert_allclose(look.seam[2:9], seam, atol=0.08)


def test_brightness_is_told_by_place_and_against_the_skin(make_track) -> None:
    landmarks = make_track([0.3]).landmarks[0]
    luma = picture(landmarks, 0.75)
    look = mouth_look(luma, 0, 0, landmarks, 255)
    assert look.cells.shape == (ROWS, COLUMNS)
    np.testing.assert_allclose(look.cells[LIP_ROWS], (TEETH - SKIN) / 255, atol=0.12)
    np.testing.assert_allclose(look.cells[0, 1:-1], (LIPS - SKIN) / 255, atol=0.08)
    brighter = mouth_look((luma + 20).astype(np.uint8), 0, 0, landmarks, 255)
    np.testing.assert_allclose(brighter.cells, look.cells, atol=0.01)
    np.testing.assert_allclose(brighter.seam, look.seam)


def test_a_crop_and_deep_samples_look_as_the_whole_does(make_track) -> None:
    landmarks = make_track([0.2]).landmarks[0]
    luma = picture(landmarks, 0.6)
    whole = mouth_look(luma, 0, 0, landmarks, 255)
    crop = mouth_look(luma[100:380, 120:400], 120, 100, landmarks, 255)
    np.testing.assert_allclose(crop.cells, whole.cells, atol=1e-5)
    deep = mouth_look(luma.astype(np.uint16) * 4, 0, 0, landmarks, 1020)
    np.testing.assert_allclose(deep.cells, whole.cells, atol=0.01)
    np.testing.assert_allclose(deep.seam, whole.seam, atol=0.1)


def test_what_is_seen_of_the_inside_counts_as_much_as_it_is_seen() -> None:
    looks = np.zeros((4, ROWS, COLUMNS), np.float32)
    looks[1, LIP_ROWS:-LIP_ROWS] = 0.5  # other teeth
    looks[3, :LIP_ROWS] = -0.4  # another upper lip
    apart = LookDistances.between(looks)
    np.testing.assert_allclose(apart.inside, apart.inside.T)
    np.testing.assert_allclose(np.diag(apart.lips), 0)
    sources = np.array([0])
    closed, opened = apart.change(sources, 0.0)[0], apart.change(sources, 0.2)[0]
    assert closed[1] == 0
    assert opened[1] == pytest.approx(0.2 * 0.5)
    assert closed[3] == opened[3] > 0
    assert apart.oddness.argmax() == 3
    assert apart.oddness[0] == 0
    assert INSIDE_ROWS + 2 * LIP_ROWS == ROWS
