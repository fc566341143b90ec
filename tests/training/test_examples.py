import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch")

from talkingface.faces.geometry import gap_of
from talkingface.training.examples import (
    Batches,
    BatchShape,
    direction_and_examples,
    principal_components,
    resampled,
)


def test_displacements_begin_at_the_closed_mouth(talkers) -> None:
    _, examples, held = direction_and_examples(talkers, talkers[:2])
    for example in examples:
        gap = gap_of(example.displacement.reshape(-1, 80, 2))
        assert gap.min() > -0.03 and gap.max() > 0.05
    assert len(held) == 2 and direction_and_examples(talkers, [])[2] == []


def test_components_rebuild_what_they_came_from(talkers) -> None:
    _, examples, _ = direction_and_examples(talkers, [])
    basis, mean, share = principal_components(examples)
    assert basis.shape == (16, 160) and share > 0.999
    rows = examples[0].displacement - mean
    weights = rows @ np.linalg.pinv(basis)
    assert np.abs(weights @ basis - rows).max() < 1e-3


def test_resampling_keeps_mouth_and_sound_together() -> None:
    frames, columns = np.arange(20.0, dtype=np.float32)[:, None], np.arange(80.0, dtype=np.float32)[:, None]
    pace = 1.25
    mouth, sound = resampled(frames, 12, pace, 0.0), resampled(columns, 48, pace, 0.5)
    assert np.allclose(mouth[:, 0], np.arange(12) * pace)
    # a frame at second s shows what column 4 s' - 0.5 hears, before and after
    assert np.allclose(sound[4::4, 0] + 0.5, 4 * mouth[1:, 0] + 0.5 * pace)


@pytest.mark.parametrize("chained", [True, False])
def test_batches(talkers, chained: bool) -> None:
    _, examples, _ = direction_and_examples(talkers, [])
    batches = Batches(examples, {}, BatchShape(rows=5, frames=48, chained=chained))
    mel, target, exists, joined, phonetic = batches.draw(np.random.default_rng(3))
    assert phonetic.shape == (*mel.shape[:2], 32)
    assert mel.shape == (5, 192, 80) and target.shape == (5, 48, 160)
    assert exists.shape == (5, 48) and joined.shape == (5, 47)
    if chained:
        assert exists.all() and int((joined == 0).sum()) >= 5  # one seam a row at least
    else:
        assert not exists.all() and not (joined > exists[:, 1:]).any()
    again = batches.draw(np.random.default_rng(3))
    assert all((a == b).all() for a, b in zip((mel, target, exists, joined, phonetic), again, strict=True))


def test_sources_get_their_shares(make_talker) -> None:
    clips = [make_talker(n, n, "many") for n in range(4)] + [make_talker(n, 9, "few") for n in range(2)]
    _, examples, _ = direction_and_examples(clips, [])
    batches = Batches(examples, {"many": 3.0, "few": 1.0})
    rng = np.random.default_rng(0)
    drawn = [batches.sources[rng.choice(2, p=batches.shares)] for _ in range(2000)]
    assert abs(drawn.count("few") / 2000 - 0.25) < 0.04
