"""Colour and blending."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from talkingface.compose.blend import blend_bands, blend_pyramids, match_colour

from ..goldens import golden_functions, golden_module, needs_goldens

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


def test_pyramids_show_one_picture_or_the_other() -> None:
    random = np.random.default_rng(0)
    shown, other = (random.uniform(0, 255, (45, 61, 3)).astype(np.float32) for _ in range(2))
    for value, expected in ((1.0, shown), (0.0, other), (0.25, 0.25 * shown + 0.75 * other)):
        blended = blend_pyramids(shown, other, np.full((45, 61), value, np.float32), 4)
        np.testing.assert_allclose(blended, expected, atol=1e-3)


def test_one_level_mixes_the_pictures_as_they_are(base: np.ndarray) -> None:
    mask = np.random.default_rng(0).random(base.shape).astype(np.float32)
    np.testing.assert_allclose(blend_pyramids(base + 50, base, mask, 1), base + 50 * mask, atol=1e-3)


def test_more_levels_mix_tones_more_widely(base: np.ndarray) -> None:
    mask = np.zeros_like(base)
    mask[:, WIDTH // 2 :] = 1
    steps = [blend_pyramids(base + 80, base, mask, levels)[30] - base[30] for levels in (1, 2, 3, 4)]
    reach = [int((step > 2)[: WIDTH // 2].sum()) for step in steps]
    assert reach == sorted(set(reach)) and reach[0] == 0


def test_rounded_pictures_differ_by_their_rounding_only() -> None:
    random = np.random.default_rng(0)
    shown, other = (random.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(2))
    mask = np.zeros((64, 64), np.float32)
    mask[20:40, 10:50] = 1
    rounded = blend_pyramids(shown, other, mask, 5)
    exact = blend_pyramids(shown.astype(np.float32), other.astype(np.float32), mask, 5)
    assert 0 < np.abs(rounded - exact).max() < 1


@needs_goldens
def test_pyramids_are_the_released_ones() -> None:
    about, arrays = golden_functions("laplacian")
    make = golden_module("inputs").make
    pictures = {name: make(spec) for name, spec in about["inputs"].items()}
    mask = arrays["mask"].astype(np.float32)
    soft = cv2.GaussianBlur(mask, (0, 0), 2)
    y, x = np.mgrid[:512, :512]
    box = ((np.abs(x - 250) < 90) & (np.abs(y - 300) < 40)).astype(np.float32)
    small = pictures["A"], pictures["B"]
    for name, got in (
        ("blend6", blend_pyramids(*small, mask, 6)),
        ("blend3_soft", blend_pyramids(*small, soft, 3)[1::2, 1::2]),
        ("blend10_512", blend_pyramids(pictures["A512"], pictures["B512"], box, 10)[4::8, 4::8]),
    ):
        np.testing.assert_allclose(got, arrays[name], atol=about["tolerance"], err_msg=name)
