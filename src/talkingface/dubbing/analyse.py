"""Pass 1: decode once, follow every face, keep mouths. Everything lands in a folder; memory is flat."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from talkingface.dubbing.analysis_store import donors_path, save_analysis
from talkingface.dubbing.overlap import frames_ahead, prefetch
from talkingface.faces.identity import FaceEmbedder
from talkingface.faces.video import ClipTracker
from talkingface.media.planes import PlaneLayout, layout_of, plane_views
from talkingface.media.reader import VideoReader
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
    banks: dict[int, DonorBank] = {}
    budget = MemoryBudget()
    layout: PlaneLayout | None = None
    with VideoReader(face, start=start, end=end, threads=threads) as reader:
        tracker = ClipTracker(reader.stream.rotation, folder=folder, embedder=FaceEmbedder())
        progress.stage("find faces", reader.stream.frames if start is None and end is None else None)
        with closing(prefetch(reader.frames, frames_ahead(reader.stream, DECODE_AHEAD))) as frames:
            for decoded in frames:
                cancel.check()
                tracker.feed(decoded)
                if layout is None:
                    layout = layout_of(decoded.frame)
                planes = plane_views(decoded.frame)
                for number, landmarks in tracker.tracker.current():
                    if number not in banks:
                        banks[number] = DonorBank(folder / f"face-{number}", layout, budget=budget)
                    banks[number].add(decoded.index, landmarks, planes)
                progress.advance()
        clip = tracker.finish(reader.info, reader.damaged)
        last_duration, loss = reader.last_duration, reader.loss
    assert layout is not None  # the reader raises when it gives no frame
    tracked = {track.number for track in clip.tracks}
    for number, bank in banks.items():
        if number in tracked:
            bank.pack(donors_path(folder, number))
        else:
            bank.drop()
    save_analysis(folder, clip, layout, last_duration, loss)
