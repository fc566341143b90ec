from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from torch import nn  # noqa: E402

from talkingface.models.inference_folding import Folded, fold_batch_norms, fold_for_inference  # noqa: E402
from talkingface.restore.parsenet import ParseNet, ParseNetWidths  # noqa: E402

from .network_checks import filled, noise  # noqa: E402


class PreActivated(nn.Module):
    """Its norm comes before the convolution that is registered first."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 3, 1)
        self.bn1 = nn.BatchNorm2d(3)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.conv1(torch.relu(self.bn1(features)))


@pytest.mark.parametrize(
    ("layer", "norm", "shape"),
    [
        (nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), (2, 3, 6, 6)),
        (nn.Conv2d(3, 5, 3, bias=False), nn.BatchNorm2d(5, affine=False), (2, 3, 6, 6)),
        (nn.ConvTranspose2d(3, 5, 3, stride=2), nn.BatchNorm2d(5), (2, 3, 6, 6)),
        (nn.Conv1d(3, 5, 3), nn.BatchNorm1d(5), (2, 3, 6)),
        (nn.Conv3d(3, 5, 2), nn.BatchNorm3d(5), (2, 3, 4, 4, 4)),
        (nn.Linear(3, 5), nn.BatchNorm1d(5), (2, 3)),
    ],
)
def test_norms_go_into_the_weights(layer: nn.Module, norm: nn.Module, shape: tuple[int, ...]) -> None:
    network = filled(nn.Sequential(layer, norm, nn.ReLU()))
    inputs = noise(1, *shape)
    with torch.inference_mode():
        before = network(inputs)
        assert fold_batch_norms(network) == 1
        torch.testing.assert_close(network(inputs), before, atol=1e-5, rtol=1e-4)
    assert set(network.state_dict()) == {"0.weight", "0.bias"}


def test_only_pairs_that_are_known_to_follow_each_other_are_folded() -> None:
    network = filled(PreActivated())
    inputs = noise(1, 2, 3, 4, 4)
    before = network(inputs)
    assert fold_for_inference(network) == Folded(0, 0, 0)
    torch.testing.assert_close(network(inputs), before)
    assert fold_batch_norms(nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(), nn.BatchNorm2d(3))) == 0


def test_networks_own_ways_are_used() -> None:
    network = filled(ParseNet(ParseNetWidths().narrowed(16)))
    image = noise(1, 1, 3, 64, 64)
    with torch.inference_mode():
        before = network(image)[0]
        fold_for_inference(network)
        assert float((network(image)[0] - before).norm() / before.norm()) < 1e-5
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())


def test_folded_networks_are_not_trained() -> None:
    network = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))
    fold_for_inference(network)
    assert not network.training and not any(value.requires_grad for value in network.parameters())
