from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from talkingface.models.video_retalking.neural.fourier_block import (  # noqa: E402
    FourierBlock,
    FourierConvolution,
    FourierUnit,
)


@pytest.mark.parametrize("size", [(6, 8), (5, 7), (12, 12)])
def test_the_unit_is_a_matrix_on_every_frequency(size: tuple[int, int]) -> None:
    unit = FourierUnit(3).eval().double()
    features = torch.randn(2, 3, *size, dtype=torch.float64)
    spectrum = torch.fft.rfft2(features, norm="ortho")
    parts = torch.stack([spectrum.real, spectrum.imag], 2).flatten(1, 2)  # re, im, re, im ...
    mixed = torch.einsum("oi,nihw->nohw", unit.conv_layer.weight[:, :, 0, 0], parts)
    mixed = torch.relu(mixed / (1 + unit.bn.eps) ** 0.5)
    expected = torch.fft.irfft2(torch.complex(mixed[:, 0::2], mixed[:, 1::2]), s=size, norm="ortho")
    torch.testing.assert_close(unit(features), expected)


def test_global_channels_see_the_whole_picture_and_local_ones_their_neighbours() -> None:
    convolution = FourierConvolution(8).eval()
    features = torch.randn(1, 8, 12, 12)
    changed = features.clone()
    changed[0, 5, 0, 0] += 100  # a channel of the global part
    difference = (convolution(changed) - convolution(features)).abs()[0]
    difference = difference.detach()
    assert float(difference[:2, 3:, 3:].max()) == 0
    assert float(difference[2:, 6, 6].max()) > 1e-4


def test_the_block_adds_to_what_comes_in() -> None:
    block = FourierBlock(8, 4, 5).eval()
    features, descriptor = torch.randn(2, 8, 6, 6), torch.randn(2, 4)
    with torch.inference_mode():
        out = block(features, descriptor)
        inner = block.conv2(block.conv1(features, descriptor), descriptor)
    torch.testing.assert_close(out - features, inner, atol=1e-5, rtol=1e-4)
    assert float(inner.min()) < 0  # leaky, with a slope of 0.01
    positive, negative = inner[inner > 0].mean(), inner[inner < 0].mean()
    assert 0.003 < float(-negative / positive) < 0.03
