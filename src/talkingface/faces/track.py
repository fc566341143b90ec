"""Follow every face of a clip from frame to frame.

The mesh network finds a face again where it was one frame ago; the detectors only run on key frames, after a cut, and
when a face was lost. A cut ends every track.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.faces.detect import Detection, FaceDetector, overlap
from talkingface.faces.landmarks import FaceMesh, region_of
from talkingface.faces.mesh_topology import MESH_POINTS
from talkingface.faces.sampling import PictureSampler
from talkingface.row_file import RowFile, Rows

KEY_FRAME_SECONDS = 1.0
LOST_SECONDS = 2.0
MIN_PRESENCE = 0.5
MAX_FACES = 5
CUT_PICTURE = (48, 27)


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


class _Following:
    """A track being made. Landmarks go to a file when there is one."""

    def __init__(self, number: int, last: NDArray[np.float32], last_time: float, file: Path | None) -> None:
        self.number = number
        self.last = last
        self.last_time = last_time
        self.lost_frames = 0
        self.frames, self.times, self.presence = array("q"), array("d"), array("f")
        self.boxes = array("f")
        self.rows: list[NDArray[np.float32]] | RowFile = []
        if file is not None:
            file.unlink(missing_ok=True)
            self.rows = RowFile(file, (MESH_POINTS, 3))

    def add(self, index: int, time: float, landmarks: NDArray[np.float32], presence: float) -> None:
        self.frames.append(index)
        self.times.append(time)
        self.rows.append(landmarks)
        self.presence.append(presence)
        self.last, self.last_time, self.lost_frames = landmarks, time, 0
        self.boxes.extend(self.box())

    def box(self) -> tuple[float, float, float, float]:
        low, high = self.last[:, :2].min(0), self.last[:, :2].max(0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    def finished(self, width: int, height: int) -> FaceTrack:
        if isinstance(self.rows, RowFile):
            self.rows.close()
        return FaceTrack(
            np.array(self.frames, np.int64),
            np.array(self.times, np.float64),
            self.rows if isinstance(self.rows, RowFile) else np.stack(self.rows).astype(np.float32),
            np.array(self.presence, np.float32),
            width,
            height,
            self.number,
            np.array(self.boxes, np.float32).reshape(-1, 4),
        )


class CutDetector:
    """Says when a frame belongs to another shot than the one before it."""

    def __init__(self) -> None:
        self.before: NDArray[np.float32] | None = None
        self.usual = 4.0

    def is_cut(self, luma: NDArray[np.generic], bits: int = 8) -> bool:
        """Compare a luma plane (height, width) of so many bits a sample with the one of the call before."""
        # every fourth sample is plenty for a 48 pixel wide picture, and four times cheaper than all of them
        coarse = luma[::4, ::4] if min(luma.shape) >= 4 * CUT_PICTURE[1] else luma
        small = cv2.resize(coarse, CUT_PICTURE, interpolation=cv2.INTER_AREA).astype(np.float32)
        small /= 1 << (bits - 8)
        before, self.before = self.before, small
        if before is None:
            return False
        change = float(np.abs(small - before).mean())
        a, b = small - small.mean(), before - before.mean()
        likeness = float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum() + 1e-6))
        cut = change > 12 and change > 5 * self.usual and likeness < 0.8
        if not cut:
            self.usual = 0.9 * self.usual + 0.1 * max(change, 1.0)
        return cut


class FaceTracker:
    """Turns a sequence of pictures into face tracks. One instance a clip."""

    def __init__(
        self, detector: FaceDetector, mesh: FaceMesh, max_faces: int = MAX_FACES, folder: Path | None = None
    ) -> None:
        """Begin a clip.

        Args:
            detector: Finds faces on key frames.
            mesh: Finds them again in the frames between.
            max_faces: Follow at most this many faces at a time.
            folder: Landmarks lie there, in a file a track, instead of in memory.
        """
        self.detector = detector
        self.mesh = mesh
        self.max_faces = max_faces
        self.folder = folder
        self.cuts: list[int] = []
        self.detections = 0
        self._open: list[_Following] = []
        self._closed: list[_Following] = []
        self._numbers = 0
        self._last_key_time = -np.inf
        self._size = (0, 0)

    def update(
        self,
        index: int,
        time: float,
        sampler: PictureSampler,
        detection_picture: Callable[[], tuple[NDArray[np.uint8], Callable[[Detection], Detection]]],
        cut: bool = False,
    ) -> None:
        """Look at the next frame.

        Args:
            index: The frame's index in the clip.
            time: Its time in seconds.
            sampler: The picture, for the mesh network.
            detection_picture: Called only when detection is due; gives a small upright BGR picture and a function
                that carries a detection from it to pixels of the coded picture.
            cut: True when a new shot begins with this frame.
        """
        self._size = (sampler.width, sampler.height)
        if cut:
            self.cuts.append(index)
            self._closed += self._open
            self._open = []
        for face in self._open:
            if face.lost_frames == 0:
                self._follow(face, index, time, sampler)
            else:
                face.lost_frames += 1
        due = time - self._last_key_time >= KEY_FRAME_SECONDS
        lost = [face for face in self._open if face.lost_frames > 0]
        if cut or due or any(face.lost_frames <= 3 or face.lost_frames % 5 == 0 for face in lost):
            self._detect(index, time, sampler, detection_picture)
        for face in list(self._open):
            if time - face.last_time > LOST_SECONDS:
                self._open.remove(face)
                self._closed.append(face)

    def current(self) -> list[tuple[int, NDArray[np.float32]]]:
        """Number and landmarks (478, 3) of every face seen in the latest frame."""
        return [(face.number, face.last) for face in self._open if face.lost_frames == 0]

    def finish(self) -> list[FaceTrack]:
        """All tracks, the most prominent first."""
        width, height = self._size
        tracks = [face.finished(width, height) for face in self._closed + self._open if face.frames]
        return sorted(tracks, key=lambda track: -track.prominence)

    def _follow(self, face: _Following, index: int, time: float, sampler: PictureSampler) -> None:
        landmarks, presence = self.mesh.locate(sampler, region_of(face.last))
        centre_before, centre = face.last[:, :2].mean(0), landmarks[:, :2].mean(0)
        extent = float(np.ptp(face.last[:, 0]))
        plausible = np.linalg.norm(centre - centre_before) < 0.5 * extent
        plausible &= 0.6 < float(np.ptp(landmarks[:, 0])) / max(extent, 1e-3) < 1.6
        if presence >= MIN_PRESENCE and plausible:
            face.add(index, time, landmarks, presence)
        else:
            face.lost_frames += 1

    def _detect(
        self,
        index: int,
        time: float,
        sampler: PictureSampler,
        detection_picture: Callable[[], tuple[NDArray[np.uint8], Callable[[Detection], Detection]]],
    ) -> None:
        self._last_key_time = time
        self.detections += 1
        picture, to_coded = detection_picture()
        found = [to_coded(d) for d in self.detector.detect(picture)]
        for detection in found:
            following = [f for f in self._open if overlap(f.box(), detection.box) > 0.25]
            if any(f.lost_frames == 0 for f in following):
                continue
            if not following and len(self._open) >= self.max_faces:
                continue
            landmarks, presence = self.mesh.locate(sampler, detection.region())
            if presence < MIN_PRESENCE:
                continue
            landmarks, presence = self.mesh.locate(sampler, region_of(landmarks))
            if presence < MIN_PRESENCE:
                continue
            if following:
                following[0].add(index, time, landmarks, presence)
            else:
                file = None if self.folder is None else self.folder / f"landmarks-{self._numbers}.rows"
                face = _Following(self._numbers, landmarks, time, file)
                self._numbers += 1
                face.add(index, time, landmarks, presence)
                self._open.append(face)
