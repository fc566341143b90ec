"""Where closed lips really meet.

Landmarks of closed lips may lie a little above or below the dark line between them. Nothing shows it while the mouth
stays shut, but when it is opened along them, a strip of one lip goes with the other. Here the line is looked for in the
picture.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.models.video_retalking.landmark.canonicalize import MOUTH, CanonicalFace
from talkingface.models.video_retalking.landmark.donors import Donor, Donors, kept_rows
from talkingface.models.video_retalking.landmark.mouth_layer import fit_affine
from talkingface.models.video_retalking.landmark.mouth_space import LIP_PLANE, LOWER_EDGE, UPPER_EDGE

CLOSED = 0.04  # inner-lip gap, inter-ocular distances, below which lips are taken to touch
REACH = 0.07  # inter-ocular distances to either side that are searched
STEPS = 57  # places across that reach
COLUMNS = 41  # places along the mouth
LOOKS = 3
FAR_PRICE = 0.35  # of the full reach, against the contrast of the darkest line
SLOPE_PRICE = 12.0  # of a step of a whole reach from one column to the next, squared
LINE = 0.014  # inter-ocular distances: half of the dark line's width
LINE_PIXELS = 1.3  # and at least so many pixels
SHAPE_OF_LINE = np.clip(
    np.minimum(np.arange(11), np.arange(11)[::-1]) / 3, 0, 1
)  # towards the corners lips stay joined
END = 0.16  # of the mouth's length at either corner, where the line is held to the landmarks


def seam_offset(face: CanonicalFace, kept: Donors) -> NDArray[np.float64] | None:
    """How far below the landmarks the line between closed lips lies.

    Returns:
        (11,) inter-ocular distances at the inner lips' points from left to right; None when no kept mouth is closed.
    """
    rows = kept_rows(face.track.frames, kept)
    rows = rows[face.gap[rows] < CLOSED]
    if not len(rows):
        return None
    chosen = rows[np.argsort(face.gap[rows], kind="stable")[:LOOKS]]
    found = [_offset_in(face, int(row), kept.get(int(face.track.frames[row]))) for row in chosen]
    return np.asarray(np.median(found, 0), np.float64)


def moved_seam(
    face: CanonicalFace, row: int, points: NDArray[np.float64], offset: NDArray[np.float64], parted: float = 0.0
) -> NDArray[np.float64]:
    """Mouth points (80, 2) of a frame, in pixels, with the inner lips moved down by ``seam_offset``.

    Args:
        face: The person.
        row: Row of the track.
        points: (80, 2) pixels.
        offset: (11,) from ``seam_offset``.
        parted: 0..1, how much of the dark line itself is left to neither lip: opened lips have none on their edges.
    """
    down = (face.pose.to_picture(row, np.array([[0.0, 1.0, 0.0]])) - face.pose.to_picture(row, np.zeros((1, 3))))[:, :2]
    aside = parted * max(LINE, LINE_PIXELS / float(face.interocular[row])) * SHAPE_OF_LINE
    moved = points.copy()
    moved[UPPER_EDGE[1:-1]] += (offset - aside)[1:-1, None] * down
    moved[LOWER_EDGE[1:-1]] += (offset + aside)[1:-1, None] * down
    return moved


def _offset_in(face: CanonicalFace, row: int, donor: Donor) -> NDArray[np.float64]:
    shape = face.shape(row)[MOUTH, :2]
    to_picture = fit_affine(shape[LIP_PLANE], face.landmarks[row][MOUTH][LIP_PLANE, :2])
    line = (shape[UPPER_EDGE] + shape[LOWER_EDGE]) / 2
    along = np.linspace(line[0, 0], line[-1, 0], COLUMNS)
    middle = np.interp(along, np.maximum.accumulate(line[:, 0] + np.arange(11) * 1e-6), line[:, 1])
    offsets = np.linspace(-REACH, REACH, STEPS)
    where = np.stack(np.broadcast_arrays(along[None], middle[None] + offsets[:, None]), -1)
    pixels = (where @ to_picture[:, :2].T + to_picture[:, 2] - [donor.x0, donor.y0]).astype(np.float32)
    luma = cv2.remap(
        donor.planes[0], pixels[..., 0], pixels[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.float64)
    luma = cv2.GaussianBlur(luma, (0, 0), sigmaX=1.0, sigmaY=1.5)
    # a dark line is dark against what is just above and below it, whatever the shadow it lies in
    contrast = luma - cv2.blur(luma, (1, 25))
    scale = max(float(-np.percentile(contrast, 3)), 1e-6)
    cost = contrast / scale + FAR_PRICE * (offsets[:, None] / REACH) ** 2
    path = offsets[_smooth_path(cost, offsets)]
    place = np.linspace(0, 1, COLUMNS)
    held = np.clip(np.minimum(place, 1 - place) / END, 0, 1)
    smooth = cv2.GaussianBlur((path * held)[None], (0, 0), 1.5)[0]
    return np.asarray(np.interp(line[:, 0], along, smooth), np.float64)


def _smooth_path(cost: NDArray[np.float64], offsets: NDArray[np.float64]) -> NDArray[np.int64]:
    """The path from left to right, one row a column, with the least cost and few slopes."""
    rise = SLOPE_PRICE * ((offsets[:, None] - offsets[None]) / REACH) ** 2
    total = cost[:, 0]
    back = np.zeros(cost.shape, np.int64)
    for column in range(1, cost.shape[1]):
        reached = total[:, None] + rise
        back[:, column] = reached.argmin(0)
        total = reached.min(0) + cost[:, column]
    path = np.zeros(cost.shape[1], np.int64)
    path[-1] = int(total.argmin())
    for column in range(cost.shape[1] - 1, 0, -1):
        path[column - 1] = back[path[column], column]
    return path
