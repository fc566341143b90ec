from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from talkingface.models.nearest_upsampling import DoublingConv2d, fold_nearest_upsampling  # noqa: E402
from talkingface.models.video_retalking.neural.picture_blocks import UpBlock  # noqa: E402


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (8, 4)])
def test_doubling_and_convolution_in_one(size: tuple[int, int]) -> None:
    convolution = nn.Conv2d(4, 6, 3, padding=1)
    picture = torch.randn(2, 4, *size)
    with torch.inference_mode():
        apart = convolution(functional.interpolate(picture, scale_factor=2.0, mode="nearest"))
        torch.testing.assert_close(DoublingConv2d(convolution)(picture), apart, atol=1e-5, rtol=1e-4)


def test_four_ninths_of_the_products() -> None:
    convolution = nn.Conv2d(4, 6, 3, padding=1)
    small_pixels = 1 / 4  # of the large picture's
    assert DoublingConv2d(convolution).weight.numel() * small_pixels == convolution.weight.numel() * 4 / 9


def test_blocks_are_folded_once_and_after_spectral_norms() -> None:
    block = UpBlock(4, 6, spectral=False).eval()
    picture = torch.randn(1, 4, 6, 6)
    with torch.inference_mode():
        before = block(picture)
        assert (fold_nearest_upsampling(block), fold_nearest_upsampling(block)) == (1, 0)
        torch.testing.assert_close(block(picture), before, atol=1e-5, rtol=1e-4)
    with pytest.raises(ValueError, match="fold_spectral_norm comes before"):
        fold_nearest_upsampling(UpBlock(4, 6, spectral=True))
