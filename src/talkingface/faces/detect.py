"""Face detection with MediaPipe's BlazeFace networks (short and full range), converted to ONNX.

Both take a letterboxed square of the picture in RGB, -1..1, and give boxes with six key points against fixed anchors.
The short-range network (128 px) knows selfie-sized faces, the full-range one (192 px) also small ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.faces.sampling import OrientedSquare, PictureSampler
from talkingface.weights.embedded import create_session

DETECTION_SCALE = 1.5  # MediaPipe's enlargement of a detection to the region the mesh network wants
TILE_SHARE = 0.4  # of the picture's longer side
TILE_OVERLAP = 0.1
POSSIBLE = 0.3  # score in a tile from which on it is worth a second look
MOST_POSSIBLE = 8
NEARER = 8.0  # side of the second look by the face's
KNOWN_OVERLAP = 0.2
SURE = 0.75  # score from which on a detection is believed without a second look
SECOND_LOOK = 2.5  # side of the square by the face's
SECOND_OVERLAP = 0.4
SECOND_SCORE = 0.5  # faces have 0.6 and more there, also cut off or dark; patterns that looked like one seldom 0.4
DARK_MEAN = 40.0  # of 255

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Detection:
    """One face.

    Attributes:
        box: x0, y0, x1, y1 in pixels of the picture given.
        keypoints: (6, 2) pixels: eyes (viewer's left, right), nose tip, mouth middle, ears (left, right).
        score: 0..1.
    """

    box: Box
    keypoints: NDArray[np.float32]
    score: float

    def region(self) -> OrientedSquare:
        """The square region, turned with the eyes, that the mesh network expects."""
        x0, y0, x1, y1 = self.box
        across = self.keypoints[1] - self.keypoints[0]
        angle = float(np.arctan2(across[1], across[0]))
        size = max(x1 - x0, y1 - y0) * DETECTION_SCALE
        return OrientedSquare((x0 + x1) / 2, (y0 + y1) / 2, size, angle)


def anchors(grids: tuple[tuple[int, int], ...]) -> NDArray[np.float32]:
    """Anchor centres (n, 2) in 0..1 for feature grids given as (cells a side, anchors a cell)."""
    centres = []
    for cells, repeats in grids:
        axis = (np.arange(cells) + 0.5) / cells
        grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
        centres.append(np.repeat(grid, repeats, axis=0))
    return np.concatenate(centres).astype(np.float32)


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two x0, y0, x1, y1 boxes, 0..1."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    inside = width * height
    return inside / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inside)


class BlazeFace:
    """One of the two networks."""

    def __init__(self, asset: str, side: int, grids: tuple[tuple[int, int], ...]) -> None:
        self.session = create_session(asset)
        self.side = side
        self.anchors = anchors(grids)

    def detect(self, picture: NDArray[np.uint8], threshold: float) -> list[Detection]:
        """Faces of an upright BGR uint8 picture (height, width, 3), best first, overlapping ones merged."""
        height, width = picture.shape[:2]
        scale = self.side / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        square = np.zeros((self.side, self.side, 3), np.uint8)
        left, top = (self.side - size[0]) // 2, (self.side - size[1]) // 2
        square[top : top + size[1], left : left + size[0]] = small
        image = square[None, :, :, ::-1].astype(np.float32) / 127.5 - 1
        first, second = self.session.run(None, {"image": image})
        boxes, logits = (first, second) if first.size > second.size else (second, first)
        scores = 1 / (1 + np.exp(-np.clip(logits.ravel(), -50, 50)))
        chosen = np.flatnonzero(scores > threshold)
        values = boxes.reshape(-1, 8, 2)[chosen] / self.side
        values[:, 0] += self.anchors[chosen]
        values[:, 2:] += self.anchors[chosen, None]
        pixels = (values * self.side - [left, top]) / scale
        sizes = values[:, 1] * self.side / scale
        found = []
        for centre_and_points, extent, score in zip(pixels, sizes, scores[chosen], strict=True):
            (x, y), (w, h) = centre_and_points[0], extent
            box = (float(x - w / 2), float(y - h / 2), float(x + w / 2), float(y + h / 2))
            found.append(Detection(box, centre_and_points[2:].astype(np.float32), float(score)))
        return merge_overlapping(found)


def merge_overlapping(found: list[Detection], threshold: float = 0.3) -> list[Detection]:
    """Non-maximum suppression by score-weighted averaging (as MediaPipe does), best first."""
    left = sorted(found, key=lambda d: -d.score)
    merged = []
    while left:
        group = [d for d in left if overlap(left[0].box, d.box) > threshold] or [left[0]]
        left = [d for d in left if all(d is not g for g in group)]
        weights = np.array([d.score for d in group])
        weights = weights / weights.sum()
        box = np.einsum("n,nk->k", weights, np.array([d.box for d in group]))
        points = np.einsum("n,nij->ij", weights, np.array([d.keypoints for d in group]))
        merged.append(
            Detection(
                (float(box[0]), float(box[1]), float(box[2]), float(box[3])), points.astype(np.float32), group[0].score
            )
        )
    return merged


class FaceDetector:
    """Both ranges together: every face of a picture, large or small."""

    def __init__(self, threshold: float = 0.5) -> None:
        self.threshold = threshold
        self.short_range = BlazeFace("face_detector_short.onnx", 128, ((16, 2), (8, 6)))
        self.full_range = BlazeFace("face_detector_full.onnx", 192, ((48, 1),))

    def detect(self, picture: NDArray[np.uint8]) -> list[Detection]:
        """Faces of an upright BGR uint8 picture (height, width, 3), best first."""
        both = self.short_range.detect(picture, self.threshold) + self.full_range.detect(picture, self.threshold)
        return merge_overlapping(both)

    def find_small(
        self, sampler: PictureSampler, regions: Sequence[OrientedSquare], known: Sequence[Box]
    ) -> list[Detection]:
        """Small faces in squares of a picture. What may be one is looked at again from nearer by, and then must be one.

        Args:
            sampler: The picture.
            regions: Where to look, as ``tiles``; squares may overlap.
            known: Boxes x0, y0, x1, y1 of faces that are not looked for.
        """
        found: list[Detection] = []
        for region in regions:
            found += self._in_square(sampler, region, POSSIBLE, whole=True)
        possible = [
            detection
            for detection in merge_overlapping(found)
            if all(overlap(detection.box, box) < KNOWN_OVERLAP for box in known)
        ]
        sure: list[Detection] = []
        for detection in possible[:MOST_POSSIBLE]:
            x0, y0, x1, y1 = detection.box
            side = NEARER * max(x1 - x0, y1 - y0)
            nearer = OrientedSquare((x0 + x1) / 2, (y0 + y1) / 2, side, regions[0].angle)
            again = self._in_square(sampler, nearer, self.threshold, whole=False)
            sure += [face for face in again if overlap(face.box, detection.box) > KNOWN_OVERLAP][:1]
        return merge_overlapping(sure)

    def find_huge(self, sampler: PictureSampler, angle: float) -> list[Detection]:
        """Faces about as large as the picture or larger: with nothing around them they look like none.

        Args:
            sampler: The picture.
            angle: The direction in which upright faces have their x axis, radians.
        """
        width, height = sampler.width, sampler.height
        region = OrientedSquare(width / 2, height / 2, 2.0 * max(width, height), angle)
        found = self._in_square(sampler, region, self.threshold, whole=False)
        return [face for face in found if face.box[2] - face.box[0] > 0.5 * min(width, height)]

    def confirms(self, sampler: PictureSampler, box: Box, angle: float) -> bool:
        """Tell whether what may be a face still is one when looked at from nearer by.

        Args:
            sampler: The picture.
            box: Of the landmarks found there.
            angle: The direction from eye to eye, radians.
        """
        x0, y0, x1, y1 = box
        side = SECOND_LOOK * min(x1 - x0, y1 - y0)
        near = OrientedSquare((x0 + x1) / 2, (y0 + y1) / 2, side, angle)
        again = self._in_square(sampler, near, SECOND_SCORE, whole=False)
        return any(overlap(face.box, box) > SECOND_OVERLAP for face in again)

    def _in_square(
        self, sampler: PictureSampler, region: OrientedSquare, threshold: float, whole: bool
    ) -> list[Detection]:
        """Faces in a square of a larger picture, in pixels of that picture; only the square is made small.

        Args:
            sampler: The picture.
            region: Where to look; its own x axis is the direction in which upright faces have theirs.
            threshold: Least score.
            whole: Leave out what the square's edge cuts off, unless the picture ends there too.
        """
        side = self.full_range.side
        crop = np.ascontiguousarray(sampler.crop_rgb(region, side)[:, :, ::-1])
        to_picture = cv2.invertAffineTransform(region.to_square(side))
        found = []
        for detection in self.full_range.detect(crop, threshold):
            x0, y0, x1, y1 = detection.box
            corners = np.array([[x0, y0], [x1, y0], [x0, y1], [x1, y1]]) @ to_picture[:, :2].T + to_picture[:, 2]
            low, high = corners.min(0), corners.max(0)
            cut_off = min(x0, y0) < 0 or max(x1, y1) > side
            inside = min(low) >= 0 and high[0] <= sampler.width and high[1] <= sampler.height
            if whole and cut_off and inside:
                continue
            points = detection.keypoints @ to_picture[:, :2].T + to_picture[:, 2]
            box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
            found.append(Detection(box, points.astype(np.float32), detection.score))
        return found


def tiles(width: int, height: int, angle: float) -> list[OrientedSquare]:
    """Squares that cover a picture, each 0.4 of its longer side, overlapping by a tenth of it or more.

    A face of 2.5 % of the longer side is 12 pixels wide in such a square as the full-range network sees it: enough.

    Args:
        width: Of the picture.
        height: Of the picture.
        angle: The direction in which upright faces have their x axis, radians.
    """
    longer = max(width, height)
    side = TILE_SHARE * longer

    def middles(length: int) -> list[float]:
        if length <= side:
            return [length / 2]
        count = int(np.ceil((length - side) / (side - TILE_OVERLAP * longer) - 1e-9)) + 1
        return [float(v) for v in np.linspace(side / 2, length - side / 2, count)]

    return [OrientedSquare(x, y, side, angle) for y in middles(height) for x in middles(width)]


def brightened(picture: NDArray[np.uint8], mean: float = 100.0) -> NDArray[np.uint8] | None:
    """A dark picture lifted by a gamma curve to a middling brightness; None when it is not dark."""
    before = float(picture.mean())
    if before > DARK_MEAN:
        return None
    gamma = np.log(mean / 255) / np.log(max(before, 1.0) / 255)
    return np.asarray(cv2.LUT(picture, (255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)), np.uint8)
