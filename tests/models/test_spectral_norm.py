from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from torch import nn  # noqa: E402
from torch.nn.utils.parametrizations import spectral_norm as torch_spectral_norm  # noqa: E402

from talkingface.models.spectral_norm import SpectralConv2d, fold_spectral_norm  # noqa: E402


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(SpectralConv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Sequential(SpectralConv2d(8, 2, 1))).eval()


def test_it_has_the_keys_of_the_released_weights() -> None:
    keys = set(SpectralConv2d(3, 8, 7).state_dict())
    assert keys == {"bias", "weight_orig", "weight_u", "weight_v"}
    assert SpectralConv2d(3, 8, 7).state_dict()["weight_v"].shape == (3 * 7 * 7,)


def test_the_divided_weight_is_the_quotient() -> None:
    convolution = SpectralConv2d(4, 6, 3)
    with torch.no_grad():
        left, values, right = torch.linalg.svd(convolution.weight_orig.flatten(1), full_matrices=False)
        convolution.weight_u, convolution.weight_v = left[:, 0].clone(), right[0].clone()
    divided = convolution.divided_weight().flatten(1)
    torch.testing.assert_close(divided, convolution.weight_orig.flatten(1) / values[0])
    torch.testing.assert_close(torch.linalg.matrix_norm(divided, 2), torch.tensor(1.0))


def test_training_finds_the_largest_singular_value() -> None:
    convolution = SpectralConv2d(4, 6, 3).train()
    picture = torch.randn(1, 4, 8, 8)
    for _ in range(200):
        convolution(picture)
    norm = torch.linalg.matrix_norm(convolution.divided_weight().flatten(1), 2)
    torch.testing.assert_close(norm, torch.tensor(1.0), atol=1e-3, rtol=0)
    before = convolution.weight_u.clone()
    convolution.eval()(picture)
    assert torch.equal(before, convolution.weight_u)
    reference = torch_spectral_norm(nn.Conv2d(4, 6, 3), n_power_iterations=50)
    with torch.no_grad():
        reference.parametrizations.weight.original.copy_(convolution.weight_orig)
    reference(picture)
    torch.testing.assert_close(reference.weight, convolution.divided_weight(), atol=1e-3, rtol=1e-3)


def test_gradients_reach_the_undivided_weights() -> None:
    convolution = SpectralConv2d(2, 3, 3).train()
    (convolution(torch.randn(1, 2, 5, 5)) + convolution(torch.randn(1, 2, 5, 5))).square().sum().backward()
    assert convolution.weight_orig.grad is not None and convolution.weight_orig.grad.abs().max() > 0


def test_folding_changes_the_keys_and_not_the_result() -> None:
    module = network()
    picture = torch.randn(2, 3, 9, 7)
    with torch.inference_mode():
        before = module(picture)
        assert fold_spectral_norm(module) == 2
        after = module(picture)
    torch.testing.assert_close(after, before, atol=1e-6, rtol=1e-5)
    assert set(module.state_dict()) == {"0.weight", "0.bias", "2.0.weight", "2.0.bias"}
    assert fold_spectral_norm(module) == 0


def test_folded_networks_run_in_half_precision() -> None:
    module = network()
    picture = torch.randn(1, 3, 8, 8)
    with torch.inference_mode():
        before = module(picture)
        fold_spectral_norm(module)
        after = module.to(torch.bfloat16)(picture.to(torch.bfloat16))
    assert after.dtype == torch.bfloat16
    torch.testing.assert_close(after.float(), before, atol=0.05, rtol=0.05)
