from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from talkingface.faces.neural.fan import FAN, LANDMARKS, FANWidths  # noqa: E402

from ...network_checks import (  # noqa: E402
    assert_batch_equals_singles,
    assert_half_precision,
    assert_learns,
    key_digest,
    pictures,
    samples,
    seeded,
)


def small() -> FAN:
    return seeded(lambda: FAN(FANWidths().narrowed(8)))


def test_it_has_the_released_keys_and_sizes() -> None:
    with torch.device("meta"):
        state = FAN().state_dict()
    assert (len(state), key_digest(state)) == (1129, "0d87cf689f0e7da5")


def test_recorded_values() -> None:
    with torch.inference_mode():
        heatmaps = small()(pictures(2, 64, 0))
    assert [heatmap.shape for heatmap in heatmaps] == [(2, LANDMARKS, 16, 16)] * 2
    assert samples(torch.stack(heatmaps)) == pytest.approx(RECORDED, abs=2e-4)


def test_a_batch_is_its_pictures() -> None:
    network = small()
    assert_batch_equals_singles(lambda image: network(image)[-1], pictures(8, 64, 0))


def test_half_precision() -> None:
    assert_half_precision(small(), lambda network, image: network(image)[-1], pictures(2, 64, 0), 0.1)


def test_it_can_learn() -> None:
    network = small().train()
    assert_learns(lambda image: torch.stack(network(image)), network, pictures(2, 64, 0))


RECORDED: list[float] = [-0.15768, -0.41492, 0.15061, -0.89051, 0.82978, -1.01807]
