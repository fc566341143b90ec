"""Putting a changed region back into a frame's own planes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.media.planes import Plane

FloatArray = NDArray[np.float32]


def plane_alpha(alpha: FloatArray, shift_x: int, shift_y: int) -> FloatArray:
    """The mask of a chroma plane: the box average of the luma mask, so that both end at the same place."""
    if shift_x == 0 and shift_y == 0:
        return alpha
    size = (alpha.shape[1] >> shift_x, alpha.shape[0] >> shift_y)
    return np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA))


def paste(plane: Plane, x0: int, y0: int, patch: FloatArray, alpha: FloatArray, bits: int) -> None:
    """Blend a patch into one plane, in place. Where alpha is 0 the plane keeps its very bits.

    Args:
        plane: A writable plane of a frame.
        x0: The patch's left edge in samples of this plane.
        y0: Its upper edge.
        patch: (height, width) in the plane's codes.
        alpha: (height, width) 0..1.
        bits: Depth of a sample.
    """
    height, width = patch.shape
    view = plane[y0 : y0 + height, x0 : x0 + width]
    patch, alpha = patch[: view.shape[0], : view.shape[1]], alpha[: view.shape[0], : view.shape[1]]
    own = view.astype(np.float32)
    # rounding brings samples of weight 0 back to the very code they had
    own += (patch - own) * alpha
    np.rint(own, out=own)
    np.clip(own, 0, (1 << bits) - 1, out=own)
    view[...] = own.astype(view.dtype)
