"""Seamless joining of two pictures of the same region: colour first, then bands of detail (Burt & Adelson 1983)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
FINEST = 2.0  # times as narrow is the transition of the finest band


def match_colour(layer: FloatArray, base: FloatArray, ring: NDArray[np.bool_], tolerance: float) -> FloatArray:
    """Add a plane (constant, across, down) to ``layer`` so that it meets ``base`` on a ring.

    Args:
        layer: (height, width).
        base: (height, width), the picture to be joined.
        ring: (height, width) where both show the same skin.
        tolerance: Codes by which they may differ for reasons other than light; larger differences count less.

    Returns:
        The corrected layer. With fewer than 24 ring samples it is returned as it is.
    """
    rows, columns = np.nonzero(ring)
    if len(rows) < 24:
        return layer
    thin = max(1, len(rows) // 700)
    rows, columns = rows[::thin], columns[::thin]
    height, width = layer.shape
    difference = base[rows, columns] - layer[rows, columns]
    middle = np.median(difference)
    spread = 2 * float(np.median(np.abs(difference - middle))) + tolerance
    weights = np.clip(1 - np.abs(difference - middle) / (3 * spread), 0.05, 1)
    design = np.stack([np.ones(len(rows)), columns / width - 0.5, rows / height - 0.5], 1)
    normal = (design * weights[:, None]).T @ design + np.diag([0.0, 0.02, 0.02]) * weights.sum()
    offset, across, down = np.linalg.solve(normal, (design * weights[:, None]).T @ difference)
    plane = (
        np.float32(offset)
        + np.float32(across) * (np.arange(width, dtype=np.float32) / width - 0.5)[None]
        + np.float32(down) * (np.arange(height, dtype=np.float32) / height - 0.5)[:, None]
    )
    return np.asarray(layer + plane, np.float32)


def blend_bands(base: FloatArray, layer: FloatArray, mask: FloatArray, levels: int = 3) -> FloatArray:
    """Laplacian-pyramid blend: coarse tones mix widely, fine detail narrowly.

    Args:
        base: (height, width).
        layer: (height, width), shown where the mask is 1.
        mask: (height, width) 0..1.
        levels: Octaves of detail blended separately.
    """
    difference = layer - base
    details = []
    for level in range(levels):
        smaller = cv2.pyrDown(difference)
        detail = difference - cv2.pyrUp(smaller, dstsize=(difference.shape[1], difference.shape[0]))
        # grain of two frames mixed half and half is grain lost: the finest band changes over quickly
        details.append(detail * (np.clip(FINEST * (mask - 0.5) + 0.5, 0, 1) if level == 0 else mask))
        difference, mask = smaller, cv2.pyrDown(mask)
    result = difference * mask
    for detail in reversed(details):
        result = cv2.pyrUp(result, dstsize=(detail.shape[1], detail.shape[0])) + detail
    return np.asarray(base + result, np.float32)


def blend_pyramids(
    shown: NDArray[np.generic], base: NDArray[np.generic], mask: NDArray[np.floating], levels: int
) -> FloatArray:
    """The released program's Laplacian blend: every band through the mask as wide as the band.

    Args:
        shown: (height, width) or (height, width, colours), where the mask is 1. Float, or uint8: then it is rounded at
            every size, as the released program does.
        base: The same, where the mask is 0.
        mask: (height, width) 0..1.
        levels: Sizes, of which each is half the one before; 1 mixes the pictures as they are.

    Returns:
        Float32, not clipped: it may overshoot near edges.
    """
    sizes = [base.shape[:2]]
    weights = np.asarray(mask, np.float32)
    details = []
    for _ in range(levels - 1):
        bands = []
        smaller = [cv2.pyrDown(picture) for picture in (shown, base)]
        for picture, small in zip((shown, base), smaller, strict=True):
            bands.append(picture.astype(np.float32) - cv2.pyrUp(small.astype(np.float32), dstsize=sizes[-1][::-1]))
        details.append(_mixed(bands[0], bands[1], weights))
        (shown, base), weights = smaller, cv2.pyrDown(weights)
        sizes.append(base.shape[:2])
    result = _mixed(shown.astype(np.float32), base.astype(np.float32), weights)
    for size, detail in zip(sizes[-2::-1], details[::-1], strict=True):
        result = cv2.pyrUp(result, dstsize=size[::-1]) + detail
    return result


def _mixed(shown: FloatArray, base: FloatArray, weights: FloatArray) -> FloatArray:
    weights = weights if shown.ndim == 2 else weights[..., None]
    return np.asarray(shown * weights + base * (1 - weights), np.float32)
