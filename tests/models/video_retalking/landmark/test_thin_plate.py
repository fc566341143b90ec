"""Thin-plate splines, and boxes with lattices."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from talkingface.models.video_retalking.landmark.thin_plate import Box, ThinPlateSpline


@pytest.fixture
def points() -> np.ndarray:
    return np.random.default_rng(0).uniform([200, 100], [420, 380], (40, 2))


def test_a_spline_without_stiffness_passes_through_its_points(points: np.ndarray) -> None:
    values = np.random.default_rng(1).normal(size=(40, 2)) * 8
    spline = ThinPlateSpline(points, values, 100, 0)
    np.testing.assert_allclose(spline(points), values, atol=2e-2)


def test_a_little_stiffness_moves_points_little(points: np.ndarray) -> None:
    smooth = 5 * np.sin(points / 60)
    spline = ThinPlateSpline(points, smooth, 100)
    assert np.abs(spline(points) - smooth).max() < 0.25


def test_affine_motion_is_kept_everywhere(points: np.ndarray) -> None:
    matrix, shift = np.array([[0.05, -0.02], [0.03, 0.1]]), np.array([7.0, -3])
    values = (points - 300) @ matrix.T + shift
    spline = ThinPlateSpline(points, values, 100)
    elsewhere = np.random.default_rng(2).uniform(0, 600, (5, 6, 2))
    np.testing.assert_allclose(spline(elsewhere), (elsewhere - 300) @ matrix.T + shift, atol=5e-2)


def test_no_displacement_is_no_displacement(points: np.ndarray) -> None:
    assert np.abs(ThinPlateSpline(points, np.zeros((40, 2)), 100)(points + 3)).max() == 0


def test_the_unit_does_not_matter(points: np.ndarray) -> None:
    values = np.random.default_rng(1).normal(size=(40, 2)) * 8
    where = points[:10] + 4.0
    one = ThinPlateSpline(points, values, 100, 0)(where)
    np.testing.assert_allclose(ThinPlateSpline(points, values, 60, 0)(where), one, atol=5e-2)


@pytest.mark.parametrize(
    ("low", "high", "picture"),
    [
        ((11.3, 7.9), (88.2, 60.1), (640, 360)),
        ((-30, -5), (40, 33), (640, 360)),
        ((600, 340), (700, 500), (640, 360)),
        ((600, 340), (700, 500), (641, 361)),
        ((0, 0), (641, 361), (641, 361)),
    ],
)
def test_boxes_are_even_and_in_the_picture(
    low: tuple[float, float], high: tuple[float, float], picture: tuple[int, int]
) -> None:
    box = Box.around(np.array(low), np.array(high), 8, *picture)
    assert not box.empty
    assert all(value % 2 == 0 for value in (box.x0, box.y0, box.width, box.height))
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x0 + box.width <= picture[0]
    assert box.y0 + box.height <= picture[1]
    assert box.x0 <= max(low[0], 0)
    assert box.y0 <= max(low[1], 0)
    assert box.x0 + box.width >= min(high[0], picture[0] - 1)
    assert box.y0 + box.height >= min(high[1], picture[1] - 1)


def test_boxes_away_from_borders_hold_whole_steps() -> None:
    box = Box.around(np.array([11.3, 7.9]), np.array([88.2, 60.1]), 8, 640, 360)
    assert box.width % 8 == 0
    assert box.height % 8 == 0


@pytest.mark.parametrize(("low", "high"), [((700, 10), (800, 50)), ((10, 400), (50, 500)), ((-90, -90), (-10, -10))])
def test_boxes_outside_the_picture_are_empty(low: tuple[float, float], high: tuple[float, float]) -> None:
    box = Box.around(np.array(low), np.array(high), 8, 640, 360)
    if high[0] > 0:
        assert box.empty
    else:  # a step's width at the corner is all there can be
        assert (box.x0, box.y0, box.width, box.height) == (0, 0, 8, 8)


@pytest.mark.parametrize("shifts", [(0, 0), (1, 0), (1, 1)])
@pytest.mark.parametrize("box", [Box(12, 8, 64, 48, 8), Box(12, 8, 62, 46, 8), Box(0, 0, 6, 4, 8)])
def test_no_field_reads_every_sample_where_it_is(box: Box, shifts: tuple[int, int]) -> None:
    lattice = box.lattice()
    across, down = box.dense(np.zeros_like(lattice), *shifts)
    random = np.random.default_rng(0)
    plane = random.integers(0, 255, (80, 100)).astype(np.uint8)
    read = cv2.remap(plane, across, down, cv2.INTER_CUBIC)
    x, y, width, height = (
        box.x0 >> shifts[0], box.y0 >> shifts[1], box.width >> shifts[0], box.height >> shifts[1],
    )  # fmt: skip
    np.testing.assert_array_equal(read, plane[y : y + height, x : x + width])


@pytest.mark.parametrize("shifts", [(0, 0), (1, 0), (1, 1)])
def test_an_even_field_moves_every_plane_by_its_own_measure(shifts: tuple[int, int]) -> None:
    box = Box(12, 8, 64, 48, 8)
    field = np.empty_like(box.lattice())
    field[...] = [4, -2]
    across, down = box.dense(field, *shifts)
    still_across, still_down = box.dense(np.zeros_like(field), *shifts)
    np.testing.assert_allclose(across - still_across, 4 / (1 << shifts[0]))
    np.testing.assert_allclose(down - still_down, -2 / (1 << shifts[1]))


def test_a_linear_field_on_the_lattice_is_linear_in_between() -> None:
    box = Box(20, 40, 96, 80, 8)
    across, down = box.dense(box.lattice() * np.float32(0.1))
    y, x = np.mgrid[40:120, 20:116]
    inner = (slice(8, -8), slice(8, -8))
    np.testing.assert_allclose(across[inner], (x + 0.1 * x)[inner], atol=0.1)
    np.testing.assert_allclose(down[inner], (y + 0.1 * y)[inner], atol=0.1)
