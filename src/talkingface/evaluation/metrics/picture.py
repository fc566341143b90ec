"""Sharpness and flicker of the mouth box, measured on decoded luma while the file is read.

The box is placed by points that do not move in speech, so a generated video and its source get the same box in the
same frame, and an opening mouth does not move it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.evaluation.metrics.resampling import lanczos_resized
from talkingface.evaluation.result import Score
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import align
from talkingface.media.planes import layout_of, plane_views

HALF_BOX = 0.62  # of the distance between the eyes' centres: lips with room to open, most of the chin
BLUR_SIGMA = 1.0  # pixels: coding noise is not flicker
SMALLEST_BOX = 12  # pixels
FEWEST_FRAMES = 5
SAME_RATE = 0.05


@dataclass(frozen=True)
class MouthPicture:
    """What the mouth box of one frame measures.

    Attributes:
        sharpness: Standard deviation of the Laplacian of luma (0..1); nan when the box leaves the picture.
        change: Mean absolute second difference in time of lightly blurred luma; nan without a neighbour on each side.
        step: Mean absolute difference of luma from the frame before; nan without one.
    """

    sharpness: float
    change: float
    step: float


@dataclass(frozen=True)
class _Box:
    x: int
    y: int
    side: int

    def crop(self, luma: NDArray[np.generic]) -> NDArray[np.generic]:
        return luma[self.y : self.y + self.side, self.x : self.x + self.side]


class MouthPictureMeter:
    """Measures the mouth box of every face in every frame, holding three frames at a time.

    Args:
        reference: (478, 3) generic canonical face.
        width: Pictures are measured as if they were so many pixels wide; None for their own width. A generated video
            of another size is so brought to its source's.
    """

    def __init__(self, reference: NDArray[np.floating], width: int | None = None) -> None:
        self.reference = reference
        self.width = width
        self.pictures: dict[tuple[int, int], MouthPicture] = {}
        self._centre = np.asarray(reference, np.float64)[list(mesh.LIPS_OUTER)].mean(0)
        self._lumas: list[NDArray[np.generic]] = []
        self._boxes: list[dict[int, _Box]] = []
        self._scale = 1.0
        self._unit = 1.0

    def feed(self, index: int, frame: av.VideoFrame, faces: list[tuple[int, NDArray[np.float32]]]) -> None:
        """Take the next frame.

        Args:
            index: Its number, one more than the one before.
            frame: In a planar format.
            faces: Number and landmarks (478, 3) of each face in it.
        """
        luma = plane_views(frame)[0]
        if not self._lumas:
            layout = layout_of(frame)
            self._unit = (1.0 if layout.full_range else 255.0 / 219.0) / ((1 << layout.bits) - 1)
            self._scale = 1.0 if self.width is None else self.width / frame.width
        boxes = {number: box for number, points in faces if (box := self._box(points, luma)) is not None}
        for number, box in boxes.items():
            step = float("nan")
            if self._lumas and number in self._boxes[-1]:
                before = box.crop(self._lumas[-1]).astype(np.float32)
                step = float(cv2.absdiff(before, box.crop(luma).astype(np.float32)).mean()) * self._unit
            self.pictures[index, number] = MouthPicture(self._sharpness(luma, box), float("nan"), step)
        self._lumas = [*self._lumas[-2:], luma]
        self._boxes = [*self._boxes[-2:], boxes]
        if len(self._lumas) == 3:
            for number, box in self._boxes[1].items():
                if number in self._boxes[0] and number in self._boxes[2]:
                    known = self.pictures[index - 1, number]
                    self.pictures[index - 1, number] = replace(known, change=self._change(box))

    def of_face(
        self, frames: NDArray[np.int64], number: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Sharpness, change and step of one face in the given frames, nan where not measured."""
        none = MouthPicture(float("nan"), float("nan"), float("nan"))
        found = [self.pictures.get((int(index), number), none) for index in frames]
        return (
            np.array([picture.sharpness for picture in found]),
            np.array([picture.change for picture in found]),
            np.array([picture.step for picture in found]),
        )

    def _box(self, points: NDArray[np.float32], luma: NDArray[np.generic]) -> _Box | None:
        pose = align(points[None], self.reference)
        x, y, _ = pose.to_picture(0, self._centre[None])[0]
        half = HALF_BOX / float(pose.scale[0])
        side = round(2 * half)
        box = _Box(round(x - half), round(y - half), side)
        height, width = luma.shape
        inside = box.x >= 0 and box.y >= 0 and box.x + side <= width and box.y + side <= height
        return box if inside and side >= SMALLEST_BOX else None

    def _crop(self, luma: NDArray[np.generic], box: _Box) -> NDArray[np.float32]:
        crop = box.crop(luma).astype(np.float32) * np.float32(self._unit)
        if abs(self._scale - 1.0) < 1e-6:
            return crop
        side = max(2, round(box.side * self._scale))
        return lanczos_resized(crop, side, side)

    def _sharpness(self, luma: NDArray[np.generic], box: _Box) -> float:
        return float(cv2.Laplacian(self._crop(luma, box), cv2.CV_32F).std())

    def _change(self, box: _Box) -> float:
        before, middle, after = (cv2.GaussianBlur(self._crop(luma, box), (0, 0), BLUR_SIGMA) for luma in self._lumas)
        return float(np.abs(before - 2 * middle + after).mean())


