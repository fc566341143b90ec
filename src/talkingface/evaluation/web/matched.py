"""Frames of a generated video with the frames they were made from, upright, in one run through both files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.evaluation.metrics.picture import match_frames
from talkingface.media.planes import picture_bgr
from talkingface.media.probe import VideoStreamInfo
from talkingface.media.reader import DecodedFrame, VideoReader

Check = Callable[[], None]


@dataclass(frozen=True)
class Footage:
    """A video as it is shown.

    Attributes:
        path: The file.
        stream: Its video stream.
        still: It is a picture.
        times: (N,) seconds of its frames on the file's clock.
    """

    path: Path
    stream: VideoStreamInfo
    still: bool
    times: NDArray[np.float64]

    @property
    def shown_size(self) -> tuple[float, float]:
        """Columns and lines of the upright picture with square pixels."""
        width, height = self.stream.width * float(self.stream.sample_aspect_ratio or 1), float(self.stream.height)
        return (height, width) if self.stream.rotation in (90, 270) else (width, height)

    def shown_box(self, box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        """Where a box x0, y0, x1, y1 of the coded picture lies in the upright one, as shares 0..1 of its sides."""
        x0, x1 = box[0] / self.stream.width, box[2] / self.stream.width
        y0, y1 = box[1] / self.stream.height, box[3] / self.stream.height
        turned = {
            0: (x0, y0, x1, y1),
            90: (1 - y1, x0, 1 - y0, x1),
            180: (1 - x1, 1 - y1, 1 - x0, 1 - y0),
            270: (y0, 1 - x1, y1, 1 - x0),
        }
        return turned[self.stream.rotation]

    def picture(self, frame: av.VideoFrame, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """A frame upright with square pixels: BGR, (height, width, 3) uint8.

        Args:
            frame: Of this video.
            size: Columns and lines wanted, None for its own.
        """
        wanted = size or (round(self.shown_size[0]), round(self.shown_size[1]))
        small = picture_bgr(frame, max(wanted) if size else None, self.stream.rotation)
        if small.shape[1::-1] == wanted:
            return small
        shrinks = small.shape[1] >= wanted[0]
        return np.asarray(cv2.resize(small, wanted, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC))

    @property
    def rate(self) -> Fraction:
        """Frames a second on average."""
        steps = np.diff(self.times)
        usual = float(np.median(steps)) if len(steps) else 0.04
        return Fraction(1 / max(usual, 1e-3)).limit_denominator(1000)


def look_through(path: Path, threads: int, check: Check) -> Footage:
    """Find out when a video's frames are shown.

    Args:
        path: A video or picture.
        threads: Decoder threads, 0 for all cores.
        check: Called at every frame; what it raises ends the work.

    Raises:
        MediaError: it cannot be read.
    """
    times = []
    with VideoReader(path, threads=threads) as reader:
        for decoded in reader.frames():
            check()
            times.append(decoded.time)
        return Footage(path, reader.stream, reader.info.is_still, np.array(times))


@dataclass(frozen=True)
class Pair:
    """A frame of the generated video and the one it was made from.

    Attributes:
        index: Number of the generated frame.
        seconds: Its time on its file's clock.
        generated: Its picture, as decoded.
        source: The source's picture; None where none is known.
    """

    index: int
    seconds: float
    generated: av.VideoFrame
    source: av.VideoFrame | None


def source_frames(generated: Footage, source: Footage | None) -> NDArray[np.int64]:
    """(N,) number of the source's frame that each generated frame was made from, -1 where none is known."""
    if source is None:
        return np.full(len(generated.times), -1, np.int64)
    return match_frames(generated.times, source.times, source.still)


def matched_pairs(generated: Footage, source: Footage | None, last: int, threads: int, check: Check) -> Iterator[Pair]:
    """Decode a generated video and its source side by side.

    Args:
        generated: The generated video.
        source: What it was made from, or None.
        last: Number of the last generated frame wanted.
        threads: Decoder threads, 0 for all cores.
        check: Called at every frame; what it raises ends the work.

    Yields:
        Frames from the first to ``last``.

    Raises:
        MediaError: a file cannot be read.
    """
    wanted = source_frames(generated, source)
    with ExitStack() as open_files:
        frames = open_files.enter_context(VideoReader(generated.path, threads=threads)).frames()
        held: DecodedFrame | None = None
        others: Iterator[DecodedFrame] = iter(())
        if source is not None:
            others = open_files.enter_context(VideoReader(source.path, threads=threads)).frames()
        for decoded in frames:
            check()
            if decoded.index > min(last, len(wanted) - 1):
                return
            number = int(wanted[decoded.index])
            while number >= 0 and (held is None or held.index < number):
                held = next(others, None)
                if held is None:
                    number = -1
            fits = held is not None and number >= 0 and held.index == number
            yield Pair(decoded.index, decoded.time, decoded.frame, held.frame if held is not None and fits else None)
