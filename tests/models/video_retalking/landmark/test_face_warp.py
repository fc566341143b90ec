"""The base layer's field and weight."""

from __future__ import annotations

import numpy as np
import pytest

from talkingface.models.video_retalking.landmark.canonicalize import MOUTH
from talkingface.models.video_retalking.landmark.face_warp import lower_face_outline, plan_warp

WIDTH, HEIGHT = 480, 400


def at(box, values: np.ndarray, point: np.ndarray) -> np.ndarray:
    x, y = (round(float(v)) for v in point)
    return values[y - box.y0, x - box.x0]


def test_nothing_moves_when_the_target_is_where_the_mouth_is(make_track) -> None:
    landmarks = make_track([0.1]).landmarks[0].astype(np.float64)
    warp = plan_warp(landmarks, landmarks[MOUTH, :2], 90, WIDTH, HEIGHT)
    assert warp is not None
    assert np.abs(warp.field).max() < 1e-3


@pytest.mark.parametrize("roll", [0, 35, 90, 180])
def test_moved_points_are_read_from_where_they_were(make_track, roll: float) -> None:
    closed = make_track([0.0], roll=roll, middle=(240, 200)).landmarks[0].astype(np.float64)
    opened = make_track([0.2], roll=roll, middle=(240, 200)).landmarks[0].astype(np.float64)
    warp = plan_warp(closed, opened[MOUTH, :2], 90, WIDTH, HEIGHT)
    assert warp is not None
    across, down = warp.box.dense(warp.field)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    inside = (slice(warp.box.y0, warp.box.y0 + warp.box.height), slice(warp.box.x0, warp.box.x0 + warp.box.width))
    moved = np.stack([across - x[inside], down - y[inside]], -1)
    for point in (152, 17, 0, 61, 291):
        wanted = closed[point, :2] - opened[point, :2]
        np.testing.assert_allclose(at(warp.box, moved, opened[point, :2]), wanted, atol=1.6)
    for point in (4, 6, 33):
        if warp.box.x0 <= closed[point, 0] < warp.box.x0 + warp.box.width and (
            warp.box.y0 <= closed[point, 1] < warp.box.y0 + warp.box.height
        ):
            assert np.abs(at(warp.box, moved, closed[point, :2])).max() < 1.0


def test_cheeks_follow_the_corners_and_the_upper_face_does_not(make_track) -> None:
    landmarks = make_track([0.05], middle=(240, 180)).landmarks[0].astype(np.float64)
    target = landmarks[MOUTH, :2].copy()
    for points, inwards in (((57, 61, 186, 216), 6.0), ((287, 291, 410, 436), -6.0)):  # a smile fades
        for point in points:
            target[MOUTH.index(point)] += [inwards, 4.0]
    warp = plan_warp(landmarks, target, 90, WIDTH, HEIGHT)
    assert warp is not None
    across, down = warp.box.dense(warp.field)
    y, x = np.mgrid[: warp.box.height, : warp.box.width]
    moved = np.stack([x + warp.box.x0 - across, y + warp.box.y0 - down], -1)
    for point, inwards in ((205, 1), (425, -1)):
        by = at(warp.box, moved, landmarks[point, :2])
        assert 0.8 < inwards * by[0] < 3.5
        assert 0.5 < by[1] < 2.5
    for point in (4, 129, 358, 234, 454):
        assert np.abs(at(warp.box, moved, landmarks[point, :2])).max() < 0.6


@pytest.mark.parametrize("roll", [0, 90, 180, 270])
@pytest.mark.parametrize("middle", [(240.0, 150.0), (60.0, 330.0), (440.0, 60.0)])
def test_weight_is_one_on_the_mouth_and_zero_at_the_border(make_track, roll: float, middle) -> None:
    landmarks = make_track([0.1], roll=roll, middle=middle).landmarks[0].astype(np.float64)
    warp = plan_warp(landmarks, landmarks[MOUTH, :2], 90, WIDTH, HEIGHT)
    if warp is None:
        pytest.skip("this mouth is outside the picture")
    assert warp.alpha.shape == (warp.box.height, warp.box.width)
    assert warp.alpha.min() >= 0
    assert warp.alpha.max() <= 1
    for edge in (warp.alpha[0], warp.alpha[-1], warp.alpha[:, 0], warp.alpha[:, -1]):
        assert edge.max() == 0
    mouth = landmarks[13, :2]
    if middle == (240.0, 150.0) and roll == 0:
        assert at(warp.box, warp.alpha, mouth) > 0.98
        for eye in (159, 386):
            assert landmarks[eye, 1] < warp.box.y0 or at(warp.box, warp.alpha, landmarks[eye, :2]) < 0.05


@pytest.mark.parametrize("middle", [(-900.0, 100.0), (2000.0, 100.0), (200.0, 2000.0)])
def test_no_warp_outside_the_picture(make_track, middle) -> None:
    landmarks = make_track([0.1], middle=middle).landmarks[0].astype(np.float64)
    warp = plan_warp(landmarks, landmarks[MOUTH, :2], 90, WIDTH, HEIGHT)
    assert warp is None or warp.alpha.max() < 0.01


@pytest.mark.parametrize("unit", [12.0, 40.0, 300.0])
def test_every_size_of_face(make_track, unit: float) -> None:
    landmarks = make_track([0.1], unit=unit).landmarks[0].astype(np.float64)
    warp = plan_warp(landmarks, landmarks[MOUTH, :2] + 0.05 * unit, unit, WIDTH, HEIGHT)
    assert warp is not None
    assert np.isfinite(warp.field).all()
    assert warp.box.x0 + warp.box.width <= WIDTH
    assert warp.box.y0 + warp.box.height <= HEIGHT


def test_outline_grows_about_the_nose(make_track) -> None:
    landmarks = make_track([0.0]).landmarks[0].astype(np.float64)
    one, two = lower_face_outline(landmarks, 1), lower_face_outline(landmarks, 2)
    np.testing.assert_allclose(two - landmarks[2, :2], 2 * (one - landmarks[2, :2]))
