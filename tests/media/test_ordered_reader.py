from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from talkingface.errors import MediaError
from talkingface.media import ordered_reader
from talkingface.media.decoder import StreamDecoder, TimedFrame
from talkingface.media.planes import plane_views
from talkingface.media.reader import VideoReader, frames_in_order


def fingerprint(frame: av.VideoFrame) -> int:
    return hash(b"".join(view.tobytes() for view in plane_views(frame)))


def plain_run(path: Path) -> tuple[list[int], list[int]]:
    with VideoReader(path) as reader:
        frames = [(frame.pts, fingerprint(frame.frame)) for frame in reader.frames()]
    return [pts for pts, _ in frames], [content for _, content in frames]


def bounce(count: int, turns: int) -> list[int]:
    there = list(range(count))
    back = list(range(count - 2, 0, -1))
    return (there + back) * turns


def check(path: Path, order: Sequence[int], **how: int) -> None:
    pts, contents = plain_run(path)
    given = [(frame.pts, fingerprint(frame)) for frame in frames_in_order(path, order, pts, **how)]
    assert given == [(pts[index], contents[index]) for index in order]


@pytest.fixture
def long_gop(make_video: Callable[..., Path]) -> Path:
    """H.264 with B-frames and only two key frames."""
    return make_video("v.mp4", frames=90, options={"g": "70", "bf": "3", "sc_threshold": "0"})


@pytest.mark.parametrize("chunk", [2, 7, 48, 500])
def test_bounce_is_exact(long_gop: Path, chunk: int) -> None:
    check(long_gop, bounce(90, 2), chunk=chunk)


@pytest.mark.parametrize(
    "order",
    [
        [*range(90), *range(90), *range(5)],
        [*range(88), *[89] * 40],
        [*range(30, 60), *range(59, 20, -1), 21, 22, 22, 22, 21, 20, 19],
        [89, 0, 45, 44, 43, 42, 0, 1, 2, 88],
        [*range(0, 90, 3), *range(87, -1, -3)],
        [5],
        [],
    ],
    ids=["loop", "hold", "range", "jumps", "every third", "one", "none"],
)
def test_other_orders_are_exact(long_gop: Path, order: list[int]) -> None:
    check(long_gop, order, chunk=10)


@pytest.mark.parametrize("name", ["v.mkv", "v.ts", "v.avi", "raw.h264"])
def test_other_containers_are_exact(make_video: Callable[..., Path], name: str) -> None:
    codec = "mpeg4" if name == "v.avi" else "libx264"
    container = "h264" if name == "raw.h264" else None
    check(make_video(name, frames=40, codec=codec, container=container, options={"g": "15"}), bounce(40, 1), chunk=8)


def test_forward_runs_never_seek(long_gop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pts, _ = plain_run(long_gop)
    places: list[int] = []
    around = StreamDecoder.around
    monkeypatch.setattr(
        StreamDecoder, "around", lambda self, place, **how: places.append(place) or around(self, place, **how)
    )
    list(frames_in_order(long_gop, [*range(90), 89, 89], pts))
    assert places == [0]
    list(frames_in_order(long_gop, bounce(90, 1), pts, chunk=45))
    assert len(places) == 1 + 1 + 2, "one for the way there, one for each chunk on the way back"


def test_backward_runs_hold_no_more_than_a_chunk(long_gop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pts, _ = plain_run(long_gop)
    held: list[int] = []
    span = ordered_reader._FrameSource.span

    def counting_span(self: ordered_reader._FrameSource, low: int, high: int) -> dict[int, av.VideoFrame]:
        found = span(self, low, high)
        held.append(len(found))
        return found

    monkeypatch.setattr(ordered_reader._FrameSource, "span", counting_span)
    list(frames_in_order(long_gop, range(89, -1, -1), pts, chunk=16))
    assert sum(held) == 90
    assert max(held) == 16


def test_large_frames_make_smaller_chunks(make_video: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordered_reader, "_BUFFER_BYTES", 96 * 64 * 3 // 2 * 5)
    assert ordered_reader._frames_that_fit(VideoReader(make_video("v.mp4")).stream, 48) == 5


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.ts", "v.mpg", "v.avi"])
@pytest.mark.parametrize("damage", ["flip", "cut"])
def test_damaged_files_give_the_frames_of_the_first_run(
    make_video: Callable[..., Path], name: str, damage: str
) -> None:
    codec = {"v.mpg": "mpeg2video", "v.avi": "mpeg4"}.get(name, "libx264")
    fast = {"movflags": "faststart"} if name == "v.mp4" else {}
    path = make_video(name, codec=codec, frames=60, options={"g": "15"}, container_options=fast)
    data = bytearray(path.read_bytes())
    random = np.random.default_rng(2)
    if damage == "cut":
        data = data[: len(data) * 7 // 10 | 1]
    else:
        for place in random.integers(len(data) // 4, len(data) - 2000, 8):
            data[place] = random.integers(256)
    path.write_bytes(data)
    with VideoReader(path, threads=1) as reader:  # several threads mend broken pictures differently every time
        frames = [(frame.pts, fingerprint(frame.frame), frame.mark) for frame in reader.frames()]
    count = len(frames)
    assert count > 20
    pts, contents, marks = zip(*frames, strict=True)
    order = [*range(count), *range(count - 1, -1, -1), count // 2, *range(count // 2, count), 0]
    given = frames_in_order(path, order, pts, marks=marks, threads=1, chunk=16)
    same = [fingerprint(frame) == contents[index] for frame, index in zip(given, order, strict=True)]
    assert len(same) == len(order)
    assert sum(same) >= len(order) - 2, "a mark covers every eighth line only"


def test_a_wrong_frame_after_a_seek_is_noticed_by_its_mark(
    make_video: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_video("v.mp4", frames=40, options={"g": "10", "bf": "0"})
    with VideoReader(path) as reader:
        frames = [(frame.pts, fingerprint(frame.frame), frame.mark) for frame in reader.frames()]
    pts, contents, marks = (list(column) for column in zip(*frames, strict=True))
    step = pts[1] - pts[0]
    around = StreamDecoder.around

    def off_by_one(self: StreamDecoder, place: int, **how: Any) -> Iterator[TimedFrame]:
        return ((stamp + step, frame) for stamp, frame in around(self, max(0, place - step), **how))

    monkeypatch.setattr(StreamDecoder, "around", off_by_one)
    given = list(frames_in_order(path, [30, 12], pts, marks=marks))
    assert [fingerprint(frame) for frame in given] == [contents[30], contents[12]]
    blind = list(frames_in_order(path, [30, 12], pts))
    assert [fingerprint(frame) for frame in blind] != [contents[30], contents[12]]


def test_a_file_that_changed_is_noticed(make_video: Callable[..., Path]) -> None:
    path = make_video("v.mp4", frames=20)
    pts, _ = plain_run(path)
    with pytest.raises(MediaError, match="frame 25 is no longer in the file"):
        list(frames_in_order(path, [25], [*pts, *(pts[-1] + 600 * n for n in range(1, 10))]))


def test_variable_rate_clip(clips: Path) -> None:
    check(clips / "vrt_face1.mp4", bounce(135, 1), chunk=48)
