"""Every kind of file through reading, encoding, joining and reading again: nothing is lost on the way."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from talkingface.media.encoding import EncodeSpec, encode_spec
from talkingface.media.fitting import fit_frame
from talkingface.media.planes import Plane, plane_views
from talkingface.media.probe import VideoStreamInfo, probe
from talkingface.media.reader import VideoReader
from talkingface.media.writer import SegmentWriter, join

from .kinds import KINDS, Kind, times, write

MATROSKA_TICK = Fraction(1, 1000)
LARGE = 1000


def luma(frame: object) -> Plane:
    return plane_views(frame)[0].copy()  # type: ignore[arg-type]


def through(
    source: Path, folder: Path, codec: str, suffix: str, pixel_format: str = "auto"
) -> tuple[Path, EncodeSpec, list[str], list[Fraction], list[Plane]]:
    """Encode a file again; give the result, how, what was said, and the source's times and luma as encoded."""
    shown, pictures = [], []
    with VideoReader(source) as reader:
        spec, notes = encode_spec(reader.stream, codec, None, 1, pixel_format)
        spec = replace(spec, preset="ultrafast")
        with SegmentWriter(folder / "segments", spec, 4) as writer:
            for decoded in reader.frames():
                writer.write(decoded.frame, decoded.pts)
                shown.append(decoded.pts * spec.time_base)
                if spec.width < LARGE:
                    pictures.append(luma(fit_frame(decoded.frame, spec)))
            segments = writer.close()
    output = folder / f"result{suffix}"
    join(segments, spec, None, output, metadata={}, last_duration=reader.last_duration)
    return output, spec, notes, shown, pictures


def read(path: Path) -> tuple[VideoStreamInfo, list[Fraction], list[Plane]]:
    with VideoReader(path) as reader:
        frames = list(reader.frames())
        return reader.stream, [frame.pts * reader.stream.time_base for frame in frames], [luma(f.frame) for f in frames]


def made(name: str, folder: Path) -> tuple[Kind, Path]:
    kind = KINDS[name]
    if kind.missing:
        pytest.skip(kind.missing)
    return kind, write(kind, folder)


@pytest.mark.parametrize("name", [name for name in KINDS if name != "8k"])
def test_every_frame_is_read_at_its_time(name: str, tmp_path: Path) -> None:
    kind, path = made(name, tmp_path)
    with VideoReader(path) as reader:
        shown = [frame.pts * reader.stream.time_base for frame in reader.frames()]
    assert shown == times(kind)
    assert reader.damaged == 0
    assert not reader.info.is_still
    assert reader.stream.rotation == kind.rotation
    if kind.sample_aspect_ratio is not None:
        assert reader.stream.sample_aspect_ratio == kind.sample_aspect_ratio
    assert len(reader.info.audio) == len(kind.sounds)


@pytest.mark.parametrize("name", KINDS)
def test_the_default_output_plays_everywhere_and_keeps_the_rest(name: str, tmp_path: Path) -> None:
    kind, path = made(name, tmp_path)
    source = probe(path).video[0]
    output, spec, _, shown, pictures = through(path, tmp_path, "h264", ".mp4")
    stream, result_shown, result_pictures = read(output)

    assert result_shown == shown == times(kind)
    deep = pictures[0].dtype == np.uint16 if pictures else False
    assert (stream.codec, stream.pixel_format.replace("yuvj", "yuv")) == (
        ("hevc", "yuv420p10le") if deep else ("h264", "yuv420p")
    )
    assert (stream.width, stream.height) == (spec.width, spec.height)
    assert stream.width % 2 == stream.height % 2 == 0
    assert (0 <= stream.width - source.width <= 1) and (0 <= stream.height - source.height <= 1)
    assert (stream.rotation, stream.sample_aspect_ratio) == (source.rotation, source.sample_aspect_ratio)
    for tag in ("color_space", "color_primaries", "color_transfer"):
        assert getattr(stream, tag) == getattr(spec, tag), tag
    # the limited range is what H.264 means when it says nothing else
    assert stream.color_range.replace("unknown", "limited") == spec.color_range.replace("unknown", "limited")
    assert (stream.mastering_display, stream.content_light) == (source.mastering_display, source.content_light)
    woven = source.interlaced and source.codec != "hevc" and spec.codec != "hevc"
    assert stream.field_order == (source.field_order if woven else "progressive")
    for before, after in zip(pictures, result_pictures, strict=spec.width < LARGE):
        scale = 1 if before.dtype == np.uint8 else 4
        assert np.abs(before.astype(float) - after).mean() < 4 * scale


