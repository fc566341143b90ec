"""Putting a patch back into planes."""

from __future__ import annotations

import numpy as np
import pytest

from talkingface.compose.paste import paste, plane_alpha


@pytest.mark.parametrize(("bits", "kind"), [(8, np.uint8), (10, np.uint16), (12, np.uint16)])
def test_where_alpha_is_zero_every_bit_stays(bits: int, kind: type) -> None:
    random = np.random.default_rng(0)
    plane = random.integers(0, 1 << bits, (40, 50)).astype(kind)
    before = plane.copy()
    alpha = np.zeros((20, 24), np.float32)
    alpha[6:12, 8:16] = random.uniform(0.2, 1, (6, 8))
    paste(plane, 10, 8, random.uniform(0, 1 << bits, (20, 24)).astype(np.float32), alpha, bits)
    changed = plane != before
    inside = np.zeros_like(changed)
    inside[8 + 6 : 8 + 12, 10 + 8 : 10 + 16] = True
    assert not changed[~inside].any()
    assert changed[inside].mean() > 0.9


def test_full_weight_rounds_the_patch() -> None:
    plane = np.full((6, 6), 100, np.uint8)
    patch = np.array([[10.4, 10.6], [254.9, 3.49]], np.float32)
    paste(plane, 2, 2, patch, np.ones((2, 2), np.float32), 8)
    assert plane[2:4, 2:4].tolist() == [[10, 11], [255, 3]]
    assert plane.sum() == 100 * 32 + 10 + 11 + 255 + 3


@pytest.mark.parametrize(("bits", "kind", "top"), [(8, np.uint8, 255), (10, np.uint16, 1023), (12, np.uint16, 4095)])
def test_codes_stay_in_range(bits: int, kind: type, top: int) -> None:
    plane = np.full((4, 4), top // 2, kind)
    patch = np.array([[-500, 1e5]], np.float32)
    paste(plane, 1, 1, patch, np.ones((1, 2), np.float32), bits)
    assert plane[1, 1:3].tolist() == [0, top]


def test_half_weight_is_halfway() -> None:
    plane = np.full((2, 2), 100, np.uint8)
    paste(plane, 0, 0, np.full((2, 2), 200, np.float32), np.full((2, 2), 0.5, np.float32), 8)
    assert (plane == 150).all()


def test_what_reaches_beyond_the_plane_is_cut_off() -> None:
    plane = np.zeros((5, 7), np.uint8)
    paste(plane, 4, 2, np.full((10, 10), 9, np.float32), np.ones((10, 10), np.float32), 8)
    assert (plane[2:, 4:] == 9).all()
    assert plane.sum() == 9 * 9


def test_chroma_masks_are_box_averages() -> None:
    alpha = np.zeros((8, 12), np.float32)
    alpha[2:4, 3:8] = 1
    small = plane_alpha(alpha, 1, 1)
    assert small.shape == (4, 6)
    np.testing.assert_allclose(small, alpha.reshape(4, 2, 6, 2).mean((1, 3)))
    np.testing.assert_allclose(plane_alpha(alpha, 1, 0), alpha.reshape(8, 6, 2).mean(2))
    assert plane_alpha(alpha, 0, 0) is alpha


def test_chroma_is_untouched_where_all_its_luma_is() -> None:
    random = np.random.default_rng(0)
    alpha = np.where(random.uniform(size=(40, 40)) > 0.97, 1, 0).astype(np.float32)
    small = plane_alpha(alpha, 1, 1)
    untouched = alpha.reshape(20, 2, 20, 2).max((1, 3)) == 0
    assert (small[untouched] == 0).all()
    assert (small[~untouched] > 0).all()
