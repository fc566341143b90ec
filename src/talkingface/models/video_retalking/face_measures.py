"""What an expression is made of: seven signed measures of a face, and how a face moves when one of them changes.

Each measure follows one or two of the action units of Ekman and Friesen's facial action coding system (1978). All
are lengths in canonical coordinates (``faces.geometry``), so in inter-ocular distances; the mouth counts as closed, as
what speech does to it is no expression.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import align, inner_lip_gap
from talkingface.models.video_retalking.landmark.thin_plate import ThinPlateSpline

FloatArray = NDArray[np.float64]

# names of the measures, in the order of every vector of them:
# inner and outer ends of the brows above the eyes' corners (action units 1, 2 and 4), distance of the brows (4),
# upper lids above and lower lids below the line between the eye's corners (5, 7; 6 and 7: smaller is lifted),
# the mouth's corners above the middle of the closed lips (12 and 15), distance of the corners (12, 20 and 23)
MEASURES = ("brow_inner", "brow_outer", "brow_distance", "upper_lid", "lower_lid", "corner_height", "mouth_width")

# the viewer's left side first, from the nose outwards; lower row, then upper row
BROWS = (((55, 65, 52, 53, 46), (107, 66, 105, 63, 70)), ((285, 295, 282, 283, 276), (336, 296, 334, 293, 300)))
GLABELLA = (9, 8)
# from the eye's outer to its inner corner
UPPER_LIDS = (mesh.EYE_LEFT_UPPER, mesh.EYE_RIGHT_UPPER)
LOWER_LIDS = (mesh.EYE_LEFT_LOWER, mesh.EYE_RIGHT_LOWER)
_CORNERS = (mesh.EYE_LEFT_CORNERS, mesh.EYE_RIGHT_CORNERS)
_MOUTH = list(mesh.MOUTH_POINTS)
_LIP_MIDDLES = (13, 14)

# how much of a change each of the five places of a brow takes part in, from the nose outwards
_INNER_SHARE = np.array([1.0, 0.85, 0.45, 0.1, 0.0])
_OUTER_SHARE = np.array([0.0, 0.15, 0.55, 0.9, 1.0])
_NEARER_SHARE = np.array([1.0, 0.75, 0.4, 0.1, 0.0])
# lids move most in the middle
_LID_SHARE = np.array([0.45, 0.75, 0.95, 1.0, 0.95, 0.75, 0.45])

# how the lower face follows the corner at (1, 1) (outwards, upwards): points of the viewer's left side and the middle.
# The shares of the cheek and below the corner are those of a regression over closed mouths of training people.
_FOLLOWS_ACROSS = {
    61: 1.0, 57: 0.8, 186: 0.55, 92: 0.35, 43: 0.5, 202: 0.35, 212: 0.35, 216: 0.4, 39: 0.45, 181: 0.45,
    0: 0.0, 17: 0.0, 164: 0.0, 18: 0.0, 200: 0.0, 152: 0.0, 176: 0.0, 136: 0.05,
}  # fmt: skip
_FOLLOWS_UP = {
    61: 1.0, 57: 0.9, 186: 0.75, 92: 0.45, 43: 0.65, 202: 0.4, 212: 0.5, 216: 0.55, 39: 0.2, 181: 0.2,
    0: 0.0, 17: 0.0, 164: 0.0, 18: 0.0, 200: 0.0, 152: 0.0, 176: 0.0, 136: 0.05,
}  # fmt: skip
_MIRRORED = {61: 291, 57: 287, 186: 410, 92: 322, 43: 273, 202: 422, 212: 432, 216: 436, 39: 269, 181: 405,
             176: 400, 136: 365}  # fmt: skip


def closed(shape: NDArray[np.floating], closing_direction: NDArray[np.floating]) -> FloatArray:
    """Faces (..., 478, 3) with the opening of their mouths taken out.

    Args:
        shape: Canonical coordinates.
        closing_direction: (80, 2) how each mouth point moves per unit of inner-lip gap.
    """
    result = np.array(shape, np.float64)
    gap = np.asarray(inner_lip_gap(result))
    result[..., _MOUTH, :2] -= gap[..., None, None] * closing_direction
    return result


def measure(shape: NDArray[np.floating]) -> FloatArray:
    """The measures of faces (..., 478, >=2) in canonical coordinates with closed mouths; (..., 7)."""
    values: dict[str, list[NDArray[np.floating]]] = {name: [] for name in MEASURES}
    for side in range(2):
        line = shape[..., list(_CORNERS[side]), 1].mean(-1)
        inner, outer = ([row[k] for row in BROWS[side] for k in places] for places in ((0, 1), (3, 4)))
        values["brow_inner"].append(line - shape[..., inner, 1].mean(-1))
        values["brow_outer"].append(line - shape[..., outer, 1].mean(-1))
        values["upper_lid"].append(line - shape[..., list(UPPER_LIDS[side][2:5]), 1].mean(-1))
        values["lower_lid"].append(shape[..., list(LOWER_LIDS[side][2:5]), 1].mean(-1) - line)
    corners = [mesh.MOUTH_LEFT_CORNER, mesh.MOUTH_RIGHT_CORNER]
    lips = shape[..., list(_LIP_MIDDLES), 1].mean(-1)
    values["corner_height"].append(lips - shape[..., corners, 1].mean(-1))
    values["mouth_width"].append(shape[..., corners[1], 0] - shape[..., corners[0], 0])
    values["brow_distance"].append(shape[..., BROWS[1][0][0], 0] - shape[..., BROWS[0][0][0], 0])
    return np.stack([np.mean(values[name], axis=0) for name in MEASURES], -1).astype(np.float64)


def measured_like(reference: NDArray[np.floating], shape: NDArray[np.floating]) -> FloatArray:
    """One canonical face (478, 3) brought to the same size and attitude as a generic one."""
    faces = np.asarray(shape, np.float64)[None]
    return np.asarray(align(faces, reference).to_canonical(faces)[0])


def displacement(change: NDArray[np.floating], reference: NDArray[np.floating]) -> FloatArray:
    """How every point of the mesh moves when the measures change.

    Args:
        change: (7,) wanted change of the measures.
        reference: (478, 3) generic face with a closed mouth, canonical coordinates.

    Returns:
        (478, 2) canonical; only brows, the skin between them, lids and ``MOUTH_POINTS`` move.
    """
    amount = dict(zip(MEASURES, np.asarray(change, np.float64), strict=True))
    field = np.zeros((mesh.MESH_POINTS, 2))
    for side, outwards in ((0, -1.0), (1, 1.0)):
        up = _INNER_SHARE * _own(amount["brow_inner"], _INNER_SHARE[:2])
        up = up + _OUTER_SHARE * _own(amount["brow_outer"], _OUTER_SHARE[3:])
        across = outwards * 0.5 * amount["brow_distance"] * _NEARER_SHARE
        for row in BROWS[side]:
            field[list(row)] = np.stack([across, -up], 1)
        field[list(UPPER_LIDS[side]), 1] = -_LID_SHARE * _own(amount["upper_lid"], _LID_SHARE[2:5])
        field[list(LOWER_LIDS[side]), 1] = _LID_SHARE * _own(amount["lower_lid"], _LID_SHARE[2:5])
    # the skin between the brows goes down with them, and follows less when they rise
    lift = amount["brow_inner"]
    field[list(GLABELLA), 1] = -np.array([0.7, 0.45]) * lift if lift < 0 else -np.array([0.35, 0.1]) * lift
    field[_MOUTH] = _mouth_displacement(amount["corner_height"], 0.5 * amount["mouth_width"], reference)
    return field


def _own(amount: float, shares: FloatArray) -> float:
    """What the place of full share must do so that the places a measure averages change by ``amount``."""
    return float(amount / shares.mean())


def _mouth_displacement(lift: float, spread: float, reference: NDArray[np.floating]) -> FloatArray:
    """(80, 2) displacement that lifts both corners and carries them outwards; the lips stay closed."""
    places, values = [], []
    for point, share in _FOLLOWS_ACROSS.items():
        moved = np.array([-share * spread, -_FOLLOWS_UP[point] * lift])
        places.append(reference[point, :2])
        values.append(moved)
        if point in _MIRRORED:
            places.append(reference[_MIRRORED[point], :2])
            values.append(moved * [-1, 1])
    # the points that are not named lie between those that are
    spline = ThinPlateSpline(np.array(places, np.float64), np.array(values), unit=1.0, stiffness=0.0)
    result = spline(np.asarray(reference, np.float64)[_MOUTH, :2]).astype(np.float64)
    # both lips move alike where they touch: what lies opposite is averaged, so that no gap opens
    first = len(mesh.LIPS_OUTER)
    inner = result[first : first + len(mesh.LIPS_INNER)]
    opposite = inner[(-np.arange(len(inner))) % len(inner)]
    result[first : first + len(inner)] = (inner + opposite) / 2
    return np.asarray(result)
