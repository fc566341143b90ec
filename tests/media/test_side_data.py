from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import pytest

from talkingface.media.side_data import (
    content_light,
    field_order,
    filtered,
    has_side_data,
    lost_side_data,
    mastering_display,
    side_data,
    with_field_order,
)


def mastering(has_primaries: int = 1, has_luminance: int = 1) -> bytes:
    red, green, blue, white = (34000, 16000), (13250, 34500), (7500, 3000), (15635, 16450)
    numbers = [number for pair in (red, green, blue, white) for value in pair for number in (value, 50_000)]
    return struct.pack("=20iii", *numbers, 50, 10_000, 10_000_000, 10_000, has_primaries, has_luminance)


def test_a_mastering_display_is_written_as_encoders_take_it() -> None:
    expected = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    assert mastering_display(mastering()) == expected


@pytest.mark.parametrize("data", [b"", mastering()[:-1], mastering(has_primaries=0), mastering(has_luminance=0)])
def test_half_a_mastering_display_is_none(data: bytes) -> None:
    assert mastering_display(data) is None


def test_a_fraction_over_nothing_is_no_crash() -> None:
    assert mastering_display(struct.pack("=20iii", *[0] * 20, 1, 1)) == "G(0,0)B(0,0)R(0,0)WP(0,0)L(0,0)"


def test_content_light() -> None:
    assert content_light(struct.pack("=II", 1000, 400)) == (1000, 400)
    assert content_light(b"") is None


def test_what_is_lost_is_named_once() -> None:
    found = {"DOVI_METADATA": b"", "DOVI_RPU_BUFFER": b"", "DYNAMIC_HDR_PLUS": b"", "A53_CC": b""}
    assert lost_side_data(found) == ("HDR10+", "Dolby Vision")
    assert lost_side_data({"A53_CC": b""}) == ()


def test_kinds_without_a_name_do_not_hide_the_others(tmp_path: Path) -> None:
    """PyAV has no name for EXIF, and refuses to list any of the side data of a frame that carries it."""
    frame = av.VideoFrame(32, 32, "yuvj420p")
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    encoder = av.codec.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 32, 32, "yuvj420p"  # type: ignore[attr-defined]
    encoder.time_base = Fraction(1, 25)
    data = b"".join(bytes(packet) for packet in encoder.encode(frame))  # type: ignore[attr-defined]
    # an orientation and a camera's name: FFmpeg takes the first out and keeps the rest as EXIF
    exif = struct.pack("<2sHIH", b"II", 42, 8, 2) + struct.pack("<HHI4s", 0x010F, 2, 4, b"Cam\0")
    exif += struct.pack("<HHIHHI", 0x0112, 3, 1, 6, 0, 0)
    segment = b"Exif\0\0" + exif
    path = tmp_path / "camera.jpg"
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:])
    with av.open(str(path)) as picture:
        decoded = next(picture.decode(video=0))
    assert has_side_data(decoded)
    assert len(side_data(decoded)["DISPLAYMATRIX"]) == 36


def test_fields_are_marked_without_a_copy() -> None:
    frame = av.VideoFrame(32, 32, "yuv420p")
    frame.pts, frame.time_base = 7, Fraction(1, 50)
    assert field_order(frame) == "progressive"
    for order in ("tt", "bb"):
        marked = with_field_order(frame, order)
        assert field_order(marked) == order
        assert (marked.pts, marked.time_base) == (7, Fraction(1, 50))
        assert marked.planes[0].buffer_ptr == frame.planes[0].buffer_ptr
    assert field_order(with_field_order(marked, "progressive")) == "progressive"
    assert field_order(frame) == "progressive"


def test_no_filters_give_the_frame_back() -> None:
    frame = av.VideoFrame(32, 32, "yuv420p")
    assert filtered(frame, []).planes[0].buffer_ptr == frame.planes[0].buffer_ptr
    assert not has_side_data(frame)
    assert side_data(frame) == {}
