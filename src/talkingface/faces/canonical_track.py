"""A whole track's landmarks in the person's own canonical frame, some frames at a time, so that memory stays small."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from talkingface.faces.geometry import align
from talkingface.media.row_file import Rows

FRAMES_AT_ONCE = 1000


def mean_face(landmarks: Rows, reference: NDArray[np.floating]) -> NDArray[np.float64]:
    """A person's mean face (478, 3), head pose removed by bringing each frame to a reference.

    Args:
        landmarks: T rows (478, 3), T > 0, pixels.
        reference: (478, 3) canonical units.
    """
    total = np.zeros(np.asarray(reference).shape)
    for start in range(0, len(landmarks), FRAMES_AT_ONCE):
        points = np.asarray(landmarks[start : start + FRAMES_AT_ONCE])
        total += align(points, reference).to_canonical(points).sum(0)
    return total / len(landmarks)


def canonical_points(landmarks: Rows, own: NDArray[np.floating], wanted: Sequence[int] | slice) -> NDArray[np.float64]:
    """Some of a track's points in the frame of the person's mean face, seen from the front.

    Args:
        landmarks: T rows (478, 3), pixels.
        own: (478, 3) the mean face.
        wanted: Which points.

    Returns:
        (T, N, 2) canonical units.
    """
    parts = [np.zeros((0, len(np.arange(len(own))[wanted]), 2))]
    for start in range(0, len(landmarks), FRAMES_AT_ONCE):
        points = np.asarray(landmarks[start : start + FRAMES_AT_ONCE])
        parts.append(align(points, own).to_canonical(points)[:, wanted, :2])
    return np.concatenate(parts)
