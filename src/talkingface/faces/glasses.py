"""Does a face wear glasses? Their bridge is a line across the nose, where there is nothing but smooth skin without."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import interocular_distance, smoothstep
from talkingface.media.planes import Plane

SIDE = 100  # pixels of the looked-at patch per inter-ocular distance
WIDTH, ABOVE, BELOW = 0.30, 0.36, 0.26  # of the patch, inter-ocular distances from between the eyes' inner corners
MARGIN_ACROSS, MARGIN_ABOVE, MARGIN_BELOW = 4, 14, 6  # pixels left out: brows, shadows of the nose
# signs from which, and at which surely, there are glasses. Of two clips of each of the 56 people of the training
# clips, all but one without glasses are below 0.044 (a fringe at 0.055), and 12 of 14 with them above 0.046
UNLIKELY, CERTAIN = 0.035, 0.060


def glasses_sign(luma: Plane, landmarks: NDArray[np.floating], bits: int) -> float:
    """How clearly something crosses the bridge of the nose, from one side to the other.

    Args:
        luma: Of the picture.
        landmarks: (478, >=2) pixels.
        bits: Depth of a sample.

    Returns:
        The contrast of the faintest place of the clearest line across, against the mean luma; about 0.02 on skin.
    """
    points = np.asarray(landmarks, np.float64)[:, :2]
    left, right = points[list(mesh.EYE_LEFT_CORNERS)].mean(0), points[list(mesh.EYE_RIGHT_CORNERS)].mean(0)
    unit = float(interocular_distance(points))
    middle = (points[mesh.EYE_LEFT_CORNERS[1]] + points[mesh.EYE_RIGHT_CORNERS[0]]) / 2
    across = (right - left) / unit
    size = (round(WIDTH * SIDE), round((ABOVE + BELOW) * SIDE))
    # a large face is averaged down: a thin bright edge of a pixel is no line
    shrink = max(1, int(unit / SIDE))
    reach = int(unit) + 1
    x0, y0 = (max(0, int(value) - reach) for value in middle)
    part = luma[y0 : y0 + 2 * reach, x0 : x0 + 2 * reach]
    if min(part.shape) < 2 * shrink:
        return 0.0
    columns, rows = part.shape[1] // shrink, part.shape[0] // shrink
    small = cv2.resize(part[: rows * shrink, : columns * shrink], (columns, rows), interpolation=cv2.INTER_AREA)
    scale = SIDE * shrink / unit
    matrix = scale * np.array([[across[0], across[1], 0], [-across[1], across[0], 0]])
    place = (middle - [x0, y0] + 0.5) / shrink - 0.5
    matrix[:, 2] = np.array([size[0] / 2, ABOVE * SIDE]) - matrix[:, :2] @ place
    patch = cv2.warpAffine(small, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    patch = cv2.GaussianBlur(patch.astype(np.float32), (0, 0), 1.2)
    lines = np.abs(patch - cv2.GaussianBlur(patch, (0, 0), 4.0))
    lines = lines[MARGIN_ABOVE:-MARGIN_BELOW, MARGIN_ACROSS:-MARGIN_ACROSS]
    return float(lines.max(0).min() / max(float(patch.mean()), 20.0 * (1 << (bits - 8))))


def glasses_likelihood(signs: NDArray[np.floating]) -> float:
    """Whether a person wears glasses, 0..1, from the signs of some frames."""
    return float(smoothstep(UNLIKELY, CERTAIN, np.median(signs))) if len(signs) else 0.0
