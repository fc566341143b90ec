from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from talkingface.restore.gfpgan import GFPGAN, GFPGANWidths  # noqa: E402

from ..network_checks import (  # noqa: E402
    assert_batch_equals_singles,
    assert_half_precision,
    assert_learns,
    key_digest,
    pictures,
    samples,
    seeded,
)


def small() -> GFPGAN:
    return seeded(lambda: GFPGAN(GFPGANWidths().narrowed(8)))


def test_it_has_the_released_keys_and_sizes() -> None:
    with torch.device("meta"):
        state = GFPGAN().state_dict()
    assert (len(state), key_digest(state)) == (285, "c7ab9d897528efde")
    assert (GFPGANWidths().size, GFPGANWidths().styles) == (512, 16)


def test_recorded_values() -> None:
    with torch.inference_mode():
        restored, shown = small()(pictures(2, 64))
    assert [tuple(picture.shape) for picture in shown] == [(2, 3, side, side) for side in (8, 16, 32, 64)]
    assert samples(restored) == pytest.approx(RECORDED, abs=2e-4)
    assert samples(shown[-1]) == pytest.approx(RECORDED_SHOWN, abs=2e-4)


def test_without_the_other_pictures_the_result_is_the_same() -> None:
    network, image = small(), pictures(2, 64)
    with torch.inference_mode():
        assert torch.equal(network.restore(image), network(image)[0])


def test_a_batch_is_its_pictures() -> None:
    assert_batch_equals_singles(small().restore, pictures(8, 64))


def test_a_clip_has_one_noise() -> None:
    network, image = small(), pictures(2, 64)
    first, again, other = (network.make_noise(torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    stored = network.stylegan_decoder.stored_noise()
    assert [noise.shape for noise in first] == [noise.shape for noise in stored]
    with torch.inference_mode():
        with_first, with_other = network.restore(image, first), network.restore(image, other)
        assert torch.equal(network.restore(image, again), with_first)
        assert torch.equal(network.restore(image), network.restore(image, stored))
        assert (with_first - with_other).abs().max() > 1e-2
        each = network.make_noise(torch.Generator().manual_seed(1), count=2)
        apart = [network.restore(image[k : k + 1], [noise[k : k + 1] for noise in each]) for k in range(2)]
        torch.testing.assert_close(network.restore(image, each), torch.cat(apart), atol=1e-4, rtol=1e-4)


def test_noise_is_of_the_networks_kind() -> None:
    noise = small().to(torch.bfloat16).make_noise(torch.Generator().manual_seed(0))
    assert {one.dtype for one in noise} == {torch.bfloat16}


def test_folding_changes_nothing() -> None:
    network, image = small(), pictures(2, 64)
    with torch.inference_mode():
        before, after = network.restore(image), network.fold().restore(image)
    torch.testing.assert_close(after, before)
    assert torch.equal(copy.deepcopy(network).restore(image), after)


def test_half_precision() -> None:
    assert_half_precision(small(), lambda network, image: network.restore(image), pictures(2, 64), 0.1)


def test_it_can_learn() -> None:
    network = small()
    assert_learns(network.restore, network, pictures(2, 64), idle=("stylegan_decoder.style_mlp", "toRGB"))


RECORDED: list[float] = [-1.08384, -0.11874, -1.31548, -2.00755, -0.09334, 0.89754]
RECORDED_SHOWN: list[float] = [0.3854, -0.20439, -0.02515, 0.37741, -0.22744, -0.01521]
