from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from talkingface.restore.parsenet import FacePart, ParseNet, ParseNetWidths  # noqa: E402

from ..network_checks import (  # noqa: E402
    assert_batch_equals_singles,
    assert_half_precision,
    assert_learns,
    key_digest,
    pictures,
    samples,
    seeded,
)


def small() -> ParseNet:
    return seeded(lambda: ParseNet(ParseNetWidths().narrowed(8)))


def test_it_has_the_released_keys_and_sizes() -> None:
    with torch.device("meta"):
        state = ParseNet().state_dict()
    assert (len(state), key_digest(state)) == (238, "6fbadcd48ddfdf6e")


def test_recorded_values() -> None:
    with torch.inference_mode():
        logits, picture = small()(pictures(2, 64))
    assert (logits.shape, picture.shape) == ((2, len(FacePart), 64, 64), (2, 3, 64, 64))
    assert samples(logits) == pytest.approx(RECORDED, abs=2e-4)
    assert samples(picture) == pytest.approx(RECORDED_PICTURE, abs=2e-4)


def test_parsing_alone_is_the_same() -> None:
    network, image = small(), pictures(1, 96)
    with torch.inference_mode():
        assert torch.equal(network.parse(image), network(image)[0])


def test_a_batch_is_its_pictures() -> None:
    assert_batch_equals_singles(small().parse, pictures(8, 64))


def test_folding_takes_the_norms_away_and_changes_nothing() -> None:
    network, image = small(), pictures(2, 64)
    with torch.inference_mode():
        before, after = network(image), network.fold()(image)
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(other, one, atol=1e-5, rtol=1e-4)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())
    assert not any("norm" in key for key in network.state_dict())


def test_half_precision() -> None:
    assert_half_precision(small(), lambda network, image: network.parse(image), pictures(2, 64), 0.1)


def test_it_can_learn() -> None:
    network = small().train()
    assert_learns(network.parse, network, pictures(2, 64), idle=("out_img_conv",))


RECORDED: list[float] = [0.12905, 0.14337, -0.054, 0.39281, 0.30196, -0.06384]
RECORDED_PICTURE: list[float] = [0.32063, 0.18745, -0.04232, 0.30634, 0.18493, -0.02479]
