"""A frame of a video as picture metrics look at it: upright, in the size it is compared in, crops only on demand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import cast

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.evaluation.metrics.picture import HALF_BOX, SMALLEST_BOX
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import align
from talkingface.faces.sampling import OrientedSquare, PlaneSampler
from talkingface.media.colour import UNSPECIFIED_TAG, matrix_of, yuv_from_bgr
from talkingface.media.planes import Plane, PlaneLayout, layout_of, plane_views

FACE_HALF = 1.45  # of the distance between the eyes' centres: forehead to below the chin, ear to ear
MOUTH_SIDE = 96  # pixels; every mouth is compared in this size, so that clips of any resolution can be
FACE_SIDE = 224  # pixels, as above
LEAST_INSIDE = 0.7  # of a box's area: with less in the picture it is left out

# which points a box is centred on, in the generic face at rest, and how far it reaches
_PLACES = {"mouth": (mesh.LIPS_OUTER, HALF_BOX), "face": ((mesh.FOREHEAD, mesh.CHIN), FACE_HALF)}


@dataclass(frozen=True)
class Box:
    """A square of an upright picture.

    Attributes:
        x: Left edge in pixels; may lie outside.
        y: Upper edge in pixels.
        side: Pixels.
    """

    x: int
    y: int
    side: int

    def inside(self, width: int, height: int) -> tuple[slice, slice] | None:
        """The lines and columns of it that a picture has; None when that is too little of it."""
        x0, y0 = max(0, self.x), max(0, self.y)
        x1, y1 = min(width, self.x + self.side), min(height, self.y + self.side)
        enough = (max(0, x1 - x0) * max(0, y1 - y0)) >= LEAST_INSIDE * self.side**2
        return (slice(y0, y1), slice(x0, x1)) if enough and self.side >= SMALLEST_BOX else None

    def enlarged(self, factor: float) -> Box:
        """The same centre, ``factor`` times the side."""
        more = round(self.side * (factor - 1) / 2)
        return Box(self.x - more, self.y - more, self.side + 2 * more)

    def square(self) -> OrientedSquare:
        """The same as a region that RGB crops are taken of."""
        half = self.side / 2
        return OrientedSquare(self.x + half, self.y + half, float(self.side), 0.0)


class FacePicture:
    """One frame, turned upright and brought to the size of the comparison.

    Attributes:
        sampler: Its planes; ``crop_rgb`` gives RGB crops.
        tagged: The file says which YUV matrix it uses.
        landmarks: (478, 3) pixels of this picture, or None where the face is not seen.
        reference: (478, 3) generic canonical face, which boxes are placed by.
    """

    def __init__(
        self,
        sampler: PlaneSampler,
        landmarks: NDArray[np.floating] | None,
        reference: NDArray[np.floating],
        tagged: bool,
    ) -> None:
        self.sampler = sampler
        self.tagged = tagged
        self.landmarks = landmarks
        self.reference = reference
        self._boxes: dict[str, Box] = {}

    @property
    def width(self) -> int:
        """Columns."""
        return self.sampler.width

    @property
    def height(self) -> int:
        """Lines."""
        return self.sampler.height

    def mouth_box(self) -> Box | None:
        """Square round the mouth, placed by points that do not move in speech; None without a face."""
        return self._box("mouth")

    def face_box(self) -> Box | None:
        """Square round the face, placed by the same points, so that an opening jaw does not move it."""
        return self._box("face")

    @property
    def matrix(self) -> str | None:
        """The YUV matrix its file names; None when it names none."""
        return self.sampler.layout.matrix if self.tagged else None

    def luma(self, box: Box, side: int, matrix: str | None = None) -> NDArray[np.float32] | None:
        """Luma of a box, 0..255, float32.

        Args:
            box: In this picture's pixels.
            side: The box is brought to so many pixels; what lies outside the picture is left off.
            matrix: That of the picture it is compared with. Luma of another matrix is another quantity: then it is
                worked out again from the colours. Not so where either file names none.

        Returns:
            (<= side, <= side), or None when too little of the box lies in the picture.
        """
        part = box.inside(self.width, self.height)
        if part is None:
            return None
        crop = self._luma_of(part, matrix)
        if box.side == side:
            return crop
        scale = side / box.side
        size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        return np.clip(np.asarray(cv2.resize(crop, size, interpolation=how), np.float32), 0, 255)

    def native_luma(self, box: Box) -> NDArray[np.float32] | None:
        """Luma 0..255 of the part of a box that lies in the picture, in the picture's own pixels."""
        part = box.inside(self.width, self.height)
        return None if part is None else self._luma_of(part, None)

    def whole_luma(self) -> Plane:
        """The luma plane in its own codes."""
        return self.sampler.planes[0]

    def rgb(self, box: Box, side: int) -> NDArray[np.uint8]:
        """A box as RGB (side, side, 3), 0..255; black outside the picture."""
        return self.sampler.crop_rgb(box.square(), side)

    def _luma_of(self, part: tuple[slice, slice], matrix: str | None) -> NDArray[np.float32]:
        layout = self.sampler.layout
        if matrix is None or self.matrix in (None, matrix) or len(self.sampler.planes) == 1:
            return luma_codes(self.sampler.planes[0][part], layout)
        lines, columns = part
        height, width = lines.stop - lines.start, columns.stop - columns.start
        side = max(height, width)
        region = OrientedSquare(columns.start + side / 2, lines.start + side / 2, float(side), 0.0)
        rgb = self.sampler.crop_rgb(region, side)[:height, :width].astype(np.float32)
        return np.asarray(rgb @ _luma_weights(matrix), np.float32)

    def _box(self, name: str) -> Box | None:
        if self.landmarks is None:
            return None
        if not self._boxes:
            pose = align(self.landmarks[None], self.reference)
            for kind, (points, half) in _PLACES.items():
                x, y, _ = pose.to_picture(0, self.reference[list(points)].mean(0)[None])[0]
                reach = half / float(pose.scale[0])
                self._boxes[kind] = Box(round(x - reach), round(y - reach), round(2 * reach))
        return self._boxes[name]


