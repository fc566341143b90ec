from __future__ import annotations

import numpy as np
import pytest

from talkingface.faces.neural.suppression import FaceBoxes, without_repeats


def faces(*rows: tuple[float, float, float, float, float]) -> FaceBoxes:
    table = np.array(rows, np.float32).reshape(-1, 5)
    points = np.repeat(table[:, None, :2], 5, 1)
    return FaceBoxes(table[:, :4], table[:, 4], points)


def test_the_likeliest_stays_and_what_it_covers_goes() -> None:
    kept = without_repeats(faces((1, 1, 10, 10, 0.6), (0, 0, 9, 9, 0.9), (50, 50, 59, 59, 0.7)), 0.5)
    np.testing.assert_array_equal(kept.scores, np.float32([0.9, 0.7]))
    np.testing.assert_array_equal(kept.boxes[1], [50, 50, 59, 59])
    assert kept.points is not None
    np.testing.assert_array_equal(kept.points[:, 0], kept.boxes[:, :2])


def test_what_is_gone_covers_nothing() -> None:
    chain = faces((0, 0, 9, 9, 0.9), (4, 0, 13, 9, 0.8), (8, 0, 17, 9, 0.7))  # each overlaps the next by 3 / 7
    assert without_repeats(chain, 0.4).scores.tolist() == pytest.approx([0.9, 0.7])
    assert len(without_repeats(chain, 0.45)) == 3


def test_sides_count_as_one_pixel_longer() -> None:
    pair = faces((0, 0, 1, 1, 0.9), (1, 0, 2, 1, 0.8))  # two of three columns of pixels, one in common: 1 / 3
    assert len(without_repeats(pair, 0.32)) == 1
    assert len(without_repeats(pair, 0.34)) == 2


def test_of_equals_the_first_stays_and_none_is_none() -> None:
    first = without_repeats(faces((0, 0, 9, 9, 0.5), (1, 0, 10, 9, 0.5)), 0.3)
    np.testing.assert_array_equal(first.boxes, [[0, 0, 9, 9]])
    assert len(without_repeats(faces(), 0.3)) == 0
    assert without_repeats(FaceBoxes(first.boxes, first.scores), 0.3).points is None
