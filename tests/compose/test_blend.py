"""Colour and blending."""

from __future__ import annotations

import numpy as np
import pytest

from talkingface.compose.blend import blend_bands, match_colour

HEIGHT, WIDTH = 60, 90


@pytest.fixture
def base() -> np.ndarray:
    """Soft forms and a little noise, codes of luma."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return (120 + 30 * np.sin(x / 17) * np.cos(y / 11) + random.normal(size=(HEIGHT, WIDTH))).astype(np.float32)


def rim(thickness: int = 8) -> np.ndarray:
    ring = np.ones((HEIGHT, WIDTH), bool)
    ring[thickness:-thickness, thickness:-thickness] = False
    return ring


def plane(constant: float, across: float, down: float) -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    return (constant + across * (x / WIDTH - 0.5) + down * (y / HEIGHT - 0.5)).astype(np.float32)


@pytest.mark.parametrize("light", [(12, 0, 0), (-20, 0, 0), (5, 8, 0), (-3, -6, 10)])
def test_a_plane_of_light_is_recovered(base: np.ndarray, light: tuple[float, float, float]) -> None:
    matched = match_colour(base - plane(*light), base, rim(), 6)
    error = np.abs(matched - base)
    assert error.max() < 0.12 * max(abs(value) for value in light)
    assert error.mean() < 0.05 * max(abs(value) for value in light)


def test_what_differs_for_other_reasons_counts_little(base: np.ndarray) -> None:
    layer = base - plane(10, 0, 0)
    layer[:8, :20] -= 90  # a strand of hair over a corner of the ring
    matched = match_colour(layer, base, rim(), 6)
    assert np.abs((matched - base)[20:, 30:]).max() < 2.5


def test_too_small_a_ring_changes_nothing(base: np.ndarray) -> None:
    ring = np.zeros((HEIGHT, WIDTH), bool)
    ring[0, :23] = True
    layer = base + 40
    assert match_colour(layer, base, ring, 6) is layer
    assert match_colour(layer, base, np.zeros_like(ring), 6) is layer


def test_colour_of_equal_pictures_stays(base: np.ndarray) -> None:
    np.testing.assert_allclose(match_colour(base, base, rim(), 6), base, atol=1e-4)


def test_mask_of_zero_keeps_the_base(base: np.ndarray) -> None:
    np.testing.assert_array_equal(blend_bands(base, base + 50, np.zeros_like(base)), base)


def test_mask_of_one_shows_the_layer(base: np.ndarray) -> None:
    layer = base[::-1].copy()
    np.testing.assert_allclose(blend_bands(base, layer, np.ones_like(base)), layer, atol=1e-3)


@pytest.mark.parametrize("size", [(16, 16), (17, 23), (60, 90), (61, 33)])
def test_every_size(size: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    one, other = (random.uniform(0, 255, size).astype(np.float32) for _ in range(2))
    mask = np.zeros(size, np.float32)
    mask[5:-5, 5:-5] = 1
    blended = blend_bands(one, other, mask)
    assert blended.shape == size
    assert blended.dtype == np.float32
    middle = (size[0] // 2, size[1] // 2)
    assert np.isfinite(blended).all()
    np.testing.assert_allclose(blend_bands(one, one, mask), one, atol=1e-3)
    assert blended[middle] == pytest.approx(other[middle], abs=60)


def test_coarse_tones_mix_widely_and_fine_detail_narrowly(base: np.ndarray) -> None:
    mask = np.zeros_like(base)
    mask[:, WIDTH // 2 :] = 1
    step = blend_bands(np.zeros_like(base), np.full_like(base, 80), mask)
    assert 5 < step[30, WIDTH // 2 - 4] < 40  # a tone reaches over the seam
    checks = (np.indices(base.shape).sum(0) % 2 * 80).astype(np.float32)
    fine = blend_bands(np.full_like(base, 40), checks, mask)
    assert np.ptp(fine[20:40, WIDTH // 2 - 8 : WIDTH // 2 - 4]) < 4  # detail does not
    assert np.ptp(fine[20:40, WIDTH // 2 + 8 : WIDTH // 2 + 12]) > 70


def test_inputs_are_left_alone(base: np.ndarray) -> None:
    layer, mask = base + 9, np.full_like(base, 0.5)
    copies = base.copy(), layer.copy(), mask.copy()
    blend_bands(base, layer, mask)
    match_colour(layer, base, rim(), 6)
    for value, copy in zip((base, layer, mask), copies, strict=True):
        np.testing.assert_array_equal(value, copy)
