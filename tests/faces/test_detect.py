"""Boxes, anchors, merging, and the two networks on pictures without a face."""

from __future__ import annotations

import numpy as np
import pytest

from talkingface.faces.detect import (
    Detection,
    FaceDetector,
    anchors,
    brightened,
    merge_overlapping,
    overlap,
    tiles,
)
from talkingface.faces.sampling import BgrSampler


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


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (1000, 1000), (3840, 1606), (640, 100)])
@pytest.mark.parametrize("angle", [0.0, -np.pi / 2])
def test_every_small_face_lies_whole_in_a_tile(size: tuple[int, int], angle: float) -> None:
    squares = tiles(*size, angle)
    assert len(squares) <= 9
    longer = max(size)
    face = 0.1 * longer
    for x in np.linspace(face / 2, size[0] - face / 2, 60):
        for y in np.linspace(min(face, size[1]) / 2, size[1] - min(face, size[1]) / 2, 40):
            assert any(
                max(abs(x - s.centre_x) + face / 2, abs(y - s.centre_y) + min(face, size[1]) / 2) <= s.size / 2 + 1e-6
                for s in squares
            )
    assert all(square.angle == angle for square in squares)


def test_dark_pictures_are_lifted_and_others_are_not() -> None:
    dark = np.random.default_rng(0).integers(0, 30, (40, 60, 3)).astype(np.uint8)
    light = brightened(dark)
    assert light is not None and 60 < light.mean() < 140
    order = np.argsort(dark.ravel(), kind="stable")
    assert (np.diff(light.ravel()[order].astype(int)) >= 0).all()
    assert brightened(dark + 60) is None
    assert brightened(np.zeros((4, 4, 3), np.uint8)) is not None


class Spots:
    """Stands for the full-range network: a bright square is a face, the brighter the surer."""

    side = 192

    def __init__(self) -> None:
        self.looks = 0

    def detect(self, picture: np.ndarray, threshold: float) -> list[Detection]:
        import cv2

        self.looks += 1
        _, _, stats, _ = cv2.connectedComponentsWithStats((picture[..., 0] > 40).astype(np.uint8))
        found = []
        for x, y, w, h, _ in stats[1:]:
            score = float(picture[y : y + h, x : x + w, 0].max()) / 255
            if score > threshold and w > 3:
                found.append(detection(float(x), float(y), float(max(w, h)), score))
        return found


@pytest.fixture
def spotter() -> FaceDetector:
    detector = FaceDetector()
    detector.full_range = Spots()  # type: ignore[assignment]
    return detector


def test_small_faces_are_found_once_and_where_they_are(spotter: FaceDetector) -> None:
    picture = np.zeros((1080, 1920, 3), np.uint8)
    places = [(300, 200), (900, 500), (1500, 900), (690, 560)]  # the second and the last lie in several tiles
    for x, y in places:
        picture[y : y + 60, x : x + 60] = 230
    picture[700:760, 200:260] = 100  # may be one, but is none from nearer by
    sampler = BgrSampler(picture)
    found = spotter.find_small(sampler, tiles(1920, 1080, 0.0), known=[])
    assert len(found) == 4
    for face in found:
        assert min(np.hypot(face.box[0] - x, face.box[1] - y) for x, y in places) < 8
        assert face.box[2] - face.box[0] == pytest.approx(60, abs=10)
    fewer = spotter.find_small(sampler, tiles(1920, 1080, 0.0), known=[(300, 200, 360, 260)])
    assert len(fewer) == 3
    assert spotter.find_small(sampler, [], known=[]) == []


def test_tiles_of_a_turned_picture_are_upright(spotter: FaceDetector) -> None:
    """A player turns the picture 90 degrees: what the network sees is upright, what it finds is of the coded one."""
    picture = np.zeros((600, 600, 3), np.uint8)
    picture[500:530, 60:90] = 230
    (face,) = spotter.find_small(BgrSampler(picture), tiles(600, 600, -np.pi / 2), known=[])
    assert face.box == pytest.approx((60, 500, 90, 530), abs=5)
    across = face.keypoints[1] - face.keypoints[0]
    assert np.degrees(np.arctan2(across[1], across[0])) == pytest.approx(-90, abs=1)


def test_only_huge_faces_count_as_huge(spotter: FaceDetector) -> None:
    picture = np.zeros((200, 200, 3), np.uint8)
    picture[10:190, 10:190] = 230
    (face,) = spotter.find_huge(BgrSampler(picture), 0.0)
    assert face.box == pytest.approx((10, 10, 190, 190), abs=6)
    picture[:] = 0
    picture[50:90, 50:90] = 230
    assert spotter.find_huge(BgrSampler(picture), 0.0) == []
