from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from talkingface.errors import MediaError
from talkingface.media.planes import (
    PLANAR_FORMATS,
    PlaneLayout,
    bgr_from_planes,
    layout_of,
    picture_bgr,
    plane_views,
    planes_from_bgr,
    to_working_format,
    working_format,
    writable_copy,
)


def rgb_picture(width: int, height: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, 255 - x * 255 // width], -1).astype(np.uint8)


def decoded_frames(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


@pytest.mark.parametrize(
    ("source", "working"),
    [
        ("yuv420p", "yuv420p"),
        ("yuvj422p", "yuvj422p"),
        ("gray10le", "gray10le"),
        ("nv12", "yuv420p"),
        ("p010le", "yuv420p10le"),
        ("p210le", "yuv422p10le"),
        ("yuyv422", "yuv422p"),
        ("uyvy422", "yuv422p"),
        ("yuva420p", "yuv420p"),
        ("yuv411p", "yuv422p"),
        ("yuv440p", "yuv444p"),
        ("yuv410p", "yuv420p"),
        ("yuv420p10be", "yuv420p10le"),
        ("yuv420p9le", "yuv420p10le"),
        ("yuv422p16le", "yuv422p12le"),
        ("rgb24", "yuv444p"),
        ("gbrp", "yuv444p"),
        ("gbrp10le", "yuv444p10le"),
        ("rgb48le", "yuv444p12le"),
        ("rgba", "yuv444p"),
        ("pal8", "yuv444p"),
        ("gray16le", "gray12le"),
        ("ya8", "gray"),
    ],
)
def test_every_format_has_a_planar_one_that_holds_it(source: str, working: str) -> None:
    assert working_format(source) == working
    frame = av.VideoFrame(34, 22, source)
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    converted = to_working_format(frame)
    assert converted.format.name == working
    assert layout_of(converted).bits == PLANAR_FORMATS[working][0]


def test_unknown_formats_are_refused() -> None:
    with pytest.raises(MediaError, match="unknown pixel format"):
        working_format("yuv999p")
    with pytest.raises(MediaError, match="no planes to work on"):
        layout_of(av.VideoFrame(16, 16, "nv12"))


@pytest.mark.parametrize("pixel_format", sorted(PLANAR_FORMATS))
@pytest.mark.parametrize("size", [(34, 22), (33, 21), (700, 5)])
def test_views_share_the_frame_and_leave_padding_out(pixel_format: str, size: tuple[int, int]) -> None:
    width, height = size
    frame = writable_copy(av.VideoFrame(width, height, pixel_format))
    bits, across, down = PLANAR_FORMATS[pixel_format]
    views = plane_views(frame)
    chroma = (-(-height >> down), -(-width >> across))
    assert [view.shape for view in views] == [(height, width), chroma, chroma][: len(views)]
    assert all(view.dtype == (np.uint8 if bits == 8 else np.uint16) for view in views)
    for number, view in enumerate(views):
        view[:] = number + 1
        view[-1, -1] = 77
    again = plane_views(frame)
    assert [int(view[0, 0]) for view in again] == list(range(1, len(views) + 1))
    assert all(view[-1, -1] == 77 for view in again)
    assert all(np.shares_memory(one, other) for one, other in zip(views, again, strict=True))


def test_views_of_decoded_frames_cannot_be_written(make_video: Callable[..., Path]) -> None:
    for frame in decoded_frames(make_video("v.mp4")):
        with pytest.raises(ValueError, match="read-only"):
            plane_views(frame)[0][0, 0] = 1


def test_views_outlive_the_frame_object(make_video: Callable[..., Path]) -> None:
    views = [plane_views(frame)[0] for frame in decoded_frames(make_video("v.mkv", codec="ffv1"))]
    assert len({view.tobytes() for view in views}) == len(views)


def test_altering_copies_leaves_the_decoder_alone(make_video: Callable[..., Path]) -> None:
    """The frames that follow are predicted from the ones before."""
    path = make_video("v.mp4", frames=40)
    expected = [plane_views(frame)[0].tobytes() for frame in decoded_frames(path)]
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            copy = writable_copy(frame)
            assert plane_views(copy)[0].tobytes() == expected[number]
            for view in plane_views(copy):
                view[:] = 0
            assert plane_views(frame)[0].tobytes() == expected[number]


def test_copies_keep_time_colour_and_side_data(make_video: Callable[..., Path]) -> None:
    frame = decoded_frames(make_video("v.mp4", rotation=90, colour=(1, 1, 1, 1)))[3]
    assert len(frame.side_data)
    plain = decoded_frames(make_video("w.mkv", codec="ffv1", colour=(2, 6, 6, 6)))[3]
    assert not len(plain.side_data)
    for source in (frame, plain):
        copy = writable_copy(source)
        for name in ("pts", "time_base", "color_range", "colorspace", "color_primaries", "color_trc", "rotation"):
            assert getattr(copy, name) == getattr(source, name), name
        assert [entry.type for entry in copy.side_data] == [entry.type for entry in source.side_data]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_small_pictures_are_upright(rotation: int) -> None:
    frame = av.VideoFrame.from_ndarray(rgb_picture(64, 32), "rgb24").reformat(format="yuv444p")
    small = picture_bgr(frame, 32, rotation)
    expected = np.rot90(rgb_picture(64, 32)[::2, ::2, ::-1], -rotation // 90)
    assert small.shape == expected.shape
    assert small.flags.c_contiguous
    assert np.abs(small.astype(int) - expected).mean() < 4


def test_small_pictures_are_never_larger_than_the_frame() -> None:
    frame = av.VideoFrame(30, 20, "yuv420p")
    assert picture_bgr(frame, 300).shape == picture_bgr(frame, None).shape == (20, 30, 3)
    assert picture_bgr(av.VideoFrame(4000, 2, "yuv420p"), 100).shape == (1, 100, 3)


@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("bits", [8, 10, 12])
def test_planes_and_pictures_turn_into_each_other(matrix: str, full_range: bool, bits: int) -> None:
    name = "yuv444p" if bits == 8 else f"yuv444p{bits}le"
    layout = PlaneLayout(name, 64, 48, bits, 0, 0, full_range, matrix)
    bgr = rgb_picture(64, 48)[..., ::-1]
    y, u, v = planes_from_bgr(np.ascontiguousarray(bgr), layout)
    assert y.dtype == (np.uint8 if bits == 8 else np.uint16)
    back = bgr_from_planes(y, u, v, layout)
    assert back.dtype == np.uint8
    assert np.abs(back.astype(int) - bgr).max() <= (3 if bits == 8 else 1)


@pytest.mark.parametrize(
    ("colorspace", "color_range", "height"), [(1, 1, 64), (6, 1, 64), (9, 1, 64), (1, 2, 64), (2, 0, 64), (2, 0, 720)]
)
def test_own_conversion_agrees_with_ffmpeg(colorspace: int, color_range: int, height: int) -> None:
    rng = np.random.default_rng(0)
    frame = writable_copy(av.VideoFrame(64, height, "yuv444p"))
    frame.colorspace, frame.color_range = colorspace, color_range
    for view, (low, high) in zip(plane_views(frame), [(60, 200), (100, 156), (100, 156)], strict=True):
        view[:] = rng.integers(low, high, view.shape)
    own = bgr_from_planes(*plane_views(frame), layout_of(frame))
    assert np.abs(own.astype(int) - picture_bgr(frame, None)).max() <= 2


def test_gray_planes_make_gray_pictures() -> None:
    layout = PlaneLayout("gray", 8, 8, 8, 0, 0, True, "bt601")
    luma = np.arange(64, dtype=np.uint8).reshape(8, 8)
    np.testing.assert_array_equal(bgr_from_planes(luma, None, None, layout), np.repeat(luma[..., None], 3, -1))


def test_range_survives_the_working_format() -> None:
    frame: av.VideoFrame = av.VideoFrame(32, 32, "nv12")
    frame.color_range = 2
    frame.planes[0].update(bytes([250]) * frame.planes[0].buffer_size)
    frame.planes[1].update(bytes([128]) * frame.planes[1].buffer_size)
    converted = to_working_format(frame)
    assert int(plane_views(converted)[0].min()) == 250
    assert layout_of(converted).full_range


def test_rgb_becomes_tagged_studio_range() -> None:
    make: Callable[[int], av.VideoFrame] = lambda height: av.VideoFrame.from_ndarray(  # noqa: E731
        np.full((height, 16, 3), 255, np.uint8), "rgb24"
    )
    for height, matrix in [(480, "bt601"), (1080, "bt709")]:
        layout = layout_of(to_working_format(make(height)))
        assert (layout.full_range, layout.matrix) == (False, matrix)
        assert int(plane_views(to_working_format(make(height)))[0][0, 0]) == 235
