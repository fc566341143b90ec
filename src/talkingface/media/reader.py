"""The frames of a video in the order they are shown, each with its own time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av

from talkingface.errors import MediaError
from talkingface.media.decoder import StreamDecoder
from talkingface.media.ordered_reader import frames_in_order
from talkingface.media.probe import MediaInfo, VideoStreamInfo, probe

__all__ = ["DecodedFrame", "VideoReader", "frames_in_order"]


@dataclass
class DecodedFrame:
    """One frame and its place in time.

    Attributes:
        index: 0, 1, 2 ... in the order shown, counted within the selected range.
        time: Seconds on the file's clock, which reads 0 where the file's earliest stream begins. So the first frame
            is at 0.0 unless the sound begins before it.
        pts: The same time in ticks of the stream's time base: ``time == pts * time_base``.
        frame: The picture, in its working format, its ``pts`` set to the above. Never alter its planes; take a
            ``planes.writable_copy``.
    """

    index: int
    time: float
    pts: int
    frame: av.VideoFrame


class VideoReader:
    """Reads the first video stream of a file, or a range of it. A context manager.

    Attributes:
        info: What the file holds.
        stream: The video stream that is read.
        damaged: Packets and frames that could not be decoded whole in the latest run of ``frames``.
        last_duration: How long the last frame of that run is shown, in ticks of the stream's time base; None until a
            run has come to its end.
    """

    def __init__(
        self, path: str | Path, *, start: float | None = None, end: float | None = None, threads: int = 0
    ) -> None:
        """Look into the file.

        Args:
            path: A video, or a still picture (one frame).
            start: Leave out frames before this second of the file's clock.
            end: Leave out frames at and after this second.
            threads: Decoder threads, 0 for as many as there are cores.

        Raises:
            MediaError: the file cannot be read or has no video stream.
        """
        self.info: MediaInfo = probe(path)
        if not self.info.video:
            raise MediaError(f"{path}: has no video stream")
        self.stream: VideoStreamInfo = self.info.video[0]
        self.damaged = 0
        self.last_duration: int | None = None
        self._start = start
        self._end = end
        self._threads = threads
        self._decoders: list[StreamDecoder] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; runs of ``frames`` that are not finished end."""
        for decoder in self._decoders:
            decoder.close()

    def frames(self) -> Iterator[DecodedFrame]:
        """Decode the selected range from its first frame; each call begins anew.

        Yields:
            Frames in the order shown.

        Raises:
            MediaError: nothing in the file, or nothing in the selected range, can be decoded.
        """
        self.damaged = 0
        self.last_duration = None
        tick = self.stream.time_base
        first = None if self._start is None else round(Fraction(self._start) / tick)
        stop = None if self._end is None else round(Fraction(self._end) / tick)
        latest: DecodedFrame | None = None
        decoder = StreamDecoder(self.info.path, self.stream, self._threads)
        self._decoders.append(decoder)
        try:
            end = decoder.end_pts
            for pts, frame in decoder.from_start() if first is None else decoder.around(first):
                self.damaged = decoder.damaged
                if first is not None and pts < first:
                    continue
                if stop is not None and pts >= stop:
                    end = pts
                    break
                latest = DecodedFrame(0 if latest is None else latest.index + 1, float(pts * tick), pts, frame)
                yield latest
            self.damaged = decoder.damaged
        finally:
            decoder.close()
            self._decoders.remove(decoder)
        if latest is None:
            raise MediaError(f"{self.info.path}: {self._nothing_decoded()}")
        self.last_duration = self._length_of_last(latest, end)

    def _length_of_last(self, latest: DecodedFrame, end: int | None) -> int:
        if end is not None and end > latest.pts:
            return end - latest.pts
        rate = self.stream.average_rate
        usual = 1 if rate is None else round(1 / (rate * self.stream.time_base))
        return max(1, latest.frame.duration or usual)

    def _nothing_decoded(self) -> str:
        if self._start is None and self._end is None:
            return "no frame of its video stream can be decoded"
        return (
            f"no frame lies between {self._start or 0:g} s and {'its end' if self._end is None else f'{self._end:g} s'}"
        )
