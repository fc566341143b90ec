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
from talkingface.models.video_retalking.landmark.donors import DonorBank, MemoryBudget
from talkingface.progress import Cancellation, Progress

DECODE_AHEAD = 8


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
                        seen[number] = _SeenFace(folder / f"face-{number}", layout, budget)
                    seen[number].add(decoded, landmarks, presences[number], planes)
                progress.advance()
        clip = tracker.finish(reader.info, reader.damaged)
        last_duration, loss = reader.last_duration, reader.loss
    assert layout is not None  # the reader raises when it gives no frame
    starts = {0, *clip.cuts, clip.frames}
    tracks = [
        replace(track, confidence=seen[track.number].finish(track, starts, donors_path(folder, track.number)))
        for track in clip.tracks
    ]
    for one in seen.values():
        one.drop()
    save_analysis(folder, replace(clip, tracks=tracks), layout, last_duration, loss, marks)


class _SeenFace:
    """What is kept of one track while it is followed."""

    def __init__(self, folder: Path, layout: PlaneLayout, budget: MemoryBudget) -> None:
        self._folder = folder
        self._bank = DonorBank(folder / "mouths", layout, budget=budget)
        self._recorder = VisibilityRecorder(layout, folder)
        self._frames, self._times = array("q"), array("d")

    def add(self, decoded: DecodedFrame, landmarks: NDArray[np.float32], presence: float, planes: list[Plane]) -> None:
        self._bank.add(decoded.index, landmarks, planes)
        self._recorder.add(landmarks, presence, planes)
        self._frames.append(decoded.index)
        self._times.append(decoded.time)

    def finish(self, track: FaceTrack, shot_starts: set[int], donors: Path) -> NDArray[np.float32]:
        """Write the mouths down; return the confidence of the track's frames, (T,) float32."""
        self._bank.pack(donors)
        frames, times = np.array(self._frames, np.int64), np.array(self._times, np.float64)
        sure = self._recorder.finish(frames, times)[np.searchsorted(frames, track.frames)]
        # the track may have taken frames back; where it begins or ends within a shot, the effect fades
        return shaped_in_time(
            sure.astype(np.float64),
            track.frames,
            track.times,
            ramp_in=int(track.frames[0]) not in shot_starts,
            ramp_out=int(track.frames[-1]) + 1 not in shot_starts,
        ).astype(np.float32)

    def drop(self) -> None:
        self._bank.drop()
        self._recorder.close()
        shutil.rmtree(self._folder, ignore_errors=True)
