"""Brows, lids and forehead of a frame, moved to another expression in the frame's own planes.

Skin moves by a thin-plate spline held at hairline, temples, nose and cheeks. The eyeballs stay: lids slide over them.
A lid moves as far as its eye is open, so that a blink stays a whole blink.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.faces.geometry import smoothstep
from talkingface.faces.track import FaceTrack
from talkingface.media.planes import Plane, PlaneLayout
from talkingface.models.video_retalking.face_measures import BROWS, GLABELLA, LOWER_LIDS, UPPER_LIDS
from talkingface.models.video_retalking.landmark.canonicalize import CanonicalFace
from talkingface.models.video_retalking.landmark.eyelids import EyeOpenings, eyeball_points, eyeball_share
from talkingface.models.video_retalking.landmark.thin_plate import Box, FloatArray, ThinPlateSpline
from talkingface.models.video_retalking.stages import RegionPatch
from talkingface.progress import Cancellation

_MOVED = [
    *(point for side in BROWS for row in side for point in row),
    *GLABELLA,
    *(point for lids in (*UPPER_LIDS, *LOWER_LIDS) for point in lids),
]
# eye corners, nose, hairline, temples, cheeks
_HELD = [
    33, 133, 362, 263, 6, 197, 122, 351, 10, 109, 338, 67, 297, 103, 332, 54, 284, 21, 251, 162, 389, 127, 356,
    117, 118, 119, 346, 347, 348, 50, 280,
]  # fmt: skip
_OUTLINE = [10, 338, 297, 332, 284, 251, 389, 356, 346, 347, 348, 6, 119, 118, 117, 127, 162, 21, 54, 103, 67, 109]
LATTICE_STEP = 0.04  # inter-ocular distances
EDGE, SETTLED = 0.06, 0.22  # inter-ocular distances from the outline: from where, and where fully, skin moves
FAINTEST = 0.01
RIM = 0.6  # of the way from a lid to its brow


def certainty(track: FaceTrack, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """How much of a changed face may be shown, (N,) 0..1: less where the face is not surely seen."""
    return np.asarray(np.minimum(smoothstep(0.5, 0.9, track.presence[rows]), track.confidence[rows]))


@dataclass(frozen=True)
class UpperFacePlan:
    """What every frame of one shot is to show.

    Attributes:
        face: The person.
        rows: (N,) row of the track each frame of the result is made on.
        strength: (N,) 0..1.
        field: (478, 2) how the points of the mesh move, canonical units.
        openings: How open the eyes are in every row.
    """

    face: CanonicalFace
    rows: NDArray[np.int64]
    strength: NDArray[np.float64]
    field: NDArray[np.float64]
    openings: EyeOpenings


class UpperFaceEditor:
    """Changes the expression above the mouth."""

    def __init__(self, layout: PlaneLayout, glasses: float = 0.0, cancel: Cancellation | None = None) -> None:
        """Nothing is done yet.

        Args:
            layout: Of the clip's frames.
            glasses: 0..1, whether the person wears glasses: then skin is held between lids and brows, where the upper
                rims of a frame are.
            cancel: Checked while a plan is made.
        """
        self._cancel = cancel
        self.layout = layout
        self.glasses = glasses

    def plan(self, face: CanonicalFace, rows: NDArray[np.int64]) -> UpperFacePlan | None:
        """Get ready for the frames that show one shot; None when nothing is to change.

        Args:
            face: From the canonicaliser, which knows the change.
            rows: (N,) row of the track each frame of the result is made on.
        """
        if face.field is None or not face.field[_MOVED].any():
            return None
        return UpperFacePlan(face, rows, certainty(face.track, rows), face.field, EyeOpenings(face, self._cancel))

    def edit(self, plan: UpperFacePlan, number: int, planes: list[Plane]) -> RegionPatch | None:
        """Render frame ``number`` of the plan over its own planes; None when there is nothing to change."""
        strength = float(plan.strength[number])
        if strength < FAINTEST:
            return None
        row = int(plan.rows[number])
        face = plan.face
        here = face.landmarks[row]
        unit = float(face.interocular[row])
        field = np.zeros((len(_MOVED), 3))
        field[:, :2] = plan.field[_MOVED] * strength
        openness = plan.openings.openness(row)
        count = len(_MOVED) - 4 * len(UPPER_LIDS[0])
        for index, lids in enumerate((*UPPER_LIDS, *LOWER_LIDS)):
            first = count + index * len(lids)
            field[first : first + len(lids)] *= openness[index % 2]
        # a displacement is carried into the picture as the head is turned
        pose = face.pose
        moved = (field @ pose.rotation[row] / pose.scale[row])[:, :2]
        height, width = planes[0].shape
        points = here[_MOVED, :2]
        held = np.concatenate([here[_HELD, :2], eyeball_points(here), *self._rims(here)])
        box = self._box(here, unit, width, height)
        if box.empty:
            return None
        targets = points + moved
        spline = ThinPlateSpline(
            np.concatenate([targets, held]), np.concatenate([-moved, np.zeros_like(held)]), unit, 3e-4
        )
        depth = _depth_inside(box, here, unit)
        warp = (spline(box.lattice()) * smoothstep(EDGE, SETTLED, depth)[..., None]).astype(np.float32)
        size = (box.width, box.height)
        alpha = cv2.resize(smoothstep(0, EDGE, depth).astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
        after = here[:, :2].copy()
        after[_MOVED] = targets
        eyeballs = eyeball_share(box, here[:, :2], after, unit)
        patch = [self._plane(box, warp, eyeballs, plane, index) for index, plane in enumerate(planes)]
        return RegionPatch(box.x0, box.y0, patch, np.clip(alpha, 0, 1))

    def _rims(self, here: NDArray[np.floating]) -> list[NDArray[np.float64]]:
        """Where the upper rims of glasses may be, (5, 2) each; nothing without glasses."""
        if self.glasses < 0.5:
            return []
        rims = []
        for (brow, _), lids in zip(BROWS, UPPER_LIDS, strict=True):
            # lids are listed from the outer corner, brows from the nose
            lid = here[list(reversed(lids))][[0, 1, 3, 5, 6], :2]
            rims.append(lid + RIM * (here[list(brow), :2] - lid))
        return rims

    @staticmethod
    def _box(here: NDArray[np.floating], unit: float, width: int, height: int) -> Box:
        outline = here[_OUTLINE, :2]
        step = max(4, round(unit * LATTICE_STEP / 2) * 2)
        return Box.around(outline.min(0) - 2 * step, outline.max(0) + 2 * step, step, width, height)

    def _plane(self, box: Box, warp: FloatArray, eyeballs: FloatArray | None, plane: Plane, index: int) -> FloatArray:
        shift_x, shift_y = (self.layout.chroma_shift_x, self.layout.chroma_shift_y) if index else (0, 0)
        across, down = box.dense(warp, shift_x, shift_y)
        flags = cv2.INTER_LANCZOS4 if index == 0 else cv2.INTER_LINEAR
        moved = cv2.remap(plane, across, down, flags, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
        if eyeballs is None:
            return np.asarray(moved)
        height, width = moved.shape
        x0, y0 = box.x0 >> shift_x, box.y0 >> shift_y
        own = plane[y0 : y0 + height, x0 : x0 + width].astype(np.float32)
        share = eyeballs if index == 0 else cv2.resize(eyeballs, (width, height), interpolation=cv2.INTER_AREA)
        moved += (own - moved) * share
        return np.asarray(moved)


def _depth_inside(box: Box, here: NDArray[np.floating], unit: float) -> NDArray[np.float64]:
    """How far inside the upper face each place of the lattice lies, inter-ocular distances; 0 outside."""
    columns, rows = max(2, box.width // box.step), max(2, box.height // box.step)
    scale = np.array([columns / box.width, rows / box.height])
    corners = np.round(((here[_OUTLINE, :2] - [box.x0, box.y0] + 0.5) * scale - 0.5) * 16).astype(np.int32)
    inside = np.zeros((rows, columns), np.uint8)
    cv2.fillPoly(inside, [cv2.convexHull(corners)], 1, shift=4)
    return np.asarray(cv2.distanceTransform(inside, cv2.DIST_L2, 5) / (float(scale.mean()) * unit), np.float64)
