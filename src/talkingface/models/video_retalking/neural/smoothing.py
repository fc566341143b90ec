"""Smoothing in time without delay: local polynomials (Savitzky and Golay 1964), as VideoReTalking's paper does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def savitzky_golay(values: NDArray[np.floating], window: int, degree: int) -> FloatArray:
    """Replace each value by that of a polynomial fitted to those around it, and itself.

    Args:
        values: (T, ...) evenly spaced in time.
        window: Values that a polynomial is fitted to, odd; with fewer values it is shortened.
        degree: Of the polynomials.

    Returns:
        (T, ...). The first and last half windows take their values from the first and last whole one.
    """
    data = np.asarray(values, np.float64)
    count = len(data)
    window = min(window, count if count % 2 else count - 1)
    if window <= degree + 1:
        return data.copy()
    half = window // 2
    powers = np.arange(-half, half + 1)[:, None] ** np.arange(degree + 1)
    fit = powers @ np.linalg.pinv(powers)  # (window, window): row k gives the polynomial's value at place k
    flat = data.reshape(count, -1)
    smooth = np.empty_like(flat)
    for column in range(flat.shape[1]):
        smooth[half : count - half, column] = np.convolve(flat[:, column], fit[half][::-1], mode="valid")
    smooth[:half] = fit[:half] @ flat[:window]
    smooth[count - half :] = fit[half + 1 :] @ flat[count - window :]
    return smooth.reshape(data.shape)


def in_stretches(
    values: NDArray[np.floating], frames: NDArray[np.int64], window: int, degree: int
) -> FloatArray:  # fmt: skip
    """``savitzky_golay`` for each stretch of consecutive frames: nothing is smoothed across a gap.

    Args:
        values: (T, ...).
        frames: (T,) rising numbers of the frames they belong to.
        window: As there.
        degree: As there.
    """
    smooth = np.empty(np.shape(values), np.float64)
    edges = np.flatnonzero(np.diff(frames) != 1) + 1
    for stretch in np.split(np.arange(len(frames)), edges):
        if len(stretch):
            smooth[stretch] = savitzky_golay(values[stretch[0] : stretch[-1] + 1], window, degree)
    return smooth
