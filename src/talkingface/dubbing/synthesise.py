"""Pass 2: decode again, speak the lips of every frame, put them back, encode. The three overlap in threads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from talkingface.compose.paste import paste, plane_alpha
from talkingface.dubbing.analysis_store import Analysis
from talkingface.dubbing.frame_memory import collected
from talkingface.dubbing.overlap import Background, frames_ahead, prefetch
from talkingface.dubbing.plan import Schedule
from talkingface.media.ordered_reader import frames_in_order
from talkingface.media.planes import PlaneLayout, plane_views, writable_copy
from talkingface.media.segments import Segment, SegmentWriter
from talkingface.models.video_retalking.pipeline import FramePipeline
from talkingface.models.video_retalking.stages import RegionPatch
from talkingface.progress import Cancellation, Progress

DECODE_AHEAD = 6
ENCODE_BEHIND = 6
GROUPS_END = 250  # frames; a divisor of a segment's length


@dataclass(frozen=True)
class Synthesised:
    """What pass 2 made.

    Attributes:
        segments: The encoded pieces, in order.
        spoken: (N,) True for frames whose lips were spoken, False for those passed through unchanged.
    """

    segments: list[Segment]
    spoken: NDArray[np.bool_]


def synthesise(
    face: Path,
    analysis: Analysis,
    planned: Schedule,
    pipelines: Sequence[FramePipeline],
    writer: SegmentWriter,
    *,
    threads: int,
    progress: Progress,
    cancel: Cancellation,
) -> Synthesised:
    """Make every frame of the result that the writer does not have yet.

    Args:
        face: The video.
        analysis: Of the video, from pass 1.
        planned: Which frame is shown when.
        pipelines: One a person, planned.
        writer: Where frames go; it may have some from an interrupted run.
        threads: Decoder threads.
        progress: Told about every frame.
        cancel: Checked at every frame.

    Returns:
        The finished segments, and which frames were changed.

    Raises:
        MediaError: when the video changed or broke since pass 1.
        OutputError: when the work folder cannot be written.
        Cancelled: when asked to stop.
    """

    def encode(item: tuple[av.VideoFrame, int, bool]) -> None:
        writer.write(*item)

    layout = analysis.layout
    total, done = len(planned.order), writer.frames_done
    progress.stage("speak lips", total)
    progress.advance(done)
    spoken = np.zeros(total, np.bool_)
    spoken[:done] = True
    spoken[writer.unchanged] = False
    ahead = frames_ahead(layout, DECODE_AHEAD)
    encoder = Background(encode, frames_ahead(layout, ENCODE_BEHIND))
    try:
        order: Sequence[int] = planned.order[done:].tolist()
        known = {"pts": analysis.clip.frame_pts.tolist(), "marks": analysis.marks.tolist()}
        decode = partial(frames_in_order, face, order, threads=threads, **known)
        with collected(layout) as passed, closing(prefetch(decode, ahead)) as frames:
            for group in _groups(zip(range(done, total), frames, strict=True), pipelines):
                cancel.check()
                numbers = [number for number, _ in group]
                made = speak_frames([frame for _, frame in group], numbers, pipelines, layout)
                for (number, frame), result in zip(group, made, strict=True):
                    # a frame that is held or passed through may be the decoder's own, and the same object twice
                    encoder.put((result, int(planned.pts[number]), result is frame))
                    spoken[number] = result is not frame
                    progress.advance()
                    passed()
        encoder.finish()
    except BaseException:
        encoder.abandon()
        writer.abort()
        raise
    return Synthesised(writer.close(), spoken)


def _groups(
    frames: Iterator[tuple[int, av.VideoFrame]], pipelines: Sequence[FramePipeline]
) -> Iterator[list[tuple[int, av.VideoFrame]]]:
    """Frames that are made together. Groups end where segments may, so that an interrupted run groups as a whole one.

    Args:
        frames: With their numbers in the result.
        pipelines: The largest batch among them counts; it may change.
    """
    group: list[tuple[int, av.VideoFrame]] = []
    for item in frames:
        if group and item[0] % GROUPS_END == 0:
            yield group
            group = []
        group.append(item)
        if len(group) >= max((pipeline.batch for pipeline in pipelines), default=1):
            yield group
            group = []
    if group:
        yield group


def speak_frames(
    frames: Sequence[av.VideoFrame], numbers: Sequence[int], pipelines: Sequence[FramePipeline], layout: PlaneLayout
) -> list[av.VideoFrame]:
    """Frames with the lips of everybody in them spoken; a frame itself when there is nothing to change in it."""
    planes = [plane_views(frame) for frame in frames]
    patches: list[list[RegionPatch]] = [[] for _ in frames]
    for pipeline in pipelines:
        for own, more in zip(patches, pipeline.frames(numbers, planes), strict=True):
            own += more
    return [_patched(frame, own, layout) for frame, own in zip(frames, patches, strict=True)]


def _patched(frame: av.VideoFrame, patches: Sequence[RegionPatch], layout: PlaneLayout) -> av.VideoFrame:
    if not patches:
        return frame
    copy = writable_copy(frame)
    for index, plane in enumerate(plane_views(copy)):
        shift_x, shift_y = (layout.chroma_shift_x, layout.chroma_shift_y) if index else (0, 0)
        for patch in patches:
            alpha = plane_alpha(patch.alpha, shift_x, shift_y)
            paste(plane, patch.x0 >> shift_x, patch.y0 >> shift_y, patch.planes[index], alpha, layout.bits)
    return copy
