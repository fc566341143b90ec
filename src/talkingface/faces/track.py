"""A face from its appearance to a cut or its loss: the record of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkingface.media.row_file import Rows

MIN_PRESENCE = 0.5  # of the mesh network: below it, no face is there


@dataclass(frozen=True)
class FaceTrack:
    """One face, from its appearance to a cut or its loss.

    Attributes:
        frames: (T,) int64, index of each frame in the clip, increasing; gaps where the face was lost.
        times: (T,) float64 seconds on the clip's clock.
        landmarks: T rows (478, 3) float32 pixels of the coded picture (x right, y down, z away, same scale): an array,
            or a ``RowFile`` that is read row by row or by slices.
        presence: (T,) float32, probability 0..1 that a face is there.
        width: Picture width in pixels.
        height: Picture height in pixels.
        number: The face's number in order of appearance.
        boxes: (T, 4) float32 x0, y0, x1, y1 of the landmarks, pixels of the coded picture; worked out when not given.
        confidence: (T,) float32, 0..1: how much of an altered mouth may be shown there; ones when not given.
        identity: (D,) float32, the mean appearance embedding; None when unknown.

    Raises:
        ValueError: the rows are not as many as the frames.
    """

    frames: NDArray[np.int64]
    times: NDArray[np.float64]
    landmarks: Rows
    presence: NDArray[np.float32]
    width: int
    height: int
    number: int = 0
    boxes: NDArray[np.float32] = None  # type: ignore[assignment]  # never None once made
    confidence: NDArray[np.float32] = None  # type: ignore[assignment]  # never None once made
    identity: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        missing = [name for name in ("boxes", "confidence") if getattr(self, name) is None]
        for name in missing:
            values = boxes_of(self.landmarks) if name == "boxes" else np.ones(len(self.frames), np.float32)
            object.__setattr__(self, name, values)
        for name in ("times", "landmarks", "presence", "boxes", "confidence"):
            if len(getattr(self, name)) != len(self.frames):
                raise ValueError(f"{len(self.frames)} frames, but {len(getattr(self, name))} rows of {name}")

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def face_width(self) -> float:
        """Median width of the face in pixels: the shorter side of its box.

        A face is higher than it is wide, and the coded picture may lie on its side.
        """
        sides = self.boxes[:, 2:] - self.boxes[:, :2]
        return float(np.median(sides.min(1)))

    @property
    def prominence(self) -> float:
        """How much of the clip this face is: frames times the square root of its relative area."""
        return len(self) * self.face_width / max(self.width, self.height)


def boxes_of(landmarks: Rows) -> NDArray[np.float32]:
    """Bounding boxes (T, 4) x0, y0, x1, y1 of T rows of landmarks (478, >=2), read a window at a time."""
    boxes = np.zeros((len(landmarks), 4), np.float32)
    for start in range(0, len(landmarks), 256):
        points = landmarks[start : start + 256][..., :2]
        boxes[start : start + 256] = np.concatenate([points.min(1), points.max(1)], 1)
    return boxes
