"""Square crops of a picture under a similarity transform, without turning the whole picture into RGB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.media.planes import Plane, PlaneLayout, bgr_from_planes, layout_of, plane_views


@dataclass(frozen=True)
class OrientedSquare:
    """A square region of a picture.

    Attributes:
        centre_x: Pixels from the picture's left edge.
        centre_y: Pixels from the picture's top edge.
        size: Side length in pixels.
        angle: Radians; the direction of the square's own x axis in the picture (clockwise positive, y is down).
    """

    centre_x: float
    centre_y: float
    size: float
    angle: float

    def to_square(self, side: int) -> NDArray[np.float64]:
        """The 2x3 matrix that takes picture coordinates to the coordinates of a ``side`` pixel wide crop."""
        scale = side / self.size
        cosine, sine = np.cos(self.angle) * scale, np.sin(self.angle) * scale
        half = side / 2
        return np.array(
            [
                [cosine, sine, half - cosine * self.centre_x - sine * self.centre_y],
                [-sine, cosine, half + sine * self.centre_x - cosine * self.centre_y],
            ]
        )


class PictureSampler(Protocol):
    """Something crops can be taken from."""

    width: int
    height: int

    def crop_rgb(self, region: OrientedSquare, side: int) -> NDArray[np.uint8]:
        """The region as a (side, side, 3) RGB picture, 0..255; outside the picture it is black."""


def warp_shrinking(plane: NDArray[Any], matrix: NDArray[np.float64], side: int) -> NDArray[Any]:
    """Warp ``plane`` to (side, side) by a picture-to-crop matrix, averaging first when it shrinks more than twofold.

    Bilinear sampling of a large face would skip pixels, and the skipped ones change from frame to frame: landmarks
    would shake. The average is taken over the region's bounding box only.
    """
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    factor = int(1 / scale)
    if factor < 2:
        return np.asarray(cv2.warpAffine(plane, matrix, (side, side), flags=cv2.INTER_LINEAR))
    inverse = cv2.invertAffineTransform(matrix)
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]], float) @ inverse[:, :2].T + inverse[:, 2]
    height, width = plane.shape[:2]
    # a margin, so that the crop's border mixes with what lies beyond it and not with black
    x0, y0 = (int(max(0, np.floor(v) - factor)) for v in corners.min(0))
    x1, y1 = (int(min(most, np.ceil(v) + 2 * factor)) for v, most in zip(corners.max(0), (width, height), strict=True))
    if x1 - x0 < factor or y1 - y0 < factor:
        return np.asarray(cv2.warpAffine(plane, matrix, (side, side), flags=cv2.INTER_LINEAR))
    columns, rows = (x1 - x0) // factor, (y1 - y0) // factor
    part = plane[y0 : y0 + rows * factor, x0 : x0 + columns * factor]
    small = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
    # small pixel (u, v) is centred on picture pixel factor * (u + 0.5) - 0.5 + x0
    shift = (factor - 1) / 2
    moved = matrix.copy()
    moved[:, 2] = matrix[:, :2] @ np.array([x0 + shift, y0 + shift]) + matrix[:, 2]
    moved[:, :2] = matrix[:, :2] * factor
    return np.asarray(cv2.warpAffine(small, moved, (side, side), flags=cv2.INTER_LINEAR))


class BgrSampler:
    """Crops of a BGR picture (height, width, 3), uint8."""

    def __init__(self, picture: NDArray[np.uint8]) -> None:
        self.picture = picture
        self.height, self.width = picture.shape[:2]

    def crop_rgb(self, region: OrientedSquare, side: int) -> NDArray[np.uint8]:
        """The region as a (side, side, 3) RGB picture, 0..255."""
        crop = warp_shrinking(self.picture, region.to_square(side), side)
        return np.ascontiguousarray(crop[:, :, ::-1]).astype(np.uint8, copy=False)


class PlaneSampler:
    """Crops of YUV planes: only the crop is turned into RGB, never the picture.

    Attributes:
        planes: Y, U, V (Y alone for gray), each (lines, columns) of uint8 or uint16.
        layout: How they are to be read.
        width: Columns of luma.
        height: Lines of luma.
    """

    def __init__(self, planes: list[Plane], layout: PlaneLayout) -> None:
        self.layout = layout
        self.planes = planes
        self.height: int = planes[0].shape[0]
        self.width: int = planes[0].shape[1]

    def crop_rgb(self, region: OrientedSquare, side: int) -> NDArray[np.uint8]:
        """The region as a (side, side, 3) RGB picture, 0..255."""
        matrix = region.to_square(side)
        luma = warp_shrinking(self.planes[0], matrix, side)
        if len(self.planes) == 1:
            return np.ascontiguousarray(bgr_from_planes(luma, None, None, self.layout)[:, :, ::-1])
        across, down = 1 << self.layout.chroma_shift_x, 1 << self.layout.chroma_shift_y
        # a chroma sample (u, v) lies on luma position (across * u + (across - 1) / 2, ...)
        of_chroma = matrix.copy()
        of_chroma[:, 2] = matrix[:, :2] @ np.array([(across - 1) / 2, (down - 1) / 2]) + matrix[:, 2]
        of_chroma[:, 0] = matrix[:, 0] * across
        of_chroma[:, 1] = matrix[:, 1] * down
        neutral = 128 << (self.layout.bits - 8)
        chroma = [self._chroma_crop(plane, of_chroma, side, neutral) for plane in self.planes[1:3]]
        return np.ascontiguousarray(bgr_from_planes(luma, chroma[0], chroma[1], self.layout)[:, :, ::-1])

    @staticmethod
    def _chroma_crop(plane: Plane, matrix: NDArray[np.float64], side: int, neutral: int) -> Plane:
        # outside the picture chroma must be neutral, or black turns green
        border = {"borderMode": cv2.BORDER_CONSTANT, "borderValue": neutral}
        return np.asarray(cv2.warpAffine(plane, matrix, (side, side), flags=cv2.INTER_LINEAR, **border))


class FrameSampler(PlaneSampler):
    """Crops of a decoded frame in a planar format."""

    def __init__(self, frame: av.VideoFrame) -> None:
        super().__init__(plane_views(frame), layout_of(frame))
