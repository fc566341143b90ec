"""Stage 2 of the landmark backend, put together: motion, donors, base warp and mouth layer."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.compose.blend import blend_bands, match_colour
from talkingface.faces.geometry import gap_of, smoothstep
from talkingface.media.planes import Plane, PlaneLayout
from talkingface.models.video_retalking.landmark.canonicalize import CanonicalFace, MouthShapeModel
from talkingface.models.video_retalking.landmark.donors import Donor, DonorBank, choose_donors
from talkingface.models.video_retalking.landmark.face_warp import WarpField, plan_warp
from talkingface.models.video_retalking.landmark.mouth_layer import (
    MOUTH,
    RIGID_POINTS,
    MouthGeometry,
    MouthMaps,
    cavity_codes,
    fit_affine,
    plan_mouth,
    render_plane,
)
from talkingface.models.video_retalking.landmark.mouth_motion import (
    MouthMotionNetwork,
    at_times,
    personalise,
    speech_gate,
)
from talkingface.models.video_retalking.stages import FloatArray, RegionPatch

LIPS = 40


@dataclass(frozen=True)
class LipPlan:
    """What every frame of the result shows.

    Attributes:
        face: The person.
        rows: (N,) row of the track.
        donors: (N,) row of the track the mouth is taken from.
        displacement: (N, 80, 2) from the closed mouth, canonical units.
        strength: (N,) 0..1; less where the face is uncertain, so that the effect fades instead of jumping.
    """

    face: CanonicalFace
    rows: NDArray[np.int64]
    donors: NDArray[np.int64]
    displacement: NDArray[np.float64]
    strength: NDArray[np.float64]


class DonorLipSynthesizer:
    """Speaks with the person's own mouths."""

    def __init__(self, bank: DonorBank, layout: PlaneLayout, model: MouthShapeModel | None = None) -> None:
        self.bank = bank
        self.layout = layout
        self.model = model or MouthShapeModel.load()

    def plan(
        self, face: CanonicalFace, rows: NDArray[np.int64], times: NDArray[np.float64], samples: NDArray[np.float32]
    ) -> LipPlan:
        """Decide what every frame will show; see ``stages.LipSynthesizer``."""
        heard = MouthMotionNetwork()(samples)
        motion = personalise(heard, face, speech_gate(samples, len(heard)), self.model)
        displacement = at_times(motion, times)
        targets = face.closed_mouth[None, :LIPS] + displacement[:, :LIPS]
        donors = choose_donors(face, rows, targets, self.bank)
        strength = smoothstep(0.5, 0.9, face.track.presence[rows])
        return LipPlan(face, rows, donors, displacement, strength)

    def speak(self, plan: LipPlan, number: int, planes: list[Plane]) -> RegionPatch | None:
        """Render one frame; see ``stages.LipSynthesizer``."""
        face, row, donor_row = plan.face, int(plan.rows[number]), int(plan.donors[number])
        height, width = planes[0].shape
        unit = float(face.interocular[row])
        target = face.target(row, plan.displacement[number])
        warp = plan_warp(face.landmarks[row], target, unit, width, height)
        if warp is None:
            return None
        geometry = self._geometry(face, row, donor_row, target, unit, plan.displacement[number])
        maps = plan_mouth(geometry, width, height)
        donor = self.bank.get(int(face.track.frames[donor_row]))
        depth = cavity_codes(donor, geometry) if maps is not None and maps.cavity is not None else None
        patch = []
        for index, plane in enumerate(planes):
            shift_x, shift_y = (self.layout.chroma_shift_x, self.layout.chroma_shift_y) if index else (0, 0)
            base = self._base(warp, plane, index, shift_x, shift_y)
            if maps is not None:
                self._add_mouth(base, warp, maps, donor, index, shift_x, shift_y, depth[index] if depth else None)
            patch.append(base)
        strength = np.float32(plan.strength[number])
        return RegionPatch(warp.box.x0, warp.box.y0, patch, warp.alpha * strength)

    @staticmethod
    def _geometry(
        face: CanonicalFace,
        row: int,
        donor_row: int,
        target: NDArray[np.float64],
        unit: float,
        displacement: NDArray[np.float64],
    ) -> MouthGeometry:
        anchors = face.mean[RIGID_POINTS]
        here = face.pose.to_picture(row, anchors)[:, :2]
        there = face.pose.to_picture(donor_row, anchors)[:, :2]
        wanted = float(gap_of(face.closed_mouth + displacement))
        source = face.landmarks[donor_row, MOUTH, :2]
        return MouthGeometry(target, source, fit_affine(here, there), unit, wanted, float(face.gap[donor_row]))

    def _base(self, warp: WarpField, plane: Plane, index: int, shift_x: int, shift_y: int) -> FloatArray:
        across, down = warp.box.dense(warp.field, shift_x, shift_y)
        flags = cv2.INTER_CUBIC if index == 0 else cv2.INTER_LINEAR
        moved = cv2.remap(plane, across, down, flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, np.float32)

    def _add_mouth(
        self, base: FloatArray, warp: WarpField, maps: MouthMaps, donor: Donor, index: int, shift_x: int, shift_y: int,
        cavity_code: float | None,
    ) -> None:  # fmt: skip
        """Blend the mouth layer into the base, in place, where both overlap."""
        x0, y0 = max(warp.box.x0, maps.box.x0), max(warp.box.y0, maps.box.y0)
        x1 = min(warp.box.x0 + warp.box.width, maps.box.x0 + maps.box.width)
        y1 = min(warp.box.y0 + warp.box.height, maps.box.y0 + maps.box.height)
        if x1 - x0 < 16 or y1 - y0 < 16:
            return
        layer = render_plane(maps, donor, index, shift_x, shift_y, cavity_code)
        mask, ring, shade = maps.mask, maps.ring, maps.shade
        if shift_x or shift_y:
            size = (layer.shape[1], layer.shape[0])
            mask = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
            ring = cv2.resize(ring.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        of_layer = (
            slice((y0 - maps.box.y0) >> shift_y, (y1 - maps.box.y0) >> shift_y),
            slice((x0 - maps.box.x0) >> shift_x, (x1 - maps.box.x0) >> shift_x),
        )
        of_base = (
            slice((y0 - warp.box.y0) >> shift_y, (y1 - warp.box.y0) >> shift_y),
            slice((x0 - warp.box.x0) >> shift_x, (x1 - warp.box.x0) >> shift_x),
        )
        below = np.ascontiguousarray(base[of_base])
        code = float(1 << (self.layout.bits - 8))
        layer = match_colour(np.ascontiguousarray(layer[of_layer]), below, ring[of_layer], 6 * code)
        if index == 0:
            black = 0.0 if self.layout.full_range else 16 * code
            layer = black + (layer - black) * shade[of_layer]
            base[of_base] = blend_bands(below, layer, np.ascontiguousarray(mask[of_layer]))
        else:
            base[of_base] = below + (layer - below) * mask[of_layer]
