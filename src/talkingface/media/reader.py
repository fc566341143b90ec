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
from talkingface.media.ordered_reader import frame_mark, frames_in_order
from talkingface.media.probe import MediaInfo, VideoStreamInfo, probe
from talkingface.media.stamps import LONGEST_STEP
from talkingface.media.wholeness import describe_break

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
        mark: A number that tells this picture from others; see ``frames_in_order``.
    """

    index: int
    time: float
    pts: int
    frame: av.VideoFrame

    @property
    def mark(self) -> int:
        """See above."""
        return frame_mark(self.frame)


class VideoReader:
    """Reads the first video stream of a file, or a range of it. A context manager.

    Attributes:
        info: What the file holds.
        stream: The video stream that is read.
        damaged: Packets and frames that could not be decoded whole in the latest run of ``frames``.
        loss: After a run of ``frames`` has come to its end: what of the selected range is missing in the file or could
            not be decoded, as one clause ("3 damaged packets", "breaks off after 2.10 s of 5.00 s"); None when it is
            whole.
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
        self.loss: str | None = None
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
        self.loss = None
        self.last_duration = None
        tick = self.stream.time_base
        first = None if self._start is None else round(Fraction(self._start) / tick)
        stop = None if self._end is None else round(Fraction(self._end) / tick)
        latest: DecodedFrame | None = None
        decoder = StreamDecoder(self.info.path, self.stream, self._threads)
        self._decoders.append(decoder)
        try:
            end, read_to_end, before = decoder.end_pts, True, 0
            for pts, frame in decoder.from_start() if first is None else decoder.around(first):
                if first is not None and pts < first:
                    before = decoder.damaged
                    continue
                self.damaged = decoder.damaged - before
                if stop is not None and pts >= stop:
                    end, read_to_end = pts, False
                    break
                latest = DecodedFrame(0 if latest is None else latest.index + 1, float(pts * tick), pts, frame)
                yield latest
            self.damaged = decoder.damaged - before
        finally:
            decoder.close()
            self._decoders.remove(decoder)
        if latest is None:
            raise MediaError(f"{self.info.path}: {self._nothing_decoded()}")
        end_of_last = latest.pts + max(latest.frame.duration or 0, decoder.usual_step)
        broken = describe_break(self.info.path, decoder, end_of_last) if read_to_end else None
        damage = f"{self.damaged} damaged packet{'s' * (self.damaged != 1)}" if self.damaged else None
        self.loss = ", ".join(clause for clause in (damage, broken) if clause) or None
        self.last_duration = self._length_of_last(latest, None if broken else end, decoder.usual_step)

    def _length_of_last(self, latest: DecodedFrame, end: int | None, usual: int) -> int:
        longest = round(LONGEST_STEP / self.stream.time_base)
        if end is not None and 0 < end - latest.pts <= longest:
            return end - latest.pts
        length = latest.frame.duration
        return length if length and 0 < length <= longest else usual

    def _nothing_decoded(self) -> str:
        if self._start is None and self._end is None:
            return "no frame of its video stream can be decoded"
        return (
            f"no frame lies between {self._start or 0:g} s and {'its end' if self._end is None else f'{self._end:g} s'}"
        )
