import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from talkingface.training.augment import VoiceChange, augment_mel, warp_bands  # noqa: E402


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
