"""What D-Net is told of a frame: coefficients of the 26 frames around it (spec sections 1.2 and 2.2).

A frame has a row of 262 numbers: the 257 of ``face_coefficients``, and five of the alignment (``pose_fit``): width,
height, scale, x and y.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROW = 262
BEFORE, AFTER = 13, 13  # frames before one, and from it on
WINDOW = BEFORE + AFTER
EXPRESSION = slice(80, 144)
ANGLES = slice(224, 227)
PLACE = slice(254, 257)
CROP = slice(259, 262)  # scale, x and y
SCALE = 259
EXPRESSION_COUNT = EXPRESSION.stop - EXPRESSION.start
EXPRESSION_WEIGHT, ANGLE_WEIGHT = 0.3, 0.7  # of two rows' unlikeness


def frames_around(index: int, count: int) -> NDArray[np.int64]:
    """(26,) the frames of a window, the clip's ends repeated; ``index`` is the fourteenth."""
    return np.clip(np.arange(index - BEFORE, index + AFTER), 0, count - 1)


def semantic_window(rows: NDArray[np.floating], index: int, ratio: float = 1.0) -> NDArray[np.float32]:
    """One frame's window.

    Args:
        rows: (T, 262).
        index: The frame, 0 to T - 1.
        ratio: From ``crop_ratio``.

    Returns:
        (73, 26): by columns 64 of the expression, 3 angles, 3 of the place, scale times ratio, x, y.
    """
    around = rows[frames_around(index, len(rows))]
    crop = around[:, CROP] * np.array([ratio, 1, 1])
    parts = [around[:, EXPRESSION], around[:, ANGLES], around[:, PLACE], crop]
    return np.ascontiguousarray(np.concatenate(parts, 1).T, np.float32)


def with_expression(window: NDArray[np.float32], expression: NDArray[np.floating]) -> NDArray[np.float32]:
    """A window (..., 73, 26) with an expression (64,) at all its moments."""
    changed = window.copy()
    changed[..., :EXPRESSION_COUNT, :] = np.asarray(expression, np.float32)[:, None]
    return changed


def crop_ratio(source: NDArray[np.floating], rows: NDArray[np.floating]) -> float:
    """How much larger a source is cropped than the frame that looks most like it.

    Args:
        source: (262,) of the picture to be edited.
        rows: (T, 262) of the clip whose coefficients drive it. Where the source is one of its frames, the ratio is 1.
    """
    expression = np.abs(rows[:, EXPRESSION] - source[EXPRESSION]).mean(1)
    angles = np.abs(rows[:, ANGLES] - source[ANGLES]).mean(1)
    nearest = int(np.argmin(EXPRESSION_WEIGHT * expression + ANGLE_WEIGHT * angles))
    return float(source[SCALE] / rows[nearest, SCALE])
