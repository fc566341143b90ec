"""Lips and what lies between them, brought from a donor frame to a wanted shape."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from talkingface.faces import mesh_topology as mesh
from talkingface.models.video_retalking.landmark.donors import Donor
from talkingface.models.video_retalking.landmark.mouth_layer import (
    MOUTH,
    RIGID_POINTS,
    MouthGeometry,
    MouthMaps,
    fit_affine,
    plan_mouth,
    render_plane,
)

WIDTH, HEIGHT, UNIT = 480, 400, 90.0
MIDDLE = (240.0, 190.0)
SKIN, INSIDE = 90, 250


def geometry(make_track, target_gap: float, source_gap: float, roll: float = 0.0, seam: float = 1.0) -> MouthGeometry:
    """A frame and a donor of the same head pose; all that is seen between its lips hangs from the skull, or less."""
    here = make_track([target_gap], roll=roll, middle=MIDDLE).landmarks[0].astype(np.float64)
    there = make_track([source_gap], roll=roll, middle=MIDDLE).landmarks[0].astype(np.float64)
    rigid = np.hstack([np.eye(2), np.zeros((2, 1))])
    seams = np.full(11, seam, np.float32)
    return MouthGeometry(here[MOUTH, :2], there[MOUTH, :2], rigid, UNIT, target_gap, source_gap, seams)


def inner_polygon(points: np.ndarray) -> np.ndarray:
    return points[20:40]


def donor_with_bright_inside(shape: MouthGeometry, inset: float = 1.5) -> Donor:
    """Even skin, and teeth as bright as can be all over the inside of the mouth."""
    luma = np.full((HEIGHT, WIDTH), SKIN, np.uint8)
    polygon = inner_polygon(shape.source)
    filled = np.zeros_like(luma)
    cv2.fillPoly(filled, [np.round(polygon * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    radius = int(np.ceil(inset))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    luma[cv2.erode(filled, disc) > 200] = INSIDE
    chroma = np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)
    return Donor(0, 0, 0, [luma, chroma, chroma])


def render(shape: MouthGeometry, donor: Donor) -> tuple[np.ndarray, MouthMaps]:
    maps = plan_mouth(shape, WIDTH, HEIGHT)
    assert maps is not None
    return render_plane(maps, donor, 0, 0, 0), maps


@pytest.mark.parametrize("roll", [0, 30, 90, 180, -75])
@pytest.mark.parametrize("source_gap", [0.1, 0.3])
def test_closed_lips_never_show_the_inside(make_track, source_gap: float, roll: float) -> None:
    shape = geometry(make_track, 0.0, source_gap, roll)
    donor = donor_with_bright_inside(shape)
    assert (donor.planes[0] == INSIDE).sum() > 50
    layer, maps = render(shape, donor)
    assert maps.inside_share.max() < 0.15
    assert layer.max() < SKIN + 25


@pytest.mark.parametrize("roll", [0, 90, 180])
def test_open_lips_show_the_inside_between_them_and_skin_elsewhere(make_track, roll: float) -> None:
    shape = geometry(make_track, 0.25, 0.25, roll)
    layer, maps = render(shape, donor_with_bright_inside(shape))
    polygon = inner_polygon(shape.target) - [maps.box.x0, maps.box.y0]
    inside = np.zeros(layer.shape, np.uint8)
    cv2.fillPoly(inside, [np.round(polygon).astype(np.int32)], 255)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    deep, far = cv2.erode(inside, disc) > 0, cv2.dilate(inside, disc) == 0
    assert deep.sum() > 200
    assert layer[deep].mean() > INSIDE - 15
    assert layer[far].max() < SKIN + 10
    assert maps.inside_share[deep].min() > 0.9
    assert maps.inside_share[far].max() == 0


def inside_motion(shape: MouthGeometry) -> tuple[np.ndarray, float, float]:
    """How far down the donor is read along the mouth's middle column, and the inner lips' places in it."""
    maps = plan_mouth(shape, WIDTH, HEIGHT)
    assert maps is not None
    upper, lower = (MOUTH.index(point) for point in (13, 14))
    x = round(float(shape.target[lower, 0])) - maps.box.x0
    dense = maps.box.dense(maps.inside)[1] - (np.arange(maps.box.height, dtype=np.float32)[:, None] + maps.box.y0)
    top, bottom = (float(shape.target[point, 1]) - maps.box.y0 for point in (upper, lower))
    return dense[:, x], top, bottom


def test_the_skull_carries_what_is_above_the_seam_and_the_jaw_what_is_below(make_track) -> None:
    shape = geometry(make_track, 0.12, 0.3, seam=0.45)  # the donor's mouth is wider open
    lower = MOUTH.index(14)
    lowered = shape.source[lower, 1] - shape.target[lower, 1]
    assert lowered > 8
    moved, top, bottom = inside_motion(shape)
    assert moved[round(bottom - 0.5)] == pytest.approx(lowered, abs=0.5)
    assert abs(moved[round(top + 0.3 * (bottom - top))]) < 0.1 * lowered
    # neither row of teeth is stretched: all between moves as the one or as the other, but for a short way
    between = moved[round(top) : round(bottom)]
    meet = (between > 0.05 * lowered) & (between < 0.95 * lowered)
    assert meet.sum() <= 4


def test_lips_slide_over_what_hangs_from_the_skull(make_track) -> None:
    moved, top, bottom = inside_motion(geometry(make_track, 0.12, 0.3, seam=1.0))
    assert np.abs(moved[round(top) : round(bottom)]).max() < 0.5


def test_a_wider_opening_parts_the_rows_of_teeth_and_shows_depth_between_them(make_track) -> None:
    shape = geometry(make_track, 0.3, 0.15, seam=0.5)
    maps = plan_mouth(shape, WIDTH, HEIGHT)
    assert maps is not None
    assert maps.cavity is not None
    moved, top, bottom = inside_motion(shape)
    raised = shape.source[MOUTH.index(14), 1] - shape.target[MOUTH.index(14), 1]
    assert moved[round(bottom - 2)] == pytest.approx(raised, abs=0.5)
    upper = moved[round(top + 1) : round(top + 5)]
    assert np.ptp(upper) < 0.3  # of one piece: not stretched
    assert 0 <= upper.mean() < 0.5 * abs(raised)
    x = round(float(shape.target[MOUTH.index(14), 0])) - maps.box.x0
    depth = maps.cavity[:, x]
    assert depth[round(0.5 * (top + bottom))] > 0.9
    assert depth[round(top + 2)] == depth[round(bottom - 2)] == 0


def test_a_half_open_target_shows_less_than_its_donor(make_track) -> None:
    shape = geometry(make_track, 0.1, 0.3)
    donor = donor_with_bright_inside(shape)
    layer, _ = render(shape, donor)
    assert 20 < (layer > 200).sum() < 0.6 * (donor.planes[0] > 200).sum()


def test_the_donors_own_shape_gives_back_the_donor(make_track, planes) -> None:
    shape = geometry(make_track, 0.2, 0.2)
    smooth = [cv2.GaussianBlur(plane, (0, 0), 2) for plane in planes]
    donor = Donor(0, 0, 0, smooth)
    maps = plan_mouth(shape, WIDTH, HEIGHT)
    assert maps is not None
    box = maps.box
    for number, (shift_x, shift_y) in enumerate([(0, 0), (1, 1), (1, 1)]):
        layer = render_plane(maps, donor, number, shift_x, shift_y)
        own = smooth[number][
            box.y0 >> shift_y : (box.y0 + box.height) >> shift_y, box.x0 >> shift_x : (box.x0 + box.width) >> shift_x
        ]
        assert layer.shape == own.shape
        assert np.abs(layer - own).mean() < 0.6
        assert np.abs(layer - own).max() < 12  # the inside lies a hundredth of the eyes' distance lower


def test_donor_crops_are_read_at_their_own_place(make_track, planes) -> None:
    shape = geometry(make_track, 0.2, 0.2)
    whole = Donor(0, 0, 0, planes)
    cut = Donor(0, 140, 160, [planes[0][160:360, 140:340], planes[1][80:180, 70:170], planes[2][80:180, 70:170]])
    maps = plan_mouth(shape, WIDTH, HEIGHT)
    assert maps is not None
    assert maps.box.x0 >= 144
    assert maps.box.y0 >= 164
    for number, shift in ((0, 0), (1, 1)):
        np.testing.assert_allclose(
            render_plane(maps, cut, number, shift, shift), render_plane(maps, whole, number, shift, shift), atol=1e-3
        )


def test_a_turned_head_is_no_special_case(make_track) -> None:
    upright, sideways = geometry(make_track, 0.15, 0.25, 0), geometry(make_track, 0.15, 0.25, 90)
    one, maps = render(upright, donor_with_bright_inside(upright))
    other, turned = render(sideways, donor_with_bright_inside(sideways))

    def around(layer: np.ndarray, of: MouthMaps, middle: np.ndarray) -> np.ndarray:
        x, y = (round(float(v)) for v in middle - [of.box.x0, of.box.y0])
        return layer[y - 24 : y + 25, x - 24 : x + 25]

    first = around(one, maps, upright.target[20:40].mean(0))
    second = np.rot90(around(other, turned, sideways.target[20:40].mean(0)), 1)  # back, against the clock
    assert first.shape == second.shape
    assert np.abs(first - second).mean() < 4


def test_only_lips_we_made_touch_get_a_shadow_line(make_track) -> None:
    for target, source, darkest in ((0.0, 0.2, 0.7), (0.0, 0.0, 1.0), (0.2, 0.2, 1.0)):
        maps = plan_mouth(geometry(make_track, target, source), WIDTH, HEIGHT)
        assert maps is not None
        assert maps.shade.max() <= 1
        if darkest == 1:
            assert maps.shade.min() == 1
        else:
            assert 0.4 < maps.shade.min() < darkest


def test_mask_covers_the_lips_and_dies_before_the_border(make_track) -> None:
    shape = geometry(make_track, 0.2, 0.1)
    maps = plan_mouth(shape, WIDTH, HEIGHT)
    assert maps is not None
    for edge in (maps.mask[0], maps.mask[-1], maps.mask[:, 0], maps.mask[:, -1]):
        assert edge.max() == 0
    for x, y in shape.target[:40] - [maps.box.x0, maps.box.y0]:
        assert maps.mask[round(float(y)), round(float(x))] > 0.95
    assert maps.ring.sum() > 100
    assert maps.mask[maps.ring].min() > 0.2


@pytest.mark.parametrize("shift", [(-700.0, 0.0), (700.0, 0.0), (0.0, 700.0)])
def test_a_mouth_outside_the_picture_has_no_layer(make_track, shift: tuple[float, float]) -> None:
    shape = geometry(make_track, 0.1, 0.1)
    away = MouthGeometry(shape.target + shift, shape.source, shape.rigid, UNIT, 0.1, 0.1, shape.seam)
    maps = plan_mouth(away, WIDTH, HEIGHT)
    assert maps is None or maps.mask.max() == 0


def test_fit_affine_recovers_a_matrix() -> None:
    random = np.random.default_rng(0)
    matrix = np.array([[1.1, -0.2, 30.0], [0.25, 0.9, -12.0]])
    points = random.uniform(0, 300, (12, 2))
    np.testing.assert_allclose(fit_affine(points, points @ matrix[:, :2].T + matrix[:, 2]), matrix, atol=1e-9)


def test_rigid_points_are_of_the_mesh() -> None:
    assert all(0 <= point < mesh.MESH_POINTS for point in RIGID_POINTS)


def test_what_closed_lips_never_showed_is_painted(make_track) -> None:
    shape = geometry(make_track, 0.2, 0.0)
    maps = plan_mouth(shape, WIDTH, HEIGHT)
    assert maps is not None and maps.cavity is not None
    assert maps.cavity[maps.inside_share > 0.9].min() > 0.99
    luma = np.full((HEIGHT, WIDTH), SKIN, np.uint8)
    donor = Donor(0, 0, 0, [luma, luma[::2, ::2], luma[::2, ::2]])
    paint = np.full((maps.box.height, maps.box.width), 200.0, np.float32)
    layer = render_plane(maps, donor, 0, 0, 0, paint)
    np.testing.assert_allclose(layer[maps.inside_share > 0.99], 200, atol=1)
    np.testing.assert_allclose(layer[maps.inside_share == 0], SKIN, atol=1)


@pytest.mark.parametrize("gap", [0.0, 0.1, 0.25])
def test_nothing_is_painted_where_the_donor_shows_it(make_track, gap: float) -> None:
    maps = plan_mouth(geometry(make_track, gap, gap), WIDTH, HEIGHT)
    assert maps is not None and maps.cavity is None


@pytest.mark.parametrize("wider", [1.0, 1.25])
def test_a_donor_narrower_than_our_mouth_is_painted_at_the_corners(make_track, wider: float) -> None:
    shape = geometry(make_track, 0.25, 0.25)
    middle = shape.target[20:40].mean(0)
    stretched = shape.target.copy()
    stretched[:40, 0] = middle[0] + (stretched[:40, 0] - middle[0]) * wider
    maps = plan_mouth(replace(shape, target=stretched), WIDTH, HEIGHT)
    assert maps is not None
    if wider == 1.0:
        assert maps.cavity is None
        return
    assert maps.cavity is not None
    painted = maps.cavity * maps.inside_share
    xs = np.arange(maps.box.width) + maps.box.x0
    corner = np.abs(xs - middle[0]) > 0.5 * np.ptp(shape.source[20:40, 0])
    assert painted[:, corner].max() > 0.8
    assert painted[:, np.abs(xs - middle[0]) < 10].max() < 0.05
