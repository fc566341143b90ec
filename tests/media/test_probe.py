from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from talkingface.errors import MediaError
from talkingface.media.probe import clock_zero, in_tiles, open_media, probe


def test_streams_clocks_and_colours(
    make_video: Callable[..., Path], make_sound: Callable[..., Path], click: Callable[..., np.ndarray]
) -> None:
    path = make_video(
        "v.mp4",
        size=(96, 64),
        frames=50,
        rotation=90,
        colour=(2, 1, 1, 1),
        pixel_format="yuvj420p",
        sample_aspect_ratio=Fraction(4, 3),
        sound=make_sound("a.wav", click(48_000, 2)),
        metadata={"title": "Füße"},
    )
    info = probe(path)
    (video,), (audio,) = info.video, info.audio
    assert (video.codec, video.width, video.height, video.bits) == ("h264", 96, 64, 8)
    assert (video.average_rate, video.frames, video.duration) == (25, 50, 2.0)
    assert (video.rotation, video.sample_aspect_ratio, video.interlaced) == (90, Fraction(4, 3), False)
    assert (video.color_range, video.color_space, video.color_primaries) == ("full", "bt709", "bt709")
    assert video.color_transfer == "bt709"
    assert (audio.codec, audio.sample_rate, audio.channels) == ("aac", 48_000, 2)
    assert (info.size_bytes, info.is_still) == (path.stat().st_size, False)
    assert info.metadata["title"] == "Füße"


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation_is_clockwise(make_video: Callable[..., Path], rotation: int) -> None:
    assert probe(make_video("v.mp4", rotation=rotation)).video[0].rotation == rotation


def test_untagged_colour_is_unknown(make_video: Callable[..., Path]) -> None:
    video = probe(make_video("v.mp4")).video[0]
    assert (video.color_space, video.color_primaries, video.color_transfer) == ("unknown",) * 3
    assert video.sample_aspect_ratio is None
    assert video.display_matrix is None


def test_ten_bits(make_video: Callable[..., Path]) -> None:
    video = probe(make_video("v.mkv", codec="ffv1", pixel_format="yuv420p10le")).video[0]
    assert (video.bits, video.pixel_format) == (10, "yuv420p10le")


def test_still_picture(make_video: Callable[..., Path]) -> None:
    path = make_video("p.png", codec="png", pixel_format="rgb24", frames=1, container="image2")
    info = probe(path)
    assert info.is_still
    assert (info.video[0].width, info.video[0].height) == (96, 64)


def test_sound_alone(make_sound: Callable[..., Path], click: Callable[..., np.ndarray]) -> None:
    info = probe(make_sound("a.wav", click(16_000), rate=16_000))
    assert info.video == ()
    assert info.audio[0].duration == pytest.approx(1.0)


def test_clock_begins_with_the_earliest_stream(
    make_video: Callable[..., Path], make_sound: Callable[..., Path], click: Callable[..., np.ndarray]
) -> None:
    late_picture = make_video("v.mp4", pts=[5 + n for n in range(12)], sound=make_sound("a.wav", click(48_000)))
    with open_media(late_picture) as container:
        assert clock_zero(container) == 0
    alone = make_video("w.mp4", pts=[5 + n for n in range(12)])
    with open_media(alone) as container:
        assert clock_zero(container) == Fraction(1, 5)


def test_unusable_files_are_named_with_the_reason(tmp_path: Path) -> None:
    empty, text = tmp_path / "empty.mp4", tmp_path / "text.mp4"
    empty.touch()
    text.write_text("this is no film\n" * 100)
    for path, reason in [
        (tmp_path / "none.mp4", "no such file"),
        (tmp_path, "is a directory"),
        (empty, "the file is empty"),
        (text, "not a media file"),
    ]:
        with pytest.raises(MediaError, match=reason) as caught:
            probe(path)
        assert str(path) in str(caught.value)


def test_odd_names_are_read(make_video: Callable[..., Path]) -> None:
    for name in ["-dash first.mp4", 'it\'s "quoted".mp4', "映像 видео.mp4", "100%d.mp4", "a:b.mp4"]:
        assert probe(make_video(name, frames=2)).video


def test_noise_is_no_media(tmp_path: Path) -> None:
    path = tmp_path / "noise.mp4"
    path.write_bytes(np.random.default_rng(0).bytes(50_000))
    with pytest.raises(MediaError):
        probe(path)


def test_ffmpeg_stays_silent(
    tmp_path: Path, make_video: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    path = make_video("v.mp4")
    path.write_bytes(path.read_bytes()[:-500])
    (tmp_path / "t.avi").write_text("no film")
    for name in ["v.mp4", "t.avi"]:
        try:
            probe(tmp_path / name)
        except MediaError:
            continue
    assert capfd.readouterr() == ("", "")


def test_pictures_in_tiles_are_known() -> None:
    dependent, default = 1 << 19, 1
    assert in_tiles("heic", [dependent, dependent, default])
    assert not in_tiles("heic", [default, 0])
    assert not in_tiles("isom", [default, dependent])  # a film with a layer that needs another
