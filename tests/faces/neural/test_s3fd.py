from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from talkingface.faces.neural.s3fd import S3FD, STRIDES, S3FDWidths  # noqa: E402

from ...network_checks import (  # noqa: E402
    assert_batch_equals_singles,
    assert_half_precision,
    assert_learns,
    key_digest,
    pictures,
    samples,
    seeded,
)


def small() -> S3FD:
    return seeded(lambda: S3FD(S3FDWidths().narrowed(16)))


def together(network: S3FD, image: torch.Tensor) -> torch.Tensor:
    return torch.cat([head.flatten(1) for head in network(image)], 1)


def test_it_has_the_released_keys_and_sizes() -> None:
    with torch.device("meta"):
        state = S3FD().state_dict()
    assert (len(state), key_digest(state)) == (65, "90505009c0c337d9")


def test_there_are_scores_and_offsets_at_six_scales() -> None:
    with torch.inference_mode():
        heads = small()(pictures(2, 128, -100, 150))
    assert len(heads) == 2 * len(STRIDES)
    assert [head.shape[1] for head in heads] == [2, 4] * 6
    assert [head.shape[2] for head in heads[:6:2]] == [128 // stride for stride in STRIDES[:3]]


def test_the_likeliest_of_three_backgrounds_counts() -> None:
    network = small()
    with torch.inference_mode():
        network.conv3_3_norm_mbox_conf.weight.zero_()
        network.conv3_3_norm_mbox_conf.bias.copy_(torch.tensor([1.0, 5.0, 3.0, 2.0]))
        scores = network(pictures(1, 64))[0]
    torch.testing.assert_close(scores, torch.tensor([5.0, 2.0])[None, :, None, None].expand(1, 2, 16, 16))


def test_recorded_values() -> None:
    with torch.inference_mode():
        assert samples(together(small(), pictures(2, 128, -100, 150)), 8) == pytest.approx(RECORDED, rel=1e-3, abs=1e-3)


def test_a_batch_is_its_pictures() -> None:
    network = small()
    assert_batch_equals_singles(lambda image: together(network, image), pictures(8, 128, -100, 150))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_place_without_features_is_no_division_by_nothing(dtype: torch.dtype) -> None:
    layer = small().conv3_3_norm.to(dtype)
    assert layer(torch.zeros(1, 16, 2, 2, dtype=dtype)).isfinite().all()


def test_half_precision() -> None:
    assert_half_precision(small(), together, pictures(2, 128, -100, 150), 0.1)


def test_it_can_learn() -> None:
    network = small()
    assert_learns(lambda image: together(network, image), network, pictures(4, 128, -100, 150))


RECORDED: list[float] = [0.52436, -0.51353, -0.74581, -0.42031, 0.11108, 1.21153, 0.73258, -0.09212]
