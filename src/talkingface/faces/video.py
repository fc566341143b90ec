"""Every face track of a video file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from talkingface.faces.cuts import CutDetector
from talkingface.faces.detect import Detection, FaceDetector
from talkingface.faces.landmarks import FaceMesh
from talkingface.faces.people import Person, group_people
from talkingface.faces.sampling import FrameSampler
from talkingface.faces.track import FaceTrack
from talkingface.faces.tracker import Embedder, FaceTracker
from talkingface.media.planes import picture_bgr
from talkingface.media.probe import MediaInfo
from talkingface.media.reader import DecodedFrame, VideoReader
from talkingface.progress import Cancellation, Progress

DETECTION_SIDE = 640


@dataclass(frozen=True)
class ClipTracks:
    """What was found in a clip.

    Attributes:
        info: What the file holds.
        frame_times: (N,) float64 seconds of every frame on the file's clock.
        frame_pts: (N,) int64 the same in ticks of the video stream.
        tracks: Most prominent first.
        cuts: Frame indices that begin a new shot.
        damaged: Packets that could not be decoded.
        loss: What of the file is missing, in one clause; None when it is whole.
    """

    info: MediaInfo
    frame_times: NDArray[np.float64]
    frame_pts: NDArray[np.int64]
    tracks: list[FaceTrack]
    cuts: list[int]
    damaged: int
    loss: str | None = None

    @property
    def frames(self) -> int:
        """Number of frames in the clip."""
        return len(self.frame_times)

    @cached_property
    def people(self) -> list[Person]:
        """Tracks by person, the most prominent person first."""
        return group_people(self.tracks)

    def frames_without_face(self) -> int:
        """Number of frames in which no face was found."""
        seen: set[int] = set()
        for track in self.tracks:
            seen.update(int(index) for index in track.frames)
        return self.frames - len(seen)


def shown_to_coded(points: NDArray[np.floating], rotation: int, width: int, height: int) -> NDArray[np.float64]:
    """Carry (N, 2) points of the picture as shown (turned upright) to pixels of the coded frame.

    Args:
        points: Pixels of the shown picture, at the coded frame's scale.
        rotation: Degrees clockwise that a player turns the coded frame: 0, 90, 180 or 270.
        width: Of the coded frame.
        height: Of the coded frame.
    """
    x, y = np.asarray(points, np.float64).T
    turned = {0: (x, y), 90: (y, height - x), 180: (width - x, height - y), 270: (width - y, x)}
    return np.stack(turned[rotation % 360], 1)


def to_coded(detection: Detection, scale: float, rotation: int, width: int, height: int) -> Detection:
    """Carry a detection from a small upright picture, ``scale`` small pixels per coded one, to coded pixels."""

    def back(points: NDArray[np.floating]) -> NDArray[np.float32]:
        return shown_to_coded(points / scale, rotation, width, height).astype(np.float32)

    x0, y0, x1, y1 = detection.box
    corners = back(np.array([[x0, y0], [x1, y1]]))
    low, high = corners.min(0), corners.max(0)
    box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    return replace(detection, box=box, keypoints=back(detection.keypoints))


class ClipTracker:
    """Feeds decoded frames to a ``FaceTracker`` and remembers their times."""

    def __init__(
        self, rotation: int = 0, max_faces: int = 5, folder: Path | None = None, embedder: Embedder | None = None
    ) -> None:
        """Begin a clip.

        Args:
            rotation: Degrees clockwise that a player turns the coded frames.
            max_faces: Follow at most this many faces at a time.
            folder: Landmarks lie there, in a file a track, instead of in memory.
            embedder: Tells people apart; without it every track is a person of its own.
        """
        self.rotation = rotation
        self.tracker = FaceTracker(FaceDetector(), FaceMesh(), max_faces, folder, embedder, rotation)
        self.cut_detector = CutDetector()
        self.times: list[float] = []
        self.pts: list[int] = []

    def feed(self, decoded: DecodedFrame) -> None:
        """Look at the next frame."""
        frame = decoded.frame
        sampler = FrameSampler(frame)
        cut = self.cut_detector.is_cut(sampler.planes[0], sampler.layout.bits)
        self.times.append(decoded.time)
        self.pts.append(decoded.pts)
        doubtful = self.cut_detector.doubtful
        self.tracker.update(decoded.index, decoded.time, sampler, lambda: self._detection_picture(frame), cut, doubtful)

    def _detection_picture(self, frame: av.VideoFrame) -> tuple[NDArray[np.uint8], Callable[[Detection], Detection]]:
        picture = picture_bgr(frame, DETECTION_SIDE, self.rotation)
        scale = max(picture.shape[:2]) / max(frame.width, frame.height)
        return picture, lambda d: to_coded(d, scale, self.rotation, frame.width, frame.height)

    def finish(self, info: MediaInfo, damaged: int = 0, loss: str | None = None) -> ClipTracks:
        """All that was found."""
        return ClipTracks(
            info,
            np.array(self.times, np.float64),
            np.array(self.pts, np.int64),
            self.tracker.finish(),
            self.tracker.cuts,
            damaged,
            loss,
        )


def track_video(
    path: str | Path,
    *,
    start: float | None = None,
    end: float | None = None,
    threads: int = 0,
    max_faces: int = 5,
    folder: Path | None = None,
    embedder: Embedder | None = None,
    progress: Progress | None = None,
    cancel: Cancellation | None = None,
) -> ClipTracks:
    """Decode a video once and follow every face in it.

    Args:
        path: A video or picture file.
        start: Leave out frames before this second.
        end: Leave out frames from this second on.
        threads: Decoder threads, 0 for all cores.
        max_faces: Follow at most this many faces at a time.
        folder: Landmarks lie there, in a file a track, instead of in memory.
        embedder: Tells people apart; without it every track is a person of its own.
        progress: Told about every frame.
        cancel: Checked at every frame.

    Raises:
        MediaError: when nothing can be decoded.
        Cancelled: when asked to stop.
    """
    with VideoReader(path, start=start, end=end, threads=threads) as reader:
        tracker = ClipTracker(reader.stream.rotation, max_faces, folder, embedder)
        if progress is not None:
            progress.stage("find faces", reader.stream.frames)
        for decoded in reader.frames():
            if cancel is not None:
                cancel.check()
            tracker.feed(decoded)
            if progress is not None:
                progress.advance()
        return tracker.finish(reader.info, reader.damaged, reader.loss)
