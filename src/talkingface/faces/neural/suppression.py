"""Of boxes that show the same face, keep the likeliest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class FaceBoxes:
    """The faces of a picture, the likeliest first.

    Attributes:
        boxes: (K, 4) left, top, right, bottom in pixels.
        scores: (K,) 0..1.
        points: (K, 5, 2) pixels: left eye, right eye, nose, left and right corner of the mouth, as the viewer sees
            them. None if the detector gives none.
    """

    boxes: FloatArray
    scores: FloatArray
    points: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.scores)


def without_repeats(faces: FaceBoxes, overlap: float) -> FaceBoxes:
    """Leave out every box that a likelier one of those kept covers.

    Args:
        faces: In any order.
        overlap: Intersection over union above which two boxes show one face; sides count as one pixel longer, as is
            usual for boxes of whole pixels.
    """
    order = np.argsort(-faces.scores, kind="stable")
    boxes = faces.boxes[order].astype(np.float64)
    start, end = boxes[:, :2], boxes[:, 2:] + 1
    areas = np.prod(end - start, 1)
    common = np.minimum(end[:, None], end[None]) - np.maximum(start[:, None], start[None])
    intersection = np.prod(np.maximum(common, 0), 2)
    covers = intersection > overlap * (areas[:, None] + areas[None] - intersection)
    kept = np.ones(len(boxes), bool)
    for place in range(len(boxes)):
        if kept[place]:
            kept[place + 1 :] &= ~covers[place, place + 1 :]
    chosen = order[kept]
    points = None if faces.points is None else faces.points[chosen]
    return FaceBoxes(faces.boxes[chosen], faces.scores[chosen], points)
