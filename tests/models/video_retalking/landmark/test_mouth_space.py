"""Places between the lips, in coordinates of the skull, the jaw and the lips."""

from __future__ import annotations

import numpy as np
import pytest

from talkingface.models.video_retalking.landmark.canonicalize import MOUTH, MouthShapeModel
from talkingface.models.video_retalking.landmark.mouth_space import (
    CHIN,
    LEAST_DISTANCE,
    LOWER_MIDDLE,
    UPPER_MIDDLE,
    MouthSpace,
    mouth_space,
    seam_of,
)


@pytest.fixture(scope="module")
def closed(mouths: MouthShapeModel) -> np.ndarray:
    shape = mouths.reference[MOUTH, :2].astype(np.float64)
    gap = shape[LOWER_MIDDLE, 1] - shape[UPPER_MIDDLE, 1]
    return shape - mouths.closing_direction * gap


def grid(closed: np.ndarray, step: float = 0.01) -> np.ndarray:
    xs, ys = np.arange(-0.5, 0.5, step), np.arange(-0.2, 0.45, step)
    return np.stack(np.meshgrid(xs, ys), -1) + seam_of(closed)


def of(mouths: MouthShapeModel, closed: np.ndarray, gap: float, margin: float = 0.0) -> tuple[MouthSpace, np.ndarray]:
    return mouth_space(closed + mouths.closing_direction * gap, closed, grid(closed), margin)


def test_the_inside_grows_with_the_opening(mouths: MouthShapeModel, closed: np.ndarray) -> None:
    sizes = [len(of(mouths, closed, gap)[0]) for gap in (0.0, 0.05, 0.15, 0.25)]
    assert sizes[0] < 30
    assert sizes == sorted(sizes) and sizes[-1] > 600


def test_skull_places_stay_and_jaw_places_go_with_the_chin(mouths: MouthShapeModel, closed: np.ndarray) -> None:
    space, inside = of(mouths, closed, 0.2)
    where = (grid(closed) - seam_of(closed))[inside]
    np.testing.assert_allclose(space.across, where[:, 0], atol=1e-5)
    np.testing.assert_allclose(space.skull, where[:, 1], atol=1e-5)
    drop = float((mouths.closing_direction[CHIN, 1] * 0.2).mean())
    assert drop > 0.02
    np.testing.assert_allclose(space.skull - space.jaw, drop, atol=1e-5)
    assert space.opening[2] == pytest.approx(drop, abs=1e-5)


def test_distances_fill_the_gap(mouths: MouthShapeModel, closed: np.ndarray) -> None:
    space, _ = of(mouths, closed, 0.2, margin=0.03)
    assert min(space.below_upper.min(), space.above_lower.min()) == pytest.approx(LEAST_DISTANCE)
    middle = np.abs(space.along) < 0.03
    between = middle & (space.below_upper > 0.01) & (space.above_lower > 0.01)
    np.testing.assert_allclose((space.below_upper + space.above_lower)[between], space.opening[0], atol=0.02)
    assert space.opening[0] == pytest.approx(0.2, abs=0.03)
    assert space.places().shape == (len(space), 6)


def test_a_crooked_mouth_has_its_own_axis(mouths: MouthShapeModel, closed: np.ndarray) -> None:
    angle = np.radians(12)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    origin = seam_of(closed)
    straight = closed + mouths.closing_direction * 0.2
    crooked = (straight - origin) @ turn + origin
    level, _ = mouth_space(straight, closed, grid(closed), 0.0)
    tilted, _ = mouth_space(crooked, closed, (grid(closed) - origin) @ turn + origin, 0.0)
    assert len(level) == len(tilted)
    np.testing.assert_allclose(level.below_upper, tilted.below_upper, atol=1e-4)
    np.testing.assert_allclose(level.along, tilted.along, atol=1e-4)
