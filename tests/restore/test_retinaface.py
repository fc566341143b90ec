from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from talkingface.restore.retinaface import RetinaFace, RetinaFaceWidths  # noqa: E402
from talkingface.restore.retinaface_boxes import anchors  # noqa: E402

from ..network_checks import (  # noqa: E402
    assert_batch_equals_singles,
    assert_half_precision,
    assert_learns,
    key_digest,
    pictures,
    samples,
    seeded,
)


def small() -> RetinaFace:
    return seeded(lambda: RetinaFace(RetinaFaceWidths().narrowed(8)))


def together(network: RetinaFace, image: torch.Tensor) -> torch.Tensor:
    return torch.cat(network(image), 2)


def test_it_has_the_released_keys_and_sizes() -> None:
    with torch.device("meta"):
        state = RetinaFace().state_dict()
    assert (len(state), key_digest(state)) == (456, "eb54b880ab291bf8")


@pytest.mark.parametrize("size", [(64, 64), (70, 101)])
def test_every_anchor_has_its_numbers(size: tuple[int, int]) -> None:
    count = len(anchors(*size))
    with torch.inference_mode():
        boxes, classes, points = small()(torch.zeros(2, 3, *size))
    assert (boxes.shape, classes.shape, points.shape) == ((2, count, 4), (2, count, 2), (2, count, 10))
    torch.testing.assert_close(classes.sum(2), torch.ones(2, count))


def test_recorded_values() -> None:
    with torch.inference_mode():
        assert samples(together(small(), pictures(2, 64))) == pytest.approx(RECORDED, abs=2e-4)


def test_a_batch_is_its_pictures() -> None:
    network = small()
    assert_batch_equals_singles(lambda image: together(network, image), pictures(8, 64))


def test_folding_takes_the_norms_away_and_changes_nothing() -> None:
    network, image = small(), pictures(2, 64)
    with torch.inference_mode():
        before, after = together(network, image), together(network.fold(), image)
        assert torch.equal(together(network.fold(), image), after)  # twice is as good as once
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-4)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())


def test_half_precision() -> None:
    assert_half_precision(small(), together, pictures(2, 64), 0.1)


def test_it_can_learn() -> None:
    network = small().train()
    assert_learns(lambda image: together(network, image), network, pictures(2, 96))


RECORDED: list[float] = [0.15862, 0.04261, 0.02599, 0.11981, 0.13207, 0.28817]
