from __future__ import annotations

import cv2
import numpy as np
import pytest

from talkingface.compose.paste import paste, plane_alpha
from talkingface.media.planes import Plane, PlaneLayout, bgr_to_yuv_matrix, planes_from_bgr
from talkingface.models.video_retalking.stages import RegionPatch
from talkingface.models.wav2lip.face_crops import LOWER, SIDE, WHOLE, FaceCropper, paste_mask

TURNS = {0: None, 90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}
WIDTH, HEIGHT = 320, 240  # of the picture as shown


def soft_picture() -> np.ndarray:
    """(240, 320, 3) BGR uint8 without fine detail."""
    coarse = np.random.default_rng(3).uniform(30, 220, (9, 12, 3)).astype(np.float32)
    return np.clip(cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)


def layout_of_form(form: str, width: int, height: int) -> PlaneLayout:
    shifts = {"yuv420p": (1, 1), "yuv422p10le": (1, 0), "yuv444p": (0, 0), "gray": (0, 0)}[form]
    return PlaneLayout(form, width, height, 10 if "10" in form else 8, *shifts, False, "bt709")


def coded(picture: np.ndarray, form: str, rotation: int = 0) -> tuple[list[Plane], PlaneLayout]:
    """The planes of a picture that a player turns by ``rotation`` to show it."""
    turn = TURNS[rotation]
    picture = picture if turn is None else cv2.rotate(picture, turn)
    layout = layout_of_form(form, picture.shape[1], picture.shape[0])
    luma, *chroma = planes_from_bgr(picture, layout)
    if form == "gray":
        return [luma], layout
    size = (layout.width >> layout.chroma_shift_x, layout.height >> layout.chroma_shift_y)
    return [luma, *(cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in chroma)], layout


def put_back(
    planes: list[Plane], layout: PlaneLayout, cropper: FaceCropper, picture: np.ndarray, box: np.ndarray
) -> tuple[list[Plane], RegionPatch]:
    patch = cropper.patch(picture, box, 1.0)
    assert patch is not None
    made = [plane.copy() for plane in planes]
    for index, plane in enumerate(made):
        shifts = (layout.chroma_shift_x, layout.chroma_shift_y) if index else (0, 0)
        alpha = plane_alpha(patch.alpha, *shifts)
        assert patch.planes[index].shape == alpha.shape
        paste(plane, patch.x0 >> shifts[0], patch.y0 >> shifts[1], patch.planes[index], alpha, layout.bits)
    return made, patch


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_face_is_read_upright(rotation: int) -> None:
    picture = soft_picture()
    planes, layout = coded(picture, "yuv444p", rotation)
    box = np.array([60.0, 40, 60 + 192, 40 + 144])
    read = FaceCropper(layout, rotation).read(planes, box)
    expected = cv2.resize(picture[40:184, 60:252], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    assert np.abs(read.astype(int) - expected).max() <= 4
    assert np.abs(read.astype(int) - expected).mean() < 1


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("form", ["yuv420p", "yuv422p10le", "yuv444p", "gray"])
def test_what_was_read_goes_back_where_it_was(form: str, rotation: int) -> None:
    planes, layout = coded(soft_picture(), form, rotation)
    box = np.array([61.3, 40.7, 250.1, 199.9])
    cropper = FaceCropper(layout, rotation, WHOLE)
    made, _ = put_back(planes, layout, cropper, cropper.read(planes, box).astype(np.float32), box)
    code = 1 << (layout.bits - 8)
    for plane, own in zip(made, planes, strict=True):
        difference = np.abs(plane.astype(int) - own.astype(int))
        # half a pixel beside its place it would be several times as much
        assert difference.mean() < 0.5 * code
        assert difference.max() <= 5 * code


def test_a_large_face_is_averaged_not_picked_from() -> None:
    fine = np.random.default_rng(0).integers(0, 256, (480, 480), np.uint8)
    layout = layout_of_form("gray", 480, 480)
    read = FaceCropper(layout, 0).read([fine], np.array([0.0, 0, 480, 480]))
    assert read[..., 0].std() < 25  # 5 x 5 pixels each: of 74 a fifth


def test_a_box_beyond_the_picture_is_read_and_put_back_inside() -> None:
    planes, layout = coded(soft_picture(), "yuv420p")
    box = np.array([-40.0, 150, 100, 290])
    cropper = FaceCropper(layout, 0, WHOLE)
    read = cropper.read(planes, box)
    assert (read[80:] == read[95]).all()  # the last line goes on
    made, patch = put_back(planes, layout, cropper, np.zeros((SIDE, SIDE, 3), np.float32), box)
    assert (patch.x0, patch.y0, *patch.alpha.shape) == (0, 150, 90, 100)
    assert made[0][235, 30] < planes[0][235, 30]
    assert cropper.patch(np.zeros((SIDE, SIDE, 3), np.float32), box + 400, 1.0) is None


@pytest.mark.parametrize("region", [LOWER, WHOLE])
def test_outside_the_region_every_bit_stays(region: str) -> None:
    planes, layout = coded(soft_picture(), "yuv420p")
    box = np.array([60.0, 40, 252, 184])
    made, patch = put_back(
        planes, layout, FaceCropper(layout, 0, region), np.full((SIDE, SIDE, 3), 250, np.float32), box
    )
    x0, y0, x1, y1 = 60, 40 if region == WHOLE else 40 + 57, 252, 184
    outside = np.ones((HEIGHT, WIDTH), bool)
    outside[y0:y1, x0:x1] = False
    np.testing.assert_array_equal(made[0][outside], planes[0][outside])
    assert (made[0][y0 + 40 : y1 - 20, x0 + 30 : x1 - 30] != planes[0][y0 + 40 : y1 - 20, x0 + 30 : x1 - 30]).all()
    border = np.concatenate([patch.alpha[0], patch.alpha[-1], patch.alpha[:, 0], patch.alpha[:, -1]])
    assert border.max() == 0


def test_colours_become_the_frames_own_codes() -> None:
    planes, layout = coded(soft_picture(), "yuv422p10le")
    picture = np.broadcast_to(np.array([200, 40, 90], np.float32), (SIDE, SIDE, 3)).copy()
    _, patch = put_back(planes, layout, FaceCropper(layout, 0), picture, np.array([60.0, 40, 252, 184]))
    expected = bgr_to_yuv_matrix(layout) @ [200, 40, 90, 1]
    for plane, code in zip(patch.planes, expected, strict=True):
        np.testing.assert_allclose(plane, code, atol=0.1)


def test_strength_weakens_all_of_it() -> None:
    _, layout = coded(soft_picture(), "yuv420p")
    cropper, box = FaceCropper(layout, 0), np.array([60.0, 40, 252, 184])
    picture = np.zeros((SIDE, SIDE, 3), np.float32)
    full, half = cropper.patch(picture, box, 1.0), cropper.patch(picture, box, 0.5)
    assert full is not None and half is not None
    np.testing.assert_allclose(half.alpha, full.alpha / 2, atol=1e-6)


def test_the_masks() -> None:
    lower, whole = paste_mask(LOWER), paste_mask(WHOLE)
    assert lower[: SIDE * 2 // 5].max() == 0 and whole[SIDE // 4, SIDE // 2] == 1
    middle = slice(SIDE // 2 + 1, SIDE * 7 // 8), slice(SIDE // 8, SIDE * 7 // 8)
    assert lower[middle].min() == 1 and (lower <= whole + 1e-6)[SIDE // 8 :].all()
    for mask in (lower, whole):
        assert mask[0].max() == mask[-1].max() == mask[:, 0].max() == mask[:, -1].max() == 0
