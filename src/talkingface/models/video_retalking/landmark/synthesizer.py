"""Stage 2 of the landmark backend, put together: motion, donors, base warp and mouth layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.compose.blend import blend_bands, match_colour
from talkingface.compose.detail import detail_gains, with_detail
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import gap_of, smoothstep
from talkingface.media.planes import Plane, PlaneLayout
from talkingface.models.video_retalking.landmark.canonicalize import CanonicalFace, MouthShapeModel
from talkingface.models.video_retalking.landmark.donor_choice import choose_donors
from talkingface.models.video_retalking.landmark.donor_switch import AlignedMix, Switches, plan_switches
from talkingface.models.video_retalking.landmark.donors import Donor, Donors
from talkingface.models.video_retalking.landmark.face_warp import WarpField, plan_warp
from talkingface.models.video_retalking.landmark.hearing import HeardSpeech
from talkingface.models.video_retalking.landmark.inner_mouth import InnerMouth, Painter
from talkingface.models.video_retalking.landmark.learnt_mouth import LearntMouth
from talkingface.models.video_retalking.landmark.lip_seam import moved_seam, seam_offset
from talkingface.models.video_retalking.landmark.mouth_layer import (
    MOUTH,
    RIGID_POINTS,
    MouthGeometry,
    MouthMaps,
    fit_affine,
    plan_mouth,
    render_plane,
)
from talkingface.models.video_retalking.landmark.mouth_motion import PersonalMotion, personalise_stored
from talkingface.models.video_retalking.landmark.planned_motion import LIPS, RECENT_MOTION, LipTargets, PlannedMotion
from talkingface.models.video_retalking.landmark.smooth_landmarks import RecentBlocks
from talkingface.models.video_retalking.landmark.thin_plate import Box
from talkingface.models.video_retalking.stages import A_MOUTH, SKIN, FloatArray, RegionPatch
from talkingface.progress import Cancellation

MOUTH_AND_RIM = 1.35  # of the lips' own size
NEAR_MOUTH = 0.65  # inter-ocular distances from it: where skin is moved most, and resampling takes most
_OUTER_LIPS = list(mesh.LIPS_OUTER)
RECENT_MOUTHS = 1024  # mouths' points, 1.3 KB each; a shot has half as many donors
FAINTEST = 0.01  # an effect weaker than this is none
DISSOLVED = (
    0.35  # strength up to which the altered mouth is dissolved into the frame's own; beyond, only its shape fades
)


@dataclass(frozen=True)
class LipPlan:
    """What every frame of the result shows.

    Attributes:
        face: The person.
        kept: The person's own mouths.
        rows: (N,) row of the track.
        donors: (N,) row of the track the mouth is taken from.
        displacement: N times (80, 2) from the closed mouth, canonical units.
        strength: (N,) 0..1; less where the mouth is not surely seen, so that the effect fades instead of jumping.
        switches: Where donors change.
        inner: Paints what the donors do not show.
        seam: (11,) how far closed lips meet below their landmarks, canonical units; None when it does not matter.
    """

    face: CanonicalFace
    kept: Donors
    rows: NDArray[np.int64]
    donors: NDArray[np.int64]
    displacement: PlannedMotion
    strength: NDArray[np.float64]
    switches: Switches
    inner: InnerMouth
    seam: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class _DonorView:
    """One donor's mouth in one frame.

    Attributes:
        maps: Where it is read from.
        donor: The mouth.
        painted: Planes of an inner mouth for where the donor shows none; None where it shows all.
    """

    maps: MouthMaps
    donor: Donor
    painted: list[FloatArray] | None


def faded(face: CanonicalFace, row: int, displacement: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    """Bring the wanted mouth shape to the frame's own as the effect fades: two unlike mouths dissolved look double.

    Args:
        face: The person.
        row: Row of the track.
        displacement: (80, 2) wanted, from the closed mouth, canonical units.
        strength: 0..1.

    Returns:
        (80, 2): what was wanted at strength 1, the frame's own mouth where it is dissolved.
    """
    if strength >= 1:
        return displacement
    own = face.shape(row)[MOUTH, :2] - face.closed_mouth
    share = float(smoothstep(0.1, 1.0, np.array(strength)))
    return np.asarray(own + (displacement - own) * share)


def _parts(box: Box, unit: float, *mouths: NDArray[np.floating]) -> NDArray[np.uint8]:
    """``RegionPatch.parts`` of a box, round mouths given by their outer lips (20, 2)."""
    parts = np.zeros((box.height, box.width), np.uint8)
    corner = np.array([box.x0, box.y0])
    middle = np.round(mouths[-1].mean(0) - corner).astype(int).tolist()
    cv2.circle(parts, middle, max(2, round(NEAR_MOUTH * unit)), SKIN, -1)
    for lips in mouths:
        grown = lips.mean(0) + (lips - lips.mean(0)) * MOUTH_AND_RIM - corner
        cv2.fillConvexPoly(parts, cv2.convexHull(np.round(grown).astype(np.int32)), A_MOUTH)
    return parts


class DonorLipSynthesizer:
    """Speaks with the person's own mouths."""

    def __init__(
        self,
        layout: PlaneLayout,
        folder: Path,
        model: MouthShapeModel | None = None,
        cancel: Cancellation | None = None,
        painter: Painter | None = None,
    ) -> None:
        """Nothing is done yet.

        Args:
            layout: Of the clip's frames.
            folder: For what does not fit in memory while a plan is made.
            model: Statistics of mouths in general.
            cancel: Checked while a plan is made.
            painter: Of what no donor shows; the shipped network when None.
        """
        self._painter = painter
        self._cancel = cancel
        self.layout = layout
        self.folder = folder
        self.model = model or MouthShapeModel.load()
        # what several shots share, so that many shots take no more memory than one
        self._recent_motion = RecentBlocks(RECENT_MOTION)
        self._recent_mouths = RecentBlocks(RECENT_MOUTHS)

    def voice(self, faces: Sequence[CanonicalFace], speech: HeardSpeech) -> PersonalMotion:
        """How this person's mouth moves to a sound; see ``stages.LipSynthesizer``.

        The person's own openings and pace are learnt where they are seen longest.
        """
        longest = max(faces, key=lambda face: (face.speaks, int(face.trusted.sum())))
        return personalise_stored(speech, longest, self.model)

    def plan(
        self,
        face: CanonicalFace,
        kept: Donors,
        rows: NDArray[np.int64],
        times: NDArray[np.float64],
        voice: PersonalMotion,
    ) -> LipPlan:
        """Decide what every frame will show; see ``stages.LipSynthesizer``."""
        motion = PlannedMotion(voice, times, self._recent_motion)
        donors = choose_donors(face, rows, LipTargets(face, motion), kept, self.folder, self._cancel)
        self._painter = self._painter or LearntMouth()
        inner = InnerMouth(face, kept, self.layout, self._painter)
        seam = None if face.speaks else seam_offset(face, kept)
        doubt = smoothstep(0.5, 0.9, face.track.presence[rows])
        strength = np.minimum(doubt, face.track.confidence[rows])
        return LipPlan(face, kept, rows, donors, motion, strength, plan_switches(donors, times), inner, seam)

    def speak(self, plan: LipPlan, number: int, planes: list[Plane]) -> RegionPatch | None:
        """Render one frame; see ``stages.LipSynthesizer``."""
        strength = float(plan.strength[number])
        if strength < FAINTEST:
            return None
        face, row, donor_row = plan.face, int(plan.rows[number]), int(plan.donors[number])
        height, width = planes[0].shape
        unit = float(face.interocular[row])
        displacement = faded(face, row, plan.displacement[number], strength)
        target = face.target(row, displacement)
        warp = plan_warp(face.landmarks[row], target, unit, width, height)
        if warp is None:
            return None
        wanted = target if plan.seam is None else moved_seam(face, row, target, plan.seam)
        view = self._view(plan, row, donor_row, wanted, displacement, width, height)
        views, mix = [] if view is None else [view], None
        if view is not None and plan.switches.share[number] > 0:
            other = self._view(plan, row, int(plan.switches.other[number]), wanted, displacement, width, height)
            if other is not None:
                views.append(other)
                white = float((1 << self.layout.bits) - 1)
                mix = AlignedMix(float(plan.switches.share[number]), unit, white)
        patch = []
        for index, plane in enumerate(planes):
            shift_x, shift_y = (self.layout.chroma_shift_x, self.layout.chroma_shift_y) if index else (0, 0)
            base = self._base(warp, plane, index, shift_x, shift_y)
            if views:
                self._add_mouth(base, warp, views, mix, index, shift_x, shift_y)
            patch.append(base)
        shown = np.float32(smoothstep(0, DISSOLVED, np.array(strength)))
        parts = _parts(warp.box, unit, face.landmarks[row][_OUTER_LIPS, :2], target[: LIPS // 2])
        return RegionPatch(warp.box.x0, warp.box.y0, patch, warp.alpha * shown, parts)

    def _view(
        self,
        plan: LipPlan,
        row: int,
        donor_row: int,
        target: NDArray[np.float64],
        displacement: NDArray[np.float64],
        width: int,
        height: int,
    ) -> _DonorView | None:
        """How a donor's mouth is brought into a frame; None when the mouth lies outside the picture."""
        face = plan.face
        source = self._mouth_of(face, donor_row)
        if plan.seam is not None:
            parted = float(smoothstep(0.01, 0.05, gap_of(face.closed_mouth + displacement) - face.gap[donor_row]))
            source = moved_seam(face, donor_row, source, plan.seam, parted)
        unit = float(face.interocular[row])
        geometry = self._geometry(plan, row, donor_row, target, source, unit, displacement)
        maps = plan_mouth(geometry, width, height)
        if maps is None:
            return None
        donor = plan.kept.get(int(face.track.frames[donor_row]))
        painted = None if maps.cavity is None else plan.inner.paint(row, displacement, target, maps.box)
        return _DonorView(maps, donor, painted)

    def _mouth_of(self, face: CanonicalFace, row: int) -> NDArray[np.float64]:
        """(80, 2) pixels of a donor's mouth points."""
        points = self._recent_mouths.get((face.landmarks, row))
        if points is None:
            points = face.landmarks.rows(row, row + 1)[0, MOUTH, :2]
            self._recent_mouths.put((face.landmarks, row), points)
        return points

    @staticmethod
    def _geometry(
        plan: LipPlan,
        row: int,
        donor_row: int,
        target: NDArray[np.float64],
        source: NDArray[np.float64],
        unit: float,
        displacement: NDArray[np.float64],
    ) -> MouthGeometry:
        face = plan.face
        anchors = face.mean[RIGID_POINTS]
        here = face.pose.to_picture(row, anchors)[:, :2]
        there = face.pose.to_picture(donor_row, anchors)[:, :2]
        wanted = float(gap_of(face.closed_mouth + displacement))
        seam = plan.kept.seam(int(face.track.frames[donor_row]))
        return MouthGeometry(target, source, fit_affine(here, there), unit, wanted, float(face.gap[donor_row]), seam)

    def _base(self, warp: WarpField, plane: Plane, index: int, shift_x: int, shift_y: int) -> FloatArray:
        across, down = warp.box.dense(warp.field, shift_x, shift_y)
        flags = cv2.INTER_CUBIC if index == 0 else cv2.INTER_LINEAR
        moved = cv2.remap(plane, across, down, flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, np.float32)

    def _add_mouth(
        self, base: FloatArray, warp: WarpField, views: list[_DonorView], mix: AlignedMix | None, index: int,
        shift_x: int, shift_y: int,
    ) -> None:  # fmt: skip
        """Blend the mouth layer into the base, in place, where both overlap."""
        maps = views[0].maps  # box, mask and ring are the frame's: the same for every donor
        x0, y0 = max(warp.box.x0, maps.box.x0), max(warp.box.y0, maps.box.y0)
        x1 = min(warp.box.x0 + warp.box.width, maps.box.x0 + maps.box.width)
        y1 = min(warp.box.y0 + warp.box.height, maps.box.y0 + maps.box.height)
        if x1 - x0 < 16 or y1 - y0 < 16:
            return
        mask, ring = maps.mask, maps.ring
        if shift_x or shift_y:
            size = (maps.box.width >> shift_x, maps.box.height >> shift_y)
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
        layers, shades = [], []
        for view in views:
            painted = None if view.painted is None else view.painted[index]
            layer = render_plane(view.maps, view.donor, index, shift_x, shift_y, painted)
            layers.append(match_colour(np.ascontiguousarray(layer[of_layer]), below, ring[of_layer], 6 * code))
            shades.append(view.maps.shade)
        layer = layers[0] if mix is None else mix(layers[0], layers[1], index == 0)
        if index == 0:
            # before the shadow line is drawn: it is no detail of the donor's
            layer = with_detail(layer, detail_gains(layer, below, ring[of_layer], code))
            shade = shades[0] if mix is None else mix.evenly(shades[0], shades[1])
            black = 0.0 if self.layout.full_range else 16 * code
            layer = black + (layer - black) * shade[of_layer]
            base[of_base] = blend_bands(below, layer, np.ascontiguousarray(mask[of_layer]))
        else:
            base[of_base] = below + (layer - below) * mask[of_layer]
