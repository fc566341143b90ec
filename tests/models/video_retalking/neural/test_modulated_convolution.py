from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from torch.nn import functional  # noqa: E402

from talkingface.models.video_retalking.neural.modulated_convolution import (  # noqa: E402
    ModulatedConv2d,
    StyledConv2d,
    ToPicture,
)


@pytest.mark.parametrize("demodulated", [False, True])
@pytest.mark.parametrize("styles", [1, 3])
def test_it_is_a_convolution_with_weights_of_its_own_for_each_picture(demodulated: bool, styles: int) -> None:
    layer = ModulatedConv2d(4, 5, 3, 6, demodulated)
    features, style, bias = torch.randn(3, 4, 7, 8), torch.randn(styles, 6), torch.randn(1, 5, 1, 1)
    found = layer(features, style, 1.5, bias)
    for k in range(3):
        weight = layer.weight[0] * layer.modulation(style[min(k, styles - 1)])[None, :, None, None]
        if demodulated:
            weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        expected = functional.conv2d(features[k], weight) * 1.5 + bias[0]
        torch.testing.assert_close(found[k], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("inputs", [3, 16])  # enlarged first, convolved first
@pytest.mark.parametrize("styles", [1, 2])
def test_enlarging_layers_see_the_doubled_picture(inputs: int, styles: int) -> None:
    layer = ModulatedConv2d(inputs, 5, 3, 6, demodulated=True, enlarging=True)
    plain = ModulatedConv2d(inputs, 5, 3, 6, demodulated=True)
    plain.load_state_dict(layer.state_dict())
    features, style, bias = torch.randn(2, inputs, 7, 8), torch.randn(styles, 6), torch.randn(1, 5, 1, 1)
    doubled = functional.interpolate(features, scale_factor=2.0, mode="bilinear")
    expected = plain(doubled, style, 1.5, bias)
    torch.testing.assert_close(layer(features, style, 1.5, bias), expected, atol=1e-5, rtol=1e-4)


def test_noise_is_added_as_strongly_as_the_weight_says() -> None:
    layer = StyledConv2d(4, 5, 6)
    features, style, noise = torch.randn(2, 4, 7, 8), torch.randn(2, 6), torch.randn(1, 1, 5, 6)
    silent = layer(features, style, noise)
    torch.testing.assert_close(silent, layer(features, style, torch.zeros_like(noise)))
    torch.nn.init.constant_(layer.weight, 0.5)
    loud = layer(features, style, noise)
    plain = torch.where(silent >= 0, silent, silent / 0.2)
    torch.testing.assert_close(loud, functional.leaky_relu(plain + 0.5 * noise, 0.2), atol=1e-5, rtol=1e-4)


def test_colours_are_not_demodulated() -> None:
    layer = ToPicture(4, 6)
    features, style = torch.randn(1, 4, 5, 5), torch.randn(1, 6)
    with torch.no_grad():
        once = layer(features, style) - layer.bias
        layer.modulated_conv.weight.mul_(3)
        torch.testing.assert_close(layer(features, style) - layer.bias, 3 * once, atol=1e-5, rtol=1e-4)
