"""Where a face has to lie for the restoring networks: five points on those of a 512-pixel template."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# left eye, right eye, nose, left and right corner of the mouth, as the viewer sees them; pixels of 512 across
GPEN_POINTS: FloatArray = np.array(
    [
        [202.04068428190476, 242.8839634590476],
        [309.43024554666664, 242.28998092190477],
        [256.07679966476195, 303.9591703771428],
        [211.9597749333333, 366.82819474285714],
        [300.8911249066667, 366.33630951619045],
    ]
)
GFPGAN_POINTS: FloatArray = np.array(
    [
        [192.98138, 239.94708],
        [318.90277, 240.1936],
        [256.63416, 314.01935],
        [201.26117, 371.41043],
        [313.08905, 371.15118],
    ]
)


def similarity(points: NDArray[np.floating], template: NDArray[np.floating]) -> FloatArray:
    """Least-squares similarities (no mirroring) that carry points onto a template's.

    Args:
        points: (..., K, 2) pixels of pictures.
        template: (K, 2), or one for each picture.

    Returns:
        (..., 2, 3): ``y = m[:, :2] @ x + m[:, 2]``.
    """
    source, target = np.asarray(points, np.float64), np.asarray(template, np.float64)
    source_mean, target_mean = source.mean(-2, keepdims=True), target.mean(-2, keepdims=True)
    x, y = source - source_mean, target - target_mean
    size = (x**2).sum((-2, -1))
    along = (x * y).sum((-2, -1)) / size
    across = (x[..., 0] * y[..., 1] - x[..., 1] * y[..., 0]).sum(-1) / size
    turn = np.stack([np.stack([along, -across], -1), np.stack([across, along], -1)], -2)
    shift = np.swapaxes(target_mean, -1, -2) - turn @ np.swapaxes(source_mean, -1, -2)
    return np.concatenate([turn, np.broadcast_to(shift, (*turn.shape[:-1], 1))], -1)


def inverse(transforms: NDArray[np.floating]) -> FloatArray:
    """(..., 2, 3) transforms that undo (..., 2, 3) transforms."""
    turn = np.linalg.inv(np.asarray(transforms, np.float64)[..., :2])
    return np.concatenate([turn, -turn @ np.asarray(transforms)[..., 2:]], -1)
