from __future__ import annotations

from copy import deepcopy

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from torch.nn import functional  # noqa: E402

from talkingface.models.inference_folding import fold_for_inference, lay_channels_last  # noqa: E402
from talkingface.models.video_retalking.neural.identity_upsampler import ENet, IdentityUpsamplerWidths  # noqa: E402

from ...network_checks import (  # noqa: E402
    assert_batches_agree,
    assert_channels_last_agrees,
    assert_half_precision,
    assert_recorded,
    filled,
    key_digest,
    noise,
    picture,
)

WIDTHS = IdentityUpsamplerWidths().narrowed(16, blocks=1, low_size=32)
MEL, FACES, REFERENCE = noise(1, 2, 1, 80, 16), picture(2, 2, 6, 128, 128), picture(3, 2, 3, 128, 128)


def with_noise(strength: float) -> ENet:
    network = filled(ENet(WIDTHS))
    for layer in network.style_convs:
        torch.nn.init.constant_(layer.weight, strength)
    return network


@pytest.fixture(scope="module")
def narrow() -> ENet:
    return filled(ENet(WIDTHS))


def test_released_keys_and_shapes() -> None:
    with torch.device("meta"):
        network = ENet()
    assert (len(network.state_dict()), key_digest(network)) == (1785, "f8a4d78849387dda")


def test_recorded_values(narrow: ENet) -> None:
    with torch.inference_mode():
        result = narrow(MEL, FACES, REFERENCE)
    assert (result.image.shape, result.low_res.shape) == ((2, 3, 128, 128), (2, 3, 32, 32))
    assert_recorded(
        result,
        [[3.24361, 4.95942, -0.7189, -1.22611, 2.13084], [0.91222, 0.87884, 0.23171, 0.92809, 0.27062]],
        tolerance=5e-4,
    )


