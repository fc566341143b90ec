from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

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
