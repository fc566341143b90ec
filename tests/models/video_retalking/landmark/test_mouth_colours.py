"""What a picture says about the colours and the sharpness of a mouth that it does not show."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from talkingface.media.planes import PlaneLayout, planes_from_bgr
from talkingface.models.video_retalking.landmark.canonicalize import MOUTH, TemplateCanonicalizer
from talkingface.models.video_retalking.landmark.donors import DonorBank
from talkingface.models.video_retalking.landmark.mouth_colours import (
    LUMA,
    blur_of,
    colours_of,
    median_at,
    white_of_teeth,
)

SKIN, LIPS, TEETH = (100, 125, 180), (90, 80, 170), (200, 215, 225)


def test_teeth_are_lighter_and_less_red_than_skin() -> None:
    skin = np.array(SKIN, float)
    white = white_of_teeth(skin)
    assert white @ LUMA > 1.1 * skin @ LUMA
    assert white[2] / (white @ LUMA) < skin[2] / (skin @ LUMA)
    assert white[0] / (white @ LUMA) > skin[0] / (skin @ LUMA)


def test_teeth_differ_less_than_skins_do() -> None:
    dark, light = (white_of_teeth(np.array(SKIN) * share) @ LUMA for share in (0.4, 1.2))
    assert light > dark
    assert light / dark < 3 * 0.75


def test_black_pictures_have_a_white_too() -> None:
    assert np.isfinite(white_of_teeth(np.zeros(3))).all()


def picture(track, row: int, layout: PlaneLayout, inside: tuple[int, int, int]) -> list[np.ndarray]:
    """Skin, lips, and what lies between them, as planes."""
    shown = np.full((layout.height, layout.width, 3), SKIN, np.uint8)
    points = np.round(track.landmarks[row][MOUTH, :2]).astype(np.int32)
    cv2.fillPoly(shown, [points[:20]], LIPS)
    cv2.fillPoly(shown, [points[20:40]], inside)
    planes = planes_from_bgr(shown, layout)
    small = (layout.width >> layout.chroma_shift_x, layout.height >> layout.chroma_shift_y)
    return [planes[0], *(cv2.resize(plane, small, interpolation=cv2.INTER_AREA) for plane in planes[1:])]


@pytest.mark.parametrize(
    ("form", "bits", "shift", "full", "matrix"),
    [("yuv420p", 8, 1, False, "bt709"), ("yuv444p10le", 10, 0, True, "bt2020"), ("yuv420p10le", 10, 1, False, "bt601")],
)
def test_colours_are_the_pictures_whatever_its_coding(
    tmp_path: Path, make_track, form: str, bits: int, shift: int, full: bool, matrix: str
) -> None:
    track = make_track([0.0, 0.0, 0.0])
    layout = PlaneLayout(form, track.width, track.height, bits, shift, shift, full, matrix)
    bank = DonorBank(tmp_path, layout)
    for row in range(3):
        bank.add(row, track.landmarks[row], picture(track, row, layout, LIPS))
    found = colours_of(TemplateCanonicalizer().canonicalise(track), bank, layout)
    np.testing.assert_allclose(found.white, white_of_teeth(np.array(SKIN, float)), atol=4)
    np.testing.assert_allclose(found.lips, LIPS, atol=22)


def test_teeth_that_are_seen_say_how_white_they_are(tmp_path: Path, make_track, layout: PlaneLayout) -> None:
    track = make_track([0.0, 0.15, 0.15])
    whites = []
    for inside in ((170, 175, 185), TEETH):
        bank = DonorBank(tmp_path / str(inside[0]), layout)
        for row in range(3):
            bank.add(row, track.landmarks[row], picture(track, row, layout, inside))
        whites.append(colours_of(TemplateCanonicalizer().canonicalise(track), bank, layout).white @ LUMA)
    assert whites[0] == pytest.approx(np.array([170, 175, 185]) @ LUMA, rel=0.05)
    assert whites[1] == pytest.approx(np.array(TEETH) @ LUMA, rel=0.05)


def test_blur_is_found_again() -> None:
    random = np.random.default_rng(0)
    scene = cv2.GaussianBlur(random.normal(size=(200, 300)).astype(np.float32) * 400, (0, 0), 4)
    scene += cv2.GaussianBlur(random.normal(size=(200, 300)).astype(np.float32) * 40, (0, 0), 0.6)
    lips = np.array([[60.0, 60.0], [240.0, 140.0]])
    found = [blur_of(cv2.GaussianBlur(scene, (0, 0), sigma) if sigma else scene, lips, 100) for sigma in (0, 0.8, 1.6)]
    assert found == sorted(found)
    assert found[0] < 0.8 < 1.2 < found[2]


def test_points_outside_of_the_picture_are_left_out() -> None:
    shown = np.zeros((10, 10, 3), np.float32)
    shown[2, 3] = (1, 2, 3)
    np.testing.assert_array_equal(median_at(shown, np.array([[3.0, 2.0], [99.0, 5.0], [-4.0, 0.0]])), [1, 2, 3])
    assert median_at(shown, np.array([[99.0, 99.0]])).shape == (3,)