def plainly_enlarged(network: ENet, low_res: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
    """As the released program does it: padded convolutions one picture at a time, the border cut off last. No noise."""

    def convolved(layer: torch.nn.Module, features: torch.Tensor, demodulated: bool) -> torch.Tensor:
        weight = layer.weight[0] * layer.modulation(style)[0, None, :, None, None]
        if demodulated:
            weight = weight * (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).rsqrt()
        return functional.conv2d(features, weight, padding=weight.shape[-1] // 2)

    def doubled(features: torch.Tensor) -> torch.Tensor:
        return functional.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)

    features = colours = functional.pad(low_res, (2, 2, 2, 2), mode="reflect")
    for stage in (0, 1):
        features = doubled(features)
        for layer in network.style_convs[2 * stage : 2 * stage + 2]:
            features = convolved(layer.modulated_conv, features, True) * 2**0.5 + layer.bias
            features = functional.leaky_relu(features, 0.2)
        to_rgb = network.to_rgbs[stage]
        colours = doubled(colours) + convolved(to_rgb.modulated_conv, features, False) + to_rgb.bias
    return colours[..., 8:-8, 8:-8]


def test_the_border_that_is_not_computed_is_not_missed() -> None:
    network = with_noise(0.0)
    low_res, style = picture(4, 1, 3, 32, 32), noise(5, 1, 32)
    with torch.inference_mode():
        expected = plainly_enlarged(network, low_res, style)
        torch.testing.assert_close(network.enlarge(low_res, style), expected, atol=1e-5, rtol=1e-4)


def test_noise_is_the_same_at_every_call_unless_asked_for() -> None:
    network = with_noise(0.3)
    low_res, style = picture(4, 2, 3, 32, 32), noise(5, 2, 32)
    with torch.inference_mode():
        first, again = network.enlarge(low_res, style), network.enlarge(low_res, style)
        torch.rand(1)
        other = with_noise(0.3).enlarge(low_res, style)
        drawn = [network.draw_noise(torch.Generator().manual_seed(seed)) for seed in (7, 7, 8)]
        a, b, c = (network.enlarge(low_res, style, values) for values in drawn)
        silent = network.enlarge(low_res, style, tuple(torch.zeros_like(values) for values in drawn[0]))
        without = with_noise(0.0).enlarge(low_res, style)
    assert torch.equal(first, again) and torch.equal(first, other) and torch.equal(a, b)
    assert float((a - c).abs().max()) > 0.01 and float((a - first).abs().max()) > 0.01
    torch.testing.assert_close(silent, without)


def test_all_frames_of_a_clip_get_the_same_noise() -> None:
    network = with_noise(0.3)
    low_res, style = picture(4, 1, 3, 32, 32).expand(3, -1, -1, -1), noise(5, 1, 32)
    with torch.inference_mode():
        frames = network.enlarge(low_res, style)
    torch.testing.assert_close(frames[1], frames[0])
    torch.testing.assert_close(frames[2], frames[0])


def test_one_style_for_all_is_the_same_as_one_each(narrow: ENet) -> None:
    low_res, style = picture(4, 3, 3, 32, 32), noise(5, 1, 32)
    with torch.inference_mode():
        shared, each = narrow.enlarge(low_res, style), narrow.enlarge(low_res, style.expand(3, -1))
    torch.testing.assert_close(shared, each, atol=2e-5, rtol=1e-4)


def test_lips_see_the_reference_and_the_style_is_that_of_the_face(narrow: ENet) -> None:
    with torch.inference_mode():
        base = narrow(MEL, FACES, REFERENCE)
        other_reference = narrow(MEL, FACES, REFERENCE.flip(0))
        other_face = narrow(MEL, torch.cat([FACES[:, :3], FACES[:, 3:].flip(0)], 1), REFERENCE)
        lips = narrow.low_res(MEL, narrow.reduced(torch.cat([FACES[:, :3], REFERENCE], 1)))
    torch.testing.assert_close(base.low_res, lips)
    torch.testing.assert_close(other_face.low_res, base.low_res)
    assert float((other_reference.low_res - base.low_res).abs().max()) > 1e-3
    assert float((other_face.image - base.image).abs().max()) > 1e-3


def test_batches_layouts_and_half_precision(narrow: ENet) -> None:
    batch = [noise(6, 8, 1, 80, 16), picture(7, 8, 6, 128, 128), picture(8, 8, 3, 128, 128)]
    assert_batches_agree(narrow, batch)
    assert_channels_last_agrees(narrow, [MEL, FACES, REFERENCE], lay_channels_last)
    assert_half_precision(narrow, [MEL, FACES, REFERENCE], 0.05)
    assert narrow.to(torch.float32).own_noise()[0].shape == (1, 1, 70, 70)


def test_lips_keep_their_layout_where_the_rest_has_another(narrow: ENet) -> None:
    other = deepcopy(narrow)
    lay_channels_last(other, but=("low_res",))
    assert other.final_conv.weight.is_contiguous(memory_format=torch.channels_last)
    assert other.low_res.decoder.up0.model[0].weight_orig.is_contiguous()
    last = [value.contiguous(memory_format=torch.channels_last) for value in (FACES, REFERENCE)]
    with torch.inference_mode():
        assert other.reduced(last[0]).is_contiguous()
        expected = narrow(MEL, FACES, REFERENCE)
        torch.testing.assert_close(other(MEL, *last).image, expected.image, atol=1e-4, rtol=1e-4)


def test_folding_does_not_change_the_result(narrow: ENet) -> None:
    folded = deepcopy(narrow)
    assert fold_for_inference(folded).spectral_norms == 15
    with torch.inference_mode():
        before, after = narrow(MEL, FACES, REFERENCE), folded(MEL, FACES, REFERENCE)
    torch.testing.assert_close(after.image, before.image, atol=1e-4, rtol=1e-4)


def test_it_can_be_trained() -> None:
    network = ENet(WIDTHS).train()
    network(MEL, FACES, REFERENCE).image.square().mean().backward()
    assert all(value.grad is not None for value in network.parameters())
