from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from talkingface.restore.gpen import GPEN, GPENWidths  # noqa: E402

from ..network_checks import (  # noqa: E402
    assert_batch_equals_singles,
    assert_half_precision,
    assert_learns,
    key_digest,
    pictures,
    samples,
    seeded,
)


def small() -> GPEN:
    return seeded(lambda: GPEN(GPENWidths().narrowed(8)))


def test_it_has_the_released_keys_and_sizes() -> None:
    with torch.device("meta"):
        state = GPEN().state_dict()
    assert (len(state), key_digest(state)) == (163, "371b3b0623a7b5ac")
    assert GPENWidths().size == 512


def test_narrow_networks_are_the_same_network_for_smaller_pictures() -> None:
    widths = GPENWidths().narrowed(8, size=32)
    assert (widths.size, widths.latent, len(widths.channels)) == (32, 64, 4)
    with torch.inference_mode():
        assert GPEN(widths)(pictures(2, 32)).shape == (2, 3, 32, 32)


def test_recorded_values() -> None:
    with torch.inference_mode():
        assert samples(small()(pictures(2, 64))) == pytest.approx(RECORDED, abs=2e-4)


def test_a_batch_is_its_pictures() -> None:
    assert_batch_equals_singles(small(), pictures(8, 64))


def test_folding_changes_nothing() -> None:
    network, image = small(), pictures(2, 64)
    with torch.inference_mode():
        before, after = network(image), network.fold()(image)
    torch.testing.assert_close(after, before)
    assert torch.equal(copy.deepcopy(network)(image), after)
    assert_batch_equals_singles(network, image)


def test_half_precision() -> None:
    assert_half_precision(small(), lambda network, image: network(image), pictures(2, 64), 0.1)


def test_it_can_learn() -> None:
    network = small()
    assert_learns(network, network, pictures(2, 64))


RECORDED: list[float] = [0.58141, -0.89478, 2.63749, 2.58015, -0.57231, -1.36498]
