from __future__ import annotations

import cv2
import numpy as np
import pytest

from talkingface.evaluation.metrics.resampling import lanczos_resized


def wave(size: int, cycles: float) -> np.ndarray:
    x = (np.arange(size) + 0.5) / size
    return np.tile(np.sin(2 * np.pi * cycles * x), (size, 1)).astype(np.float32)


@pytest.mark.parametrize("wanted", [48, 72, 96, 150, 192])
def test_what_both_sizes_can_show_is_kept(wanted: int) -> None:
    small = lanczos_resized(wave(96, 12), wanted, wanted)
    assert small.shape == (wanted, wanted)
    inside = slice(wanted // 8, -wanted // 8)
    assert np.abs(small - wave(wanted, 12))[:, inside].max() < 0.03


def test_what_the_smaller_size_cannot_show_is_gone_and_not_aliased() -> None:
    small = lanczos_resized(wave(96, 40), 48, 48)
    assert np.abs(small[:, 6:-6]).max() < 0.05
    kept = lanczos_resized(wave(96, 18), 48, 48)[:, 6:-6].std()
    by_area = cv2.resize(wave(96, 18), (48, 48), interpolation=cv2.INTER_AREA)[:, 6:-6].std()
    assert kept > 0.86 * wave(96, 18).std() > by_area


def test_colours_are_resized_each_and_flat_stays_flat() -> None:
    picture = np.random.default_rng(0).uniform(0, 1, (40, 60, 3)).astype(np.float32)
    resized = lanczos_resized(picture, 30, 20)
    assert resized.shape == (20, 30, 3)
    for channel in range(3):
        assert np.allclose(resized[..., channel], lanczos_resized(picture[..., channel], 30, 20), atol=1e-6)
    assert np.allclose(lanczos_resized(np.full((9, 7), 0.3, np.float32), 20, 4), 0.3, atol=1e-6)
