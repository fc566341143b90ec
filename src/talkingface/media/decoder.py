"""One video stream of a file, decoded from its start or from any place, with timestamps that always rise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

import av
import av.error

from talkingface.media.limits import MAX_VIDEO_PIXELS, pixel_limit
from talkingface.media.planes import to_working_format
from talkingface.media.probe import (
    VideoStreamInfo,
    audio_streams,
    clock_zero,
    is_picture_format,
    open_media,
    video_streams,
)
from talkingface.media.stamps import StampRepair, usual_step

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

_INTRA_PICTURE = 1  # see ``planes.plane_views`` on why a decoder's frame must name a picture type
_SEEK_MARGIN = 1.0  # seconds further back when a key frame turns out to lie after the wanted time
_CLOCK_BREAKS = 0x0200  # FFmpeg's AVFMT_TS_DISCONT: transport and program streams
_NO_TIMESTAMPS = 0x0080  # FFmpeg's AVFMT_NOTIMESTAMPS: bare elementary streams
_READ_ERRORS = 16  # one after another, then the file is at its end
_GROWTH = 4  # a stream that changes its picture size gets no larger than this many times, or than 4K
_ORDINARY_PIXELS = 4096 * 2304

TimedFrame = tuple[int, av.VideoFrame]


class StreamDecoder:
    """Decodes one video stream. A context manager.

    Timestamps are ticks of the stream's time base on the file's clock, which reads 0 where the file's earliest stream
    begins. Missing, repeated and absurd ones are put right (see ``stamps.StampRepair``). Frames come in their working
    format, with that timestamp in ``pts``; when the file changes its picture size on the way, the first size is kept.

    Attributes:
        info: The stream, as ``probe`` saw it.
        damaged: Packets and frames that could not be decoded whole, and leaps of the clock that had to be undone, so
            far. What precedes the first whole frame of a stream that was joined in its middle (as transport streams
            are) is not counted.
        broke_off: True once reading ended by an error and not by the end of the file.
        guessed: Timestamps that were missing or did not rise, so far.
        end_pts: Where the stream ends by its container, None when that does not say.
        file_end: Where the file ends by its container, in seconds; None when that does not say.
        read_until: Seconds of the file's clock up to which packets of any stream were read.
        usual_step: How long a frame is shown by the average rate, in ticks.
        is_picture: True when the file is a still picture by its format.
        tells_end: False when the claimed ends are only FFmpeg's guess.
        shares_end: True when the container tells one end for all its streams, so that this one may end earlier.
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
        self.broke_off = False
        self.guessed = 0
        self.read_until = 0.0
        self._path = path
        self.info = info
        self._threads = threads
        self._openings = 0
        self._limit = pixel_limit(path)
        if self._limit <= MAX_VIDEO_PIXELS:
            self._limit = min(self._limit, max(_GROWTH * info.width * info.height, _ORDINARY_PIXELS))
        self.usual_step = usual_step(info.time_base, info.average_rate)
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
        self._stream = cast("VideoStream", self._container.streams[self.info.index])
        context = self._stream.codec_context
        context.thread_type = "AUTO"  # frames and slices, whatever the codec can do
        context.thread_count = self._threads
        self._origin = round(clock_zero(self._container) / self.info.time_base)
        context.options = {**context.options, "max_pixels": str(self._limit)}
        self._zero = clock_zero(self._container)
        flags = self._container.format.flags
        self._joined = bool(flags & (_CLOCK_BREAKS | _NO_TIMESTAMPS))
        self.is_picture = is_picture_format(self._container.format.name)
        self.tells_end = not self._joined and self._container.format.name != "gif"
        self.shares_end = self._stream.duration is None
        self._timed = [*video_streams(self._container), *audio_streams(self._container)]
        self._touched = False
        length_of_file = self._container.duration
        self.file_end = None if length_of_file is None else length_of_file / av.time_base
        start, length = self._stream.start_time, self._stream.duration
        self.end_pts = None if start is None or length is None else start + length - self._origin

    def from_start(self) -> Iterator[TimedFrame]:
        """Yield (timestamp, frame) from the first frame of the file to its last."""
        if self._touched:
            self.close()
            self._open()
        self.damaged = 0
        return self._decode()

    def around(self, pts: int, *, early: float = 0.0, checked: bool = False) -> Iterator[TimedFrame]:
        """Yield (timestamp, frame) to the end of the file, from a key frame at or before a timestamp.

        Begins at the file's first frame when the file cannot be sought in, or tells no timestamps after a seek.

        Args:
            pts: The timestamp.
            early: Begin at least this many seconds before it.
            checked: The caller compares the frames with those of a plain run. Without that nothing is sought in
                streams known to tell wrong timestamps after a seek.
        """
        if not checked and self._misplaces_after_seek():
            return self.from_start()
        back = round(Fraction(early) / self.info.time_base)
        while pts - back > 0:
            guessed, damaged = self.guessed, self.damaged
            try:
                self._touched = True
                self._container.seek(pts - back + self._origin, stream=self._stream, backward=True)
            except (av.error.FFmpegError, OverflowError):
                break
            frames = self._decode(begins=False)
            first = next(frames, None)
            if first is not None and first[0] <= pts and self.guessed == guessed:
                return chain([first], frames)
            self.damaged = damaged
            # Containers index decoding times; a key frame's own time can be later by the frames reordered round it.
            back = max(self._margin, 2 * back)
        return self.from_start()

    def _misplaces_after_seek(self) -> bool:
        """Tell whether frames get timestamps in this kind of stream by counting on from the packets before them."""
        name, context = self._container.format.name, self._stream.codec_context
        if name == "avi":
            return bool(context.has_b_frames)
        return name == "mpeg" or (name == "mpegts" and context.name == "mpeg4")

    def _decode(self, *, begins: bool = True) -> Iterator[TimedFrame]:
        self._touched = True
        info = self.info
        ends = [end for end in (self.end_pts, self._ticks(self.file_end)) if end is not None]
        breaks = bool(self._container.format.flags & _CLOCK_BREAKS)
        end = max(ends) if ends and self.tells_end else None
        repair = StampRepair(info.time_base, info.average_rate, end, breaks=breaks, begins=begins)
        guessed, leaps = self.guessed, 0
        for frame in self._raw_frames():
            stamp = frame.pts if frame.pts is not None else frame.dts
            pts = repair.place(None if stamp is None else stamp - self._origin)
            self.guessed = guessed + repair.guessed
            if not breaks:
                self.damaged += repair.leaps - leaps
                leaps = repair.leaps
            yield pts, self._prepared(frame, pts)

    def _ticks(self, seconds: float | None) -> int | None:
        return None if seconds is None else round(Fraction(seconds) / self.info.time_base)

    def _raw_frames(self) -> Iterator[av.VideoFrame]:
        opening = self._openings
        whole = not self._joined  # a stream joined in its middle begins with what refers to frames before it
        for packet in chain(self._packets(), [None]):
            if opening != self._openings:
                return
            if packet is not None and whole:
                self.damaged += packet.is_corrupt
            try:
                frames = self._stream.codec_context.decode(packet)
            except av.error.EOFError:
                frames = []
            except av.error.FFmpegError:
                self.damaged += whole
                frames = []
            for frame in frames:
                whole = whole or not frame.is_corrupt
                self.damaged += frame.is_corrupt and whole
                yield frame

    def _packets(self) -> Iterator[Packet[Any]]:
        """Yield the stream's packets, over places that cannot be read."""
        opening = self._openings
        errors = 0
        demuxed = self._container.demux(self._timed)
        while opening == self._openings:  # reading on from a closed container would crash the process
            try:
                packet = next(demuxed, None)
            except av.error.FFmpegError:
                errors += 1
                self.broke_off = errors >= _READ_ERRORS
                if self.broke_off:
                    return
                demuxed = self._container.demux(self._timed)
                continue
            if packet is None:
                self.broke_off = errors > 0
                return
            if not packet.size:  # the demuxer's sign of the end, or a sample without data; decoders take it for the end
                continue
            self.damaged += errors
            errors = 0
            self._note_time(packet)
            if packet.stream_index == self.info.index:
                yield packet

    def _note_time(self, packet: Packet[Any]) -> None:
        if packet.pts is not None and packet.time_base is not None:
            end = float((packet.pts + (packet.duration or 0)) * packet.time_base - self._zero)
            self.read_until = max(self.read_until, end)

    def _prepared(self, frame: av.VideoFrame, pts: int) -> av.VideoFrame:
        prepared = to_working_format(frame, self.info.width, self.info.height)
        prepared.pts, prepared.time_base = pts, self.info.time_base
        if prepared.pict_type == 0:
            prepared.pict_type = _INTRA_PICTURE
        return prepared
