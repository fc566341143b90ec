from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from talkingface.errors import OptionError
from talkingface.media import encoding
from talkingface.media.encoding import EncodeSpec, encode_spec
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
        ({"width": 97}, "h264", "yuv420p", "97x64 does not fit 4:2:0 pictures: written as 98x64"),
        ({"height": 63}, "hevc", "yuv420p", "written as 96x64"),
        ({"pixel_format": "yuv422p"}, "h264", "yuv420p", "keep keeps its chroma sampling"),
        ({"pixel_format": "yuva420p"}, "h264", "yuv420p", "transparent parts are shown over gray"),
        ({"pixel_format": "bayer_rggb8"}, "h264", "yuv420p", "bayer_rggb8 is written as yuv420p"),
        ({"pixel_format": "gray16be", "bits": 16}, "hevc", "yuv420p10le", "16 bits a sample become 10"),
        ({"pixel_format": "rgb48le", "bits": 16}, "ffv1", "yuv444p12le", "16 bits a sample become 12"),
        ({"width": 97}, "ffv1", "yuv420p", None),
        ({"pixel_format": "yuvj420p", "color_range": "full"}, "h264", "yuv420p", None),
        ({"pixel_format": "nv12"}, "h264", "yuv420p", "nv12 is written as yuv420p"),
        ({"pixel_format": "gray"}, "h264", "yuv420p", "gray is written as yuv420p"),
        ({"pixel_format": "gray"}, "ffv1", "gray", None),
        ({"pixel_format": "yuv422p10le", "bits": 10}, "hevc", "yuv420p10le", "yuv422p10le is written as yuv420p10le"),
        ({"pixel_format": "yuv422p10le", "bits": 10}, "ffv1", "yuv422p10le", None),
        (
            {"interlaced": True, "field_order": "tt"},
            "h264",
            "yuv420p",
            "top field first): its fields stay woven, the out",
        ),
        ({"interlaced": True, "field_order": "bb"}, "hevc", "yuv420p", "bottom field first): its fields stay woven"),
        ({"interlaced": True, "field_order": "bb"}, "hevc", "yuv420p", "marked progressive"),
        ({"interlaced": True, "field_order": "tt", "codec": "hevc"}, "h264", "yuv420p", "keeps them single"),
        ({"interlaced": True, "field_order": "tt"}, "ffv1", "yuv420p", "marked interlaced"),
        ({"lost_side_data": ("HDR10+", "Dolby Vision")}, "hevc", "yuv420p", "carries HDR10+ and Dolby Vision"),
        ({"content_light": (1000, 400)}, "ffv1", "yuv420p", "light level cannot be written beside ffv1"),
        ({"content_light": (1000, 400)}, "hevc", "yuv420p", None),
        ({"sample_aspect_ratio": Fraction(4, 3)}, "ffv1", "yuv420p", "4:3, cannot be written beside ffv1"),
        ({"color_space": "unknown"}, "h264", "yuv420p", "read as BT.601"),
        ({"color_space": "unknown", "height": 1080}, "h264", "yuv420p", "read as BT.709"),
    ],
)
def test_what_changes_is_said(changes: dict, codec: str, pixel_format: str, note: str | None) -> None:
    spec, notes = encode_spec(replace(SOURCE, **{"sample_aspect_ratio": None, **changes}), codec, None, 1)
    assert (spec.codec, spec.pixel_format) == (codec, pixel_format)
    assert notes == [] if note is None else note in " ".join(notes)


@pytest.mark.parametrize(("bits", "pixel_format"), [(10, "yuv420p10le"), (12, "yuv420p12le")])
def test_deep_colour_goes_to_hevc(bits: int, pixel_format: str) -> None:
    deep = replace(SOURCE, bits=bits, pixel_format=pixel_format)
    spec, notes = encode_spec(deep, "h264", None, 1)
    assert (spec.codec, spec.pixel_format) == ("hevc", "yuv420p10le")
    assert encode_spec(deep, "h264", None, 1, "keep")[0].pixel_format == pixel_format
    assert "HEVC" in notes[0]


