from __future__ import annotations

import re
import struct
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from talkingface.errors import MediaError
from talkingface.media.ordered_reader import frame_mark, frames_in_order
from talkingface.media.planes import plane_views
from talkingface.media.reader import VideoReader

sys.path.insert(0, str(Path(__file__).parent))
from kinds import KINDS, write

UNEVEN = [0, 512, 1600, 1700, 3000, 3700, 5100, 5200, 5300, 7000, 9000, 9900]


def test_frames_come_in_order_with_their_times(make_video: Callable[..., Path]) -> None:
    path = make_video("v.mp4", frames=30)
    with VideoReader(path) as reader:
        frames = list(reader.frames())
        again = list(reader.frames())
    assert [frame.index for frame in frames] == list(range(30))
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(30) / 25)
    assert [frame.pts * reader.stream.time_base for frame in frames] == [Fraction(n, 25) for n in range(30)]
    assert [frame.frame.pts for frame in frames] == [frame.pts for frame in frames] == [frame.pts for frame in again]
    assert reader.damaged == 0
    assert reader.last_duration * reader.stream.time_base == Fraction(1, 25)


def test_uneven_times_are_exact(make_video: Callable[..., Path]) -> None:
    tick = Fraction(1, 15360)
    path = make_video("v.mp4", pts=UNEVEN, time_base=tick, container_options={"video_track_timescale": "15360"})
    with VideoReader(path) as reader:
        assert [frame.pts for frame in reader.frames()] == UNEVEN
        assert reader.stream.time_base == tick


def test_picture_later_than_sound_keeps_its_delay(
    make_video: Callable[..., Path], make_sound: Callable[..., Path], click: Callable[..., np.ndarray]
) -> None:
    late = [5 + number for number in range(12)]
    with VideoReader(make_video("v.mp4", pts=late, sound=make_sound("a.wav", click(48_000)))) as reader:
        assert next(iter(reader.frames())).time == pytest.approx(0.2)


@pytest.mark.parametrize("name", ["alone.mp4", "stream.ts"])
def test_first_timestamp_of_a_file_is_its_zero(make_video: Callable[..., Path], name: str) -> None:
    with VideoReader(make_video(name, pts=[5 + number for number in range(12)])) as reader:
        assert reader.stream.start_time > 0.1
        assert next(iter(reader.frames())).time == 0.0


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.ts"])
@pytest.mark.parametrize(("start", "end"), [(0.0, 0.4), (0.5, None), (1.0, 2.2), (2.92, 3.5), (0.01, 0.05)])
def test_range_gives_the_same_frames_as_the_whole(
    make_video: Callable[..., Path], name: str, start: float, end: float | None
) -> None:
    path = make_video(name, frames=80, options={"g": "30", "bf": "3"})
    with VideoReader(path) as reader:
        whole = [(frame.pts, plane_views(frame.frame)[0].tobytes()) for frame in reader.frames()]
        tick = reader.stream.time_base
    with VideoReader(path, start=start, end=end) as reader:
        part = [(frame.pts, plane_views(frame.frame)[0].tobytes()) for frame in reader.frames()]
        indices = [frame.index for frame in reader.frames()]
    first, stop = round(start / tick), None if end is None else round(end / tick)
    assert part == [item for item in whole if item[0] >= first and (stop is None or item[0] < stop)]
    assert indices == list(range(len(part)))
    assert part


def test_empty_range_is_refused(make_video: Callable[..., Path]) -> None:
    with VideoReader(make_video("v.mp4"), start=5.0, end=6.0) as reader, pytest.raises(MediaError, match="between 5 s"):
        list(reader.frames())


