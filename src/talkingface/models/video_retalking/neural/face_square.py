"""The square around a face, turned with it, that the FFHQ pictures were cut by (Karras et al. 2019; spec section 1.2).

All in pixels, x to the right and y down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class FaceSquare:
    """A square around a face.

    Attributes:
        centre: (2,) a little below the eyes.
        across: (2,) from the centre to the middle of the right side.
    """

    centre: FloatArray
    across: FloatArray

    @property
    def down(self) -> FloatArray:
        """(2,) from the centre to the middle of the lower side."""
        return np.array([-self.across[1], self.across[0]])

    @property
    def side(self) -> float:
        """Length of a side."""
        return 2 * float(np.linalg.norm(self.across))

    def corners(self) -> FloatArray:
        """(4, 2) upper left, lower left, lower right, upper right, as the face sees them."""
        c, x, y = self.centre, self.across, self.down
        return np.stack([c - x - y, c - x + y, c + x + y, c + x - y])


@dataclass(frozen=True)
class FixedCrop:
    """The crop that all frames of a clip are cut by, found in one of them.

    Attributes:
        outer: (left, top, right, bottom) of the square and a margin, in the picture.
        inner: (left, top, right, bottom) of the square without it, within ``outer``.
    """

    outer: tuple[int, int, int, int]
    inner: tuple[float, float, float, float]

    def box(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) of what is cut, in the picture."""
        left, top = self.outer[:2]
        x1, y1, x2, y2 = (int(value) for value in self.inner)
        return left + x1, top + y1, left + x2, top + y2


def face_square(landmarks: NDArray[np.floating]) -> FaceSquare:
    """The square of a face.

    Args:
        landmarks: (68, 2) of the iBUG scheme. Only the eyes (36 to 47) and the mouth's corners (48 and 54) count.
    """
    points = np.asarray(landmarks, np.float64)
    return square_of(points[36:42].mean(0), points[42:48].mean(0), points[[48, 54]].mean(0))


def square_of(left_eye: FloatArray, right_eye: FloatArray, mouth: FloatArray) -> FaceSquare:
    """The square by the centres of the eyes, as the viewer sees them, and of the mouth; (2,) each."""
    eyes = (left_eye + right_eye) / 2
    between, to_mouth = right_eye - left_eye, mouth - eyes
    direction = between - np.array([-to_mouth[1], to_mouth[0]])
    half = max(2.0 * np.linalg.norm(between), 1.8 * np.linalg.norm(to_mouth))
    return FaceSquare(eyes + 0.1 * to_mouth, direction / np.linalg.norm(direction) * half)


def fixed_crop(square: FaceSquare, width: int, height: int) -> FixedCrop:
    """The upright crop around a square, within a picture.

    The released program keeps the square's lower side within the picture's *width*; here it is kept within its height.
    Nor is a square of more than 2048 pixels shrunk: the frames it is cut from are not.

    Args:
        square: In the picture.
        width: Of the picture.
        height: Of the picture.
    """
    margin = max(int(np.rint(square.side * 0.1)), 3)
    corners = square.corners()
    low, high = np.floor(corners.min(0)).astype(int) - margin, np.ceil(corners.max(0)).astype(int) + margin
    left, top, right, bottom = (
        max(int(low[0]), 0),
        max(int(low[1]), 0),
        min(int(high[0]), width),
        min(int(high[1]), height),
    )
    within = corners + 0.5 - np.array([left, top])
    upper_left, lower_left, lower_right, upper_right = within
    return FixedCrop(
        (left, top, right, bottom),
        (
            max(float(min(upper_left[0], lower_left[0])), 0.0),
            max(float(min(upper_left[1], upper_right[1])), 0.0),
            min(float(max(lower_right[0], upper_right[0])), float(right - left)),
            min(float(max(lower_left[1], lower_right[1])), float(bottom - top)),
        ),
    )
