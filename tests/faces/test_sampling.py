"""Square crops under a similarity transform."""

from __future__ import annotations

import av
import numpy as np
import pytest

from talkingface.faces.sampling import BgrSampler, FrameSampler, OrientedSquare, warp_shrinking


def gradient(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([x, y, 0.25 * x + 0.5 * y], -1)


def test_matrix_takes_the_centre_to_the_middle_and_the_size_to_the_side() -> None:
    matrix = OrientedSquare(30, 40, 20, 0).to_square(64)
    np.testing.assert_allclose(matrix @ [30, 40, 1], [32, 32])
    np.testing.assert_allclose(matrix @ [20, 30, 1], [0, 0])
    np.testing.assert_allclose(matrix @ [40, 50, 1], [64, 64])


def test_angle_is_the_direction_of_the_crops_x_axis() -> None:
    matrix = OrientedSquare(0, 0, 2, np.pi / 2).to_square(2)
    np.testing.assert_allclose(matrix @ [0, 1, 1], [2, 1], atol=1e-12)  # down in the picture is right in the crop


def test_a_shrinking_warp_reads_where_the_plain_one_does() -> None:
    plane = gradient(480, 640)[..., 2]
    region = OrientedSquare(300.3, 211.7, 400, 0.3)
    matrix = region.to_square(64)
    inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))
    y, x = np.mgrid[:64, :64]
    places = np.stack([x, y, np.ones_like(x)], -1) @ inverse[:2].T
    expected = 0.25 * places[..., 0] + 0.5 * places[..., 1]
    found = warp_shrinking(plane, matrix, 64)
    inside = (places[..., 0] > 8) & (places[..., 0] < 630) & (places[..., 1] > 8) & (places[..., 1] < 470)
    np.testing.assert_allclose(found[inside], expected[inside], atol=0.3)


def test_a_shrinking_warp_averages() -> None:
    checks = (np.indices((400, 400)).sum(0) % 2 * 200).astype(np.uint8)
    found = warp_shrinking(checks, OrientedSquare(200, 200, 320, 0).to_square(32), 32)
    assert np.ptp(found[4:-4, 4:-4].astype(int)) <= 2
    assert abs(int(found[16, 16]) - 100) <= 2


@pytest.mark.parametrize("region", [OrientedSquare(-500, -500, 300, 0), OrientedSquare(2000, 30, 900, 1)])
def test_outside_the_picture_is_black(region: OrientedSquare) -> None:
    crop = BgrSampler(np.full((100, 120, 3), 200, np.uint8)).crop_rgb(region, 48)
    assert crop.shape == (48, 48, 3)
    assert crop.max() == 0


def test_bgr_pictures_become_rgb_crops() -> None:
    picture = np.zeros((60, 60, 3), np.uint8)
    picture[..., 0] = 250
    crop = BgrSampler(picture).crop_rgb(OrientedSquare(30, 30, 40, 0), 32)
    assert crop[16, 16].tolist() == [0, 0, 250]


@pytest.mark.parametrize("form", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le"])
@pytest.mark.parametrize("size", [70.0, 300.0], ids=["enlarging", "shrinking"])
def test_frames_give_the_same_crops_as_pictures(form: str, size: float) -> None:
    rgb = np.clip(gradient(480, 640) * [0.35, 0.5, 0.4] + 10, 0, 255).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(
        format=form, src_colorspace="ITU601", dst_colorspace="ITU601", dst_color_range="MPEG"
    )
    frame.colorspace, frame.color_range = 5, 1
    region = OrientedSquare(310, 230, size, 0.4)
    of_frame = FrameSampler(frame).crop_rgb(region, 96).astype(int)
    of_picture = BgrSampler(np.ascontiguousarray(rgb[..., ::-1])).crop_rgb(region, 96).astype(int)
    assert np.abs(of_frame - of_picture)[4:-4, 4:-4].max() <= 8
    assert np.abs(of_frame - of_picture)[4:-4, 4:-4].mean() < 2


def test_gray_frames() -> None:
    frame = av.VideoFrame.from_ndarray(np.full((64, 64), 126, np.uint8), "gray")
    frame.color_range = 1
    crop = FrameSampler(frame).crop_rgb(OrientedSquare(32, 32, 40, 0), 16)
    assert np.ptp(crop) == 0
    assert abs(int(crop[0, 0, 0]) - 128) <= 1


def test_the_border_of_a_shrinking_crop_is_not_darkened() -> None:
    picture = np.full((300, 300, 3), 200, np.uint8)
    assert BgrSampler(picture).crop_rgb(OrientedSquare(150, 150, 200, 0), 48).min() == 200


def test_outside_a_frame_is_black_not_green() -> None:
    frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 120, np.uint8), "rgb24").reformat(format="yuv420p")
    crop = FrameSampler(frame).crop_rgb(OrientedSquare(400, 400, 40, 0), 16)
    assert crop.max() <= 2
