"""A face track while it is made: what is sure goes to memory or a file, what is not yet sure can be taken back."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkingface.faces.detect import Box
from talkingface.faces.mesh_topology import EYE_LEFT_CORNERS, EYE_RIGHT_CORNERS, MESH_POINTS
from talkingface.faces.track import FaceTrack
from talkingface.media.row_file import RowFile

Vector = NDArray[np.float32]


@dataclass(frozen=True)
class _Row:
    frame: int
    time: float
    landmarks: NDArray[np.float32]
    presence: float
    box: Box


@dataclass
class FollowedFace:
    """One face being followed.

    Attributes:
        number: In order of appearance.
        file: Where landmarks are put; None keeps them in memory.
        last: (478, 3) landmarks of the latest frame it was seen in.
        last_time: Seconds of that frame.
        lost_frames: How many frames it has not been seen since.
        unsure_since: Frame from which on it may be somebody else: others came near, or the picture jumped.
        checked_time: Seconds at which its appearance was looked at last.
        doubts: Appearances, one after another, that were not its own.
    """

    number: int
    file: Path | None = None
    last: NDArray[np.float32] = field(default_factory=lambda: np.zeros((MESH_POINTS, 3), np.float32))
    last_time: float = -np.inf
    lost_frames: int = 0
    unsure_since: int | None = None
    checked_time: float = -np.inf
    doubts: list[Vector] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._frames, self._times = array("q"), array("d")
        self._presence, self._boxes = array("f"), array("f")
        self._rows: list[NDArray[np.float32]] | RowFile = []
        if self.file is not None:
            self.file.unlink(missing_ok=True)  # of an earlier run
            self._rows = RowFile(self.file, (MESH_POINTS, 3))
        self._waiting: list[_Row] = []
        self._sum: NDArray[np.float64] | None = None
        self._count = 0
        self._box: Box = (0.0, 0.0, 0.0, 0.0)

    @property
    def box(self) -> Box:
        """x0, y0, x1, y1 of the latest landmarks."""
        return self._box

    @property
    def width(self) -> float:
        """Of the face in pixels."""
        return width_of(self._box)

    @property
    def last_presence(self) -> float:
        """Of the latest frame, 0..1."""
        return self._waiting[-1].presence if self._waiting else self._presence[-1]

    @property
    def waiting_seconds(self) -> float:
        """For how long it has not been confirmed."""
        return self.last_time - self._waiting[0].time if self._waiting else 0.0

    def add(self, frame: int, time: float, landmarks: NDArray[np.float32], presence: float) -> None:
        """Note where the face is seen in another frame."""
        self._box = box_of(landmarks)
        self._waiting.append(_Row(frame, time, landmarks, presence, self._box))
        self.last, self.last_time, self.lost_frames = landmarks, time, 0

    def confirm(self) -> None:
        """All rows so far are this person's.

        Raises:
            OutputError: the file cannot be written.
        """
        for row in self._waiting:
            self._frames.append(row.frame)
            self._times.append(row.time)
            self._presence.append(row.presence)
            self._boxes.extend(row.box)
            self._rows.append(row.landmarks)
        self._waiting = []
        self.unsure_since = None
        self.doubts = []

    def end(self, unsure: bool = False) -> None:
        """Nothing more follows; ``unsure`` leaves out what may be somebody else: rows since ``unsure_since``, or all
        that were not confirmed."""
        if unsure:
            since = self.unsure_since
            self._waiting = [] if since is None else [row for row in self._waiting if row.frame < since]
        self.confirm()
        if isinstance(self._rows, RowFile):
            self._rows.close()  # a clip of many cuts has many tracks: none may keep its buffer

    def recognise(self, embedding: Vector) -> None:
        """Take an appearance for its own: it is averaged into the identity, and all rows so far are confirmed.

        A first look confirms nothing: it may have been at two pictures that fade into each other.
        """
        self._sum = embedding.astype(np.float64) + (0 if self._sum is None else self._sum)
        self._count += 1
        if self._count > 1:
            self.confirm()

    def start_again(self, embedding: Vector) -> None:
        """Take this appearance for the first; nothing seen so far counts."""
        self._sum, self._count = embedding.astype(np.float64), 1
        self._waiting, self.unsure_since, self.doubts = self._waiting[-1:], None, []

    @property
    def looks(self) -> int:
        """How many appearances its identity is the mean of."""
        return self._count

    @property
    def identity(self) -> Vector | None:
        """Mean of the appearances that were its own; None when there is none."""
        return None if self._sum is None else (self._sum / self._count).astype(np.float32)

    def finished(self, width: int, height: int) -> FaceTrack | None:
        """The record, of a picture of this size; None when no row is left."""
        if not self._frames:
            return None
        return FaceTrack(
            np.array(self._frames, np.int64),
            np.array(self._times, np.float64),
            self._rows if isinstance(self._rows, RowFile) else np.stack(self._rows).astype(np.float32),
            np.array(self._presence, np.float32),
            width,
            height,
            self.number,
            np.array(self._boxes, np.float32).reshape(-1, 4),
            identity=self.identity,
        )


def box_of(landmarks: NDArray[np.floating]) -> Box:
    """Bounding box x0, y0, x1, y1 of landmarks (478, >=2)."""
    low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def width_of(box: Box) -> float:
    """Width of a face by its box: the shorter side, as in ``FaceTrack.face_width``."""
    return min(box[2] - box[0], box[3] - box[1])


def faces_us(landmarks: NDArray[np.floating], most_degrees: float = 45.0) -> bool:
    """True when a face is turned so little to the side that its appearance can be compared."""
    left, right = (np.asarray(landmarks)[list(eye)].mean(0) for eye in (EYE_LEFT_CORNERS, EYE_RIGHT_CORNERS))
    across = right - left
    return bool(abs(across[2]) <= np.tan(np.radians(most_degrees)) * np.hypot(across[0], across[1]))
