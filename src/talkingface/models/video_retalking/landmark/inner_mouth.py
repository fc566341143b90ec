"""The inside of a mouth that was never seen, painted for one person's picture.

A painter says how bright and of what colour each place between the lips is compared with the white of teeth
(``learnt_mouth``). Here that white is found from the person's own skin and mouth, and the paint is brought
into the frame's planes.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.media.planes import PlaneLayout, bgr_to_yuv_matrix
from talkingface.models.video_retalking.landmark.canonicalize import CanonicalFace
from talkingface.models.video_retalking.landmark.donors import Donors
from talkingface.models.video_retalking.landmark.mouth_colours import MouthColours, colours_of
from talkingface.models.video_retalking.landmark.mouth_layer import fit_affine
from talkingface.models.video_retalking.landmark.mouth_space import LIP_PLANE, MouthSpace, mouth_space
from talkingface.models.video_retalking.landmark.thin_plate import Box

FloatArray = NDArray[np.float32]
Painter = Callable[[MouthSpace, MouthColours], FloatArray]
FINEST = 150  # pixels an inter-ocular distance in which paint is made; larger faces get it enlarged


class InnerMouth:
    """Paints between the lips of one person in one shot. Nothing is looked at before the first frame needs it."""

    def __init__(self, face: CanonicalFace, kept: Donors, layout: PlaneLayout, painter: Painter) -> None:
        self._face, self._kept, self._layout, self._painter = face, kept, layout, painter
        self._colours: MouthColours | None = None

    @property
    def colours(self) -> MouthColours:
        """The person's skin, lips and teeth, the same in every frame of the shot."""
        if self._colours is None:
            self._colours = colours_of(self._face, self._kept, self._layout)
        return self._colours

    def paint(
        self, row: int, displacement: NDArray[np.floating], target: NDArray[np.floating], box: Box
    ) -> list[FloatArray]:
        """Paint one frame.

        Args:
            row: Row of the track.
            displacement: (80, 2) of the mouth from the closed one, canonical units.
            target: (80, 2) the wanted points in the frame, pixels.
            box: The region to paint in.

        Returns:
            One float32 array a plane in the plane's codes and sampling; of use only between the lips.
        """
        face, layout = self._face, self._layout
        points = face.closed_mouth + displacement
        to_canonical = fit_affine(target[LIP_PLANE], points[LIP_PLANE])
        coarse = max(1, int(np.ceil(float(face.interocular[row]) / FINEST)))
        columns, rows = -(-box.width // coarse), -(-box.height // coarse)
        xs = box.x0 + (np.arange(columns) + 0.5) * (box.width / columns) - 0.5
        ys = box.y0 + (np.arange(rows) + 0.5) * (box.height / rows) - 0.5
        pixels = np.stack(np.meshgrid(xs, ys), -1)
        where = pixels @ to_canonical[:, :2].T + to_canonical[:, 2]
        space, inside = mouth_space(points, face.closed_mouth, where)
        picture = np.zeros((rows, columns, 3), np.float32)
        if len(space):
            picture[inside] = np.clip(self._painter(space, self.colours) * self.colours.white, 0, 255)
        codes = cv2.transform(picture, bgr_to_yuv_matrix(layout)).astype(np.float32)
        planes = []
        for number in range(1 if layout.pixel_format.startswith("gray") else 3):
            across, down = (layout.chroma_shift_x, layout.chroma_shift_y) if number else (0, 0)
            size = (box.width >> across, box.height >> down)
            smaller = size[0] < columns
            plane = np.ascontiguousarray(codes[..., number])
            plane = cv2.resize(plane, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
            if number == 0 and self.colours.blur > 0:
                plane = cv2.GaussianBlur(plane, (0, 0), self.colours.blur)
            planes.append(np.asarray(plane, np.float32))
        return planes
