"""The standard points that the released networks were aligned by, out of the 478 points of the face mesh."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import WeightsUnusableError
from talkingface.models.video_retalking.neural.pose_fit import five_points
from talkingface.weights.matlab import read_mat

# the iBUG scheme's 68 points by the mesh points that lie nearest: jaw 0 to 16, brows 17 to 26, nose 27 to 35, eyes 36
# to 47, lips 48 to 67. The jaw of the mesh is the face's edge in three dimensions, that of iBUG the silhouette.
IBUG_68 = (
    162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,
    71, 63, 105, 66, 107, 336, 296, 334, 293, 301,
    168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,
    78, 82, 13, 312, 308, 317, 14, 87,
)  # fmt: skip
# centres of the eyes, tip of the nose and corners of the mouth in the standard face of Deep3DFaceRecon, in tenths of a
# metre, x to the right, y up, z to the viewer: figures its users print (several public programs have them), good for
# when the 994-byte file is not there
STANDARD_FIVE: NDArray[np.float64] = np.array(
    [
        [-0.31148657, 0.29036078, 0.13377953],
        [0.30979887, 0.28972036, 0.13179526],
        [0.0032535, -0.04617932, 0.55244243],
        [-0.25216928, -0.38133916, 0.22405732],
        [0.2484662, -0.38128236, 0.22235769],
    ]
)


class EyesNoseMouth(NamedTuple):
    """Points of faces that alignment needs, (..., 2) each.

    Attributes:
        five: (..., 5, 2) by the eyes' corners, the nose and the mouth's corners; see ``pose_fit.five_points``.
        left_eye: Centre by six points, as the viewer sees it.
        right_eye: The same.
        mouth: Middle of its corners.
    """

    five: NDArray[np.float64]
    left_eye: NDArray[np.float64]
    right_eye: NDArray[np.float64]
    mouth: NDArray[np.float64]


def ibug_points(mesh: NDArray[np.floating]) -> NDArray[np.float64]:
    """(..., 478, 2 or more) -> (..., 68, 2)."""
    return np.asarray(mesh[..., list(IBUG_68), :2], np.float64)


def eyes_nose_mouth(points: NDArray[np.floating]) -> EyesNoseMouth:
    """(T, 68, 2) -> what alignment needs."""
    five = np.stack([five_points(one) for one in points]) if len(points) else np.zeros((0, 5, 2))
    return EyesNoseMouth(
        five, points[:, 36:42].mean(1), points[:, 42:48].mean(1), points[:, [48, 54]].mean(1)
    )  # fmt: skip


def standard_five(path: Path | None) -> NDArray[np.float64]:
    """(5, 3) the standard face's five points.

    Args:
        path: ``similarity_Lm3D_all.mat``; None takes ``STANDARD_FIVE``.

    Raises:
        WeightsUnusableError: the file does not hold 68 points in space.
    """
    if path is None:
        return STANDARD_FIVE
    points = read_mat(path).get("lm")
    if points is None or points.shape != (68, 3) or not np.isfinite(points).all():
        raise WeightsUnusableError(f"{path}: does not hold 68 points in space under the name 'lm'; get it again")
    corners = [points[[36, 39]].mean(0), points[[42, 45]].mean(0), points[30], points[48], points[54]]
    return np.stack(corners)
