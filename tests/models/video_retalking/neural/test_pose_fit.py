from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from talkingface.models.video_retalking.neural.pose_fit import (  # noqa: E402
    SIZE,
    PoseFit,
    cut_faces,
    fit_pose,
    five_points,
    upwards,
)

from ....goldens import golden_functions, golden_module, needs_goldens  # noqa: E402

SPACE = np.array([[-0.3, 0.3, 0.1], [0.3, 0.3, 0.1], [0.0, 0.0, 0.4], [-0.2, -0.35, 0.2], [0.2, -0.35, 0.2]])


def test_a_camera_is_found_again() -> None:
    angle = 0.3
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0]])
    points = 90 * SPACE @ turn.T + [120, 140]
    fit = fit_pose(points, SPACE, 256, 250)
    assert (fit.scale, fit.x, fit.y) == pytest.approx((102 / 90, 120, 140))
    np.testing.assert_allclose(fit.row(), [256, 250, 102 / 90, 120, 140], rtol=1e-6)


def test_points_and_pixels_go_to_the_same_place() -> None:
    picture = torch.zeros(1, 1, 250, 256)
    place = np.array([[100.0, 130.0]])  # x, y from the top
    picture[0, 0, 128:133, 98:103] = 1
    fit = PoseFit(256, 250, 1.2, 110.0, 120.0)
    cut = cut_faces(picture, [fit])[0, 0].clamp(0, 1).numpy()
    rows, columns = np.indices(cut.shape)
    centre = np.array([(columns * cut).sum(), (rows * cut).sum()]) / cut.sum()
    there = fit.to_cut(upwards(place, 250))[0]
    np.testing.assert_allclose(centre, [there[0], SIZE - 1 - there[1]], atol=1.5)


def test_nothing_is_beyond_the_picture_and_flat_stays_flat() -> None:
    picture = torch.full((2, 3, 100, 100), 0.5)
    cut = cut_faces(picture, [PoseFit(100, 100, 1.0, 50.0, 50.0), PoseFit(100, 100, 3.3, 50.0, 50.0)])
    assert cut.shape == (2, 3, SIZE, SIZE)
    inside = cut[0, :, 62:162, 62:162]
    torch.testing.assert_close(inside, torch.full_like(inside, 0.5))
    assert cut[0].sum() == pytest.approx(float(inside.sum()))
    torch.testing.assert_close(cut[1], torch.full_like(cut[1], 0.5))


def test_shrinking_averages() -> None:
    stripes = torch.zeros(1, 1, 1000, 1000)
    stripes[..., ::2] = 1
    cut = cut_faces(stripes, [PoseFit(1000, 1000, 0.25, 500.0, 500.0)])
    assert float((cut - 0.5).abs().max()) < 0.02


def test_half_precision() -> None:
    picture = torch.rand(1, 3, 64, 64)
    fit = [PoseFit(64, 64, 3.0, 32.0, 32.0)]
    half = cut_faces(picture.to(torch.bfloat16), fit)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), cut_faces(picture, fit), atol=0.03, rtol=0.03)


@needs_goldens
def test_goldens() -> None:
    about, golden = golden_functions("align")
    image = golden_module("inputs").make(about["inputs"]["image"])
    fits = []
    for k, landmarks in enumerate(golden["landmarks"]):
        points = upwards(landmarks.astype(np.float32), 256)
        fit = fit_pose(five_points(points), golden["lm3d"], 256, 256)
        np.testing.assert_allclose(fit.row(), golden["transform"][k], atol=about["tolerance"]["transform"])
        np.testing.assert_allclose(fit.to_cut(points), golden["landmarks_out"][k], atol=1e-4)
        fits.append(fit)
    pictures = torch.from_numpy(image).permute(2, 0, 1).float().expand(3, -1, -1, -1)
    cut = cut_faces(pictures, fits).clamp(0, 255).round().permute(0, 2, 3, 1).numpy()
    assert np.abs(cut[:, 2::4, 2::4] - golden["image"].astype(float)).max() <= about["tolerance"]["uint8"]
