from __future__ import annotations

import errno
import hashlib
import os
import resource
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from talkingface.errors import Cancelled, OutputError
from talkingface.media.audio import AudioTrack, read_audio, store_audio
from talkingface.media.planes import plane_views, writable_copy
from talkingface.media.probe import probe
from talkingface.media.reader import VideoReader
from talkingface.media.writer import EncodeSpec, Segment, SegmentWriter, encode_spec, join
from talkingface.progress import Cancellation


def encoded(
    path: Path, work: Path, codec: str = "h264", segment_frames: int = 5, preset: str = "medium"
) -> tuple[list[Segment], EncodeSpec, list[int], int]:
    """Decode a file and encode it again in segments: what a dub does, without a face."""
    with VideoReader(path) as reader:
        spec = replace(encode_spec(reader.stream, codec, None, 2)[0], preset=preset)
        stamps = []
        with SegmentWriter(work, spec, segment_frames) as writer:
            for frame in reader.frames():
                stamps.append(frame.pts)
                writer.write(writable_copy(frame.frame) if frame.index % 2 else frame.frame, frame.pts)
        assert reader.last_duration is not None
        return writer.close(), spec, stamps, reader.last_duration


def track(samples: np.ndarray, rate: int, layout: str | None = None) -> AudioTrack:
    return AudioTrack(samples, rate, Path("a.wav"), 0.0, layout or ("mono" if samples.shape[1] == 1 else "stereo"))


def picture_times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


