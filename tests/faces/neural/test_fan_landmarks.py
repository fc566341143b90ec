from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from talkingface.faces.neural.fan_landmarks import crops, landmarks  # noqa: E402


def heat(x: float, y: float, size: int = 64) -> torch.Tensor:
    """A round spot; x and y in samples, 0.5 is the middle of the first."""
    rows, columns = (np.mgrid[:size, :size] + 0.5).astype(np.float32)
    return torch.from_numpy(np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8))


def test_a_crop_is_about_twice_its_box_and_lies_higher() -> None:
    np.testing.assert_allclose(crops(np.array([[100, 200, 295, 395]])), [[197.5, 297.5 - 0.12 * 195, 400]])
    assert crops(np.zeros((2, 3, 4))).shape == (2, 3, 3)


def test_landmarks_are_found_within_a_quarter_of_a_sample() -> None:
    random = np.random.default_rng(0)
    truth = random.uniform(3, 61, (2, 68, 2))
    heatmaps = torch.stack([torch.stack([heat(*point) for point in face]) for face in truth])
    at = np.array([[300.0, 200, 128], [50, 60, 64]])
    found = landmarks(heatmaps, at)
    expected = at[:, None, :2] + (truth / 64 - 0.5) * at[:, None, 2:]
    error = np.abs(found - expected) / (at[:, None, 2:] / 64)  # in samples
    assert error.max() <= 0.2501
    assert error.mean() < 0.14


def test_at_the_border_the_middle_of_the_sample_counts() -> None:
    found = landmarks(torch.stack([heat(0.5, 30.7), heat(63.5, 63.5)])[None], np.array([[32.0, 32, 64]]))
    np.testing.assert_allclose(found, [[[0.5, 30.5], [63.5, 63.5]]])


def test_half_precision_heat_is_read() -> None:
    found = landmarks(heat(20.7, 41.2)[None, None].bfloat16(), np.array([[32.0, 32, 64]]))
    np.testing.assert_allclose(found, [[[20.75, 41.25]]])