def face_picture(
    frame: av.VideoFrame,
    landmarks: NDArray[np.floating] | None,
    reference: NDArray[np.floating],
    *,
    rotation: int = 0,
    size: tuple[int, int] | None = None,
) -> FacePicture:
    """Turn a decoded frame upright and bring it to a size.

    Args:
        frame: In a planar format.
        landmarks: (478, 3) pixels of the coded frame; None where the face is not seen.
        reference: (478, 3) generic canonical face.
        rotation: Degrees clockwise that a player turns the frame.
        size: Columns and lines wanted of the upright picture; None for its own.
    """
    layout, planes = layout_of(frame), plane_views(frame)
    tagged = int(frame.colorspace) != UNSPECIFIED_TAG
    points = None if landmarks is None else np.asarray(landmarks, np.float64)
    turns = rotation // 90 % 4
    if turns:
        planes = [cast("Plane", np.ascontiguousarray(np.rot90(plane, -turns))) for plane in planes]
        points = None if points is None else _turned(points, turns, layout.width, layout.height)
        if turns % 2:
            layout = replace(
                layout,
                width=layout.height,
                height=layout.width,
                chroma_shift_x=layout.chroma_shift_y,
                chroma_shift_y=layout.chroma_shift_x,
            )
    if size is not None and size != (layout.width, layout.height):
        scale = np.array([size[0] / layout.width, size[1] / layout.height, size[0] / layout.width])
        planes = _resized(planes, layout, size)
        points = None if points is None else points * scale
        # what a file does not say is guessed from the size, which is now another
        matrix = layout.matrix if tagged else matrix_of(UNSPECIFIED_TAG, size[1])
        layout = replace(layout, width=size[0], height=size[1], matrix=matrix)
    return FacePicture(PlaneSampler(planes, layout), points, reference, tagged)


def upright_size(width: int, height: int, rotation: int) -> tuple[int, int]:
    """Columns and lines of a coded picture once it is turned upright."""
    return (height, width) if rotation // 90 % 2 else (width, height)


def luma_codes(luma: NDArray[np.generic], layout: PlaneLayout) -> NDArray[np.float32]:
    """Luma of any depth and range as 0..255, float32; black is 0 and white 255."""
    values = luma.astype(np.float32)
    if layout.full_range:
        return np.asarray(values * np.float32(255.0 / ((1 << layout.bits) - 1)))
    step = 1 << (layout.bits - 8)
    return np.asarray(np.clip((values - 16 * step) * np.float32(255.0 / (219.0 * step)), 0, 255))


def _turned(points: NDArray[np.float64], turns: int, width: int, height: int) -> NDArray[np.float64]:
    """Coded pixels (N, 3) as pixels of the picture after quarter turns clockwise."""
    x, y, z = points.T
    places = {1: (height - y, x), 2: (width - x, height - y), 3: (y, width - x)}
    return np.stack([*places[turns], z], 1)


def _resized(planes: list[Plane], layout: PlaneLayout, size: tuple[int, int]) -> list[Plane]:
    how = cv2.INTER_AREA if size[0] < layout.width else cv2.INTER_CUBIC
    chroma = (-(-size[0] >> layout.chroma_shift_x), -(-size[1] >> layout.chroma_shift_y))
    sizes = [size, chroma, chroma]
    return [
        np.asarray(cv2.resize(plane, wanted, interpolation=how)) for plane, wanted in zip(planes, sizes, strict=False)
    ]


@lru_cache(maxsize=8)
def _luma_weights(matrix: str) -> NDArray[np.float32]:
    """What red, green and blue weigh in luma of a YUV matrix."""
    return np.asarray(yuv_from_bgr(matrix, 8, True)[0, 2::-1], np.float32)
