from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from talkingface.models.inference_folding import lay_channels_last  # noqa: E402
from talkingface.models.video_retalking.neural.upper_face_emotion import EmotionWidths, GANimation  # noqa: E402

from ...network_checks import (  # noqa: E402
    assert_batches_agree,
    assert_channels_last_agrees,
    assert_half_precision,
    assert_recorded,
    filled,
    key_digest,
    picture,
)

IMAGE, UNITS = picture(2, 2, 3, 32, 32) * 2 - 1, picture(3, 2, 17)


@pytest.fixture(scope="module")
def narrow() -> GANimation:
    return filled(GANimation(EmotionWidths(8, 2)))


def test_released_keys_and_shapes() -> None:
    with torch.device("meta"):
        network = GANimation()
    assert (len(network.state_dict()), key_digest(network)) == (36, "90bcf976e9b58f26")


def test_recorded_values(narrow: GANimation) -> None:
    with torch.inference_mode():
        result = narrow(IMAGE, UNITS)
    assert [tuple(value.shape[1:]) for value in result] == [(3, 32, 32), (1, 32, 32), (8, 32, 32)]
    assert_recorded(
        result,
        [
            [0.3658, 0.63092, -0.13884, -0.61818, 0.57538],
            [0.49106, 0.8835, 0.59696, 0.25752, 0.17071],
            [0.19703, 0.8282, 1.34128, 0.0, 0.58668],
        ],
    )


def test_old_colours_stay_where_the_mask_says_so(narrow: GANimation) -> None:
    with torch.inference_mode():
        new, expressed = narrow(IMAGE, UNITS), narrow.express(IMAGE, UNITS)
        torch.testing.assert_close(expressed, new.mask * IMAGE + (1 - new.mask) * new.color)
        assert float((expressed - narrow.express(IMAGE, UNITS.flip(0))).abs().max()) > 1e-3


def test_batches_layouts_and_half_precision(narrow: GANimation) -> None:
    assert_batches_agree(narrow, [picture(4, 8, 3, 32, 32), picture(5, 8, 17)])
    assert_channels_last_agrees(narrow, [IMAGE, UNITS], lay_channels_last)
    assert_half_precision(narrow, [IMAGE, UNITS], 0.05)
