"""The mouth layer: lips and what lies between them, taken from a donor frame and brought to the wanted shape.

Three pieces of the donor are moved independently and laid over each other: what is inside the mouth, the upper lip,
and the lower lip. Upper teeth belong to the skull and keep their place and size while lips slide over them; what is
near the lower lip goes with the jaw. So lips can close over teeth that a donor shows, and nothing is ever stretched
thin along the seam.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import smoothstep
from talkingface.models.video_retalking.landmark.donors import Donor
from talkingface.models.video_retalking.landmark.thin_plate import Box, FloatArray, ThinPlateSpline

MOUTH = list(mesh.MOUTH_POINTS)
CORNER_PART = (0.5, 0.75)  # of half the mouth's length from its middle: from and to where corners begin
CORNER_MARGIN = 0.02  # inter-ocular distances round the donor's opening that still count as open
MOST_STRETCH = 0.025  # inter-ocular distances the dark seam of a donor's mouth is stretched before it is painted over
LATTICE_STEP = 0.04  # inter-ocular distances; fields between are within a quarter of a pixel of the spline's
SEAM_EDGE = 0.012  # inter-ocular distances to either side of the seam, within which skull's and jaw's part meet
SHUT = (0.03, 0.07)  # donors' gaps between which what lies between their lips begins to count as seen
LEAST_PAINT = 0.04  # less of it is not seen
OPENED = (0.005, 0.025)  # how much wider a mouth must be made for it to be painted


def _numbers(points: tuple[int, ...]) -> list[int]:
    return [MOUTH.index(point) for point in points]


_BESIDE = (57, 287)
_BELOW_NOSE = (164, 167, 393, 92, 322, 186, 410, 216, 436)
_ABOVE_CHIN = (18, 83, 313, 201, 421, 200, 43, 273, 202, 422, 212, 432, 204, 424)
_LOWER_OUTER = (mesh.LIPS_OUTER[0], *mesh.LIPS_OUTER[10:])
_LOWER_INNER = (mesh.LIPS_INNER[0], *mesh.LIPS_INNER[10:])
_UPPER = _numbers(mesh.LIPS_OUTER[:11] + mesh.LIPS_INNER[:11] + _BELOW_NOSE + _BESIDE)
_LOWER = _numbers(_LOWER_OUTER + _LOWER_INNER + _ABOVE_CHIN + _BESIDE)
_INNER_UPPER = _numbers(mesh.LIPS_INNER[:11])
_INNER_LOWER = _numbers((mesh.LIPS_INNER[0], *mesh.LIPS_INNER[:10:-1], mesh.LIPS_INNER[10]))
_OUTER = list(range(20))
# points that show where skull and jaw are, not what the lips do
RIGID_POINTS = [2, 98, 327, 164, 61, 291, 13, 152, 172, 397]


@dataclass(frozen=True)
class MouthGeometry:
    """Everything the layer needs to know of one frame and its donor, in pixels.

    Attributes:
        target: (80, 2) wanted mouth points in the frame.
        source: (80, 2) mouth points in the donor's frame.
        rigid: (2, 3) matrix from the frame's pixels to the donor's, head to head, without expression.
        unit: Inter-ocular distance in the frame.
        target_gap: Inner-lip gap wanted, inter-ocular units.
        source_gap: Inner-lip gap of the donor.
        seam: (11,) 0..1 where the donor's skull part ends and its jaw's begins; see ``donor_look.MouthLook``.
    """

    target: NDArray[np.float64]
    source: NDArray[np.float64]
    rigid: NDArray[np.float64]
    unit: float
    target_gap: float
    source_gap: float
    seam: FloatArray


@dataclass(frozen=True)
class MouthMaps:
    """Where every pixel of the layer is read from, and which of the three pieces it shows.

    Attributes:
        box: The layer's region of the frame.
        upper: Field on the lattice for the upper lip.
        lower: Field on the lattice for the lower lip.
        inside: (height, width, 2) displacement for what is between them.
        lower_share: (height, width) 0..1, lower lip against upper.
        inside_share: (height, width) 0..1, inside of the mouth against lips.
        cavity: (height, width) 0..1, where the mouth opens further than the donor's: to be painted; None when it does
            not.
        shade: (height, width) 0..1 factor for luma above black: the shadow line of lips made to touch.
        mask: (height, width) 0..1 weight of the layer against the base.
        ring: (height, width) bool, where layer and base are compared for colour.
    """

    box: Box
    upper: FloatArray
    lower: FloatArray
    inside: FloatArray
    lower_share: FloatArray
    inside_share: FloatArray
    cavity: FloatArray | None
    shade: FloatArray
    mask: FloatArray
    ring: NDArray[np.bool_]


def fit_affine(source: NDArray[np.floating], target: NDArray[np.floating]) -> NDArray[np.float64]:
    """Least-squares (2, 3) matrix from (N, 2) to (N, 2) points."""
    ones = np.ones((len(source), 1))
    solution, *_ = np.linalg.lstsq(np.hstack([source, ones]), target, rcond=None)
    return np.asarray(solution.T)


def plan_mouth(geometry: MouthGeometry, width: int, height: int) -> MouthMaps | None:
    """Compute the maps of one frame. None when the mouth lies outside the picture."""
    target, source, unit = geometry.target, geometry.source, geometry.unit
    outer = target[_OUTER]
    grow = 0.24 * unit
    step = max(2, round(unit * LATTICE_STEP / 2) * 2)
    box = Box.around(outer.min(0) - grow, outer.max(0) + grow, step, width, height)
    if box.empty:
        return None
    lattice = box.lattice()
    fields = []
    for numbers in (_UPPER, _LOWER):
        spline = ThinPlateSpline(target[numbers], source[numbers] - target[numbers], unit, 2e-4)
        fields.append(spline(lattice))

    # coordinates along and across the mouth, so that a tilted head is no special case
    left, right = target[_INNER_UPPER[0]], target[_INNER_UPPER[-1]]
    middle, axis = (left + right) / 2, right - left
    length = max(float(np.linalg.norm(axis)), 1.0)
    cosine, sine = axis / length
    xs = np.arange(box.width, dtype=np.float32)[None] + np.float32(box.x0 - middle[0])
    ys = np.arange(box.height, dtype=np.float32)[:, None] + np.float32(box.y0 - middle[1])
    along, across = cosine * xs + sine * ys, -sine * xs + cosine * ys
    turn = np.array([[cosine, sine], [-sine, cosine]])
    upper_curve = (target[_INNER_UPPER] - middle) @ turn.T
    lower_curve = (target[_INNER_LOWER] - middle) @ turn.T
    knots = np.maximum.accumulate(upper_curve[:, 0] + np.arange(len(upper_curve)) * 1e-3)
    upper_edge = _curve(along, upper_curve)
    lower_edge = np.maximum(_curve(along, lower_curve), upper_edge)
    below_upper, above_lower = across - upper_edge, lower_edge - across
    soft = max(1.8, 0.022 * unit)
    inside_share = np.clip(np.minimum(below_upper, above_lower) / soft, 0, 1)
    seam = across - 0.5 * (upper_edge + lower_edge)
    beyond = np.maximum(0, np.abs(along) - 0.5 * length)
    band = 0.5 * soft + 0.35 * beyond
    lower_share = smoothstep(-1.0, 1.0, seam / band).astype(np.float32)
    inside, cavity = _inside_field(geometry, box, along, knots, below_upper, above_lower, turn)
    if cavity is not None and float((cavity * inside_share).max()) < LEAST_PAINT:
        cavity = None

    # lips made to touch by us lack the dark line where lips meet, and show a sliver of teeth when they all but touch
    opened = np.clip((geometry.source_gap - max(0.02, geometry.target_gap)) / 0.05, 0, 1)
    touching = float(opened * np.clip(1.3 * (1 - geometry.target_gap / 0.045), 0, 1))
    within = 1 - smoothstep(0.42 * length, 0.56 * length, np.abs(along))
    shade = 1 - 0.42 * touching * within * np.exp(-((seam / (1.1 * soft)) ** 2))

    mask, ring = _mask(box, outer, unit)
    return MouthMaps(
        box,
        fields[0],
        fields[1],
        inside,
        lower_share,
        inside_share.astype(np.float32),
        cavity,
        shade.astype(np.float32),
        mask,
        ring,
    )


def _beside(
    geometry: MouthGeometry, box: Box, field: FloatArray, along: NDArray[np.floating], knots: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Where, at its corners, our mouth is open and the donor's is not, (height, width) 0..1.

    There the donor shows lips and cheek: read as the inside of a wider mouth they are bright lines beside the teeth.
    """
    half = 0.5 * float(knots[-1] - knots[0])
    share = smoothstep(*CORNER_PART, np.abs(along) / max(half, 1.0)).astype(np.float32)
    scale = float(np.sqrt(abs(np.linalg.det(geometry.rigid[:, :2]))))
    inner = geometry.source[_INNER_UPPER + _INNER_LOWER[::-1]]
    margin = max(1, round(CORNER_MARGIN * geometry.unit * scale))
    low = np.floor(inner.min(0)).astype(int) - 3 * margin
    size = np.ceil(inner.max(0)).astype(int) + 3 * margin - low
    open_part = np.zeros((int(size[1]), int(size[0])), np.float32)
    cv2.fillPoly(open_part, [np.round((inner - low) * 16).astype(np.int32)], 1.0, lineType=cv2.LINE_AA, shift=4)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
    open_part = cv2.GaussianBlur(cv2.dilate(open_part, disc), (0, 0), max(0.7, 0.4 * margin))
    across = field[..., 0] + np.arange(box.width, dtype=np.float32)[None] + np.float32(box.x0 - low[0])
    down = field[..., 1] + np.arange(box.height, dtype=np.float32)[:, None] + np.float32(box.y0 - low[1])
    seen = cv2.remap(open_part, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(share * (1 - np.clip(seen, 0, 1)), np.float32)


def _curve(along: NDArray[np.floating], points: NDArray[np.floating]) -> NDArray[np.float32]:
    """Height of a lip's inner edge over the whole box, from its points ordered from left to right."""
    xs = np.maximum.accumulate(points[:, 0] + np.arange(len(points)) * 1e-3)
    return np.asarray(np.interp(along, xs, points[:, 1]), np.float32)


def _inside_field(
    geometry: MouthGeometry,
    box: Box,
    along: NDArray[np.floating],
    knots: NDArray[np.floating],
    below_upper: NDArray[np.floating],
    above_lower: NDArray[np.floating],
    turn: NDArray[np.floating],
) -> tuple[FloatArray, FloatArray | None]:
    """Displacement of what is between the lips: rigid with the skull above, with the lower lip below.

    Args:
        geometry: The frame and its donor.
        box: The layer's region.
        along: (height, width) position along the mouth.
        knots: (11,) position along the mouth of the inner lips' points.
        below_upper: (height, width) pixels below the upper lip's edge.
        above_lower: (height, width) pixels above the lower lip's edge.
        turn: (2, 2) rotation from picture axes to along, across.

    Returns:
        The displacement (height, width, 2), and where the donor has nothing to show, (height, width) 0..1 or None.
    """
    matrix = geometry.rigid
    linear = (matrix[:, :2] - np.eye(2)).astype(np.float32)
    xs = np.arange(box.width, dtype=np.float32)[None] + box.x0
    ys = np.arange(box.height, dtype=np.float32)[:, None] + box.y0
    offset = matrix[:, 2].astype(np.float32)

    def lag(numbers: list[int], exact: bool) -> NDArray[np.float64]:
        """How far across the mouth the donor's lip edge is from where the skull would carry ours, at every knot."""
        carried = geometry.target[numbers] @ matrix[:, :2].T + matrix[:, 2]
        across = (geometry.source[numbers] - carried) @ turn[1]
        # a donor's upper lip that is higher than ours is simply covered by ours; one that is lower must be got past
        return np.asarray(across if exact else np.maximum(across + 0.01 * geometry.unit, 0))

    across = (geometry.source[_INNER_LOWER] - geometry.source[_INNER_UPPER]) @ turn[1]
    scale = np.float32(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    upper_lag, lower_lag = lag(_INNER_UPPER, False), lag(_INNER_LOWER, True)
    seam = lag(_INNER_UPPER, True) + geometry.seam * np.maximum(across, 0)
    # how far below the donor's seam a sample lies when it goes with the skull, and when it goes with the jaw
    by_skull, by_jaw = (
        scale * below_upper + np.interp(along, knots, moved - seam).astype(np.float32)
        for moved in (upper_lag, lower_lag)
    )
    push_up = np.interp(along, knots, upper_lag).astype(np.float32)
    beneath = np.maximum(by_jaw, 0) - by_skull  # what the seam's own row would have to be stretched over is depth
    edge = SEAM_EDGE * geometry.unit
    push = push_up + smoothstep(-edge, edge, by_skull).astype(np.float32) * beneath
    field = np.empty((box.height, box.width, 2), np.float32)
    for axis in range(2):
        field[..., axis] = linear[axis, 0] * xs + linear[axis, 1] * ys + offset[axis] + push * np.float32(turn[1, axis])
    missing = np.maximum(upper_lag - lower_lag, 0) - MOST_STRETCH * geometry.unit
    unseen = np.maximum(_shut(geometry), _beside(geometry, box, field, along, knots))
    if missing.max() <= 0.5 and unseen.max() < LEAST_PAINT:
        return field, None
    depth = smoothstep(0, 0.02 * geometry.unit, np.minimum(by_skull, -by_jaw))
    depth *= np.interp(along, knots, smoothstep(0, 0.02 * geometry.unit, missing))
    return field, np.maximum(depth, unseen).astype(np.float32)


def _shut(geometry: MouthGeometry) -> float:
    """How surely nothing but closed lips lies between a donor's lips where ours are open, 0..1."""
    shut = 1 - smoothstep(*SHUT, np.array(geometry.source_gap))
    return float(shut * smoothstep(*OPENED, np.array(geometry.target_gap - geometry.source_gap)))


def _mask(box: Box, outer: NDArray[np.floating], unit: float) -> tuple[FloatArray, NDArray[np.bool_]]:
    """The layer's weight (lips' hull grown by 0.12 and feathered by 0.05 inter-ocular distances) and its rim."""
    hull = cv2.convexHull(np.round((outer - [box.x0, box.y0]) * 16).astype(np.int32))
    mask = np.zeros((box.height, box.width), np.float32)
    cv2.fillConvexPoly(mask, hull, 1.0, lineType=cv2.LINE_AA, shift=4)
    radius = max(1, round(0.12 * unit))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    grown = cv2.dilate(mask, disc)
    core = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (radius | 1, radius | 1)))
    feathered = cv2.GaussianBlur(grown, (0, 0), max(1.0, 0.05 * unit))
    for edge in (feathered[:1], feathered[-1:], feathered[:, :1], feathered[:, -1:]):
        edge[:] = 0
    return feathered, (grown > 0.5) & (core < 0.5)


