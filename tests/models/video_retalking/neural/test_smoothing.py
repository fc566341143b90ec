from __future__ import annotations

import numpy as np
import pytest

from talkingface.models.video_retalking.neural.smoothing import in_stretches, savitzky_golay


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_polynomials_stay_what_they_are(degree: int) -> None:
    t = np.linspace(-1, 1, 40)
    values = np.stack([t**degree, 3 - t], 1)
    np.testing.assert_allclose(savitzky_golay(values, 9, degree), values, atol=1e-9)


def test_noise_goes_and_nothing_is_late() -> None:
    rng = np.random.default_rng(0)
    step = np.repeat([0.0, 1.0], 50)
    smooth = savitzky_golay(step, 9, 2)
    np.testing.assert_allclose(smooth + smooth[::-1], 1, atol=1e-9)  # the same from both sides
    noise = rng.normal(size=(400, 2))
    assert savitzky_golay(noise, 9, 2).std() < 0.55 * noise.std()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 8])
def test_short_stretches(count: int) -> None:
    values = np.arange(count, dtype=float)
    np.testing.assert_allclose(savitzky_golay(values, 9, 2), values, atol=1e-9)


def test_nothing_is_smoothed_across_a_gap() -> None:
    frames = np.array([*range(20), *range(30, 50)])
    values = np.where(frames < 25, 0.0, 10.0)
    np.testing.assert_allclose(in_stretches(values, frames, 9, 2), values, atol=1e-9)
