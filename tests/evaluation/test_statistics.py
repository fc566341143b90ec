from __future__ import annotations

import itertools
import math
import tracemalloc

import numpy as np
import pytest

from talkingface.evaluation.statistics import EXACT_PAIRS, Interval, bootstrap_interval, holm, paired_permutation

# Drawn once from a normal distribution, so that the tests do not hang on a generator.
VALUES = [0.31, -0.74, 1.22, 0.58, 0.09, -0.13, 0.95, 1.41, 0.22, -0.37, 0.66, 0.48, 1.07, -0.05, 0.83, 0.39]


def test_one_clip_says_nothing_about_others() -> None:
    assert bootstrap_interval([]) is None
    assert bootstrap_interval([0.5]) is None


def test_equal_values_have_no_width() -> None:
    assert bootstrap_interval([0.25] * 5) == Interval(0.25, 0.25, 5)


def test_two_values_against_the_binomial() -> None:
    # The mean of two drawn from 0 and 1 is 0, 0.5 or 1 with probability 1/4, 1/2, 1/4.
    assert bootstrap_interval([0.0, 1.0]) == Interval(0.0, 1.0, 2)
    assert bootstrap_interval([0.0, 1.0], confidence=0.4) == Interval(0.5, 0.5, 2)


def test_shares_against_the_binomial_quantiles() -> None:
    # 40 of 100 successes: binomial(100, 0.4) has its 2.5 % and 97.5 % quantiles at 31 and 50.
    found = bootstrap_interval([1.0] * 40 + [0.0] * 60)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((0.31, 0.50), abs=0.0101)


def test_many_values_against_the_normal_approximation() -> None:
    values = VALUES * 25
    found = bootstrap_interval(values, resamples=20_000)
    assert found is not None
    half = 1.959964 * np.std(values) / math.sqrt(len(values))
    assert found.low == pytest.approx(np.mean(values) - half, abs=0.05 * half)
    assert found.high == pytest.approx(np.mean(values) + half, abs=0.05 * half)
    assert found.clips == 400


def test_the_interval_is_the_same_everywhere() -> None:
    found = bootstrap_interval(VALUES)
    assert found == bootstrap_interval(np.array(VALUES)) == bootstrap_interval(tuple(VALUES))
    assert found is not None
    # Written down once: another NumPy or machine must find the same.
    assert (found.low, found.high) == pytest.approx((0.149359375, 0.709375), abs=1e-9)
    assert bootstrap_interval(VALUES, seed=1) != found


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = bootstrap_interval(VALUES), paired_permutation(VALUES * 2)
    monkeypatch.setattr("talkingface.evaluation.statistics._BLOCK", 100)
    assert (bootstrap_interval(VALUES), paired_permutation(VALUES * 2)) == whole


def test_many_clips_need_little_memory() -> None:
    tracemalloc.start()
    try:
        bootstrap_interval(np.arange(5000.0), resamples=2000)  # 80 MB of indices at once otherwise
        assert tracemalloc.get_traced_memory()[1] < 40e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("function", [bootstrap_interval, paired_permutation])
def test_what_is_not_finite_is_refused(function) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="not finite"):
        function([1.0, float("nan"), 2.0])


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ([], 1.0),
        ([0.0, 0.0, 0.0], 1.0),
        ([3.0], 1.0),
        ([1.0, 1.0], 0.5),
        ([1.0, 2.0, 3.0], 0.25),  # of 8 patterns only +++ and --- reach 6
        ([-1.0, 2.0, 3.0], 0.5),  # |sum| 4: 6, 4 and their opposites, of 8
        ([1.0, -1.0], 1.0),
        ([0.1] * 6, 2 / 64),
        ([0.0, *[0.1] * 6], 2 / 64),  # a clip without difference tells nothing
        ([0.3] * EXACT_PAIRS, 2 / 2**EXACT_PAIRS),
    ],
)
def test_exact_p_against_hand_counts(differences: list[float], expected: float) -> None:
    assert paired_permutation(differences) == pytest.approx(expected, abs=1e-15)
    assert paired_permutation([-value for value in differences]) == pytest.approx(expected, abs=1e-15)
    assert paired_permutation([1e-9 * value for value in differences]) == pytest.approx(expected, abs=1e-15)


def test_exact_p_against_enumeration() -> None:
    # In hundredths, so that ties are exact.
    whole = [round(100 * value) for value in VALUES[:10]]
    sums = [
        abs(sum(s * v for s, v in zip(signs, whole, strict=True))) for signs in itertools.product((1, -1), repeat=10)
    ]
    expected = sum(found >= abs(sum(whole)) for found in sums) / len(sums)
    assert paired_permutation(VALUES[:10]) == pytest.approx(expected, abs=1e-15)


def test_sampled_p_agrees_with_the_exact_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for values in (VALUES, [value - 0.35 for value in VALUES]):
        exact = paired_permutation(values)
        with monkeypatch.context() as patch:
            patch.setattr("talkingface.evaluation.statistics.EXACT_PAIRS", 0)
            sampled = paired_permutation(values, resamples=40_000)
        assert sampled == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 40_000) + 1 / 40_000)


def test_sampled_p_is_never_zero_and_always_the_same() -> None:
    sure = [1.0 + 0.01 * index for index in range(60)]
    assert paired_permutation(sure) == 1 / 10_001
    assert paired_permutation(sure, resamples=99) == 1 / 100
    assert paired_permutation(VALUES * 2) == paired_permutation(VALUES * 2)


def test_p_is_right_as_often_as_it_says() -> None:
    draws = np.random.Generator(np.random.PCG64(5)).normal(size=(2000, 8))
    share = np.mean([paired_permutation(row) <= 0.05 for row in draws])
    assert share == pytest.approx(0.05, abs=0.015)


def test_holm_against_hand_values() -> None:
    assert holm([]) == []
    assert holm([0.04]) == [0.04]
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([0.02, 0.02]) == [0.04, 0.04]
