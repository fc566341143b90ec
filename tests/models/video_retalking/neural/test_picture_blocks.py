from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from talkingface.models.video_retalking.neural.picture_blocks import (  # noqa: E402
    AdaptiveNorm,
    DownBlock,
    FinalBlock,
    FirstBlock,
    JumpBlock,
    PictureNorm,
    UpBlock,
)

FEATURES = torch.randn(2, 6, 8, 10, generator=torch.Generator().manual_seed(0)) * 3 + 1


def test_picture_norm_is_a_layer_norm_over_everything() -> None:
    norm = PictureNorm(6)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    expected = functional.layer_norm(FEATURES, FEATURES.shape[1:]) * norm.weight + norm.bias
    torch.testing.assert_close(norm(FEATURES), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_adaptive_norm_is_an_instance_norm_that_the_descriptor_scales(layout: torch.memory_format) -> None:
    norm = AdaptiveNorm(6, 4, hidden=5)
    descriptor = torch.randn(2, 4)
    hidden = torch.relu(norm.mlp_shared[0](descriptor))
    gamma, beta = (layer(hidden)[:, :, None, None] for layer in (norm.mlp_gamma, norm.mlp_beta))
    expected = functional.instance_norm(FEATURES) * (1 + gamma) + beta
    found = norm(FEATURES.contiguous(memory_format=layout), descriptor)
    assert found.is_contiguous(memory_format=layout)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_norms_are_exact_where_means_are_large(layout: torch.memory_format) -> None:
    exact = torch.randn(1, 8, 64, 64, dtype=torch.float64) + 20 * torch.arange(8.0)[:, None, None]
    features = exact.float().contiguous(memory_format=layout)
    descriptor, adaptive, whole = torch.randn(1, 4), AdaptiveNorm(8, 4), PictureNorm(8)
    for norm, arguments in ((adaptive, [descriptor]), (whole, [])):
        found = norm(features, *arguments)
        expected = norm.double()(exact, *(value.double() for value in arguments))
        torch.testing.assert_close(found.double(), expected, atol=2e-5, rtol=1e-6)


@pytest.mark.parametrize("spectral", [False, True])
def test_blocks_change_the_size_as_they_say(spectral: bool) -> None:
    blocks = {
        FirstBlock(6, 3, spectral): (3, 8, 10),
        DownBlock(6, 4, spectral): (4, 4, 5),
        UpBlock(6, 4, spectral): (4, 16, 20),
        JumpBlock(6, spectral): (6, 8, 10),
        FinalBlock(6, 3, spectral, nn.Tanh()): (3, 8, 10),
    }
    for block, shape in blocks.items():
        assert block(FEATURES).shape == (2, *shape)
        assert ("model.0.weight_orig" in block.state_dict()) == spectral
    assert float(FinalBlock(6, 3, spectral, nn.Sigmoid())(FEATURES).detach().min()) > 0
