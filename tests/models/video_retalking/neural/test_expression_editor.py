from __future__ import annotations

from copy import deepcopy

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from talkingface.models.inference_folding import Folded, fold_for_inference, lay_channels_last  # noqa: E402
from talkingface.models.video_retalking.neural.expression_editor import DNet, ExpressionEditorWidths  # noqa: E402

from ...network_checks import (  # noqa: E402
    assert_batches_agree,
    assert_channels_last_agrees,
    assert_half_precision,
    assert_recorded,
    filled,
    key_digest,
    noise,
    picture,
    smooth_picture,
)

IMAGE, COEFFS = picture(2, 2, 3, 64, 64) * 2 - 1, noise(3, 2, 73, 26)


@pytest.fixture(scope="module")
def narrow() -> DNet:
    return filled(DNet(ExpressionEditorWidths().narrowed(16)))


def test_released_keys_and_shapes() -> None:
    with torch.device("meta"):
        network = DNet()
    assert (len(network.state_dict()), key_digest(network)) == (304, "4f89b9c84f316bbb")


def test_recorded_values(narrow: DNet) -> None:
    with torch.inference_mode():
        result = narrow(IMAGE, COEFFS)
    assert [tuple(value.shape[1:]) for value in result] == [(2, 16, 16), (3, 64, 64), (3, 64, 64)]
    assert_recorded(
        result,
        [
            [1.81968, -0.65146, 2.01577, -0.65855, 1.26092],
            [0.03995, 0.0412, 0.0435, -0.48637, 0.3555],
            [-0.97294, -0.95564, 0.82308, -0.99808, 0.69942],
        ],
        tolerance=5e-4,
    )


def test_dead_convolutions_are_loaded_and_change_nothing(narrow: DNet) -> None:
    other = deepcopy(narrow)
    dead = [v for k, v in other.named_parameters() if ".res" in k and (".conv1." in k or ".norm1." in k)]
    assert len(dead) == 48
    for value in dead:
        torch.nn.init.constant_(value, float("nan"))
    with torch.inference_mode():
        assert torch.equal(other(IMAGE, COEFFS).fake_image, narrow(IMAGE, COEFFS).fake_image)


def test_batches_and_layouts(narrow: DNet) -> None:
    assert_batches_agree(narrow, [smooth_picture(4, 8, 3, 64, 64) * 2 - 1, noise(5, 8, 73, 26)])
    assert_channels_last_agrees(narrow, [IMAGE, COEFFS], lay_channels_last)


def test_half_precision(narrow: DNet) -> None:
    assert_half_precision(narrow, [IMAGE, COEFFS], 0.15)  # the flow is large here: a rounding moves a pixel


def test_folding_does_not_change_the_result(narrow: DNet) -> None:
    folded = deepcopy(narrow)
    assert fold_for_inference(folded) == Folded(0, 0, 3)
    with torch.inference_mode():
        torch.testing.assert_close(
            folded(IMAGE, COEFFS).fake_image, narrow(IMAGE, COEFFS).fake_image, atol=2e-5, rtol=1e-4
        )
