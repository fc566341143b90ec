"""How open eyes are, and what of a frame is eyeball that stays while lids move over it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import smoothstep
from talkingface.models.video_retalking.face_measures import LOWER_LIDS, UPPER_LIDS
from talkingface.models.video_retalking.landmark.canonicalize import CanonicalFace
from talkingface.models.video_retalking.landmark.thin_plate import Box, FloatArray
from talkingface.progress import Cancellation

_CORNERS = (mesh.EYE_LEFT_CORNERS, (mesh.EYE_RIGHT_CORNERS[1], mesh.EYE_RIGHT_CORNERS[0]))  # outer, inner
USUAL_LEVEL = 0.7  # quantile of a person's openings taken for an open eye
LASHES = 0.012  # inter-ocular distances of the lid's dark edge that lie over the eyeball
UNCOVERED = 0.4  # of the opening: as much of the eyeball is drawn out to a lid that is lifted from it
COVERS = 0.008  # inter-ocular distances a lid must sink before what is below it counts as covered


class EyeOpenings:
    """How open both eyes are in every row of a track."""

    def __init__(self, face: CanonicalFace, cancel: Cancellation | None = None) -> None:
        """Read the whole track, some frames at a time.

        Args:
            face: Whose eyes.
            cancel: Checked all the time.
        """
        parts = []
        for low, block in face.landmarks.blocks():
            if cancel is not None:
                cancel.check()
            parts.append(openings(block) / face.interocular[low : low + len(block), None])
        self._opening = np.concatenate(parts).astype(np.float32)
        self._usual = np.quantile(self._opening[face.trusted], USUAL_LEVEL, axis=0)

    def openness(self, row: int) -> NDArray[np.float64]:
        """(2,) 0 closed .. 1 as open as usual or more; the viewer's left eye first."""
        return np.asarray(np.clip(self._opening[row] / np.maximum(self._usual, 1e-3), 0, 1), np.float64)


def openings(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """Distance of the lids in the middle of both eyes, (..., 478, >=2) -> (..., 2), same unit."""
    sides = []
    for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True):
        between = landmarks[..., list(lower[2:5]), :2] - landmarks[..., list(upper[2:5]), :2]
        sides.append(np.linalg.norm(between, axis=-1).mean(-1))
    return np.stack(sides, -1)


def eyeball_points(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """(6, 2) places between the lids at which the eyeballs are held."""
    places = []
    for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True):
        above, below = landmarks[list(upper[1:6:2]), :2], landmarks[list(lower[1:6:2]), :2]
        places.append(above + (below - above) * (UNCOVERED + 0.1))
    return np.concatenate(places)


def eyeball_share(
    box: Box, before: NDArray[np.floating], after: NDArray[np.floating], unit: float
) -> FloatArray | None:
    """Where the frame's own eyeballs are shown, unmoved.

    Args:
        box: The region.
        before: (478, 2) pixels.
        after: (478, 2) pixels, lids moved.
        unit: Inter-ocular distance, pixels.

    Returns:
        (height, width) 0..1; None when no eye is open.
    """
    share = np.zeros((box.height, box.width), np.float32)
    found = False
    for side in range(2):
        upper, lower, corners = list(UPPER_LIDS[side]), list(LOWER_LIDS[side]), list(_CORNERS[side])
        across = before[upper], before[lower]
        opening = np.linalg.norm(across[1] - across[0], axis=1, keepdims=True)
        if opening.max() < max(2.0, 0.03 * unit):
            continue
        down = (across[1] - across[0]) / np.maximum(opening, 1e-6)
        top = _edge(across[0], after[upper], down, opening, unit)
        bottom = _edge(across[1], after[lower], -down, opening, unit)
        outline = np.concatenate([before[corners[:1]], top, before[corners[1:]], bottom[::-1]])
        points = np.round((outline - [box.x0, box.y0]) * 16).astype(np.int32)
        cv2.fillPoly(share, [points], 1.0, lineType=cv2.LINE_AA, shift=4)
        found = True
    if not found:
        return None
    return np.asarray(cv2.GaussianBlur(share, (0, 0), max(0.7, 0.007 * unit)))


def _edge(
    before: NDArray[np.floating], after: NDArray[np.floating], inwards: NDArray[np.floating],
    opening: NDArray[np.floating], unit: float,
) -> NDArray[np.float64]:  # fmt: skip
    """(7, 2) where the eyeball that stays begins below a lid that moved.

    Below a lid that covers more, at its lashes. What a lifted lid uncovers was never seen: there the eyeball next to
    it is drawn out, by the spline, and what stays begins further in.
    """
    sunk = ((after - before) * inwards).sum(1, keepdims=True)
    covers = smoothstep(0, COVERS * unit, sunk)
    covering = np.minimum(sunk + LASHES * unit, 0.5 * opening)
    return np.asarray(before + inwards * (covers * covering + (1 - covers) * UNCOVERED * opening))