def match_frames(times: NDArray[np.float64], source_times: NDArray[np.float64], still: bool) -> NDArray[np.int64]:
    """The source frame that each frame of a generated video was made from, as far as the source plays forward once.

    A dub plays its source from the first frame on in its own timing, so a frame belongs to the source frame that is
    shown as long after the first one.

    Args:
        times: (N,) seconds of the generated video's frames.
        source_times: (M,) seconds of the source's frames.
        still: The source is a picture: it is every frame's source.

    Returns:
        (N,) source index, -1 where none is known.
    """
    if not len(times) or not len(source_times):
        return np.full(len(times), -1, np.int64)
    if still:
        return np.zeros(len(times), np.int64)
    wanted, known = times - times[0], source_times - source_times[0]
    after = np.clip(np.searchsorted(known, wanted), 1, max(1, len(known) - 1))
    nearest = np.where(wanted - known[after - 1] <= known[np.minimum(after, len(known) - 1)] - wanted, after - 1, after)
    nearest = np.minimum(nearest, len(known) - 1)
    tolerance = 0.5 * float(np.median(np.diff(known))) + 1e-6 if len(known) > 1 else 1e-3
    return np.where(np.abs(known[nearest] - wanted) <= tolerance, nearest, -1).astype(np.int64)


def sharpness_ratio(sharpness: NDArray[np.float64], source: NDArray[np.float64]) -> Score:
    """Median over frames of generated over source sharpness, both (N,) in the same frames, nan where unknown."""
    known = np.isfinite(sharpness) & np.isfinite(source) & (source > 0)
    if known.sum() < FEWEST_FRAMES:
        return Score(None, f"n/a: only {int(known.sum())} frames can be compared with the source")
    return Score(float(np.median(sharpness[known] / source[known])))


def flicker_ratio(change: NDArray[np.float64], source: NDArray[np.float64]) -> Score:
    """Mean change of the generated frames over that of the source in the same frames, nan where unknown."""
    known = np.isfinite(change) & np.isfinite(source)
    if known.sum() < FEWEST_FRAMES:
        return Score(None, f"n/a: only {int(known.sum())} frames can be compared with the source")
    if not source[known].sum() > 0:
        return Score(None, "n/a: the source does not move")
    return Score(float(change[known].mean() / source[known].mean()))


def same_frame_rate(times: NDArray[np.float64], source_times: NDArray[np.float64]) -> bool:
    """True when frames follow each other as fast in both; only then can second differences be compared."""
    if len(times) < 2 or len(source_times) < 2:
        return False
    a, b = float(np.median(np.diff(times))), float(np.median(np.diff(source_times)))
    return abs(a - b) <= SAME_RATE * b
