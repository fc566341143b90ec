"""Pass 1: decode once, follow every face, keep mouths."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from talkingface.dubbing.overlap import prefetch
from talkingface.faces.video import ClipTracker, ClipTracks
from talkingface.media.planes import PlaneLayout, layout_of, plane_views
from talkingface.media.reader import VideoReader
from talkingface.models.video_retalking.landmark.donors import DonorBank
from talkingface.progress import Cancellation, Progress

DECODE_AHEAD = 8


@dataclass(frozen=True)
class Analysis:
    """What pass 1 learnt.

    Attributes:
        clip: Frame times and face tracks.
        banks: Mouth crops of each face, by the track's number.
        layout: How the frames' planes are to be read.
        last_duration: Ticks the last frame is shown; None when the file does not say.
    """

    clip: ClipTracks
    banks: dict[int, DonorBank]
    layout: PlaneLayout
    last_duration: int | None


def analyse(
    face: Path, folder: Path, *, start: float | None, end: float | None, threads: int, progress: Progress,
    cancel: Cancellation,
) -> Analysis:  # fmt: skip
    """Decode a clip and find out everything the second pass needs.

    Args:
        face: The video.
        folder: For mouth crops.
        start: Leave out frames before this second.
        end: Leave out frames from this second on.
        threads: Decoder threads.
        progress: Told about every frame.
        cancel: Checked at every frame.

    Raises:
        MediaError: when nothing can be decoded.
        Cancelled: when asked to stop.
    """
    banks: dict[int, DonorBank] = {}
    layout: PlaneLayout | None = None
    with VideoReader(face, start=start, end=end, threads=threads) as reader:
        tracker = ClipTracker(reader.stream.rotation)
        progress.stage("find faces", reader.stream.frames if start is None and end is None else None)
        with closing(prefetch(reader.frames, DECODE_AHEAD)) as frames:
            for decoded in frames:
                cancel.check()
                tracker.feed(decoded)
                if layout is None:
                    layout = layout_of(decoded.frame)
                for number, landmarks in tracker.tracker.current():
                    if number not in banks:
                        banks[number] = DonorBank(folder / f"face-{number}", layout)
                    banks[number].add(decoded.index, landmarks, plane_views(decoded.frame))
                progress.advance()
        clip = tracker.finish(reader.info, reader.damaged)
        last_duration = reader.last_duration
    assert layout is not None  # the reader raises when it gives no frame
    return Analysis(clip, banks, layout, last_duration)