def test_files_without_picture_are_refused(
    make_sound: Callable[..., Path], click: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    with pytest.raises(MediaError, match=r"a\.wav: has no video stream"):
        VideoReader(make_sound("a.wav", click(16_000)))
    with pytest.raises(MediaError, match="no such file"):
        VideoReader(tmp_path / "none.mp4")


def test_broken_packets_are_counted_and_skipped(make_video: Callable[..., Path]) -> None:
    path = make_video("v.avi", codec="mpeg4", frames=30, options={"g": "1"})
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    for packet in packets[10:12]:
        data[packet.pos + 8 : packet.pos + packet.size] = bytes(packet.size - 8)
    path.write_bytes(bytes(data))
    with VideoReader(path) as reader:
        frames = list(reader.frames())
    assert reader.damaged >= 2
    assert 26 <= len(frames) <= 30
    assert all(later.pts > earlier.pts for earlier, later in pairwise(frames))


def test_truncated_file_gives_what_is_whole(make_video: Callable[..., Path]) -> None:
    path = make_video("v.mkv", codec="ffv1", frames=30)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with VideoReader(path) as reader:
        assert 10 <= len(list(reader.frames())) < 30


# what is missing


@pytest.mark.parametrize("name", ["v.mp4", "v.mov", "v.mkv", "v.webm", "v.avi", "v.ts", "v.mpg", "v.gif", "raw.h264"])
def test_healthy_files_lose_nothing(make_video: Callable[..., Path], name: str) -> None:
    codec = {"v.webm": "libvpx", "v.avi": "mpeg4", "v.mpg": "mpeg2video", "v.gif": "gif"}.get(name, "libx264")
    container = "h264" if name == "raw.h264" else None
    form = "rgb8" if codec == "gif" else "yuv420p"
    options = {"g": "10"} | ({"bf": "2"} if codec in ("libx264", "mpeg2video") else {})
    path = make_video(name, codec=codec, pixel_format=form, frames=35, options=options, container=container)
    with VideoReader(path) as reader:
        assert len(list(reader.frames())) == 35
        assert (reader.loss, reader.damaged) == (None, 0)


SEVERAL = [
    "rate-variable", "rate-variable-mkv", "starts-late", "starts-late-ts", "three-sounds-mkv", "h264-mov", "h264-flv",
    "hevc-mp4", "hevc-ts", "vp9-webm", "av1-mp4", "prores-422", "dnxhr-mxf", "mpeg2-ps", "mpeg1", "wmv", "mjpeg-avi",
    "gif", "apng", "huffyuv-avi", "raw-y4m", "raw-nut-nv12", "dv-avi", "fields-hevc",
]  # fmt: skip


@pytest.mark.parametrize("name", SEVERAL)
def test_healthy_files_of_any_kind_lose_nothing_and_play_backwards(tmp_path: Path, name: str) -> None:
    path = write(replace(KINDS[name], frames=13), tmp_path)
    with VideoReader(path, threads=1) as reader:
        there = [(frame.pts, frame.mark) for frame in reader.frames()]
        assert len(there) == 13
        assert (reader.loss, reader.damaged) == (None, 0)
    back = frames_in_order(path, range(12, -1, -1), [pts for pts, _ in there], chunk=4)
    assert [frame_mark(frame) for frame in back] == [mark for _, mark in reversed(there)]


def test_uneven_times_and_later_sound_are_no_loss(
    make_video: Callable[..., Path], make_sound: Callable[..., Path], click: Callable[..., np.ndarray]
) -> None:
    sound = make_sound("a.wav", click(48_000, seconds=3.0))
    for name in ("v.mp4", "v.mkv"):
        path = make_video(name, pts=UNEVEN, time_base=Fraction(1, 15360), sound=sound)
        with VideoReader(path) as reader:
            list(reader.frames())
            assert reader.loss is None


@pytest.mark.parametrize(("seconds", "first"), [(2.0, 1.0), (1.0, 0.08), (2.0, 1.3), (1.5, 0.5)])
def test_what_an_edit_list_leaves_out_is_no_loss(make_video: Callable[..., Path], seconds: float, first: float) -> None:
    path = make_video("v.mp4", frames=80, options={"g": "20", "bf": "2"})
    data = bytearray(path.read_bytes())
    edit, movie, media = (data.find(name) for name in (b"elst", b"mvhd", b"mdhd"))
    (film_scale,), (media_scale,) = (
        struct.unpack_from(">I", data, movie + 16),
        struct.unpack_from(">I", data, media + 16),
    )
    struct.pack_into(">Ii", data, edit + 12, round(seconds * film_scale), round(first * media_scale))
    path.write_bytes(data)
    with VideoReader(path) as reader:
        frames = list(reader.frames())
        assert abs(len(frames) - seconds * 25) <= 1
        assert reader.loss is None


@pytest.mark.parametrize("name", ["v.mp4", "v.mov", "v.mkv", "v.avi", "v.ts", "v.gif"])
def test_a_file_that_breaks_off_says_where(make_video: Callable[..., Path], name: str) -> None:
    codec = {"v.avi": "mpeg4", "v.gif": "gif"}.get(name, "libx264")
    path = make_video(
        name, codec=codec, pixel_format="rgb8" if codec == "gif" else "yuv420p", frames=50, options={"g": "1"},
        container_options={"movflags": "faststart"} if name in ("v.mp4", "v.mov") else {},
    )  # fmt: skip
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10 | 1])
    with VideoReader(path) as reader:
        frames = list(reader.frames())
        assert 20 <= len(frames) <= 35
        tail = "" if name in ("v.ts", "v.gif") else r" of [12]\.\d\d s"
        assert re.search(rf"breaks off after (0\.[89]|1\.[0-4])\d s{tail}$", reader.loss or ""), reader.loss
        last = reader.last_duration
    assert last is not None
    assert float(last * reader.stream.time_base) == pytest.approx(0.04, abs=0.011), "what is lost is not stood still"
    with VideoReader(path, end=0.5) as reader:
        assert len(list(reader.frames())) in (12, 13)
        assert reader.loss is None, "the range wanted is whole"


