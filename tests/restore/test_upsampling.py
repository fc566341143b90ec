from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

import torch.nn.functional as F  # noqa: E402, N812

from talkingface.restore.upsampling import (  # noqa: E402
    blur,
    blur_kernel,
    doubled_convolution,
    enlarged_convolution,
    enlarged_convolution_within,
)

SIZES = [(16, 16), (17, 24), (31, 16), (5, 40)]


def problem(size: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(size[0])

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    return draw(2, 3, *size), draw(4, 3, 3, 3), draw(4)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("biased", [True, False])
def test_a_bilinear_enlargement_and_a_convolution(size: tuple[int, int], biased: bool) -> None:
    x, weight, bias = problem(size)
    plain = F.conv2d(F.interpolate(x, scale_factor=2, mode="bilinear"), weight, bias if biased else None, padding=1)
    torch.testing.assert_close(enlarged_convolution(x, weight, bias if biased else None), plain, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("size", [*SIZES, (2, 3)])
def test_the_same_without_the_border(size: tuple[int, int]) -> None:
    x, weight, bias = problem(size)
    plain = F.conv2d(F.interpolate(x, scale_factor=2, mode="bilinear"), weight, bias)
    torch.testing.assert_close(enlarged_convolution_within(x, weight, bias), plain, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("biased", [True, False])
def test_a_nearest_enlargement_and_a_convolution(size: tuple[int, int], biased: bool) -> None:
    x, weight, bias = problem(size)
    enlarged = F.pad(F.interpolate(x, scale_factor=2), (1, 1, 1, 1), mode="reflect")
    plain = F.conv2d(enlarged, weight, bias if biased else None)
    torch.testing.assert_close(doubled_convolution(x, weight, bias if biased else None), plain)


def test_a_blur_keeps_what_is_even_and_takes_away_what_alternates() -> None:
    assert float(blur_kernel(4.0).sum()) == 4
    even = torch.full((1, 2, 9, 9), 7.0)
    torch.testing.assert_close(blur(even, blur_kernel(), 0), torch.full((1, 2, 6, 6), 7.0))
    alternating = torch.ones(1, 1, 9, 9)
    alternating[..., ::2] = -1
    assert blur(alternating, blur_kernel(), 0).abs().max() < 1e-6


def test_it_trains_after_it_ran_without_gradients() -> None:
    x, weight, bias = problem((16, 16))
    with torch.inference_mode():
        enlarged_convolution(x.float(), weight.float(), bias.float())
    weight = weight.float().requires_grad_()
    enlarged_convolution(x.float(), weight, bias.float()).sum().backward()
    plain = weight.detach().clone().requires_grad_()
    F.conv2d(F.interpolate(x.float(), scale_factor=2, mode="bilinear"), plain, padding=1).sum().backward()
    torch.testing.assert_close(weight.grad, plain.grad, atol=1e-3, rtol=1e-4)