def decoding_times(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [packet.dts for packet in container.demux(video=0) if packet.size and packet.dts is not None]


def same_planes(one: Path, other: Path) -> bool:
    with VideoReader(one) as first, VideoReader(other) as second:
        for a, b in zip(first.frames(), second.frames(), strict=True):
            for left, right in zip(plane_views(a.frame), plane_views(b.frame), strict=True):
                if not np.array_equal(left, right):
                    return False
    return True


UNEVEN = [0, 512, 1600, 1700, 3000, 3700, 5100, 5200, 5300, 7000, 9000, 9900]


@pytest.mark.parametrize(("codec", "suffix"), [("h264", ".mp4"), ("h264", ".mov"), ("hevc", ".mp4"), ("ffv1", ".mp4")])
@pytest.mark.parametrize("first", [0, 4000])
def test_every_timestamp_is_exact(
    make_video: Callable[..., Path],
    make_sound: Callable[..., Path],
    click: Callable[..., np.ndarray],
    tmp_path: Path,
    codec: str,
    suffix: str,
    first: int,
) -> None:
    tick = Fraction(1, 15360)
    source = make_video(
        "v.mp4",
        pts=[first + stamp for stamp in UNEVEN],
        time_base=tick,
        container_options={"video_track_timescale": "15360", "movie_timescale": "15360"},
        sound=make_sound("a.wav", click(48_000)),
        options={"bf": "3"},
    )
    segments, spec, stamps, last = encoded(source, tmp_path / "work", codec)
    assert [first + stamp for stamp in UNEVEN] == stamps
    output = tmp_path / f"out{suffix}"
    join(segments, spec, track(click(44_100, 2), 44_100), output, metadata={}, last_duration=last)
    assert picture_times(output) == [stamp * tick for stamp in stamps]
    times = decoding_times(output)
    assert all(later > earlier for earlier, later in pairwise(times))


@pytest.mark.parametrize("clip", ["vrt_face1.mp4", "vrt_face4.mp4"])
def test_real_clips_keep_times_and_length(clips: Path, tmp_path: Path, clip: str) -> None:
    segments, spec, stamps, last = encoded(clips / clip, tmp_path / "work", segment_frames=31, preset="veryfast")
    output = tmp_path / "out.mp4"
    join(segments, spec, read_audio(clips / clip), output, metadata={}, last_duration=last)
    assert picture_times(output) == picture_times(clips / clip) == [stamp * spec.time_base for stamp in stamps]
    assert probe(output).video[0].duration == pytest.approx(probe(clips / clip).video[0].duration, abs=1e-6)


@pytest.mark.parametrize("last", [100, 512, 7000])
def test_last_frame_keeps_its_duration(make_video: Callable[..., Path], tmp_path: Path, last: int) -> None:
    segments, spec, stamps, _ = encoded(make_video("v.mp4", frames=13), tmp_path / "work")
    output = tmp_path / "out.mp4"
    join(segments, spec, None, output, metadata={}, last_duration=last)
    video = probe(output).video[0]
    assert video.duration == pytest.approx(float((stamps[-1] + last - stamps[0]) * spec.time_base), abs=1e-4)
    join(segments, spec, None, output, metadata={})
    assert probe(output).video[0].duration == pytest.approx(13 / 25, abs=1e-4)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p", "yuv422p10le", "yuv444p", "gray"])
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize("size", [(96, 64), (97, 63)])
def test_lossless_is_bit_identical_in_every_plane(
    make_video: Callable[..., Path], tmp_path: Path, pixel_format: str, suffix: str, size: tuple[int, int]
) -> None:
    odd = size != (96, 64) or pixel_format in ("yuv422p10le", "gray")
    stored = pixel_format.replace("yuvj", "yuv") if odd else pixel_format
    codec = "ffv1" if odd else "libx264"
    colour = (2 if "j" in pixel_format else 1, 1, 1, 1)
    source = make_video("v.mkv", codec=codec, pixel_format=stored, size=size, colour=colour)
    segments, spec, _, last = encoded(source, tmp_path / "work", "ffv1")
    output = tmp_path / f"out{suffix}"
    join(segments, spec, None, output, metadata={}, last_duration=last)
    assert same_planes(source, output)
    before, after = probe(source).video[0], probe(output).video[0]
    for name in ("color_range", "color_space", "color_primaries", "color_transfer", "bits"):
        assert getattr(before, name) == getattr(after, name), name


@pytest.mark.parametrize(("codec", "suffix"), [("h264", ".mp4"), ("hevc", ".mov"), ("h264", ".mkv"), ("ffv1", ".mp4")])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_turn_shape_and_colour_are_kept(
    make_video: Callable[..., Path], tmp_path: Path, codec: str, suffix: str, rotation: int
) -> None:
    source = make_video(
        "v.mp4",
        pixel_format="yuvj420p",
        colour=(2, 6, 6, 6),
        rotation=rotation,
        sample_aspect_ratio=Fraction(4, 3),
        frames=6,
    )
    segments, spec, _, last = encoded(source, tmp_path / "work", codec)
    output = tmp_path / f"out{suffix}"
    join(segments, spec, None, output, metadata={"title": "Über", "comment": "made"}, last_duration=last)
    before, after = probe(source).video[0], probe(output).video[0]
    for name in ("rotation", "sample_aspect_ratio", "color_range", "color_space", "color_primaries", "color_transfer"):
        assert getattr(after, name) == getattr(before, name), name
    kept = {key.lower(): value for key, value in probe(output).metadata.items()}
    assert (kept["title"], kept["comment"]) == ("Über", "made")


def test_a_plain_turn_needs_no_matrix(make_video: Callable[..., Path], tmp_path: Path) -> None:
    segments, spec, _, _ = encoded(make_video("v.mp4", frames=3), tmp_path / "work")
    output = tmp_path / "out.mp4"
    join(segments, replace(spec, rotation=90), None, output, metadata={})
    assert probe(output).video[0].rotation == 90


@pytest.mark.parametrize(
    ("codec", "suffix"), [("h264", ".mp4"), ("h264", ".mov"), ("h264", ".mkv"), ("ffv1", ".mkv"), ("ffv1", ".mp4")]
)
@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (44_100, 2), (48_000, 6), (37_800, 1), (192_000, 2)])
def test_sound_is_complete_and_in_place(
    make_video: Callable[..., Path],
    click: Callable[..., np.ndarray],
    tmp_path: Path,
    codec: str,
    suffix: str,
    rate: int,
    channels: int,
) -> None:
    segments, spec, _, last = encoded(make_video("v.mp4"), tmp_path / "work", codec)
    output = tmp_path / f"out{suffix}"
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[channels]
    given = click(rate, channels, seconds=1.337)
    join(segments, spec, track(given, rate, layout), output, metadata={}, last_duration=last)
    heard = read_audio(output)
    assert heard.channels == channels
    assert heard.sample_rate == (rate if codec == "ffv1" else {37_800: 44_100, 192_000: 48_000}.get(rate, rate))
    assert 1.337 - 0.001 <= heard.duration <= 1.337 + 1024 / heard.sample_rate
    loud = np.flatnonzero(np.abs(heard.samples[:, 0]) > 0.15)
    assert loud[0] / heard.sample_rate == pytest.approx(0.3, abs=0.005)
    tail = heard.samples[round(1.327 * heard.sample_rate) : round(1.337 * heard.sample_rate), 0]
    assert np.abs(tail).max() > 0.3, "the tail is missing"
    middle = heard.samples[round(0.32 * heard.sample_rate) : round(0.48 * heard.sample_rate), 0]
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.1)