@pytest.mark.parametrize("name", [name for name in KINDS if name != "8k"])
def test_lossless_output_keeps_every_luma_sample(name: str, tmp_path: Path) -> None:
    _, path = made(name, tmp_path)
    source = probe(path).video[0]
    output, spec, notes, shown, pictures = through(path, tmp_path, "ffv1", ".mkv")
    stream, result_shown, result_pictures = read(output)

    assert (stream.width, stream.height, stream.pixel_format) == (source.width, source.height, spec.pixel_format)
    assert len(result_shown) == len(shown)
    # Matroska counts milliseconds
    assert all(abs(after - before) <= MATROSKA_TICK / 2 for before, after in zip(shown, result_shown, strict=True))
    assert stream.rotation == source.rotation
    assert ("shape of its pixels" in " ".join(notes)) == (source.sample_aspect_ratio is not None)
    assert stream.field_order == ("progressive" if source.codec == "hevc" else source.field_order)
    for before, after in zip(pictures, result_pictures, strict=spec.width < LARGE):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("name", ["422", "444", "odd-size-444", "12-bit", "422-10-bit", "interlaced-422"])
def test_keep_keeps_sampling_size_and_depth(name: str, tmp_path: Path) -> None:
    _, path = made(name, tmp_path)
    source = probe(path).video[0]
    output, _, _, shown, _ = through(path, tmp_path, "h264", ".mp4", "keep")
    stream, result_shown, _ = read(output)
    assert (stream.width, stream.height, stream.pixel_format) == (source.width, source.height, source.pixel_format)
    assert result_shown == shown
    assert stream.field_order == source.field_order


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("name", ["interlaced-tt", "interlaced-bb", "interlaced-mpeg2-ts"])
def test_fields_stay_woven_and_marked(name: str, suffix: str, tmp_path: Path) -> None:
    kind, path = made(name, tmp_path)
    output, _, notes, _, _ = through(path, tmp_path, "h264", suffix)
    stream = probe(output).video[0]
    assert (stream.interlaced, stream.field_order) == (True, kind.field_order)
    assert "marked interlaced" in " ".join(notes)
    if suffix != ".mp4":  # FFmpeg writes the field order into all but MP4, where players take it from the pictures
        import av

        with av.open(str(output)) as container:
            assert container.streams.video[0].codec_context.field_order == {"tt": 2, "bb": 3}[str(kind.field_order)]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("name", ["pixels-4-3", "rotated-90", "rotated-90-odd"])
def test_shapes_and_turns_are_kept_in_every_container(name: str, suffix: str, tmp_path: Path) -> None:
    _, path = made(name, tmp_path)
    source = probe(path).video[0]
    result = probe(through(path, tmp_path, "h264", suffix)[0]).video[0]
    assert (result.rotation, result.sample_aspect_ratio) == (source.rotation, source.sample_aspect_ratio)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_hdr_is_kept_in_every_segment(suffix: str, tmp_path: Path) -> None:
    _, path = made("hdr10", tmp_path)
    source = probe(path).video[0]
    assert source.mastering_display is not None
    output, _, notes, _, _ = through(path, tmp_path, "h264", suffix)
    assert probe(output).video[0].mastering_display == source.mastering_display
    assert not any("cannot" in note for note in notes)
    for segment in sorted((tmp_path / "segments").glob("*.mp4")):
        stream = probe(segment).video[0]
        assert (stream.mastering_display, stream.content_light) == (source.mastering_display, source.content_light)
        assert (stream.color_transfer, stream.color_primaries) == ("smpte2084", "bt2020")


def test_hdr_beside_lossless_video_is_said(tmp_path: Path) -> None:
    _, path = made("hdr10", tmp_path)
    output, _, notes, _, _ = through(path, tmp_path, "ffv1", ".mkv")
    stream = probe(output).video[0]
    assert (stream.color_transfer, stream.color_primaries, stream.color_space) == ("smpte2084", "bt2020", "bt2020nc")
    assert "cannot be written beside ffv1" in " ".join(notes)


def test_the_streams_of_several_languages_are_told(tmp_path: Path) -> None:
    _, path = made("three-sounds", tmp_path)
    assert [track.language for track in probe(path).audio] == ["eng", "deu", "fra"]
