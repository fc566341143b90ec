"""What a mouth looks like, in few numbers: so that a change from one kept mouth to another need not be seen.

Also where upper and lower teeth meet, for they move apart.

Brightness on a small grid that follows the lips' contours: all donors of a frame are brought to the same contours, so
what two of them show at the same place of the grid is what they would show at the same place of the frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.media.planes import Plane

FloatArray = NDArray[np.float32]

COLUMNS = 6
LIP_ROWS, INSIDE_ROWS = 2, 4
ROWS = 2 * LIP_ROWS + INSIDE_ROWS  # upper lip, inside, lower lip
CELL = 3  # samples a cell down; two across
LIPS_HEIGHT = 0.23  # both lips together, inter-ocular distances
_UPPER_OUTER, _UPPER_INNER = list(mesh.LIPS_OUTER[:11]), list(mesh.LIPS_INNER[:11])
_LOWER_INNER = [mesh.LIPS_INNER[0], *mesh.LIPS_INNER[:10:-1], mesh.LIPS_INNER[10]]
_LOWER_OUTER = [mesh.LIPS_OUTER[0], *mesh.LIPS_OUTER[:10:-1], mesh.LIPS_OUTER[10]]
_SKIN = [164, 167, 393, 18, 83, 313]
_FIRST, _LAST = 1.6, 8.4  # of a contour's 11 points, counted from 0: corners are left out
# the seam between what hangs from the skull and what rests on the jaw is dark; the jaw's part is the smaller one
SEAM_HIGH = 0.45  # share of the opening above which a seam is unlikely
SEAM_HIGH_COST, SEAM_STEP_COST = 1.0, 0.12  # in units of the inside's range of brightness


def _grid() -> tuple[FloatArray, FloatArray]:
    """Weights of the 11 points of a contour for every column, and of the 4 contours for every row, of samples."""
    places = np.linspace(_FIRST, _LAST, 2 * COLUMNS)
    across = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(11)[None]))
    down = []
    for band, rows in enumerate((LIP_ROWS, INSIDE_ROWS, LIP_ROWS)):
        share = (np.arange(CELL * rows) + 0.5) / (CELL * rows)
        weights = np.zeros((len(share), 4))
        weights[:, band], weights[:, band + 1] = 1 - share, share
        down.append(weights)
    return across.astype(np.float32), np.concatenate(down).astype(np.float32)


_ACROSS, _DOWN = _grid()


@dataclass(frozen=True)
class MouthLook:
    """What one mouth looks like.

    Attributes:
        cells: (ROWS, COLUMNS) float32 brightness against the skin's, about -1..1.
        seam: (11,) float32 0..1 from the upper lip's inner edge to the lower one's, at the contour's points: where
            what is fixed to the skull ends and what moves with the jaw begins. 1: nothing is seen of the jaw's part.
    """

    cells: FloatArray
    seam: FloatArray


def mouth_look(luma: Plane, x0: int, y0: int, landmarks: NDArray[np.floating], white: float) -> MouthLook:
    """Look at a mouth.

    Args:
        luma: Crop of the luma plane.
        x0: Its left edge in the picture, pixels.
        y0: Its upper edge.
        landmarks: (478, 3) pixels of the picture.
        white: The code of white.
    """
    points = np.asarray(landmarks[:, :2], np.float32) - np.array([x0, y0], np.float32)
    contours = points[[_UPPER_OUTER, _UPPER_INNER, _LOWER_INNER, _LOWER_OUTER]]
    where = np.einsum("rk,cp,kpx->rcx", _DOWN, _ACROSS, contours, optimize=True)
    samples = cv2.remap(luma, where.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    samples = samples.astype(np.float32)
    cells = samples.reshape(ROWS, CELL, COLUMNS, 2).mean((1, 3))
    skin = cv2.remap(luma, points[_SKIN][None], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cells = (cells - np.float32(skin.mean())) / np.float32(white)
    return MouthLook(cells.astype(np.float32), _seam(samples[CELL * LIP_ROWS : -CELL * LIP_ROWS]))


def _seam(inside: FloatArray) -> FloatArray:
    """The dark line across (rows, columns) samples between the lips: the cheapest path, at the contour's 11 points."""
    rows, columns = inside.shape
    height = (np.arange(rows) + 0.5) / rows
    spread = max(float(inside.max() - inside.min()), 1e-3)
    cost = (inside - inside.min()) / spread + (SEAM_HIGH_COST * np.maximum(SEAM_HIGH - height, 0))[:, None]
    step = SEAM_STEP_COST * np.abs(np.arange(rows)[:, None] - np.arange(rows)[None])
    total = cost[:, 0]
    back = []
    for column in range(1, columns):
        ways = total[:, None] + step
        came_from = ways.argmin(0)
        back.append(came_from)
        total = ways[came_from, np.arange(rows)] + cost[:, column]
    path = [int(total.argmin())]
    for came_from in reversed(back):
        path.append(int(came_from[path[-1]]))
    # as many rows lie above the last one as below the first
    found = np.array(path[::-1]) / (rows - 1)
    return np.asarray(np.interp(np.arange(11), np.linspace(_FIRST, _LAST, columns), found), np.float32)


@dataclass(frozen=True)
class LookDistances:
    """How unlike kept mouths look.

    Attributes:
        lips: (K, K) mean absolute difference of the lips' brightness, 0..1.
        inside: (K, K) of what is between them.
        oddness: (K,) how much further a mouth's lips are from the median mouth's than is usual; 0 for half of them.
    """

    lips: FloatArray
    inside: FloatArray
    oddness: FloatArray

    @classmethod
    def between(cls, looks: FloatArray) -> LookDistances:
        """Compare (K, ROWS, COLUMNS) looks with each other."""
        count = len(looks)
        inside = looks[:, LIP_ROWS:-LIP_ROWS].reshape(count, -1)
        lips = np.concatenate([looks[:, :LIP_ROWS], looks[:, -LIP_ROWS:]], 1).reshape(count, -1)
        odd = np.abs(lips - np.median(lips, 0)).mean(1)
        distances = []
        for values in (lips, inside):
            table = np.empty((count, count), np.float32)
            for row, one in enumerate(values):
                table[row] = np.abs(values - one).mean(1)
            distances.append(table)
        return cls(distances[0], distances[1], np.maximum(odd - np.median(odd), 0).astype(np.float32))

    def change(self, sources: NDArray[np.int64], gap: float) -> FloatArray:
        """(len(sources), K) what a viewer sees change between donors: differences times the height they are seen at.

        Args:
            sources: Donors that are left.
            gap: Opening of the frame, inter-ocular distances.
        """
        return np.asarray(LIPS_HEIGHT * self.lips[sources] + np.float32(max(gap, 0.0)) * self.inside[sources])
