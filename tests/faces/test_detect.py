"""Boxes, anchors, merging, and the two networks on pictures without a face."""

from __future__ import annotations

import numpy as np
import pytest

from talkingface.faces.detect import Detection, FaceDetector, anchors, merge_overlapping, overlap


def detection(x: float, y: float, size: float, score: float) -> Detection:
    points = np.array([[x + 0.3 * size, y + 0.4 * size], [x + 0.7 * size, y + 0.4 * size]] + [[x, y]] * 4)
    return Detection((x, y, x + size, y + size), points.astype(np.float32), score)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ((0, 0, 10, 10), 1.0),
        ((5, 0, 15, 10), 1 / 3),
        ((10, 0, 20, 10), 0.0),
        ((30, 30, 40, 40), 0.0),
        ((2, 2, 8, 8), 0.36),
    ],
)
def test_overlap(other: tuple[float, float, float, float], expected: float) -> None:
    box = (0.0, 0.0, 10.0, 10.0)
    assert overlap(box, other) == pytest.approx(expected)
    assert overlap(other, box) == pytest.approx(expected)


def test_anchors_lie_in_the_middle_of_cells() -> None:
    found = anchors(((2, 1), (1, 3)))
    np.testing.assert_allclose(found, [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]] + [[0.5, 0.5]] * 3)


def test_merging_weights_by_score_and_keeps_the_best_score() -> None:
    merged = merge_overlapping([detection(2, 0, 100, 0.3), detection(0, 0, 100, 0.9), detection(300, 0, 50, 0.6)])
    assert [found.score for found in merged] == [0.9, 0.6]
    assert merged[0].box == pytest.approx((0.5, 0, 100.5, 100))
    np.testing.assert_allclose(merged[0].keypoints[0], [30.5, 40])
    assert merged[1].box == pytest.approx((300, 0, 350, 50))


def test_merging_nothing_and_an_empty_box() -> None:
    assert merge_overlapping([]) == []
    flat = [Detection((5, 5, 5, 5), np.zeros((6, 2), np.float32), 0.8) for _ in range(2)]
    assert len(merge_overlapping(flat)) == 2  # boxes without area overlap nothing, and nothing hangs


def test_region_follows_the_eyes() -> None:
    upright = detection(100, 50, 80, 0.9).region()
    assert (upright.centre_x, upright.centre_y, upright.size) == pytest.approx((140, 90, 120))
    assert upright.angle == pytest.approx(0)
    turned = Detection((0, 0, 10, 10), np.array([[5, 0], [5, 8]] + [[0, 0]] * 4, np.float32), 1.0)
    assert turned.region().angle == pytest.approx(np.pi / 2)


@pytest.mark.parametrize("size", [(90, 160), (160, 90), (1, 1), (500, 3)])
def test_no_face_is_found_where_there_is_none(size: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    picture = random.integers(0, 255, (*size, 3)).astype(np.uint8)
    detector = FaceDetector()
    assert detector.detect(picture) == []
    assert detector.detect(np.zeros((*size, 3), np.uint8)) == []
