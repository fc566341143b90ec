from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from talkingface.models.video_retalking.neural.face_square import face_square, square_of  # noqa: E402
from talkingface.models.video_retalking.neural.square_crop import (  # noqa: E402
    cut_squares,
    paste_squares,
    picture_to_square,
    square_to_picture,
)

from ....goldens import golden_functions, golden_module, needs_goldens  # noqa: E402


def upright(left: float, top: float, side: float) -> np.ndarray:
    corners = np.array([[left, top], [left, top + side], [left + side, top + side], [left + side, top]])
    return corners[None] - 0.5  # corners lie where a pixel's centre would be (0, 0)


def turned() -> np.ndarray:
    square = square_of(np.array([30.0, 32.0]), np.array([38.0, 29.0]), np.array([36.0, 42.0]))
    return square.corners()[None]


def test_an_upright_square_of_whole_pixels_is_a_slice() -> None:
    picture = torch.rand(1, 3, 40, 50)
    torch.testing.assert_close(cut_squares(picture, upright(7, 5, 16), 16), picture[:, :, 5:21, 7:23])
    crop = torch.rand(1, 3, 16, 16)
    pasted = paste_squares(crop, upright(7, 5, 16), picture)
    torch.testing.assert_close(pasted[:, :, 5:21, 7:23], crop)
    pasted[:, :, 5:21, 7:23] = picture[:, :, 5:21, 7:23]
    assert torch.equal(pasted, picture)


def test_beyond_the_picture_there_is_nothing() -> None:
    crop = cut_squares(torch.ones(1, 1, 20, 20), upright(-8, 4, 16), 16)
    assert crop[..., :8].sum() == 0 and crop[..., 8:].min() == 1


def test_what_was_cut_is_put_back() -> None:
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    picture = (rows / 50 + columns / 70)[None, None]
    back = paste_squares(cut_squares(picture, turned(), 128), turned(), torch.zeros_like(picture))
    inside = back != 0
    assert 0.15 < inside.float().mean() < 0.9
    assert float((back - picture)[:, :, 2:-2, 2:-2][inside[:, :, 2:-2, 2:-2]].abs().max()) < 0.03


def test_maps_are_each_others_inverse() -> None:
    forth, back = square_to_picture(turned(), 128)[0], picture_to_square(turned(), 128)[0]
    points = np.array([[0.0, 0.0], [128, 0], [3, 77]])
    there = points @ forth[:, :2].T + forth[:, 2]
    np.testing.assert_allclose(there @ back[:, :2].T + back[:, 2], points, atol=1e-9)
    np.testing.assert_allclose(there[0], turned()[0, 0] + 0.5)


def test_half_precision_is_not_out_by_a_pixel() -> None:
    picture = torch.rand(1, 1, 256, 256)
    corners = upright(100, 90, 128)
    exact = cut_squares(picture, corners, 128)
    half = cut_squares(picture.to(torch.bfloat16), corners, 128)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), exact, atol=0.005, rtol=0.01)


@needs_goldens
def test_goldens() -> None:
    about, golden = golden_functions("oriented")
    image = golden_module("inputs").make(about["inputs"]["image"])
    corners = np.stack([face_square(landmarks).corners() for landmarks in golden["landmarks"]])
    np.testing.assert_allclose(corners, golden["quad"], atol=about["tolerance"]["quad"])
    maps = picture_to_square(corners, 256).reshape(3, 6)
    np.testing.assert_allclose(maps, golden["coefficients"][:, :6], atol=about["tolerance"]["coefficients"])
    np.testing.assert_allclose(golden["coefficients"][:, 6:], 0, atol=about["tolerance"]["coefficients"])
    pictures = torch.from_numpy(image).permute(2, 0, 1).float().expand(3, -1, -1, -1)
    crops = cut_squares(pictures, corners, 256).round()
    off = np.abs(crops.permute(0, 2, 3, 1).numpy()[:, 2::4, 2::4] - golden["crop"])
    assert off.max() <= about["tolerance"]["uint8"]
    pasted = paste_squares(crops, corners, 255 - pictures).floor()  # the released program cuts fractions off here
    off = np.abs(pasted.permute(0, 2, 3, 1).numpy()[:, 2::4, 2::4] - golden["pasted"]).max(-1)
    assert (off > about["tolerance"]["uint8"]).mean() < 0.005
