import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch")

from talkingface.training.examples import direction_and_examples
from talkingface.training.mouth_figures import (
    area_under_curve,
    correlation,
    gap_statistics,
    validate,
    with_baselines,
)


def test_correlation() -> None:
    rng = np.random.default_rng(0)
    signal = rng.normal(size=50)
    assert correlation(signal, 2 * signal + 1) == pytest.approx(1)
    assert correlation(signal, -signal) == pytest.approx(-1)
    assert correlation(signal, np.ones(50)) == 0


def test_area_under_curve() -> None:
    flags = np.array([True, True, False, False])
    assert area_under_curve(np.array([4.0, 3, 2, 1]), flags) == 1
    assert area_under_curve(np.array([1.0, 2, 3, 4]), flags) == 0
    assert area_under_curve(np.array([1.0, 2]), np.array([True, True])) == 0.5


def test_truth_scores_best_and_short_clips_are_passed_over(talkers) -> None:
    _, examples, _ = direction_and_examples(talkers, [])
    perfect = validate(lambda e: e.displacement.reshape(-1, 80, 2), examples)
    assert perfect["gap_correlation"] == pytest.approx(1) and perfect["lip_error"] == 0
    assert perfect["closure_auc"] == 1 and perfect["clips"] == len(examples)
    still = validate(lambda e: np.zeros((len(e.displacement), 80, 2)), examples)
    assert still["gap_correlation"] == 0 and still["lip_error"] > 0
    assert validate(lambda e: e.displacement.reshape(-1, 80, 2), examples, min_frames=1000) == {"clips": 0.0}


def test_baselines_stand_beside_the_network(talkers) -> None:
    _, examples, _ = direction_and_examples(talkers, [])

    figures = with_baselines(lambda e: np.zeros((len(e.clip.mel) // 4, 80, 2)), examples[:6])
    assert set(figures) == {"network", "loudness", "network_other_sound"}
    assert figures["network"]["gap_correlation"] == 0
    assert np.isfinite(figures["loudness"]["gap_correlation"])


def test_openings_are_compared_level_by_level(talkers) -> None:
    _, examples, _ = direction_and_examples(talkers, [])
    statistics = gap_statistics(lambda e: 0.5 * e.displacement.reshape(-1, 80, 2), examples)
    assert len(statistics.levels) == 15 and (np.diff(statistics.true) >= 0).all()
    assert np.allclose(statistics.predicted[5:], 0.5 * statistics.true[5:], atol=1e-6)
    assert statistics.true.min() >= 0
