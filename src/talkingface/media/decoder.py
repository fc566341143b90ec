"""One video stream of a file, decoded from its start or from any place, with timestamps that always rise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

import av
import av.error

from talkingface.media.planes import to_working_format
from talkingface.media.probe import VideoStreamInfo, clock_zero, open_media

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_INTRA_PICTURE = 1  # see ``planes.plane_views`` on why a decoder's frame must name a picture type
_SEEK_MARGIN = 1.0  # seconds further back when a key frame turns out to lie after the wanted time

TimedFrame = tuple[int, av.VideoFrame]


class StreamDecoder:
    """Decodes one video stream. A context manager.

    Timestamps are ticks of the stream's time base on the file's clock, which reads 0 where the file's earliest stream
    begins. Missing and repeated ones are put right. Frames come in their working format, with that timestamp in
    ``pts``; when the file changes its picture size on the way, the first size is kept.

    Attributes:
        damaged: Packets and frames that could not be decoded whole, so far.
        end_pts: Where the stream ends by its container, None when that does not say.
    """

    def __init__(self, path: Path, info: VideoStreamInfo, threads: int = 0) -> None:
        """Open the file.

        Args:
            path: The file.
            info: The stream to decode, as ``probe`` saw it.
            threads: Decoder threads, 0 for as many as there are cores.

        Raises:
            MediaError: the file cannot be opened.
        """
        self.damaged = 0
        self._path = path
        self._info = info
        self._threads = threads
        self._guessed = 0
        self._openings = 0
        step = 1 / (info.average_rate * info.time_base) if info.average_rate else 1
        self._step = max(1, round(step))
        self._margin = max(1, round(_SEEK_MARGIN / info.time_base))
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; what is still being decoded from it ends."""
        self._openings += 1
        self._opened.close()

    def _open(self) -> None:
        self._opened = ExitStack()
        self._container: InputContainer = self._opened.enter_context(open_media(self._path))
        self._stream = cast("VideoStream", self._container.streams[self._info.index])
        context = self._stream.codec_context
        context.thread_type = "AUTO"  # frames and slices, whatever the codec can do
        context.thread_count = self._threads
        self._origin = round(clock_zero(self._container) / self._info.time_base)
        self._touched = False
        start, length = self._stream.start_time, self._stream.duration
        self.end_pts = None if start is None or length is None else start + length - self._origin

    def from_start(self) -> Iterator[TimedFrame]:
        """Yield (timestamp, frame) from the first frame of the file to its last."""
        if self._touched:
            self.close()
            self._open()
        return self._decode()

    def around(self, pts: int) -> Iterator[TimedFrame]:
        """Yield (timestamp, frame) to the end of the file, from a key frame at or before a timestamp.

        Begins at the file's first frame when the file cannot be sought in, or tells no timestamps after a seek.
        """
        back = 0
        while pts - back > 0:
            guessed = self._guessed
            try:
                self._touched = True
                self._container.seek(pts - back + self._origin, stream=self._stream, backward=True)
            except av.error.FFmpegError:
                break
            frames = self._decode()
            first = next(frames, None)
            if first is not None and first[0] <= pts and self._guessed == guessed:
                return chain([first], frames)
            # Containers index decoding times; a key frame's own time can be later by the frames reordered round it.
            back = max(self._margin, 2 * back)
        return self.from_start()

    def _decode(self) -> Iterator[TimedFrame]:
        self._touched = True
        last: int | None = None
        for frame in self._raw_frames():
            stamp = frame.pts if frame.pts is not None else frame.dts
            pts = None if stamp is None else stamp - self._origin
            if pts is None or (last is not None and pts <= last):
                pts = 0 if last is None else last + self._step
                self._guessed += 1
            last = pts
            yield pts, self._prepared(frame, pts)

    def _raw_frames(self) -> Iterator[av.VideoFrame]:
        packets = self._container.demux(self._stream)
        opening = self._openings
        ended = False
        while not ended and opening == self._openings:  # reading on from a closed container would crash the process
            try:
                packet = next(packets, None)
            except av.error.FFmpegError:
                self.damaged += 1  # the file breaks off inside a packet; what was whole has been given
                packet = None
            ended = packet is None or packet.size == 0  # an empty packet asks the decoder for what it still holds
            try:
                frames = self._stream.codec_context.decode(packet)
            except av.error.EOFError:
                frames = []
            except av.error.FFmpegError:
                self.damaged += 1
                frames = []
            for frame in frames:
                self.damaged += frame.is_corrupt
                yield frame

    def _prepared(self, frame: av.VideoFrame, pts: int) -> av.VideoFrame:
        prepared = to_working_format(frame, self._info.width, self._info.height)
        prepared.pts, prepared.time_base = pts, self._info.time_base
        if prepared.pict_type == 0:
            prepared.pict_type = _INTRA_PICTURE
        return prepared
