from __future__ import annotations

from copy import deepcopy

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from talkingface.models.inference_folding import fold_for_inference, lay_channels_last  # noqa: E402
from talkingface.models.video_retalking.neural.face_coefficients import Deep3DRecon, named_coefficients  # noqa: E402
from talkingface.restore.resnet50 import ResNetWidths  # noqa: E402

from ...network_checks import (  # noqa: E402
    assert_batches_agree,
    assert_channels_last_agrees,
    assert_half_precision,
    assert_recorded,
    filled,
    key_digest,
    picture,
)

IMAGE = picture(2, 2, 3, 64, 64)


@pytest.fixture(scope="module")
def narrow() -> Deep3DRecon:
    return filled(Deep3DRecon(ResNetWidths().narrowed(8)))


def test_released_keys_and_shapes() -> None:
    with torch.device("meta"):
        network = Deep3DRecon()
    assert (len(network.state_dict()), key_digest(network)) == (332, "ffdfd322eeed59d1")


def test_recorded_values(narrow: Deep3DRecon) -> None:
    with torch.inference_mode():
        rows = narrow(IMAGE)
    assert rows.shape == (2, 257)
    assert_recorded(rows, [[0.09456, 2.80364, 1.10742, 0.31935, 2.08267]])


def test_coefficients_have_names() -> None:
    named = named_coefficients(torch.arange(262.0).expand(3, -1))
    assert [value.shape[-1] for value in named] == [80, 64, 80, 3, 27, 3]
    assert (named.expression[0, 0], named.angles[0, 0], named.place[0, -1]) == (80, 224, 256)


def test_batches_layouts_and_half_precision(narrow: Deep3DRecon) -> None:
    assert_batches_agree(narrow, [picture(4, 8, 3, 64, 64)])
    assert_channels_last_agrees(narrow, [IMAGE], lay_channels_last)
    assert_half_precision(narrow, [IMAGE], 0.03)


def test_folding_does_not_change_the_result(narrow: Deep3DRecon) -> None:
    folded = deepcopy(narrow)
    assert fold_for_inference(folded).batch_norms == 1 + 4 * 4
    assert not any("running" in key for key in folded.state_dict())
    with torch.inference_mode():
        torch.testing.assert_close(folded(IMAGE), narrow(IMAGE), atol=1e-5, rtol=1e-4)
