"""Which part of a picture FAN looks at, and where its heat maps say that the landmarks are.

The released program cuts crops at whole pixels and cuts the fractions of landmarks off; here both are kept.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LARGER = 200 / 195  # times the sum of a box's width and height is its crop's side
ABOVE = 0.12  # of a box's height lies the middle of its crop above its own


def crops(boxes: NDArray[np.floating]) -> NDArray[np.float64]:
    """S3FD's boxes (..., 4) -> (..., 3): the middle x, y and the side of the square that FAN is to see, in pixels."""
    start, end = np.asarray(boxes, np.float64)[..., :2], np.asarray(boxes, np.float64)[..., 2:]
    width, height = (end - start)[..., 0], (end - start)[..., 1]
    middle = (start + end) / 2
    return np.stack([middle[..., 0], middle[..., 1] - ABOVE * height, (width + height) * LARGER], -1)


def landmarks(heatmaps: Tensor, at: NDArray[np.floating]) -> NDArray[np.float64]:
    """Read landmarks.

    Args:
        heatmaps: (N, 68, h, w), the last that ``FAN`` gives.
        at: (N, 3) of ``crops``.

    Returns:
        (N, 68, 2) pixels of the picture: the middle of the hottest sample, moved a quarter of a sample along each axis
        to the side that is hotter.
    """
    count, _, height, width = heatmaps.shape
    hottest = heatmaps.flatten(2).argmax(2)
    row, column = hottest // width, hottest % width
    padded = torch.nn.functional.pad(heatmaps.float(), (1, 1, 1, 1))
    places = []
    for place, size, step in ((column, width, (0, 1)), (row, height, (1, 0))):
        after, before = (
            padded[
                torch.arange(count, device=row.device)[:, None],
                torch.arange(heatmaps.shape[1], device=row.device),
                row + 1 + sign * step[0],
                column + 1 + sign * step[1],
            ]
            for sign in (1, -1)
        )
        inside = (row > 0) & (row < height - 1) & (column > 0) & (column < width - 1)
        places.append((place + 0.5 + 0.25 * torch.sign(after - before) * inside) / size - 0.5)
    share = torch.stack(places, -1).double().cpu().numpy()
    where = np.asarray(at, np.float64)
    return np.asarray(where[:, None, :2] + share * where[:, None, 2:])
