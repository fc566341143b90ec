from __future__ import annotations

from typing import Any

import av
import cv2
import numpy as np
import pytest

from talkingface.evaluation.face_picture import Box, FacePicture, face_picture, upright_size
from talkingface.evaluation.observation import generic_face
from talkingface.media.colour import MATRICES, RANGES, UNSPECIFIED_TAG


def colour_frame(
    picture: np.ndarray, form: str = "yuv420p", matrix: str = "bt709", full: bool = False
) -> av.VideoFrame:
    """A frame of an RGB picture (height, width, 3), tagged."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
    level = RANGES["full" if full else "limited"]
    names = {"bt709": "ITU709", "smpte170m": "ITU601"}
    made = frame.reformat(
        format=form, dst_colorspace=names[matrix], src_color_range=RANGES["full"], dst_color_range=level
    )
    made.colorspace, made.color_range = MATRICES[matrix], level
    return made


def smooth_colours(height: int = 160, width: int = 160) -> np.ndarray:
    noise = np.random.default_rng(3).uniform(0, 255, (height // 16, width // 16, 3)).astype(np.float32)
    return np.clip(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)


def picture_of(frame: av.VideoFrame, points: np.ndarray | None, **how: Any) -> FacePicture:
    return face_picture(frame, points, generic_face(), **how)


def test_boxes_lie_where_the_face_is_and_ignore_the_mouth(make: Any) -> None:
    frame = colour_frame(smooth_colours())
    closed, open_ = (picture_of(frame, make.face_points(opening)) for opening in (0.0, 0.3))
    mouth, face = closed.mouth_box(), closed.face_box()
    assert mouth is not None and face is not None
    assert (mouth, face) == (open_.mouth_box(), open_.face_box())
    # eyes 40 pixels apart, centred on (80, 60)
    assert mouth.side == 50 and abs(mouth.x + 25 - 80) <= 1 and mouth.y > 60
    assert face.side == 116 and face.y < 40 and face.y + face.side > 60 + 1.8 * 40
    assert picture_of(frame, None).mouth_box() is None


def test_a_box_needs_most_of_itself_in_the_picture() -> None:
    assert Box(-20, 0, 100).inside(200, 200) == (slice(0, 100), slice(0, 80))
    assert Box(-40, 0, 100).inside(200, 200) is None
    assert Box(500, 500, 50).inside(200, 200) is None
    assert Box(0, 0, 5).inside(200, 200) is None
    assert Box(10, 20, 40).enlarged(1.5) == Box(0, 10, 60)


@pytest.mark.parametrize("form", ["yuv420p", "yuv444p", "yuv420p10le", "yuv422p12le"])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", ["bt709", "smpte170m"])
def test_luma_is_the_same_whatever_the_file_keeps_it_in(form: str, full: bool, matrix: str) -> None:
    box = Box(20, 30, 96)
    colours = smooth_colours()
    wanted = picture_of(colour_frame(colours), None).luma(box, 96, "bt709")
    found = picture_of(colour_frame(colours, form, matrix, full), None).luma(box, 96, "bt709")
    assert wanted is not None and found is not None
    assert found.min() >= 0 and found.max() <= 255
    # another matrix has to go through colours, whose halves are kept in every second place only
    assert np.abs(found - wanted).mean() < (1.0 if matrix == "bt709" else 2.0)


def test_luma_of_another_matrix_is_not_taken_as_it_is() -> None:
    red = np.zeros((160, 160, 3), np.uint8)
    red[..., 0] = 200
    box = Box(0, 0, 96)
    by_601 = picture_of(colour_frame(red, matrix="smpte170m"), None)
    own, asked = by_601.luma(box, 96, "bt601"), by_601.luma(box, 96, "bt709")
    assert own is not None and asked is not None
    assert own.mean() == pytest.approx(0.299 * 200, abs=1.5)
    assert asked.mean() == pytest.approx(0.2126 * 200, abs=1.5)


def test_a_file_that_names_no_matrix_is_compared_as_it_is() -> None:
    red = np.zeros((160, 160, 3), np.uint8)
    red[..., 0] = 200
    frame = colour_frame(red, matrix="smpte170m")
    frame.colorspace = UNSPECIFIED_TAG
    picture = picture_of(frame, None)
    luma = picture.luma(Box(0, 0, 96), 96, "bt709")
    assert picture.matrix is None
    assert luma is not None and luma.mean() == pytest.approx(0.299 * 200, abs=1.5)
    # and is guessed to be what the size it is brought to usually has
    assert picture.sampler.layout.matrix == "bt601"
    assert picture_of(frame, None, size=(720, 720)).sampler.layout.matrix == "bt709"


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_picture_that_lies_on_its_side_is_turned(rotation: int, make: Any) -> None:
    colours, points = smooth_colours(160, 192), make.face_points(0.1)
    upright = picture_of(colour_frame(colours, "yuv444p"), points)
    turns = rotation // 90
    coded = np.rot90(colours, turns)  # a player turns it clockwise
    x, y, z = points.T
    places = {1: (y, 192 - x), 2: (192 - x, 160 - y), 3: (160 - y, x)}
    found = picture_of(colour_frame(coded, "yuv444p"), np.stack([*places[turns], z], 1), rotation=rotation)
    assert (found.width, found.height) == (192, 160) == upright_size(*coded.shape[1::-1], rotation)
    np.testing.assert_allclose(found.landmarks, upright.landmarks, atol=1e-4)
    box = upright.face_box()
    assert box is not None and found.face_box() == box
    np.testing.assert_allclose(found.luma(box, 96, "bt709"), upright.luma(box, 96, "bt709"), atol=2)
    assert np.abs(found.rgb(box, 96).astype(int) - upright.rgb(box, 96)).mean() < 2


@pytest.mark.parametrize("scale", [0.5, 2])
def test_another_size_is_brought_to_the_one_wanted(scale: float, make: Any) -> None:
    colours, points = smooth_colours(), make.face_points(0.1)
    side = round(160 * scale)
    other = cv2.resize(colours, (side, side), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    own = picture_of(colour_frame(colours), points)
    brought = picture_of(colour_frame(other), points * np.float32(scale), size=(160, 160))
    assert (brought.width, brought.height) == (160, 160)
    box = own.mouth_box()
    assert box is not None and brought.mouth_box() == box
    luma, wanted = brought.luma(box, 96, "bt709"), own.luma(box, 96, "bt709")
    assert luma is not None and wanted is not None and np.abs(luma - wanted).mean() < 1
    assert np.abs(brought.rgb(box, 96).astype(int) - own.rgb(box, 96)).mean() < 3


def test_gray_pictures_have_luma_and_colours() -> None:
    frame = av.VideoFrame.from_ndarray(np.full((64, 64), 128, np.uint8), "gray")
    picture = picture_of(frame, None)
    luma = picture.luma(Box(0, 0, 64), 32, "bt601")
    assert luma is not None and luma.mean() == pytest.approx(128)
    assert np.abs(picture.rgb(Box(8, 8, 32), 16).astype(int) - 128).max() <= 1