@pytest.mark.parametrize("name", ["p.jpg", "p.webp"])
def test_a_picture_that_breaks_off(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8))
    with VideoReader(path) as reader:
        assert len(list(reader.frames())) == 1
        assert reader.loss is None
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 10])
    if name == "p.webp":  # all or nothing
        with pytest.raises(MediaError, match="breaks off before its first picture is whole"):
            VideoReader(path)
        return
    with VideoReader(path) as reader:
        list(reader.frames())
        assert reader.loss == "a part of the picture is missing"


def test_a_stream_joined_in_its_middle_is_whole(make_video: Callable[..., Path]) -> None:
    path = make_video("v.ts", frames=60, options={"g": "20", "bf": "2"})
    data = path.read_bytes()
    packets = len(data) // 188
    for share in (0.2, 0.37, 0.5):
        # the tables at the beginning stay: a tuner gives them to every recording
        path.write_bytes(data[: 3 * 188] + data[round(packets * share) * 188 :])
        with VideoReader(path) as reader:
            assert 10 <= len(list(reader.frames())) < 60
            assert reader.loss is None, share


def test_damage_is_counted_in_the_loss(make_video: Callable[..., Path]) -> None:
    path = make_video("v.avi", codec="mpeg4", frames=30, options={"g": "1"})
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][10]
    data[packet.pos + 8 : packet.pos + packet.size] = bytes(packet.size - 8)
    path.write_bytes(bytes(data))
    with VideoReader(path) as reader:
        list(reader.frames())
        assert re.fullmatch(r"\d+ damaged packets?", reader.loss or "")


def test_still_picture_is_one_frame(make_video: Callable[..., Path]) -> None:
    with VideoReader(make_video("p.png", codec="png", pixel_format="rgb24", frames=1, container="image2")) as reader:
        (frame,) = reader.frames()
    assert (frame.time, frame.frame.format.name) == (0.0, "yuv444p")


def test_other_formats_arrive_in_their_working_format(make_video: Callable[..., Path]) -> None:
    with VideoReader(make_video("v.avi", codec="rawvideo", pixel_format="rgb24")) as reader:
        assert {frame.frame.format.name for frame in reader.frames()} == {"yuv444p"}


def test_closing_ends_a_run(make_video: Callable[..., Path]) -> None:
    reader = VideoReader(make_video("v.mp4", frames=60))
    run = reader.frames()
    next(run)
    reader.close()
    assert len(list(run)) < 59
    again = reader.frames()
    next(again)
    again.close()
    assert reader.last_duration is None


def test_variable_rate_clip(clips: Path) -> None:
    with av.open(str(clips / "vrt_face1.mp4")) as container:
        expected = sorted(packet.pts for packet in container.demux(video=0) if packet.size)
    with VideoReader(clips / "vrt_face1.mp4") as reader:
        frames = list(reader.frames())
    assert [frame.pts for frame in frames] == expected
    assert frames[0].time == pytest.approx(0.033, abs=1e-3), "its sound begins first"
