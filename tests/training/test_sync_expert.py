from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from talkingface.training.examples import Example, direction_and_examples  # noqa: E402
from talkingface.training.loop import LoopOptions, RunFolder  # noqa: E402
from talkingface.training.mouth_network import SyncExpert  # noqa: E402
from talkingface.training.sync_expert import (  # noqa: E402
    distance_curve,
    mixed,
    read_curve,
    realign,
    sync_loss,
    train_sync_expert,
    validate,
)


def unit(rows: np.ndarray) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.from_numpy(rows).float(), dim=-1)


def small_expert() -> SyncExpert:
    return SyncExpert(torch.randn(16, 160), torch.zeros(80), torch.tensor(1.0), 8)


@pytest.mark.parametrize("shift", [-4, 0, 3])
def test_the_offset_is_found(shift: int) -> None:
    rng = np.random.default_rng(0)
    sound = unit(rng.normal(size=(60, 8))).numpy()
    reading = read_curve(distance_curve(np.roll(sound, -shift, 0), sound))
    assert reading.offset == shift
    assert reading.confidence > 0.5


def test_info_nce_prefers_the_right_moment() -> None:
    rng = np.random.default_rng(1)
    sound = unit(rng.normal(size=(4, 30, 8)))
    exists = torch.ones(4, 30)
    expert = small_expert()
    right = sync_loss(expert, sound, sound, exists)
    for wrong in (sound.roll(3, 1), sound.roll(1, 0), -sound):
        assert sync_loss(expert, wrong, sound, exists) > right + 0.5


def test_a_mixed_mouth_moves_alike() -> None:
    features = torch.randn(3, 32, 20, generator=torch.Generator().manual_seed(1))
    features[:, 16:] = features[:, :16] * 2  # rates that belong to the places
    other = mixed(features, torch.Generator().manual_seed(2))
    assert torch.allclose(other[:, 16:], other[:, :16] * 2, atol=1e-5)
    assert 0.02 < (other - features).abs().mean() < 0.8
    likeness = torch.nn.functional.cosine_similarity(other.flatten(1), features.flatten(1))
    assert (likeness > 0.8).all() and (likeness < 0.999).all()


def test_frames_that_do_not_exist_do_not_count() -> None:
    rng = np.random.default_rng(2)
    sound, exists = unit(rng.normal(size=(3, 20, 8))), torch.ones(3, 20)
    exists[:, 15:] = 0
    spoilt = sound.clone()
    spoilt[:, 15:] = 7.0
    expert = small_expert()
    assert torch.allclose(sync_loss(expert, spoilt, spoilt, exists), sync_loss(expert, sound, sound, exists), atol=1e-5)


def test_it_learns_from_synthetic_talkers_and_realigns_them(talkers, tmp_path: Path) -> None:
    _, examples, held = direction_and_examples(talkers[8:], talkers[:8])
    options = LoopOptions(steps=60, learning_rate=3e-3, log_every=60)
    expert = train_sync_expert(examples, held, {}, options, RunFolder(tmp_path, "sync"))
    figures = validate(expert, held)
    assert figures["offset_within_one"] >= 0.8
    assert figures["confidence"] > figures["confidence_other_sound"] + 0.1
    example = held[0]
    late = Example(
        type(example.clip)(**{**vars(example.clip), "mel": np.roll(example.clip.mel, 8, 0)}), example.displacement
    )
    (moved,) = realign(expert, [late], largest=2, least_confidence=0.0)
    assert len(moved.displacement) == len(example.displacement) - 2
    assert np.array_equal(moved.clip.mel[:80], example.clip.mel[:80])
