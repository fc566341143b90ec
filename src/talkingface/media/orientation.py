"""Pictures turned and mirrored as their files say, by the display matrix that FFmpeg makes of EXIF and the like."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def upright(picture: NDArray[np.uint8], matrix: tuple[int, ...] | None) -> NDArray[np.uint8]:
    """Return a picture as its display matrix shows it.

    Args:
        picture: (height, width, channels), as it is coded.
        matrix: The 9 numbers of FFmpeg's display matrix; None for an upright picture. Of any matrix its nearest
            quarter turn is taken, with or without a mirror: all eight that EXIF knows.

    Returns:
        The picture turned; contiguous.
    """
    if matrix is None:
        return np.ascontiguousarray(picture)
    # a coded pixel (x, y) is shown at (a x + c y, b x + d y)
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    if abs(a) < abs(b):
        picture = picture.swapaxes(0, 1)
        mirror_x, mirror_y = c < 0, b < 0
    else:
        mirror_x, mirror_y = a < 0, d < 0
    if mirror_x:
        picture = picture[:, ::-1]
    if mirror_y:
        picture = picture[::-1]
    return np.ascontiguousarray(picture)


def is_on_its_side(matrix: tuple[int, ...] | None) -> bool:
    """Tell whether a display matrix swaps columns and lines."""
    return matrix is not None and abs(matrix[0]) < abs(matrix[1])


def display_matrix(data: bytes) -> tuple[int, ...] | None:
    """Return the 9 numbers of FFmpeg's side data ``DISPLAYMATRIX``, None when there is none."""
    numbers = np.frombuffer(data[: len(data) // 4 * 4], np.int32)
    return tuple(int(value) for value in numbers[:9]) if len(numbers) >= 9 else None


def rotation(matrix: tuple[int, ...] | None) -> int:
    """Quarter turns of a display matrix in degrees clockwise; a mirrored picture counts by its first column."""
    if matrix is None:
        return 0
    degrees = np.degrees(np.arctan2(matrix[1], matrix[0]))
    return round(float(degrees) / 90) % 4 * 90
