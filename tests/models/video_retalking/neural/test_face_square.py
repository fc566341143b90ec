from __future__ import annotations

import numpy as np
import pytest

from talkingface.models.video_retalking.neural.face_square import face_square, fixed_crop, square_of

from ....goldens import golden_functions, needs_goldens


def test_an_upright_face_has_an_upright_square() -> None:
    square = square_of(np.array([40.0, 50.0]), np.array([60.0, 50.0]), np.array([50.0, 80.0]))
    np.testing.assert_allclose(square.centre, [50, 53])
    np.testing.assert_allclose(square.across, [54, 0])
    assert square.side == pytest.approx(108)
    np.testing.assert_allclose(square.corners(), [[-4, -1], [-4, 107], [104, 107], [104, -1]])


def test_a_turned_face_has_a_turned_square() -> None:
    angle = np.radians(20)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = [np.array(p) for p in ([40.0, 50.0], [60.0, 50.0], [50.0, 80.0])]
    turned = square_of(*(turn @ p for p in points))
    np.testing.assert_allclose(turned.corners(), square_of(*points).corners() @ turn.T, atol=1e-9)


def test_the_crop_stays_in_the_picture() -> None:
    square = square_of(np.array([40.0, 50.0]), np.array([60.0, 50.0]), np.array([50.0, 80.0]))
    crop = fixed_crop(square, 90, 100)
    assert crop.outer == (0, 0, 90, 100)
    left, top, right, bottom = crop.box()
    assert (left, top, right, bottom) == (0, 0, 90, 100)
    wide = fixed_crop(square_of(np.array([400.0, 500.0]), np.array([420.0, 500.0]), np.array([410.0, 530.0])), 900, 900)
    assert wide.outer == (345, 438, 475, 568) and wide.box() == (356, 449, 464, 557)


def test_large_faces_are_cropped_at_their_own_size() -> None:
    square = square_of(np.array([3500.0, 3500.0]), np.array([4500.0, 3500.0]), np.array([4000.0, 4600.0]))
    left, top, right, bottom = fixed_crop(square, 8000, 8000).box()
    assert (right - left, bottom - top) == (4000, 4000)


@needs_goldens
def test_goldens() -> None:
    about, golden = golden_functions("ffhq")
    width, height = about["inputs"]["image_size"]
    kept = 0
    for k, landmarks in enumerate(golden["landmarks"]):
        square = face_square(landmarks)
        for name, value in (("centre", square.centre), ("x", square.across), ("y", square.down)):
            np.testing.assert_allclose(value, golden[name][k], atol=about["tolerance"])
        np.testing.assert_allclose(square.corners(), golden["quad"][k], atol=about["tolerance"])
        crop = fixed_crop(face_square(np.rint(landmarks)), width, height)
        assert crop.outer == tuple(golden["crop"][k])
        released = golden["inner"][k].copy()
        bottom = crop.outer[3] - crop.outer[1]
        kept += released[3] <= bottom
        released[3] = min(released[3], bottom)  # it was kept within the width, by mistake
        np.testing.assert_allclose(crop.inner, released, atol=about["tolerance"])
    assert 0 < kept < len(golden["landmarks"])
