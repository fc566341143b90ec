"""Reading the network's small square out of a frame's planes, and putting what it made back at the frame's own size."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.faces.geometry import smoothstep
from talkingface.faces.video import shown_to_coded
from talkingface.media.planes import Plane, PlaneLayout, bgr_from_planes, bgr_to_yuv_matrix
from talkingface.models.video_retalking.stages import RegionPatch

FloatArray = NDArray[np.float32]

SIDE = 96  # pixels of the network's pictures
MOST_SAMPLES = 12  # along each side of one of its pixels; a face of 1152 pixels needs them
LOWER, WHOLE = "lower", "whole"
FADE = 0.10  # of the box, over which what is put back comes in at its sides and top
LOWER_FADE = 0.05  # and below, where the chin ends a little above the box: it must not be the frame's own
UPPER_FADE = (0.40, 0.50)  # of the box's height, when only what was masked is put back
EDGE = 0.01  # of the box on each side that is never put back: there the mask is 0


def paste_mask(region: str) -> FloatArray:
    """(96, 96) 0..1: how much of the network's picture is put back.

    Args:
        region: ``lower``, the half that the network did not see, or ``whole``, everything as the released program does.
    """
    places = (np.arange(SIDE) + 0.5) / SIDE
    across = smoothstep(EDGE, FADE, places) * smoothstep(EDGE, FADE, 1 - places)
    upper = smoothstep(*(UPPER_FADE if region == LOWER else (EDGE, FADE)), places)
    down = upper * smoothstep(EDGE, LOWER_FADE, 1 - places)
    return np.asarray(down[:, None] * across[None], np.float32)


class FaceCropper:
    """Reads and writes boxes of one clip's frames, however a player turns them."""

    def __init__(self, layout: PlaneLayout, rotation: int, region: str = LOWER) -> None:
        """Take a clip's form.

        Args:
            layout: Of its frames.
            rotation: Degrees clockwise that a player turns the coded picture.
            region: What ``patch`` puts back; see ``paste_mask``.
        """
        self._layout = layout
        self._rotation = rotation
        self._mask = paste_mask(region)

    def read(self, planes: list[Plane], box: NDArray[np.float64]) -> NDArray[np.uint8]:
        """The face in a box.

        Args:
            planes: Of the frame.
            box: x0, y0, x1, y1, pixels of the picture as shown. Beyond the picture its last pixels go on.

        Returns:
            (96, 96, 3) BGR, upright.
        """
        longest = float(max(box[2] - box[0], box[3] - box[1]))
        # so many samples for a pixel that nothing of a large face is passed over
        count = min(MOST_SAMPLES, max(1, math.ceil(longest / SIDE)))
        grid = SIDE * count
        samples = []
        for index, plane in enumerate(planes):
            turn = _plane_from_grid(self._from_grid(box, grid), *self._shifts(index))
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            wide = cv2.warpAffine(plane, turn, (grid, grid), flags=flags, borderMode=cv2.BORDER_REPLICATE)
            samples.append(wide if count == 1 else cv2.resize(wide, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
        luma, *chroma = samples
        blue, red = chroma if chroma else (None, None)
        return bgr_from_planes(luma, blue, red, self._layout)

    def patch(self, picture: FloatArray, box: NDArray[np.float64], strength: float) -> RegionPatch | None:
        """What to put into the frame.

        Args:
            picture: (96, 96, 3) BGR 0..255, upright.
            box: Where it belongs, pixels of the picture as shown.
            strength: 0..1, of all of it.

        Returns:
            A patch at the frame's own resolution, in its own codes; None when the box lies outside the picture.
        """
        layout = self._layout
        from_grid = self._from_grid(box, SIDE)
        # the edges of its pixels, which lie half a pixel beside their middles
        corners = np.round(from_grid @ np.array([[-0.5, -0.5, 1], [SIDE - 0.5, SIDE - 0.5, 1]]).T + 0.5, 6)
        # even, so that chroma samples are whole
        low = np.maximum(np.floor(corners.min(1) / 2) * 2, 0).astype(int)
        high = np.minimum(np.ceil(corners.max(1) / 2) * 2, [layout.width, layout.height]).astype(int)
        width, height = (int(side) for side in high - low)
        if min(width, height) < 2:
            return None
        codes = cv2.transform(picture, bgr_to_yuv_matrix(layout).astype(np.float32))
        planes = []
        count = 1 if layout.pixel_format.startswith("gray") else 3
        for index in range(count):
            shift_x, shift_y = self._shifts(index)
            to_grid = cv2.invertAffineTransform(_plane_from_grid(from_grid, shift_x, shift_y))
            size = (-(-width >> shift_x), -(-height >> shift_y))
            corner = (int(low[0]) >> shift_x, int(low[1]) >> shift_y)
            kind = cv2.INTER_CUBIC if index == 0 else cv2.INTER_LINEAR
            planes.append(_warped(codes[..., index], to_grid, corner, size, kind, cv2.BORDER_REPLICATE))
        to_grid = cv2.invertAffineTransform(from_grid)
        corner = (int(low[0]), int(low[1]))
        alpha = _warped(self._mask, to_grid, corner, (width, height), cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)
        return RegionPatch(corner[0], corner[1], planes, alpha * np.float32(strength))

    def _shifts(self, index: int) -> tuple[int, int]:
        return (self._layout.chroma_shift_x, self._layout.chroma_shift_y) if index else (0, 0)

    def _from_grid(self, box: NDArray[np.float64], grid: int) -> NDArray[np.float64]:
        """(2, 3): from samples of a square grid over the box to luma samples of the coded picture."""
        x0, y0, x1, y1 = box
        points = shown_to_coded(
            np.array([[x0, y0], [x1, y0], [x0, y1]]), self._rotation, self._layout.width, self._layout.height
        )
        across, down = (points[1] - points[0]) / grid, (points[2] - points[0]) / grid
        # samples lie in the middle of their pixels, in the grid as in the picture
        origin = points[0] + (across + down) / 2 - 0.5
        return np.column_stack([across, down, origin])


def _plane_from_grid(from_grid: NDArray[np.float64], shift_x: int, shift_y: int) -> NDArray[np.float64]:
    """The same for a plane of fewer samples."""
    scale = np.array([[1 / (1 << shift_x)], [1 / (1 << shift_y)]])
    result = from_grid * scale
    result[:, 2:] += (scale - 1) / 2
    return np.asarray(result)


def _warped(
    picture: FloatArray, to_grid: NDArray[np.float64], corner: tuple[int, int], size: tuple[int, int], kind: int,
    border: int,
) -> FloatArray:  # fmt: skip
    """Enlarge a picture of the grid to ``size`` samples of a plane from ``corner`` on."""
    shifted = to_grid.copy()
    shifted[:, 2] += to_grid[:, :2] @ np.array(corner, np.float64)
    picture = np.ascontiguousarray(picture, np.float32)
    return np.asarray(cv2.warpAffine(picture, shifted, size, flags=kind | cv2.WARP_INVERSE_MAP, borderMode=border))
