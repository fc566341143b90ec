"""Making two pictures of the same skin equally sharp: one may be blurred by motion or by the encoder, the other not."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

RADII = (1.0, 2.2)  # pixels: what the first blur takes is the fine band, what only the second takes the middle one
LEAST, MOST = (0.6, 0.75), (1.5, 1.25)  # gains of the fine and of the middle band
FEWEST = 200  # samples of skin that are enough to compare
NOISE = 0.35  # codes of detail that are taken for granted in both, so that flat skin is not sharpened into noise


def detail_gains(layer: FloatArray, base: FloatArray, skin: NDArray[np.bool_], code: float) -> tuple[float, float]:
    """By how much the layer's fine and middle detail must grow to be as strong as the base's.

    Args:
        layer: (height, width) luma.
        base: (height, width) luma.
        skin: (height, width) where both show the same.
        code: What one 8-bit code is in theirs.

    Returns:
        Gains of the two bands, 1 for no change; 1 and 1 where less than ``FEWEST`` samples can be compared.
    """
    if int(skin.sum()) < FEWEST:
        return 1.0, 1.0
    energies = []
    for picture in (layer, base):
        energies.append([float(np.square(band[skin]).mean()) + (NOISE * code) ** 2 for band in _bands(picture)])
    fine, middle = (np.sqrt(there / here) for here, there in zip(*energies, strict=True))
    # folds and shadows on the skin do not match as grain does: the middle band is believed half
    return float(np.clip(fine, LEAST[0], MOST[0])), float(np.clip(np.sqrt(middle), LEAST[1], MOST[1]))


def with_detail(picture: FloatArray, gains: tuple[float, float]) -> FloatArray:
    """Return a luma picture with its fine and middle detail multiplied."""
    if gains == (1.0, 1.0):
        return picture
    fine, middle = _bands(picture)
    return np.asarray(picture + np.float32(gains[0] - 1) * fine + np.float32(gains[1] - 1) * middle, np.float32)


def _bands(picture: FloatArray) -> tuple[FloatArray, FloatArray]:
    narrow, wide = (cv2.GaussianBlur(picture, (0, 0), radius) for radius in RADII)
    return np.asarray(picture - narrow), np.asarray(narrow - wide)
