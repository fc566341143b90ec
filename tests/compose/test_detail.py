"""Two pictures of the same skin made equally sharp."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from talkingface.compose.detail import LEAST, MOST, detail_gains, with_detail


def skin(seed: int = 0, strength: float = 6.0) -> np.ndarray:
    grain = np.random.default_rng(seed).normal(size=(80, 100)).astype(np.float32)
    return np.asarray(120 + strength * grain, np.float32)


EVERYWHERE = np.ones((80, 100), np.bool_)


def test_equally_sharp_pictures_stay() -> None:
    fine, middle = detail_gains(skin(0), skin(1), EVERYWHERE, 1.0)
    assert fine == pytest.approx(1, abs=0.03)
    assert middle == pytest.approx(1, abs=0.06)
    picture = skin()
    assert with_detail(picture, (1.0, 1.0)) is picture


@pytest.mark.parametrize("soft_layer", [True, False])
def test_a_softer_and_a_harder_layer_are_both_matched(soft_layer: bool) -> None:
    soft = cv2.GaussianBlur(skin(0), (0, 0), 0.5)
    layer, base = (soft, skin(1)) if soft_layer else (skin(1), soft)
    gains = detail_gains(layer, base, EVERYWHERE, 1.0)
    assert (gains[0] > 1.05) == soft_layer
    before, after = (detail_gains(made, base, EVERYWHERE, 1.0)[0] for made in (layer, with_detail(layer, gains)))
    assert abs(np.log(after)) < 0.5 * abs(np.log(before))


def test_gains_are_bounded_and_flat_skin_is_left() -> None:
    hard, soft = skin(0, 30), cv2.GaussianBlur(skin(1, 3), (0, 0), 3)
    assert detail_gains(soft, hard, EVERYWHERE, 1.0) == pytest.approx((MOST[0], MOST[1]))
    assert detail_gains(hard, soft, EVERYWHERE, 1.0)[0] == LEAST[0]
    flat = np.full((80, 100), 120, np.float32)
    assert detail_gains(flat, flat + 1, EVERYWHERE, 1.0) == pytest.approx((1.0, 1.0), abs=1e-3)


def test_only_the_skin_is_compared_and_little_of_it_says_nothing() -> None:
    layer, base = skin(0), skin(1)
    layer[:, 50:] = 0
    layer[::7, 50:] = 255
    left = EVERYWHERE.copy()
    left[:, 44:] = False
    assert detail_gains(layer, base, left, 1.0)[0] == pytest.approx(1, abs=0.05)
    few = np.zeros_like(left)
    few[:10, :10] = True
    assert detail_gains(cv2.GaussianBlur(layer, (0, 0), 2), base, few, 1.0) == (1.0, 1.0)
