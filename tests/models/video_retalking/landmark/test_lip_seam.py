"""Where closed lips really meet."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from talkingface.models.video_retalking.landmark.canonicalize import MOUTH, TemplateCanonicalizer
from talkingface.models.video_retalking.landmark.donors import DonorBank
from talkingface.models.video_retalking.landmark.lip_seam import LINE, moved_seam, seam_offset
from talkingface.models.video_retalking.landmark.mouth_space import LOWER_EDGE, UPPER_EDGE

UNIT = 90.0


def with_dark_line(track, layout, below: float) -> list[np.ndarray]:
    """Even skin and one dark line, ``below`` inter-ocular distances below the landmarks of closed lips."""
    luma = np.full((layout.height, layout.width), 150, np.uint8)
    line = track.landmarks[0][MOUTH][UPPER_EDGE, :2].copy()
    inner = np.clip(np.minimum(np.arange(11), np.arange(11)[::-1]) / 3, 0, 1)
    line[:, 1] += below * UNIT * inner
    cv2.polylines(luma, [np.round(line * 16).astype(np.int32)], False, 60, 2, cv2.LINE_AA, 4)
    chroma = np.full((layout.height // 2, layout.width // 2), 128, np.uint8)
    return [luma, chroma, chroma]


@pytest.mark.parametrize("below", [-0.03, 0.0, 0.03])
@pytest.mark.parametrize("roll", [0.0])
def test_the_dark_line_is_found(tmp_path: Path, make_track, layout, below: float, roll: float) -> None:
    track = make_track([0.0, 0.0, 0.0], roll=roll)
    bank = DonorBank(tmp_path, layout)
    for row in range(3):
        bank.add(row, track.landmarks[row], with_dark_line(track, layout, below))
    found = seam_offset(TemplateCanonicalizer().canonicalise(track), bank)
    assert found is not None
    np.testing.assert_allclose(found[3:8], below, atol=0.012)
    assert np.abs(found[[0, -1]]).max() < 0.012


def test_open_mouths_have_no_seam(tmp_path: Path, make_track, layout, planes) -> None:
    track = make_track([0.2, 0.2, 0.2])
    bank = DonorBank(tmp_path, layout)
    for row in range(3):
        bank.add(row, track.landmarks[row], planes)
    assert seam_offset(TemplateCanonicalizer().canonicalise(track), bank) is None


@pytest.mark.parametrize("roll", [0.0, 90.0, -30.0])
def test_points_move_along_the_head_and_lips_part(make_track, roll: float) -> None:
    track = make_track([0.0, 0.0], roll=roll)
    face = TemplateCanonicalizer().canonicalise(track)
    points = face.landmarks[0][MOUTH, :2]
    offset = np.full(11, 0.02)
    moved = moved_seam(face, 0, points, offset) - points
    up = face.pose.to_picture(0, np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))[:, :2]
    np.testing.assert_allclose(moved[UPPER_EDGE[5]], 0.02 * (up[1] - up[0]), atol=1e-6)
    assert not moved[:20].any() and not moved[40:].any() and not moved[[UPPER_EDGE[0], UPPER_EDGE[-1]]].any()
    parted = moved_seam(face, 0, points, offset, 1.0) - points - moved
    np.testing.assert_allclose(np.linalg.norm(parted[LOWER_EDGE[5]]), LINE * face.interocular[0], rtol=0.05)
    np.testing.assert_allclose(parted[LOWER_EDGE[5]], -parted[UPPER_EDGE[5]], atol=1e-6)
