from __future__ import annotations

from fractions import Fraction

import pytest

from talkingface.media.stamps import StampRepair, usual_step

TICK = Fraction(1, 1000)
HOUR = 3_600_000


def placed(stamps: list[int | None], end: int | None = None, *, breaks: bool = False, begins: bool = True) -> list[int]:
    repair = StampRepair(TICK, Fraction(25), end, breaks=breaks, begins=begins)
    return [repair.place(stamp) for stamp in stamps]


def test_good_stamps_stay() -> None:
    stamps = [0, 33, 70, 71, 9_000, 60_000]
    assert placed(stamps) == placed(stamps, end=60_040) == stamps


def test_missing_and_repeated_stamps_go_on_by_the_usual_step() -> None:
    assert placed([None, None, 80, 80, 120, 100, 200]) == [0, 40, 80, 120, 160, 200, 240]


def test_a_leap_beyond_the_claimed_end_is_undone_and_later_stamps_are_their_own_again() -> None:
    assert placed([0, 40, 500_000, 120, 160], end=200) == [0, 40, 80, 120, 160]
    assert placed([0, 40, 500_000, 500_040, 500_080], end=200) == [0, 40, 80, 120, 160]


def test_a_still_of_minutes_is_no_leap_when_the_file_says_so() -> None:
    assert placed([0, 40, 500_000], end=500_040) == [0, 40, 500_000]
    assert placed([0, 40, 500_000]) == [0, 40, 500_000]


@pytest.mark.parametrize("end", [None, 400 * 24 * HOUR])
def test_no_frame_lasts_longer_than_an_hour(end: int | None) -> None:
    assert placed([0, 40, 300 * 24 * HOUR, 300 * 24 * HOUR + 40], end=end) == [0, 40, 80, 120]


def test_clocks_that_break_go_on() -> None:
    assert placed([0, 40, 50_000, 50_040, 0, 40], breaks=True) == [0, 40, 80, 120, 160, 200]


def test_the_first_stamp_of_a_file_lies_near_zero() -> None:
    assert placed([-5 * HOUR, -5 * HOUR + 40]) == [0, 40]
    assert placed([5 * HOUR, 5 * HOUR + 40], begins=False) == [5 * HOUR, 5 * HOUR + 40]


def test_frames_are_a_millisecond_apart() -> None:
    repair = StampRepair(Fraction(1, 90_000), Fraction(25), None, breaks=False, begins=True)
    assert [repair.place(stamp) for stamp in (0, 1, 2, 3, 3600)] == [0, 90, 90 + 3600, 90 + 7200, 90 + 10_800]


def test_what_was_repaired_is_counted() -> None:
    repair = StampRepair(TICK, Fraction(25), 200, breaks=False, begins=True)
    for stamp in (0, None, 80, 80, 9_000_000):
        repair.place(stamp)
    assert (repair.guessed, repair.leaps) == (2, 1)


@pytest.mark.parametrize("rate", [None, Fraction(0), Fraction(10**7), Fraction(1, 10**6)])
def test_absurd_rates_give_the_usual_step(rate: Fraction | None) -> None:
    assert usual_step(TICK, rate) == 40
    assert usual_step(TICK, Fraction(50)) == 20
