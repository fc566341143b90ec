from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from talkingface.models.video_retalking.neural.flow_network import warped  # noqa: E402


def test_still_pictures_shrink_by_the_released_programs_half_pixel() -> None:
    columns = torch.arange(64.0).expand(1, 1, 64, 64)
    still = warped(columns, torch.zeros(1, 2, 16, 16))
    # the grid's outermost centres count as the picture's outer edges: the middle stays, the sides move outwards
    torch.testing.assert_close(still[0, 0, 32, 31:33].mean(), torch.tensor(31.5), atol=1e-4, rtol=0)
    assert float(still[0, 0, 32, 40] - 40) == pytest.approx((40 - 31.5) / 15, abs=0.05)


def test_the_flow_says_where_pixels_come_from() -> None:
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    flow = torch.zeros(1, 2, 16, 16)
    still = warped(torch.stack([rows, columns])[None], flow)
    flow[:, 0], flow[:, 1] = 1.5, -0.75
    moved = (warped(torch.stack([rows, columns])[None], flow) - still)[0, :, 20:44, 20:44]
    pixel = 64 / 15  # one of the grid's, in the picture's
    torch.testing.assert_close(moved[0], torch.full((24, 24), -0.75 * pixel), atol=1e-3, rtol=0)
    torch.testing.assert_close(moved[1], torch.full((24, 24), 1.5 * pixel), atol=1e-3, rtol=0)


def test_what_comes_from_outside_is_empty_and_half_precision_is_not_out_by_a_pixel() -> None:
    flow = torch.full((1, 2, 16, 16), 30.0)
    assert float(warped(torch.ones(1, 3, 64, 64), flow).abs().max()) == 0
    columns = torch.arange(256.0).expand(1, 1, 256, 256) / 256
    exact, still = warped(columns, torch.zeros(1, 2, 64, 64)), torch.zeros(1, 2, 64, 64, dtype=torch.bfloat16)
    rough = warped(columns.to(torch.bfloat16), still)
    assert float((rough.float() - exact).abs().max()) < 0.005
