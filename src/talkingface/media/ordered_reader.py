"""The frames of a video in another order: backwards, again, or standing still, with little memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import av

from talkingface.errors import MediaError
from talkingface.media.decoder import StreamDecoder, TimedFrame
from talkingface.media.planes import PLANAR_FORMATS, plane_views, working_format
from talkingface.media.probe import VideoStreamInfo, probe

_MARKED_ROWS = 8  # one line of so many goes into its mark
_EARLIER_SECONDS = (0.0, 10.0)  # seeks to try before the file is decoded from its start
_BUFFER_BYTES = 256 << 20  # a backward chunk never holds more than this, however large the frames


def frames_in_order(
    path: str | Path,
    order: Sequence[int],
    pts: Sequence[int],
    *,
    marks: Sequence[int] | None = None,
    threads: int = 0,
    chunk: int = 48,
) -> Iterator[av.VideoFrame]:
    """Decode the frames of a video in any order that is made of runs forwards and backwards.

    Forward runs are decoded on end, repeats give the same frame object again, and a jump seeks. Backward runs are
    decoded in chunks: from the key frame before a chunk to its end, then given in reverse.

    The frames are those of a plain run from the start. After a seek some files give others: damaged ones, ones whose
    clock breaks, streams without true key frames. With ``marks`` every frame after a seek is compared with the plain
    run's; without, frames are not trusted when the decoder finds fault after a seek. Then decoding begins further
    back, in the end at the start of the file.

    Args:
        path: The video.
        order: Which frames are wanted, as indices into ``pts``: ``0, 1, 2, 1, 0`` plays to and fro, ``0, 1, 2, 0, 1``
            again, ``0, 1, 2, 2, 2`` holds the last.
        pts: The timestamps of the frames, as ``VideoReader.frames`` gave them, rising.
        marks: ``DecodedFrame.mark`` of the frames, as ``pts``.
        threads: Decoder threads, 0 for as many as there are cores.
        chunk: At most this many frames are held at a time in a backward run.

    Yields:
        One frame for each entry of ``order``, in its working format. Its ``pts`` is that of the source. Frames belong
        to the decoder: never alter their planes; take a ``planes.writable_copy``.

    Raises:
        MediaError: the file cannot be read, or a wanted frame is no longer in it.
    """
    path = Path(path)
    info = probe(path)
    if not info.video:
        raise MediaError(f"{path}: has no video stream")
    stream = info.video[0]
    with StreamDecoder(path, stream, threads) as decoder:
        source = _FrameSource(path, decoder, pts, marks)
        position = 0
        while position < len(order):
            end = _end_of_backward_run(order, position)
            if end - position > 1:
                yield from _backwards(source, order[position:end], _frames_that_fit(stream, chunk))
                position = end
            else:
                yield source.forward(order[position])
                position += 1


def frame_mark(frame: av.VideoFrame) -> int:
    """Return a number that tells a picture from others: a checksum of some of its lines."""
    mark = 0
    for view in plane_views(frame):
        mark = zlib.crc32(view[::_MARKED_ROWS].tobytes(), mark)
    return mark


def _end_of_backward_run(order: Sequence[int], begin: int) -> int:
    """Return where the backward run that begins here ends; ``begin + 1`` when playback does not go back here."""
    end = begin + 1
    if end == len(order) or order[end] >= order[begin]:
        return begin + 1
    while end < len(order) and order[end] <= order[end - 1]:
        end += 1
    # One fall by more than a frame is the jump of a loop, which a seek serves better than a chunk.
    jump = order[begin] - order[begin + 1] > 1 and order[begin + 1] == order[end - 1]
    return begin + 1 if jump else end


def _frames_that_fit(stream: VideoStreamInfo, chunk: int) -> int:
    bits, across, down = PLANAR_FORMATS[working_format(stream.pixel_format)]
    samples = stream.width * stream.height * (1 + 2 / (1 << (across + down)))
    size = samples * (1 if bits <= 8 else 2)
    return max(2, min(chunk, round(_BUFFER_BYTES / size)))


def _backwards(source: _FrameSource, wanted: Sequence[int], chunk: int) -> Iterator[av.VideoFrame]:
    held: dict[int, av.VideoFrame] = {}
    for index in wanted:
        if index not in held:
            held.clear()  # before the next chunk is decoded, or two would be held
            low = max(wanted[-1], index - chunk + 1)
            held.update(source.span(low, index))
        yield held[index]


class _FrameSource:
    """Gives frames by index from one decoder, and remembers where it stands."""

    def __init__(
        self, path: Path, decoder: StreamDecoder, pts: Sequence[int], marks: Sequence[int] | None = None
    ) -> None:
        self._path = path
        self._decoder = decoder
        self._pts = pts
        self._marks = marks
        self._frames: Iterator[TimedFrame] = iter(())
        self._plain = False  # whether the run began at the start of the file
        self._faults = 0
        self._ahead: TimedFrame | None = None  # decoded, and later than what was asked for
        self._passed: av.VideoFrame | None = None  # decoded last without being asked for
        self._current: tuple[int, av.VideoFrame] | None = None  # index and frame given last

    def forward(self, index: int) -> av.VideoFrame:
        """Return a frame, by decoding on when it lies ahead, else by a seek."""
        if self._current is not None and self._current[0] == index:
            return self._current[1]
        if self._current is None or index < self._current[0]:
            self._go_to(index)
        return self._advance(index)

    def span(self, low: int, high: int) -> dict[int, av.VideoFrame]:
        """Return the frames ``low..high`` (both included) by index."""
        found: dict[int, av.VideoFrame] = {}
        if self._current is not None and self._current[0] == high == low:
            return {high: self._current[1]}
        self._go_to(low)
        for index in range(low, high + 1):
            found[index] = self._advance(index)
        # Nothing of the chunk may stay held here once the caller lets go of it.
        self._current = self._ahead = self._passed = None
        return found

    def _go_to(self, index: int, early: float = 0.0) -> None:
        self._faults = self._found_faults()
        self._plain = False
        self._ahead = self._passed = None
        self._frames = self._decoder.around(self._pts[index], early=early, checked=self._marks is not None)
        self._current = None

    def _advance(self, index: int) -> av.VideoFrame:
        frame = self._decode_until(index)
        if frame is None and self._plain:
            frame = self._substitute()
        for early in _EARLIER_SECONDS:
            if self._is_sure(index, frame):
                break
            self._go_to(index, early)
            frame = self._decode_until(index)
        if not self._is_sure(index, frame):
            self._plain = True
            self._frames, self._ahead = self._decoder.from_start(), None
            frame = self._decode_until(index) or self._substitute()
        if frame is None:
            raise MediaError(f"{self._path}: frame {index} is no longer in the file; it changed while it was read")
        self._current = (index, frame)
        return frame

    def _is_sure(self, index: int, frame: av.VideoFrame | None) -> bool:
        if frame is None:
            return False
        if self._plain:
            return True
        if self._marks is not None:
            return frame_mark(frame) == self._marks[index]
        return self._found_faults() == self._faults

    def _found_faults(self) -> int:
        return self._decoder.damaged + self._decoder.guessed

    def _decode_until(self, index: int) -> av.VideoFrame | None:
        wanted = self._pts[index]
        while True:
            self._ahead = self._ahead or next(self._frames, None)
            if self._ahead is None or self._ahead[0] > wanted:
                return None
            (pts, frame), self._ahead = self._ahead, None
            if pts == wanted:
                return frame
            self._passed = frame

    def _substitute(self) -> av.VideoFrame | None:
        """What stands in for a frame that a damaged file gave once and not again: decoders may do that."""
        if not self._decoder.damaged:
            return None
        return self._ahead[1] if self._ahead is not None else self._passed
