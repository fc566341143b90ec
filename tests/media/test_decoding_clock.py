from __future__ import annotations

import random
from itertools import pairwise

import pytest

from talkingface.media.decoding_clock import DecodingClock


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_decoding_times_rise_and_never_lie_after_showing(depth: int) -> None:
    dice = random.Random(depth)
    shown, coded = 0, []
    for _ in range(60):
        group = []
        for _ in range(depth + 1):
            shown += dice.choice([1, 7, 1000])
            group.append(shown)
        coded += [group[-1], *group[:-1]]  # the reference first, then what is predicted from it
    clock = DecodingClock(depth, min(coded), 40)
    times = [clock.next(pts) for pts in coded]
    assert all(later > earlier for earlier, later in pairwise(times))
    assert all(dts <= pts for dts, pts in zip(times, coded, strict=True))


def test_without_reordering_both_times_are_the_same() -> None:
    clock = DecodingClock(0, 5, 1)
    assert [clock.next(pts) for pts in (5, 6, 90)] == [5, 6, 90]


def test_steady_frames_get_steady_decoding_times() -> None:
    clock = DecodingClock(2, 0, 10)
    assert [clock.next(pts) for pts in (0, 40, 20, 10, 30)] == [-20, -10, 0, 10, 20]
