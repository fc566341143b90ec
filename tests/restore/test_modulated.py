from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from torch import nn  # noqa: E402

from talkingface.restore.modulated import EqualisedLinear, ModulatedConvolution  # noqa: E402

from ..network_checks import seeded  # noqa: E402


def convolution(normalise: bool = True, gain: float = 0.5) -> ModulatedConvolution:
    return seeded(lambda: ModulatedConvolution(3, 4, 3, nn.Linear(5, 3), gain=gain, normalise=normalise)).double()


def problem(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(count)
    x = torch.randn(count, 3, 8, 8, generator=generator, dtype=torch.float64)
    return x, torch.randn(count, 5, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("normalise", [True, False])
def test_it_is_a_convolution_of_each_picture_with_its_own_weights(count: int, normalise: bool) -> None:
    network = convolution(normalise)
    x, latent = problem(count)
    picture, weight, factors = network.scaled(x, latent, 1.5)
    got = nn.functional.conv2d(picture, weight)
    got = got if factors is None else got * factors
    for place in range(count):
        own = network.weight[0] * 0.5 * network.modulation(latent)[place, :, None, None]
        if normalise:
            own = own / (own.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        torch.testing.assert_close(got[place], 1.5 * nn.functional.conv2d(x[place : place + 1], own)[0])


def test_folding_changes_nothing_and_other_weights_undo_it() -> None:
    network, other = convolution(), seeded(lambda: ModulatedConvolution(3, 4, 3, nn.Linear(5, 3), gain=0.5), 1).double()
    x, latent = problem(2)
    before = network.scaled(x, latent)[2]
    network.fold()
    assert network.squares is not None and "squares" not in network.state_dict()
    torch.testing.assert_close(network.scaled(x, latent)[2], before)
    network.load_state_dict(other.state_dict())
    torch.testing.assert_close(network.scaled(x, latent)[2], other.scaled(x, latent)[2])


def test_half_precision_can_divide_by_nothing() -> None:
    network = convolution().half()
    network.modulation.weight.data.zero_()
    network.modulation.bias.data.zero_()
    factors = network.scaled(torch.zeros(2, 3, 8, 8).half(), torch.zeros(2, 5).half())[2]
    assert factors is not None and bool(factors.isfinite().all())


def test_an_equalised_layer_acts_as_large_as_its_rate_says() -> None:
    layer = EqualisedLinear(4, 2, rate=0.01, bias=3.0)
    layer.weight.data.fill_(100.0)
    torch.testing.assert_close(layer(torch.ones(1, 4)), torch.full((1, 2), 4 * 100 * 0.01 / 2 + 3 * 0.01))
