from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import av
import pytest

from talkingface.media.decoder import StreamDecoder
from talkingface.media.planes import plane_views
from talkingface.media.probe import probe


def test_any_place_gives_the_frames_of_a_plain_run(make_video: Callable[..., Path]) -> None:
    path = make_video("v.mp4", frames=70, options={"g": "25", "bf": "3"})
    stream = probe(path).video[0]
    with StreamDecoder(path, stream) as decoder:
        whole = [(pts, plane_views(frame)[0].tobytes()) for pts, frame in decoder.from_start()]
        assert decoder.end_pts == whole[-1][0] + round(1 / (25 * stream.time_base))
        for place in (69, 0, 24, 25, 26, 49, 50, 51, 3):
            wanted = whole[place][0]
            run = [(pts, plane_views(frame)[0].tobytes()) for pts, frame in decoder.around(wanted)]
            assert run[0][0] <= wanted
            assert run == whole[-len(run) :]
        assert [pts for pts, _ in decoder.from_start()] == [pts for pts, _ in whole]
        assert decoder.damaged == 0


def test_files_without_timestamps_are_counted(make_video: Callable[..., Path]) -> None:
    path = make_video("raw.h264", frames=40, container="h264", options={"g": "10", "bf": "0"})
    with StreamDecoder(path, probe(path).video[0]) as decoder:
        stamps = [pts for pts, _ in decoder.from_start()]
        assert len(stamps) == 40
        assert all(later > earlier for earlier, later in pairwise(stamps))
        assert next(iter(decoder.around(stamps[30])))[0] <= stamps[30]


def test_a_change_of_size_keeps_the_first(make_video: Callable[..., Path]) -> None:
    small, large = make_video("s.ts", size=(64, 48), frames=5), make_video("l.ts", size=(96, 64), frames=5)
    both = small.with_name("both.ts")
    both.write_bytes(small.read_bytes() + large.read_bytes())
    with StreamDecoder(both, probe(both).video[0]) as decoder:
        sizes = {(frame.width, frame.height) for _, frame in decoder.from_start()}
    assert len(sizes) == 1


STREAMS = [
    ("open.mp4", "libx264", {"x264-params": "open-gop=1:keyint=20:bframes=3:b-adapt=0:scenecut=0"}),
    ("open.ts", "libx264", {"x264-params": "open-gop=1:keyint=20:bframes=3:b-adapt=0:scenecut=0"}),
    ("refresh.mp4", "libx264", {"x264-params": "intra-refresh=1:keyint=20:bframes=2:scenecut=0"}),
    ("refresh.ts", "libx264", {"x264-params": "intra-refresh=1:keyint=20:bframes=0:scenecut=0"}),
    ("open.mkv", "libx265", {"x265-params": "open-gop=1:keyint=20:min-keyint=20:bframes=3:scenecut=0:log-level=none"}),
    ("open2.ts", "mpeg2video", {"g": "20", "bf": "2"}),
    ("open2.mpg", "mpeg2video", {"g": "20", "bf": "2"}),
    ("late.avi", "libx264", {"g": "20", "bf": "3"}),
    ("part2.ts", "mpeg4", {"g": "20", "bf": "2"}),
]


@pytest.mark.parametrize(("name", "codec", "options"), STREAMS, ids=[stream[0] for stream in STREAMS])
def test_streams_without_true_key_frames_give_the_frames_of_a_plain_run(
    make_video: Callable[..., Path], name: str, codec: str, options: dict[str, str]
) -> None:
    path = make_video(name, codec=codec, frames=70, options=options)
    with StreamDecoder(path, probe(path).video[0]) as decoder:
        whole = [(pts, [view.tobytes() for view in plane_views(frame)]) for pts, frame in decoder.from_start()]
        for place in range(0, 70, 7):
            wanted = whole[place][0]
            run = [(pts, [view.tobytes() for view in plane_views(frame)]) for pts, frame in decoder.around(wanted)]
            assert [item for item in run if item[0] >= wanted] == whole[place:]
        assert decoder.damaged == 0


def test_samples_without_data_do_not_end_the_run(make_video: Callable[..., Path]) -> None:
    path = make_video("v.avi", codec="mpeg4", frames=30, options={"g": "30"})
    data = path.read_bytes()
    place = -1
    for _ in range(12):
        place = data.index(b"00dc", place + 1)
    path.write_bytes(data[:place] + b"00dc" + bytes(4) + data[place:])
    with StreamDecoder(path, probe(path).video[0]) as decoder:
        assert len(list(decoder.from_start())) >= 28


def test_a_growing_picture_is_bounded(make_video: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("talkingface.media.decoder._ORDINARY_PIXELS", 0)
    small, large = make_video("s.ts", size=(64, 48), frames=8), make_video("l.ts", size=(256, 144), frames=8)
    both = small.with_name("both.ts")
    both.write_bytes(small.read_bytes() + large.read_bytes())
    with StreamDecoder(both, probe(both).video[0]) as decoder:
        sizes = [(frame.width, frame.height) for _, frame in decoder.from_start()]
    assert set(sizes) == {(64, 48)}
    assert 5 <= len(sizes) <= 8, "none of the large pictures"
    assert decoder.damaged > 0


def test_an_absurd_timestamp_does_not_stretch_the_run(make_video: Callable[..., Path]) -> None:
    stamps = [*range(10), 10**9, *range(11, 20)]
    path = make_video("v.avi", codec="mjpeg", pixel_format="yuvj420p", frames=20)
    with StreamDecoder(path, probe(path).video[0]) as decoder:
        raw = decoder._raw_frames

        def mistimed() -> Iterator[av.VideoFrame]:
            for frame, stamp in zip(raw(), stamps, strict=True):
                frame.pts = stamp
                yield frame

        decoder._raw_frames = mistimed  # type: ignore[method-assign]
        assert [pts for pts, _ in decoder.from_start()] == list(range(20))
        assert decoder.damaged == 1