def test_sound_beside_lossless_video_is_lossless(make_video: Callable[..., Path], tmp_path: Path) -> None:
    segments, spec, _, last = encoded(make_video("v.mp4"), tmp_path / "work", "ffv1")
    samples = np.random.default_rng(0).integers(-32768, 32768, (30_011, 2)).astype(np.float32) / 32768
    join(segments, spec, track(samples, 44_100), tmp_path / "out.mkv", metadata={}, last_duration=last)
    np.testing.assert_array_equal(read_audio(tmp_path / "out.mkv").samples, samples)


@pytest.mark.parametrize(("channels", "bits"), [(1, 128_000), (2, 192_000)])
def test_bit_rate_of_the_sound(make_video: Callable[..., Path], tmp_path: Path, channels: int, bits: int) -> None:
    segments, spec, _, _ = encoded(make_video("v.mp4"), tmp_path / "work")
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (48_000 * 4, channels)).astype(np.float32)
    join(segments, spec, track(noise, 48_000), tmp_path / "out.mp4", metadata={})
    with av.open(str(tmp_path / "out.mp4")) as container:
        size = sum(packet.size for packet in container.demux(audio=0))
    assert size * 8 / 4 == pytest.approx(bits, rel=0.1)


def test_index_lies_in_front(make_video: Callable[..., Path], click: Callable[..., np.ndarray], tmp_path: Path) -> None:
    segments, spec, _, _ = encoded(make_video("v.mp4"), tmp_path / "work")
    join(segments, spec, track(click(48_000), 48_000), tmp_path / "out.mp4", metadata={})
    data = (tmp_path / "out.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_same_segments_give_the_same_bytes(
    make_video: Callable[..., Path], click: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    segments, spec, _, last = encoded(make_video("v.mp4"), tmp_path / "work")
    digests = set()
    for number in range(2):
        output = tmp_path / f"{number}.mp4"
        join(segments, spec, track(click(48_000), 48_000), output, metadata={}, last_duration=last)
        digests.add(hashlib.sha256(output.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_whatever_was_there_is_replaced_in_one_step(make_video: Callable[..., Path], tmp_path: Path) -> None:
    segments, spec, _, _ = encoded(make_video("v.mp4"), tmp_path / "work")
    output = tmp_path / "out.mp4"
    output.write_text("old")
    join(segments, spec, None, output, metadata={})
    assert len(picture_times(output)) == 12
    assert not list((tmp_path / "work").glob("joined*"))


def test_joining_can_be_stopped_and_leaves_nothing(make_video: Callable[..., Path], tmp_path: Path) -> None:
    segments, spec, _, _ = encoded(make_video("v.mp4"), tmp_path / "work")
    cancel = Cancellation()
    cancel.cancel()
    with pytest.raises(Cancelled):
        join(segments, spec, None, tmp_path / "out.mp4", metadata={}, check=cancel.check)
    assert not (tmp_path / "out.mp4").exists()
    assert not list((tmp_path / "work").glob("joined*"))


def test_another_filesystem(make_video: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segments, spec, _, _ = encoded(make_video("v.mp4"), tmp_path / "work")
    (tmp_path / "far").mkdir()
    replace_file = Path.replace

    def refuse_between_folders(self: Path, target: Path) -> Path:
        if self.parent != target.parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return replace_file(self, target)

    monkeypatch.setattr(Path, "replace", refuse_between_folders)
    join(segments, spec, None, tmp_path / "far" / "out.mp4", metadata={})
    assert [path.name for path in (tmp_path / "far").iterdir()] == ["out.mp4"]
    assert len(picture_times(tmp_path / "far" / "out.mp4")) == 12
    assert not list((tmp_path / "work").glob("joined*"))


def test_failures_leave_nothing_and_keep_what_was_there(
    make_video: Callable[..., Path], click: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    segments, spec, _, _ = encoded(make_video("v.mkv", codec="ffv1", size=(320, 240)), tmp_path / "work", "ffv1")
    place = tmp_path / "place"
    place.mkdir()
    output = place / "out.mkv"
    output.write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(OutputError, match=r"out\.mkv: cannot be written"):
            join(segments, spec, track(click(48_000), 48_000), output, metadata={})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert output.read_text() == "old"
    assert [path.name for path in place.iterdir()] == ["out.mkv"]
    assert not list((tmp_path / "work").glob("joined*"))
    with pytest.raises(OutputError, match="cannot be written"):
        join(segments, spec, None, tmp_path / "nowhere" / "out.mkv", metadata={})
    assert not list((tmp_path / "work").glob("joined*"))


def test_damaged_and_foreign_segments_are_noticed(make_video: Callable[..., Path], tmp_path: Path) -> None:
    segments, spec, _, _ = encoded(make_video("v.mp4"), tmp_path / "work")
    with pytest.raises(OutputError, match="holds 5 frames instead of 6"):
        join([replace(segments[0], frames=6)], spec, None, tmp_path / "out.mp4", metadata={})
    other, _, _, _ = encoded(make_video("w.mp4", size=(128, 64)), tmp_path / "other")
    with pytest.raises(OutputError, match="encoded in another way"):
        join([segments[0], other[1]], spec, None, tmp_path / "out.mp4", metadata={})
    (segments[1].path).write_bytes(b"gone")
    with pytest.raises(OutputError, match="cannot be written"):
        join(segments, spec, None, tmp_path / "out.mp4", metadata={})
    assert not (tmp_path / "out.mp4").exists()


def test_unknown_suffix_and_nothing_to_join(make_video: Callable[..., Path], tmp_path: Path) -> None:
    segments, spec, _, _ = encoded(make_video("v.mp4", frames=2), tmp_path / "work")
    with pytest.raises(OutputError, match=r"'\.avi'; use one of \.mp4"):
        join(segments, spec, None, tmp_path / "out.avi", metadata={})
    with pytest.raises(ValueError, match="no segments"):
        join([], spec, None, tmp_path / "out.mp4", metadata={})


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_joining_is_silent(
    make_video: Callable[..., Path],
    click: Callable[..., np.ndarray],
    tmp_path: Path,
    suffix: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    segments, spec, _, _ = encoded(make_video("v.mp4"), tmp_path / "work")
    join(segments, spec, track(click(8_000), 8_000), tmp_path / f"out{suffix}", metadata={"odd key": "x"})
    assert capfd.readouterr() == ("", "")


def test_sound_on_disk_is_joined_like_sound_in_memory(
    make_video: Callable[..., Path], make_sound: Callable[..., Path], tmp_path: Path
) -> None:
    segments, spec, _, last = encoded(make_video("v.mp4"), tmp_path / "work", "ffv1")
    samples = np.random.default_rng(0).integers(-32768, 32768, (500_011, 2)).astype(np.float32) / 32768
    stored = store_audio(make_sound("a.wav", samples, rate=44_100), tmp_path / "rows").first(11.0)
    join(segments, spec, stored, tmp_path / "out.mkv", metadata={}, last_duration=last)
    np.testing.assert_array_equal(read_audio(tmp_path / "out.mkv").samples, samples[: 11 * 44_100])
