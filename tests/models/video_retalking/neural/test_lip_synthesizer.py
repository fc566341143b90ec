from __future__ import annotations

from copy import deepcopy

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from talkingface.models.inference_folding import Folded, fold_for_inference, lay_channels_last  # noqa: E402
from talkingface.models.video_retalking.neural.lip_synthesizer import LipSynthesizerWidths, LNet  # noqa: E402

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

MEL, FACES = noise(1, 2, 1, 80, 16), picture(2, 2, 6, 32, 32)


@pytest.fixture(scope="module")
def narrow() -> LNet:
    return filled(LNet(LipSynthesizerWidths().narrowed(16, blocks=2)))


def test_released_keys_and_shapes() -> None:
    with torch.device("meta"):
        network = LNet()
    assert (len(network.state_dict()), key_digest(network)) == (1721, "a20ee7539158ed79")
    with torch.device("meta"):
        narrow = LNet(LipSynthesizerWidths().narrowed(8))
    assert narrow.state_dict().keys() == network.state_dict().keys()


def test_recorded_values(narrow: LNet) -> None:
    with torch.inference_mode():
        faces = narrow(MEL, FACES)
    assert faces.shape == (2, 3, 32, 32)
    assert_recorded(faces, [[0.99459, 0.87525, 0.06195, 0.99561, 0.38207]])


def test_a_clip_is_its_frames(narrow: LNet) -> None:
    mel, clip = noise(3, 2, 3, 1, 80, 16), picture(4, 2, 6, 3, 32, 32)
    with torch.inference_mode():
        whole = narrow(mel, clip)
        third = narrow(mel[:, 2], clip[:, :, 2])
    assert whole.shape == (2, 3, 3, 32, 32)
    torch.testing.assert_close(whole[:, :, 2], third, atol=1e-5, rtol=1e-5)


def test_a_shared_reference_is_seen_once(narrow: LNet) -> None:
    faces = torch.cat([FACES[:, :3], FACES[:1, 3:].expand(2, -1, -1, -1)], dim=1)
    with torch.inference_mode():
        apart = narrow.speak(narrow.speech(MEL), faces[:, :3], narrow.see(faces[:1, 3:]))
        torch.testing.assert_close(apart, narrow(MEL, faces), atol=5e-5, rtol=1e-4)


def test_sound_and_both_pictures_count(narrow: LNet) -> None:
    with torch.inference_mode():
        base = narrow(MEL, FACES)
        for mel, faces in (
            (MEL.flip(0), FACES),
            (MEL, torch.cat([FACES[:, :3].flip(0), FACES[:, 3:]], 1)),
            (MEL, torch.cat([FACES[:, :3], FACES[:, 3:].flip(0)], 1)),
        ):
            assert float((narrow(mel, faces) - base).abs().max()) > 1e-3


def test_batches_layouts_and_half_precision(narrow: LNet) -> None:
    assert_batches_agree(narrow, [noise(5, 8, 1, 80, 16), picture(6, 8, 6, 32, 32)])
    assert_channels_last_agrees(narrow, [MEL, FACES], lay_channels_last)
    assert_half_precision(narrow, [MEL, FACES], 0.06)


def test_folding_does_not_change_the_result(narrow: LNet) -> None:
    folded = deepcopy(narrow)
    assert fold_for_inference(folded) == Folded(15, 13 + 3 * 2 * 2 * 2, 3)
    with torch.inference_mode():
        torch.testing.assert_close(folded(MEL, FACES), narrow(MEL, FACES), atol=2e-5, rtol=1e-4)


def test_it_can_be_trained() -> None:
    network = LNet(LipSynthesizerWidths().narrowed(16, blocks=1)).train()
    network(MEL, FACES).square().mean().backward()
    still = [name for name, value in network.named_parameters() if value.grad is None]
    assert not still and network.encoder.first_ref.model[0].weight_orig.grad.abs().max() > 0
