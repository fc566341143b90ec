from __future__ import annotations

import itertools

import pytest

from talkingface.evaluation.web.numbers import decimals_for, nice_ticks, number, tick_decimals


def test_numbers_have_a_true_minus_and_no_minus_zero() -> None:
    assert number(-1.25, 2) == "−1.25"
    assert number(-0.0004, 3) == "0.000"
    assert number(2.0, 0) == "2"


def test_decimals_follow_the_largest_value() -> None:
    assert [decimals_for([value, 0.5]) for value in (1.0, 12.0, 120.0, 2000.0)] == [3, 2, 1, 0]
    assert decimals_for([]) == 3 and decimals_for([float("nan")]) == 3


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-15, 15), (0.83, 0.91), (0, 6.13), (-2e-4, 3e-4), (0, 51234)])
def test_ticks_are_few_even_and_inside(low: float, high: float) -> None:
    ticks = nice_ticks(low, high, most=6)
    steps = {round(after - before, 10) for before, after in itertools.pairwise(ticks)}
    assert 2 <= len(ticks) <= 6 and len(steps) == 1
    assert low <= ticks[0] and ticks[-1] <= high
    texts = [number(tick, tick_decimals(ticks)) for tick in ticks]
    assert len(set(texts)) == len(texts)


def test_a_range_without_length_has_one_tick() -> None:
    assert nice_ticks(2.0, 2.0) == [2.0]
