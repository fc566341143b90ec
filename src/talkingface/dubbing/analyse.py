"""Pass 1: decode once, follow every face, keep mouths. Everything lands in a folder; memory is flat."""

from __future__ import annotations

import shutil
from array import array
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkingface.dubbing.analysis_store import donors_path, save_analysis
from talkingface.dubbing.overlap import frames_ahead, prefetch
from talkingface.faces.identity import FaceEmbedder
from talkingface.faces.track import FaceTrack
from talkingface.faces.video import ClipTracker
from talkingface.faces.visibility import VisibilityRecorder, shaped_in_time
from talkingface.media.planes import Plane, PlaneLayout, layout_of, plane_views
from talkingface.media.reader import DecodedFrame, VideoReader
from talkingface.models.video_retalking.landmark.donors import DonorBank, MemoryBudget, packed_index
from talkingface.progress import Cancellation, Progress

DECODE_AHEAD = 8
MANY_BYTES = 1 << 30  # of mouths; once tracks that ended have so many, the others keep fewer
FEW_MOUTHS = 100


def analyse(
    face: Path, folder: Path, *, start: float | None, end: float | None, threads: int, progress: Progress,
    cancel: Cancellation,
) -> None:  # fmt: skip
    """Decode a clip and write down everything the second pass needs; ``analysis_store.load_analysis`` reads it.

    Args:
        face: The video.
        folder: An empty folder.
        start: Leave out frames before this second.
        end: Leave out frames from this second on.
        threads: Decoder threads.
        progress: Told about every frame.
        cancel: Checked at every frame.

    Raises:
        MediaError: when nothing can be decoded.
        OutputError: when the folder cannot be written in.
        Cancelled: when asked to stop.
    """
    seen: dict[int, _SeenFace] = {}
    going_on: set[int] = set()
    packed = 0
    marks = array("q")
    budget = MemoryBudget()
    layout: PlaneLayout | None = None
    with VideoReader(face, start=start, end=end, threads=threads) as reader:
        tracker = ClipTracker(reader.stream.rotation, folder=folder, embedder=FaceEmbedder())
        progress.stage("find faces", reader.stream.frames if start is None and end is None else None)
        with closing(prefetch(reader.frames, frames_ahead(reader.stream, DECODE_AHEAD))) as frames:
            for decoded in frames:
                cancel.check()
                tracker.feed(decoded)
                marks.append(decoded.mark)
                if layout is None:
                    layout = layout_of(decoded.frame)
                planes = plane_views(decoded.frame)
                presences = tracker.tracker.presences()
                for number, landmarks in tracker.tracker.current():
                    if number not in seen:
                        seen[number] = _SeenFace(folder, number, layout, budget)
                        going_on.add(number)
                    seen[number].add(decoded, landmarks, presences[number], planes)
                for number in sorted(going_on - tracker.tracker.followed()):
                    packed += seen[number].rest(FEW_MOUTHS if packed > MANY_BYTES else None)
                    going_on.remove(number)
                progress.advance()
        for number in sorted(going_on):
            packed += seen[number].rest(FEW_MOUTHS if packed > MANY_BYTES else None)
        clip = tracker.finish(reader.info, reader.damaged)
        last_duration, loss = reader.last_duration, reader.loss
    assert layout is not None  # the reader raises when it gives no frame
    starts = {0, *clip.cuts, clip.frames}
    tracks = []
    for track in clip.tracks:
        cancel.check()
        tracks.append(replace(track, confidence=seen.pop(track.number).finish(track, starts)))
    for nobody in seen.values():
        nobody.drop()
    save_analysis(folder, replace(clip, tracks=tracks), layout, last_duration, loss, marks)


class _SeenFace:
    """What is kept of one track while it is followed."""

    def __init__(self, folder: Path, number: int, layout: PlaneLayout, budget: MemoryBudget) -> None:
        self._folder = folder / f"face-{number}"
        self._donors = donors_path(folder, number)
        self._bank = DonorBank(self._folder / "mouths", layout, budget=budget)
        self._recorder = VisibilityRecorder(layout, self._folder)
        self._frames, self._times = array("q"), array("d")

    def add(self, decoded: DecodedFrame, landmarks: NDArray[np.float32], presence: float, planes: list[Plane]) -> None:
        self._bank.add(decoded.index, landmarks, planes)
        self._recorder.add(landmarks, presence, planes)
        self._frames.append(decoded.index)
        self._times.append(decoded.time)

    def rest(self, most: int | None) -> int:
        """The track is at its end: everything goes to disk; return how many bytes the mouths take."""
        self._recorder.rest()
        return self._bank.pack(self._donors, most)

    def finish(self, track: FaceTrack, shot_starts: set[int]) -> NDArray[np.float32]:
        """Return the confidence of the track's frames, (T,) float32, and keep only the mouths."""
        frames, times = np.array(self._frames, np.int64), np.array(self._times, np.float64)
        sure = self._recorder.finish(frames, times)[np.searchsorted(frames, track.frames)]
        shutil.rmtree(self._folder, ignore_errors=True)
        # the track may have taken frames back; where it begins or ends within a shot, the effect fades
        return shaped_in_time(
            sure.astype(np.float64),
            track.frames,
            track.times,
            ramp_in=int(track.frames[0]) not in shot_starts,
            ramp_out=int(track.frames[-1]) + 1 not in shot_starts,
        ).astype(np.float32)

    def drop(self) -> None:
        """Nothing of the track is left: all its frames were taken back."""
        shutil.rmtree(self._folder, ignore_errors=True)
        for path in (self._donors, packed_index(self._donors)):
            path.unlink(missing_ok=True)
