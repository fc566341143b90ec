from __future__ import annotations

import numpy as np
import pytest

from talkingface.restore.alignment import GFPGAN_POINTS, GPEN_POINTS, inverse, similarity

from ..goldens import golden_functions, needs_goldens


def turned(points: np.ndarray, degrees: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return scale * points @ np.array([[cosine, sine], [-sine, cosine]]) + shift


@pytest.mark.parametrize("template", [GPEN_POINTS, GFPGAN_POINTS], ids=["GPEN", "GFPGAN"])
@pytest.mark.parametrize("case", [(0, 1, (0, 0)), (30, 0.4, (700, -20)), (-120, 3, (5, 5)), (180, 1, (0, 0))])
def test_what_was_turned_is_turned_back(template: np.ndarray, case: tuple[float, float, tuple[float, float]]) -> None:
    moved = turned(template, *case)
    transform = similarity(moved, template)
    np.testing.assert_allclose(moved @ transform[:, :2].T + transform[:, 2], template, atol=1e-9)
    assert np.linalg.det(transform[:, :2]) == pytest.approx(1 / case[1] ** 2)


def test_no_other_similarity_comes_nearer() -> None:
    random = np.random.default_rng(0)
    points = GPEN_POINTS + random.normal(0, 20, GPEN_POINTS.shape)
    best = similarity(points, GPEN_POINTS)

    def error(transform: np.ndarray) -> float:
        return float(((points @ transform[:, :2].T + transform[:, 2] - GPEN_POINTS) ** 2).sum())

    for turn, stretch, across, down in random.normal(0, 1, (50, 4)) * [0.02, 0.02, 2, 2]:
        change = np.array([[1 + stretch, -turn], [turn, 1 + stretch]])
        other = np.c_[change @ best[:, :2], change @ best[:, 2] + [across, down]]
        assert error(other) > error(best)


def test_many_pictures_and_templates_at_once() -> None:
    random = np.random.default_rng(1)
    points, templates = random.normal(0, 50, (2, 3, 5, 2)), random.normal(0, 50, (2, 3, 5, 2))
    together = similarity(points, templates)
    assert together.shape == (2, 3, 2, 3)
    np.testing.assert_allclose(together[1, 2], similarity(points[1, 2], templates[1, 2]))
    there = np.einsum("...ij,...j->...i", together[..., :2], points[..., 0, :]) + together[..., 2]
    back = inverse(together)
    np.testing.assert_allclose(np.einsum("...ij,...j->...i", back[..., :2], there) + back[..., 2], points[..., 0, :])


@needs_goldens
def test_it_is_the_released_one() -> None:
    about, arrays = golden_functions("similarity")
    np.testing.assert_allclose(GPEN_POINTS, arrays["reference_512"], atol=1e-9)
    np.testing.assert_allclose(GFPGAN_POINTS, arrays["template_ffhq"], atol=1e-9)
    forward = similarity(arrays["points"], GPEN_POINTS)
    np.testing.assert_allclose(forward, arrays["forward"], atol=about["tolerance"]["forward"])
    np.testing.assert_allclose(inverse(forward), arrays["inverse"], atol=about["tolerance"]["inverse"])
