from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from talkingface.faces.neural.s3fd import STRIDES  # noqa: E402
from talkingface.faces.neural.s3fd_boxes import faces_of, released_smoothing, whole_pixels  # noqa: E402

from ...goldens import golden_functions, needs_goldens  # noqa: E402


def empty_heads(count: int, side: int = 256) -> list[torch.Tensor]:
    heads = []
    for stride in STRIDES:
        scores = torch.zeros(count, 2, side // stride, side // stride)
        scores[:, 0] = 10
        heads += [scores, torch.zeros(count, 4, side // stride, side // stride)]
    return heads


def test_a_place_stands_for_a_box_four_strides_across() -> None:
    heads = empty_heads(2)
    heads[2][1, :, 3, 5] = torch.tensor([0.0, 2.0])  # stride 8, row 3, column 5 of the second picture
    heads[3][1, :, 3, 5] = torch.tensor([1.0, 0.0, 0.0, np.log(2) / 0.2])  # right by a tenth, twice as high
    nobody, somebody = faces_of(heads)
    assert len(nobody) == 0 and nobody.boxes.shape == (0, 4)
    centre = (5.5 * 8 + 3.2, 3.5 * 8)
    np.testing.assert_allclose(somebody.boxes, [[centre[0] - 16, centre[1] - 32, centre[0] + 16, centre[1] + 32]])
    assert somebody.scores[0] == pytest.approx(1 / (1 + np.exp(-2)))
    np.testing.assert_array_equal(whole_pixels(somebody.boxes), [[31, 0, 63, 60]])


def test_smoothing_of_short_clips() -> None:
    assert released_smoothing(np.zeros((0, 4), np.int64)).shape == (0, 4)
    one = np.array([[1, 2, 30, 40]])
    np.testing.assert_array_equal(released_smoothing(one), one)
    np.testing.assert_array_equal(one, [[1, 2, 30, 40]])


def test_smoothing_looks_ahead_and_cuts_fractions_off() -> None:
    moving = np.arange(10)[:, None] * [10, 0, 10, 3]
    np.testing.assert_array_equal(released_smoothing(moving)[:6, 0], [20, 30, 40, 50, 60, 70])
    np.testing.assert_array_equal(released_smoothing(moving + 1)[:1, 3], [7])
    fractions = np.tile([[1, 1, 1, 1], [2, 2, 2, 2]], (5, 1))
    assert set(released_smoothing(fractions)[:5].ravel()) == {1}


@needs_goldens
def test_smoothing_is_the_released_one() -> None:
    _, arrays = golden_functions("boxes")
    for name in ("", "short_"):
        np.testing.assert_array_equal(released_smoothing(arrays[f"{name}raw"]), arrays[f"{name}smooth"])


@needs_goldens
def test_boxes_are_the_released_ones() -> None:
    about, arrays = golden_functions("s3fd")
    found = faces_of([torch.from_numpy(arrays[f"head{place:02d}"]) for place in range(12)])
    for place, faces in enumerate(found):
        expected = arrays[f"boxes{place}"]
        np.testing.assert_allclose(np.c_[faces.boxes, faces.scores], expected, atol=about["tolerance"])
        np.testing.assert_array_equal(whole_pixels(faces.boxes[0]), arrays[f"first{place}"])
