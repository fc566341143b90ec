"""Pictures for the networks out of a frame's own planes, and back: only the part that is needed, at any angle.

Places count from the pixels' outer edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.media.planes import Plane, PlaneLayout, bgr_to_yuv_matrix, yuv_to_bgr_matrix

FloatArray = NDArray[np.float32]
MUCH = 1.5  # pixels that become one: from here on they are averaged first


@dataclass(frozen=True)
class Region:
    """An even rectangle of the coded frame: x0, y0, and its width and height."""

    x0: int
    y0: int
    width: int
    height: int

    @property
    def to_frame(self) -> NDArray[np.float64]:
        """(2, 3) from places in the region to places in the coded frame."""
        return np.array([[1.0, 0, self.x0], [0, 1.0, self.y0]])


def region_round(squares: Sequence[NDArray[np.floating]], width: int, height: int) -> Region | None:
    """The region of the frame that holds pictures.

    Args:
        squares: (2, 3) maps from pictures of 1 x 1 to the coded frame.
        width: Of the frame.
        height: Of the frame.

    Returns:
        It, within the frame; None where fewer than 16 x 16 pixels of it are in the frame.
    """
    corners = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]])
    places = np.concatenate([corners @ square[:, :2].T + square[:, 2] for square in squares])
    low = np.maximum(np.floor(places.min(0) / 2).astype(int) * 2, 0)
    high = np.minimum(np.ceil(places.max(0) / 2).astype(int) * 2, [width // 2 * 2, height // 2 * 2])
    across, down = (high - low).tolist()
    return None if across < 16 or down < 16 else Region(int(low[0]), int(low[1]), across, down)


def crops_of(planes: Sequence[Plane], region: Region, layout: PlaneLayout) -> list[FloatArray]:
    """The region of every plane, float32 in its codes, chroma at its own sampling."""
    parts = []
    for index, plane in enumerate(planes):
        sx, sy = (layout.chroma_shift_x, layout.chroma_shift_y) if index else (0, 0)
        rows = slice(region.y0 >> sy, (region.y0 + region.height) >> sy)
        columns = slice(region.x0 >> sx, (region.x0 + region.width) >> sx)
        parts.append(plane[rows, columns].astype(np.float32))
    return parts


def bgr_of(parts: Sequence[FloatArray], layout: PlaneLayout) -> FloatArray:
    """A region's planes -> (height, width, 3) BGR in 0..255, not rounded."""
    luma = parts[0]
    if len(parts) == 1:
        neutral = np.full_like(luma, 128 << (layout.bits - 8))
        chroma = [neutral, neutral]
    else:
        size = (luma.shape[1], luma.shape[0])
        chroma = [cv2.resize(part, size, interpolation=cv2.INTER_LINEAR) for part in parts[1:]]
    picture = cv2.transform(cv2.merge([luma, *chroma]), yuv_to_bgr_matrix(layout))
    return np.asarray(np.clip(picture, 0, 255), np.float32)


def planes_of(picture: FloatArray, layout: PlaneLayout, offset: bool = True) -> list[FloatArray]:
    """(height, width, 3) BGR in 0..255 -> planes in their codes, chroma at its own sampling.

    Args:
        picture: Of a region.
        layout: Of the frame.
        offset: False for a difference of pictures: it becomes a difference of planes.
    """
    matrix = bgr_to_yuv_matrix(layout)
    if not offset:
        matrix = matrix[:, :3]
    luma, *chroma = cv2.split(cv2.transform(picture, matrix))
    if layout.pixel_format.startswith("gray"):
        return [luma]
    size = (luma.shape[1] >> layout.chroma_shift_x, luma.shape[0] >> layout.chroma_shift_y)
    return [luma, *(cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in chroma)]


def looked_up(picture: FloatArray, map_: NDArray[np.floating], width: int, height: int) -> FloatArray:
    """Make a picture whose pixels are looked up in another one; beyond its border that goes on as it ends.

    Args:
        picture: (h, w) or (h, w, colours).
        map_: (2, 3) from the wanted picture's places to the other's.
        width: Of the wanted picture.
        height: Of the wanted picture.

    Returns:
        (height, width) or (height, width, colours): cubic, averaged first where many pixels become one.
    """
    steps = np.linalg.norm(map_[:, :2], axis=0)  # pixels of the other that one takes, across and down
    source, wanted = picture, np.asarray(map_, np.float64)
    step = float(steps.max())
    if step > MUCH:
        size = [max(2, round(side / step)) for side in (picture.shape[1], picture.shape[0])]
        scale = np.array([size[0] / picture.shape[1], size[1] / picture.shape[0]])
        source = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        wanted = wanted * scale[:, None]
    centres = wanted.copy()  # OpenCV counts from the first pixel's centre
    centres[:, 2] += wanted[:, :2] @ [0.5, 0.5] - 0.5
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(source, centres, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32
    )
