from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from talkingface.media.encoding import EncodeSpec
from talkingface.media.fitting import fit_frame, halved_across, halved_down, halved_down_by_field
from talkingface.media.planes import plane_views, writable_copy


def noisy_frame(pixel_format: str, width: int = 96, height: int = 64) -> av.VideoFrame:
    frame = writable_copy(av.VideoFrame(width, height, pixel_format))
    for view in plane_views(frame):
        view[:] = np.random.default_rng(0).integers(0, 256, view.shape)
    return frame


def spec_for(pixel_format: str, width: int = 96, height: int = 64, field_order: str = "progressive") -> EncodeSpec:
    return EncodeSpec(
        codec="h264", crf=18, pixel_format=pixel_format, width=width, height=height, time_base=Fraction(1, 25),
        rate=Fraction(25), threads=1, color_range="limited", color_space="bt709", color_primaries="bt709",
        color_transfer="bt709", sample_aspect_ratio=None, rotation=0, field_order=field_order,
    )  # fmt: skip


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


@pytest.mark.parametrize(
    ("source", "encoded"),
    [("yuv444p", "yuv420p"), ("yuv422p", "yuv420p"), ("yuv422p10le", "yuv420p10le"), ("yuvj444p", "yuv420p")],
)
@pytest.mark.parametrize("field_order", ["progressive", "tt"])
@pytest.mark.parametrize("size", [(96, 64), (97, 63)])
def test_luma_is_kept_when_chroma_is_averaged(
    source: str, encoded: str, field_order: str, size: tuple[int, int]
) -> None:
    frame = noisy_frame(source, *size)
    fitted = fit_frame(frame, spec_for(encoded, field_order=field_order, width=size[0] + size[0] % 2, height=64))
    before, after = plane_views(frame)[0], plane_views(fitted)[0]
    np.testing.assert_array_equal(after[: size[1], : size[0]], before)
    np.testing.assert_array_equal(after[: size[1], size[0] :], before[:, size[0] - 1 :][:, : after.shape[1] - size[0]])


def test_an_odd_picture_repeats_its_border() -> None:
    frame = noisy_frame("yuv420p", 97, 63)
    fitted = fit_frame(frame, spec_for("yuv420p", width=98, height=64))
    for before, after in zip(plane_views(frame), plane_views(fitted), strict=True):
        more = [(0, after.shape[axis] - before.shape[axis]) for axis in (0, 1)]
        np.testing.assert_array_equal(after, np.pad(before, more, "edge"))


def test_a_flat_colour_stays_when_chroma_is_averaged() -> None:
    frame = writable_copy(av.VideoFrame(97, 63, "yuv444p12le"))
    for value, view in zip((4095, 1200, 3000), plane_views(frame), strict=True):
        view[:] = value
    fitted = fit_frame(frame, spec_for("yuv420p10le", width=98, height=64))
    assert [np.unique(view).tolist() for view in plane_views(fitted)] == [[1023], [300], [750]]


def test_chroma_lies_where_h264_puts_it() -> None:
    """A ramp across stays a ramp that begins on the same column; one down begins half a line lower."""
    ramp = np.tile(np.arange(0, 64, 2, np.uint8), (8, 1))
    np.testing.assert_array_equal(halved_across(ramp)[:, 1:], ramp[:, 2::2])
    down = np.ascontiguousarray(ramp.T)
    np.testing.assert_array_equal(halved_down(down), down[0::2] + 1)
    # interlaced: two lines of one field are 4 apart in value here; a quarter of the way, and three quarters
    np.testing.assert_array_equal(halved_down_by_field(down)[0::2], down[0::4] + 1)
    np.testing.assert_array_equal(halved_down_by_field(down)[1::2], down[1::4] + 3)


def test_fields_are_not_mixed() -> None:
    plane = np.zeros((18, 6), np.uint16)
    plane[1::2] = 1000
    assert halved_down_by_field(plane).shape == (10, 6)
    assert (halved_down_by_field(plane)[0::2] == 0).all()
    assert (halved_down_by_field(plane)[1::2] == 1000).all()
