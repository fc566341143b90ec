"""The base layer: the frame's own lower face, moved so that lips, cheeks, jaw and chin take the wanted shape."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.models.video_retalking.landmark.thin_plate import Box, FloatArray, ThinPlateSpline

MOUTH = list(mesh.MOUTH_POINTS)
# moved: outer lips, jaw, chin and the skin between (the inner lips are the mouth layer's)
_MOVED = list(range(20)) + list(range(40, 80))
# held: eyes, nose, temples
_HELD = [33, 133, 263, 362, 145, 374, 6, 197, 4, 98, 327, 129, 358, 127, 356, 234, 454, 93, 323]
# the cheeks follow the mouth's corners: a smile that fades lets them down, a smile's fold does not stay behind alone
_CHEEKS = [205, 425, 50, 280]
_CHEEK_SHARES = [0.35, 0.35, 0.12, 0.12]
_CORNERS = [[MOUTH.index(point) for point in side] for side in ((57, 186, 216), (287, 410, 436)) * 2]
_LOWER_OVAL = [234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454]
RING = 1.4  # the field has died away on the lower face's outline enlarged this much
LATTICE_STEP = 0.065  # inter-ocular distances


@dataclass(frozen=True)
class WarpField:
    """How the lower face of one frame moves.

    Attributes:
        box: The region of interest.
        field: (rows, columns, 2) on the box's lattice: where to read from, relative to each pixel.
        alpha: (height, width) float32 0..1, weight of the moved picture; exactly 0 at the box's border.
    """

    box: Box
    field: FloatArray
    alpha: FloatArray


def lower_face_outline(landmarks: NDArray[np.floating], scale: float) -> NDArray[np.float64]:
    """The lower face's outline (21, 2) enlarged round the nose base."""
    centre = landmarks[mesh.NOSE_BASE, :2]
    return np.asarray(centre + (landmarks[_LOWER_OVAL, :2] - centre) * scale)


def plan_warp(
    landmarks: NDArray[np.floating], target: NDArray[np.floating], unit: float, width: int, height: int
) -> WarpField | None:
    """Compute the field for one frame.

    Args:
        landmarks: (478, 3) of the frame, pixels.
        target: (80, 2) where the mouth points go, pixels.
        unit: Inter-ocular distance, pixels.
        width: Of the picture.
        height: Of the picture.

    Returns:
        None when nothing of the lower face lies in the picture.
    """
    ring = lower_face_outline(landmarks, RING)
    own = landmarks[MOUTH, :2]
    cheeks = landmarks[_CHEEKS, :2]
    followed = cheeks + (target - own)[_CORNERS].mean(1) * np.array(_CHEEK_SHARES)[:, None]
    moved_to = np.concatenate([target[_MOVED], followed, landmarks[_HELD, :2], ring])
    moved_from = np.concatenate([own[_MOVED], cheeks, landmarks[_HELD, :2], ring])
    spline = ThinPlateSpline(moved_to, moved_from - moved_to, unit)
    step = max(4, round(unit * LATTICE_STEP / 2) * 2)
    top = landmarks[[145, 374], 1].mean() * 0.35 + landmarks[mesh.NOSE_TIP, 1] * 0.65
    low = np.array([ring[:, 0].min(), min(top, ring[:, 1].min())])
    box = Box.around(low, ring.max(0), step, width, height)
    if box.empty:
        return None
    field = spline(box.lattice())
    return WarpField(box, field, _alpha(box, landmarks, unit))


def _alpha(box: Box, landmarks: NDArray[np.floating], unit: float) -> FloatArray:
    """1 on the lower face, falling smoothly to 0 before the box's border."""
    rows, columns = max(2, box.height // box.step) * 2, max(2, box.width // box.step) * 2
    scale = np.array([columns / box.width, rows / box.height])
    outline = lower_face_outline(landmarks, 1.24)
    top = landmarks[[129, 358], :2] * 0.7 + landmarks[[145, 374], :2] * 0.3
    polygon = np.concatenate([outline, top[::-1]])
    small = np.zeros((rows, columns), np.float32)
    corners = np.round((polygon - [box.x0, box.y0]) * scale * 16).astype(np.int32)
    cv2.fillPoly(small, [cv2.convexHull(corners)], 1.0, lineType=cv2.LINE_AA, shift=4)
    small = cv2.GaussianBlur(small, (0, 0), 0.085 * unit * float(scale[0]))
    # dies at the border, except where the border is the picture's own
    ramp = np.minimum(np.arange(rows), np.arange(rows)[::-1]) / 3.0
    side = np.minimum(np.arange(columns), np.arange(columns)[::-1]) / 3.0
    small *= np.minimum(1, ramp)[:, None].astype(np.float32) * np.minimum(1, side)[None].astype(np.float32)
    alpha = cv2.resize(small, (box.width, box.height), interpolation=cv2.INTER_LINEAR)
    alpha[alpha < 1 / 512] = 0
    return np.asarray(alpha, np.float32)
