import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from talkingface.faces import mesh_topology as mesh  # noqa: E402
from talkingface.faces.geometry import gap_of  # noqa: E402
from talkingface.training.augment import (  # noqa: E402
    VoiceChange,
    augment_mel,
    mirror_places,
    mirror_some,
    warp_bands,
)
from talkingface.training.extract import generic_face  # noqa: E402


def test_changes_are_drawn_from_the_given_generator_alone() -> None:
    mel = torch.randn(3, 80, 64, generator=torch.Generator().manual_seed(1))
    first = augment_mel(mel, torch.Generator().manual_seed(5))
    torch.manual_seed(123)
    assert torch.equal(first, augment_mel(mel, torch.Generator().manual_seed(5)))
    assert not torch.equal(first, augment_mel(mel, torch.Generator().manual_seed(6)))
    assert first.shape == mel.shape and torch.isfinite(first).all()


def test_nothing_moves_in_time() -> None:
    mel = torch.full((2, 80, 60), -1.0)
    mel[:, :, 30] = 4.0
    still = VoiceChange(babble=0.0, masks=0)
    changed = augment_mel(mel, torch.Generator().manual_seed(0), still)
    assert (changed.mean(1).argmax(1) == 30).all()


def test_warping_stretches_the_spectrum() -> None:
    mel = torch.zeros(2, 80, 1)
    mel[:, 40] = 1.0
    warped = warp_bands(mel, torch.tensor([0.0, 8.0]))[..., 0]
    assert int(warped[0].argmax()) == 40
    assert int(warped[1].argmax()) in (36, 37)  # band k now shows what lay at 1.1 k


def test_the_input_is_left_alone() -> None:
    mel = torch.randn(2, 80, 40)
    kept = mel.clone()
    augment_mel(mel, torch.Generator().manual_seed(0))
    assert torch.equal(mel, kept)


def test_a_mirrored_mouth_is_a_mouth() -> None:
    mouth = generic_face()[list(mesh.MOUTH_POINTS), :2]
    places = mirror_places(mouth)
    assert sorted(places) == list(range(80)) and np.array_equal(places[places], np.arange(80))
    crooked = torch.zeros(40, 3, 160)
    crooked[:, :, 0::2] = 0.01  # all to the right
    crooked[:, :, 1::2] = torch.from_numpy(mouth[:, 1] * (mouth[:, 0] > 0))  # and the right half open
    mirrored = mirror_some(crooked, places, torch.Generator().manual_seed(0))
    turned = (mirrored[:, 0, 0] < 0).numpy()
    assert 8 < turned.sum() < 32
    assert torch.equal(mirrored[~turned], crooked[~turned])
    moved = mirrored[turned][0].view(3, 80, 2).numpy()
    assert np.allclose(moved[..., 0], -0.01)
    assert np.abs(moved[0, :, 1] - mouth[:, 1] * (mouth[:, 0] < 0)).max() < 0.05
    assert gap_of(moved) == pytest.approx(gap_of(crooked[0].view(3, 80, 2).numpy()), abs=0.02)