def render_plane(
    maps: MouthMaps, donor: Donor, number: int, shift_x: int, shift_y: int, painted: FloatArray | None = None
) -> FloatArray:
    """One plane of the layer, float32 in the plane's own codes, (height >> shift_y, width >> shift_x).

    Args:
        maps: Where it is read from.
        donor: What it is read from.
        number: Of the plane.
        shift_x: Halvings of the plane across.
        shift_y: Halvings of the plane down.
        painted: The plane of an inner mouth for where the donor shows none (``InnerMouth.paint``).
    """
    plane = donor.planes[number]
    box = maps.box
    origin_x, origin_y = np.float32(donor.x0 >> shift_x), np.float32(donor.y0 >> shift_y)

    def read(across: FloatArray, down: FloatArray) -> FloatArray:
        flags = cv2.INTER_CUBIC if number == 0 else cv2.INTER_LINEAR
        moved = cv2.remap(plane, across - origin_x, down - origin_y, flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, np.float32)

    upper = read(*box.dense(maps.upper, shift_x, shift_y))
    lower = read(*box.dense(maps.lower, shift_x, shift_y))
    inside = read(*box.dense(maps.inside, shift_x, shift_y))
    size = (upper.shape[1], upper.shape[0])
    lower_share, inside_share = (
        share if number == 0 or (shift_x, shift_y) == (0, 0) else cv2.resize(share, size, interpolation=cv2.INTER_AREA)
        for share in (maps.lower_share, maps.inside_share)
    )
    if maps.cavity is not None and painted is not None:
        inside = inside + (painted - inside) * cv2.resize(maps.cavity, size, interpolation=cv2.INTER_AREA)
    lips = upper + (lower - upper) * lower_share
    return np.asarray(lips + (inside - lips) * inside_share, np.float32)
