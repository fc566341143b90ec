"""Closed pieces of an encoded video on disk: a kill loses at most the piece being written."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

import av
import av.error

from talkingface.errors import OutputError
from talkingface.media.decoding_clock import DecodingClock
from talkingface.media.encoding import REORDER_DEPTH, EncodeSpec, add_video_stream
from talkingface.media.fitting import fit_frame
from talkingface.media.side_data import with_field_order

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

JOURNAL = "journal.json"


@dataclass(frozen=True)
class Segment:
    """A finished piece of video: frames that need no other piece to be decoded.

    Attributes:
        path: An MP4 file whose first frame is at 0.
        first_pts: Where that frame lies in the whole, in ticks of the spec's time base.
        frames: How many frames.
        last_pts: Where its last frame lies in the whole.
        unchanged: Places in it, counted from 0, of frames that were handed over as unchanged.
    """

    path: Path
    first_pts: int
    frames: int
    last_pts: int
    unchanged: tuple[int, ...] = ()


class SegmentWriter:
    """Encodes frames into segments in a folder. A context manager: leaving it by an error drops the unfinished one.

    The folder's ``journal.json`` lists the finished segments with their SHA-256: a later writer can go on after them.
    May be used from one thread at a time, which need not be the one that made it.
    """

    def __init__(self, folder: Path, spec: EncodeSpec, segment_frames: int = 250, resume: bool = False) -> None:
        """Make the folder; nothing is encoded yet.

        Args:
            folder: Where the segments go.
            spec: How to encode.
            segment_frames: Frames in each segment but the last. The encoders' usual distance between key frames is
                250, so segments of that length cost next to nothing.
            resume: Take over the finished segments that lie in the folder, as far as they are whole and were encoded
                in the same way; go on after ``frames_done`` frames. Everything else in the folder is deleted.

        Raises:
            OutputError: the folder cannot be made or read.
        """
        self._folder = folder
        self._spec = spec
        self._segment_frames = segment_frames
        self._finished: list[Segment] = []
        self._hashes: list[str] = []
        self._open: _OpenSegment | None = None
        self._last_pts: int | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if resume:
                self._take_over()
        except OSError as error:
            raise OutputError(f"{folder}: cannot be made ({error.strerror})") from error

    @property
    def frames_done(self) -> int:
        """Frames in finished segments."""
        return sum(segment.frames for segment in self._finished)

    @property
    def unchanged(self) -> list[int]:
        """Numbers of the frames in finished segments that were handed over as unchanged, counted from 0."""
        found, first = [], 0
        for segment in self._finished:
            found += [first + place for place in segment.unchanged]
            first += segment.frames
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def write(self, frame: av.VideoFrame, pts: int, unchanged: bool = False) -> None:
        """Encode one frame.

        Args:
            frame: A frame in a planar format, of the spec's size. Its planes are not altered.
            pts: When it is shown, in ticks of the spec's time base; later than the frame before.
            unchanged: Noted in the journal: this frame is the source's own.

        Raises:
            OutputError: the segment cannot be written (disk full ...).
            ValueError: the timestamp does not rise.
        """
        if self._last_pts is not None and pts <= self._last_pts:
            raise ValueError(f"timestamps must rise: {pts} after {self._last_pts}")
        self._last_pts = pts
        with self._write_errors():
            if self._open is None:
                path = self._folder / f"segment_{len(self._finished):05d}.mp4"
                self._open = _OpenSegment(path, self._spec, pts)
            self._open.write(frame, pts)
            if unchanged:
                self._open.unchanged.append(self._open.frames - 1)
            if self._open.frames >= self._segment_frames:
                self._finish_segment()

    def close(self) -> list[Segment]:
        """Finish the last segment.

        Returns:
            All segments in order.

        Raises:
            OutputError: the last segment cannot be written.
        """
        if self._open is not None:
            with self._write_errors():
                self._finish_segment()
        return list(self._finished)

    def abort(self) -> None:
        """Drop the unfinished segment; finished ones stay."""
        if self._open is not None:
            self._open.discard()
            self._open = None

    def _finish_segment(self) -> None:
        assert self._open is not None
        segment = self._open.finish()
        self._open = None
        self._hashes.append(_digest(segment.path))
        self._finished.append(segment)
        self._write_journal()

    def _take_over(self) -> None:
        """Read the journal, and believe of it what the segments' digests confirm."""
        journal = _read_journal(self._folder / JOURNAL)
        entries = journal.get("segments", []) if journal.get("way") == self._way() else []
        for entry in entries:
            path = self._folder / str(entry["path"])
            if not path.is_file() or _digest(path) != entry["sha256"]:
                break
            self._finished.append(
                Segment(path, entry["first_pts"], entry["frames"], entry["last_pts"], tuple(entry["unchanged"]))
            )
            self._hashes.append(entry["sha256"])
        if self._finished:
            self._last_pts = self._finished[-1].last_pts
        known = {segment.path for segment in self._finished}
        for path in self._folder.iterdir():
            if path.is_file() and path not in known and path.name != JOURNAL:
                path.unlink()

    def _way(self) -> dict[str, Any]:
        """Everything that decides how frames become segments, as JSON has it."""
        spec = asdict(self._spec)
        for name in ("time_base", "rate", "sample_aspect_ratio"):
            spec[name] = None if spec[name] is None else str(spec[name])
        way = {"spec": spec, "segment_frames": self._segment_frames}
        return cast("dict[str, Any]", json.loads(json.dumps(way)))

    def _write_journal(self) -> None:
        entries = [
            {**asdict(segment), "path": segment.path.name, "sha256": digest}
            for segment, digest in zip(self._finished, self._hashes, strict=True)
        ]
        text = json.dumps({"way": self._way(), "segments": entries}, indent=1)
        unfinished = self._folder / f"{JOURNAL}.part"
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(self._folder / JOURNAL)

    @contextlib.contextmanager
    def _write_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, av.error.FFmpegError) as error:
            self.abort()
            reason = error.strerror or error
            raise OutputError(f"{self._folder}: the video cannot be written there ({reason})") from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_journal(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


class _OpenSegment:
    """A segment while it is being encoded, under a name that no journal lists."""

    def __init__(self, path: Path, spec: EncodeSpec, first_pts: int) -> None:
        self.frames = 0
        self.unchanged: list[int] = []
        self._path = path
        self._partial = path.with_name(f"{path.name}.part")
        self._spec = spec
        self._first_pts = self._last_pts = first_pts
        usual_step = round(1 / (spec.rate * spec.time_base)) if spec.rate else 1
        self._clock = DecodingClock(REORDER_DEPTH[spec.codec], 0, usual_step)
        self._container: OutputContainer = av.open(
            str(self._partial.absolute()),
            "w",
            format="mp4",
            container_options={"video_track_timescale": str(spec.time_base.denominator)},
        )
        self._stream = add_video_stream(self._container, spec)

    def write(self, frame: av.VideoFrame, pts: int) -> None:
        fitted = fit_frame(frame, self._spec)
        if self._spec.field_order != "progressive" or fitted.interlaced_frame:
            fitted = with_field_order(fitted, self._spec.field_order)  # x264 and ffv1 go by each frame's own mark
        before = (fitted.pts, fitted.pict_type)
        fitted.pts, fitted.time_base = pts - self._first_pts, self._spec.time_base
        fitted.pict_type = 0  # the source's own choice of I, P and B pictures would be forced on the encoder
        try:
            self._mux(self._stream.encode(fitted))
        finally:
            fitted.pts, fitted.pict_type = before
        self.frames += 1
        self._last_pts = pts

    def finish(self) -> Segment:
        self._mux(self._stream.encode(None))
        self._container.close()
        self._partial.replace(self._path)
        return Segment(self._path, self._first_pts, self.frames, self._last_pts, tuple(self.unchanged))

    def discard(self) -> None:
        with contextlib.suppress(OSError, av.error.FFmpegError, ValueError):
            self._container.close()
        self._partial.unlink(missing_ok=True)

    def _mux(self, packets: list[Packet[VideoStream]]) -> None:
        for packet in packets:
            assert packet.pts is not None
            packet.dts = self._clock.next(packet.pts)
            self._container.mux(packet)
