from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from talkingface.errors import OptionError
from talkingface.media.encoding import EncodeSpec, encode_spec, fit_frame
from talkingface.media.planes import plane_views, writable_copy
from talkingface.media.probe import VideoStreamInfo

SOURCE = VideoStreamInfo(
    index=0,
    codec="h264",
    width=96,
    height=64,
    pixel_format="yuv420p",
    time_base=Fraction(1, 15360),
    average_rate=Fraction(30),
    start_time=0.0,
    duration=2.0,
    frames=60,
    rotation=90,
    sample_aspect_ratio=Fraction(4, 3),
    color_range="limited",
    color_space="bt709",
    color_primaries="bt709",
    color_transfer="bt709",
    bits=8,
    interlaced=False,
)


def test_a_usual_video_stays_as_it_is() -> None:
    spec, notes = encode_spec(SOURCE, "h264", None, 2)
    assert notes == []
    assert (spec.codec, spec.crf, spec.pixel_format, spec.threads) == ("h264", 18, "yuv420p", 2)
    for name in (
        "width",
        "height",
        "time_base",
        "rotation",
        "sample_aspect_ratio",
        "color_range",
        "color_space",
        "color_primaries",
        "color_transfer",
    ):
        assert getattr(spec, name) == getattr(SOURCE, name), name
    assert encode_spec(SOURCE, "h264", 30, 0)[0].crf == 30
    assert encode_spec(SOURCE, "h264", 30, 0)[0].threads == 1


@pytest.mark.parametrize(
    ("changes", "codec", "pixel_format", "note"),
    [
        ({"width": 97}, "h264", "yuv444p", "odd"),
        ({"height": 63}, "hevc", "yuv444p", "odd"),
        ({"height": 63, "pixel_format": "yuv422p"}, "h264", "yuv422p", None),
        ({"width": 97}, "ffv1", "yuv420p", None),
        ({"pixel_format": "yuvj420p", "color_range": "full"}, "h264", "yuv420p", None),
        ({"pixel_format": "nv12"}, "h264", "yuv420p", "nv12 is written as yuv420p"),
        ({"pixel_format": "gray"}, "h264", "yuv420p", "gray is written as yuv420p"),
        ({"pixel_format": "gray"}, "ffv1", "gray", None),
        ({"pixel_format": "yuv422p10le", "bits": 10}, "hevc", "yuv422p10le", None),
        ({"pixel_format": "yuv420p", "interlaced": True}, "h264", "yuv420p", "interlaced"),
        ({"color_space": "unknown"}, "h264", "yuv420p", "read as BT.601"),
        ({"color_space": "unknown", "height": 1080}, "h264", "yuv420p", "read as BT.709"),
    ],
)
def test_what_changes_is_said(changes: dict, codec: str, pixel_format: str, note: str | None) -> None:
    spec, notes = encode_spec(replace(SOURCE, **changes), codec, None, 1)
    assert (spec.codec, spec.pixel_format) == (codec, pixel_format)
    assert notes == [] if note is None else note in " ".join(notes)


@pytest.mark.parametrize(("bits", "pixel_format"), [(10, "yuv420p10le"), (12, "yuv420p12le")])
def test_deep_colour_goes_to_hevc(bits: int, pixel_format: str) -> None:
    spec, notes = encode_spec(replace(SOURCE, bits=bits, pixel_format=pixel_format), "h264", None, 1)
    assert (spec.codec, spec.pixel_format) == ("hevc", pixel_format)
    assert "HEVC" in notes[0]


def test_rgb_is_tagged_as_what_it_becomes() -> None:
    rgb = replace(SOURCE, pixel_format="rgb24", color_range="full", color_space="rgb")
    spec, _ = encode_spec(rgb, "h264", None, 1)
    assert (spec.pixel_format, spec.color_range, spec.color_space) == ("yuv444p", "limited", "smpte170m")


def test_unknown_codec_names_the_near_ones() -> None:
    with pytest.raises(OptionError, match="did you mean 'h264'"):
        encode_spec(SOURCE, "h246", None, 1)


def noisy_frame(pixel_format: str, width: int = 96, height: int = 64) -> av.VideoFrame:
    frame = writable_copy(av.VideoFrame(width, height, pixel_format))
    for view in plane_views(frame):
        view[:] = np.random.default_rng(0).integers(0, 256, view.shape)
    return frame


def spec_for(pixel_format: str, **changes: int) -> EncodeSpec:
    return replace(encode_spec(SOURCE, "h264", None, 1)[0], pixel_format=pixel_format, **changes)


def test_frames_that_fit_are_not_copied() -> None:
    frame = noisy_frame("yuv420p")
    assert fit_frame(frame, spec_for("yuv420p")) is frame


@pytest.mark.parametrize(
    ("source", "encoded", "planes"),
    [("yuvj420p", "yuv420p", 3), ("yuvj444p", "yuv444p", 3), ("gray", "yuv420p", 1), ("gray10le", "yuv420p10le", 1)],
)
def test_samples_are_kept_when_only_the_name_changes(source: str, encoded: str, planes: int) -> None:
    frame = noisy_frame(source)
    fitted = fit_frame(frame, spec_for(encoded))
    assert fitted.format.name == encoded
    for before, after in zip(plane_views(frame)[:planes], plane_views(fitted), strict=False):
        np.testing.assert_array_equal(before, after)
    for neutral in plane_views(fitted)[planes:]:
        assert (neutral == (128 if neutral.dtype == np.uint8 else 512)).all()


@pytest.mark.parametrize("color_range", [1, 2])
def test_luma_is_kept_when_chroma_is_spread(color_range: int) -> None:
    frame = noisy_frame("yuv420p", 97, 63)
    frame.color_range = color_range
    fitted = fit_frame(frame, spec_for("yuv444p", width=97, height=63))
    np.testing.assert_array_equal(plane_views(frame)[0], plane_views(fitted)[0])