def test_rgb_is_tagged_as_what_it_becomes() -> None:
    rgb = replace(SOURCE, pixel_format="rgb24", color_range="full", color_space="rgb")
    spec, _ = encode_spec(rgb, "h264", None, 1)
    assert (spec.pixel_format, spec.color_range, spec.color_space) == ("yuv420p", "limited", "smpte170m")
    assert encode_spec(rgb, "h264", None, 1, "keep")[0].pixel_format == "yuv444p"


@pytest.mark.parametrize(
    ("changes", "codec", "pixel_format"),
    [
        ({"width": 97}, "h264", "yuv444p"),
        ({"height": 63, "pixel_format": "yuv422p"}, "h264", "yuv422p"),
        ({"height": 63, "pixel_format": "yuv420p10le"}, "hevc", "yuv444p10le"),
        ({"pixel_format": "yuv444p12le"}, "hevc", "yuv444p12le"),
    ],
)
def test_keep_keeps_sampling_and_size(changes: dict, codec: str, pixel_format: str) -> None:
    source = replace(SOURCE, **changes)
    spec, _ = encode_spec(source, codec, None, 1, "keep")
    assert (spec.pixel_format, spec.width, spec.height) == (pixel_format, source.width, source.height)


def test_interlaced_pictures_get_whole_field_pairs() -> None:
    woven = replace(SOURCE, height=66, interlaced=True, field_order="tt")
    spec, notes = encode_spec(woven, "h264", None, 1)
    assert (spec.field_order, spec.height) == ("tt", 68)
    assert "written as 96x68" in " ".join(notes)
    kept, notes = encode_spec(woven, "h264", None, 1, "keep")
    assert (kept.field_order, kept.height) == ("progressive", 66)
    assert "marked progressive" in " ".join(notes)


def test_a_turned_picture_that_grows_still_begins_at_its_corner() -> None:
    one = 1 << 16
    turned = replace(SOURCE, width=97, height=63, display_matrix=(0, one, 0, -one, 0, 0, 63 * one, 0, 1 << 30))
    spec, _ = encode_spec(turned, "h264", None, 1)
    assert spec.display_matrix == (0, one, 0, -one, 0, 0, 64 * one, 0, 1 << 30)
    unplaced = replace(turned, display_matrix=(0, one, 0, -one, 0, 0, 0, 0, 1 << 30))
    assert encode_spec(unplaced, "h264", None, 1)[0].display_matrix == unplaced.display_matrix


def test_a_size_that_few_devices_play_is_said() -> None:
    large = replace(SOURCE, width=7680, height=4320)
    assert "few devices" in " ".join(encode_spec(large, "h264", None, 1)[1])
    assert encode_spec(large, "hevc", None, 1)[1] == []
    assert encode_spec(replace(SOURCE, width=3840, height=2160), "h264", None, 1)[1] == []


def test_lossless_h264_is_said() -> None:
    assert "few players" in " ".join(encode_spec(SOURCE, "h264", 0, 1)[1])


def test_unknown_codec_names_the_near_ones() -> None:
    with pytest.raises(OptionError, match="did you mean 'h264'"):
        encode_spec(SOURCE, "h246", None, 1)
    with pytest.raises(OptionError, match="did you mean 'keep'"):
        encode_spec(SOURCE, "h264", None, 1, "kep")


@pytest.mark.parametrize(
    ("size", "bits", "codec", "expected"),
    [
        ((1920, 1080), 8, "h264", None),
        ((1920, 1080), 10, "hevc", None),
        ((3840, 2160), 8, "h264", 8),
        ((3840, 2160), 10, "hevc", 4),
        ((7680, 4320), 10, "hevc", 4),
    ],
)
def test_encoders_look_less_far_ahead_in_large_pictures(
    size: tuple[int, int], bits: int, codec: str, expected: int | None
) -> None:
    spec = EncodeSpec(
        codec=codec, crf=20, pixel_format="yuv420p" if bits == 8 else "yuv420p10le", width=size[0], height=size[1],
        time_base=Fraction(1, 25), rate=Fraction(25), threads=2, color_range="limited", color_space="bt709",
        color_primaries="bt709", color_transfer="bt709", sample_aspect_ratio=None, rotation=0,
    )  # fmt: skip
    told = encoding._encoder_options(spec).get(f"x26{4 if codec == 'h264' else 5}-params", "")
    assert (f"rc-lookahead={expected}" in told) if expected else ("lookahead" not in told)
