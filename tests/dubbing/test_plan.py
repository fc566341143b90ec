"""Which frame is shown when."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from talkingface.dubbing.plan import Schedule, schedule
from talkingface.options import parse_length

TICK = Fraction(1, 12_800)
STEP = 512  # 25 frames a second
EVEN = np.arange(50) * STEP
UNEVEN = np.concatenate([[0], np.cumsum(np.random.default_rng(5).choice([256, 427, 512, 1024, 2048], 49))])
RULES = ("bounce", "loop", "hold")


def longest_step(pts: np.ndarray) -> float:
    return float(np.diff(pts).max() * TICK)


def plan(pts: np.ndarray, seconds: float, rule: str, last_duration: int | None = STEP, **how: bool) -> Schedule:
    planned = schedule(pts, TICK, seconds, parse_length(rule), last_duration, **how)
    assert len(planned.order) == len(planned.pts)
    assert np.all(np.diff(planned.pts) > 0)
    assert planned.last_duration >= 1
    assert planned.order.min() >= 0
    assert planned.order.max() < len(pts)
    return planned


@pytest.mark.parametrize("pts", [EVEN, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("factor", [1.05, 1.5, 2.0, 3.7, 11.0])
def test_longer_sounds_are_filled(pts: np.ndarray, rule: str, factor: float) -> None:
    seconds = float((pts[-1] + STEP) * TICK) * factor
    planned = plan(pts, seconds, rule)
    np.testing.assert_array_equal(planned.order[:50], np.arange(50))
    np.testing.assert_array_equal(planned.pts[:50], pts)
    assert planned.sound_seconds == seconds
    assert planned.times[-1] < seconds
    assert seconds - 1e-6 <= planned.duration <= seconds + longest_step(pts)


@pytest.mark.parametrize("pts", [EVEN, UNEVEN], ids=["even", "uneven"])
def test_bounce_goes_back_and_forth(pts: np.ndarray) -> None:
    order = plan(pts, 15.0, "bounce").order
    assert np.all(np.abs(np.diff(order)) == 1)  # one frame at a time, never the same twice in a row
    turns = np.flatnonzero(np.diff(np.sign(np.diff(order)))) + 1
    assert set(order[turns]) == {0, 49}


def test_bounce_shows_every_frame_as_long_as_the_source_does() -> None:
    planned = plan(UNEVEN, 40.0, "bounce")
    source = np.diff(UNEVEN)
    for shown, following, ticks in zip(planned.order[:-1], planned.order[1:], np.diff(planned.pts), strict=True):
        assert ticks == source[min(shown, following)]


@pytest.mark.parametrize("pts", [EVEN, UNEVEN], ids=["even", "uneven"])
def test_loop_begins_again(pts: np.ndarray) -> None:
    planned = plan(pts, 20.0, "loop", last_duration=700)
    np.testing.assert_array_equal(planned.order, np.arange(len(planned.order)) % 50)
    again = np.flatnonzero(planned.order == 0)[1:]
    np.testing.assert_array_equal(planned.pts[again] - planned.pts[again - 1], 700)
    np.testing.assert_array_equal(planned.pts[50:100] - planned.pts[50], pts[: len(planned.pts[50:100])])


def test_hold_repeats_the_last_frame() -> None:
    planned = plan(EVEN, 3.0, "hold")
    assert (planned.order[49:] == 49).all()
    assert len(planned.order) == 75
    assert planned.duration == pytest.approx(3.0)


@pytest.mark.parametrize("seconds", [2.04, 2.4, 3.3, 4.0, 7.32])
@pytest.mark.parametrize("rule", RULES)
def test_no_frame_is_shown_after_the_sound(rule: str, seconds: float) -> None:
    assert plan(EVEN, seconds, rule).duration == pytest.approx(np.ceil(seconds * 25 - 1e-6) / 25)


@pytest.mark.parametrize("rule", RULES)
def test_a_long_last_frame_does_not_lengthen_the_result(rule: str) -> None:
    """A clip that ends in a freeze of five seconds, and a sound a little longer than that."""
    planned = plan(EVEN, 8.0, rule, last_duration=5 * 12_800)
    assert 8.0 - 1e-6 <= planned.duration <= 8.04 + (5 if rule == "loop" else 0)


def test_a_long_last_frame_is_cut_with_the_sound() -> None:
    planned = plan(EVEN, 5.0, "bounce,cut", last_duration=5 * 12_800)
    assert len(planned.order) == 50
    assert planned.duration == pytest.approx(5.0, abs=0.041)


def test_the_sound_is_cut_when_asked() -> None:
    planned = plan(EVEN, 9.0, "cut")
    np.testing.assert_array_equal(planned.order, np.arange(50))
    assert planned.sound_seconds == planned.duration == pytest.approx(2.0)


@pytest.mark.parametrize("pts", [EVEN, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize("seconds", [0.05, 0.5, 0.77, 1.2])
def test_a_longer_video_is_cut(pts: np.ndarray, seconds: float) -> None:
    planned = plan(pts, seconds, "bounce,cut")
    count = len(planned.order)
    np.testing.assert_array_equal(planned.order, np.arange(count))
    np.testing.assert_array_equal(planned.pts, pts[:count])
    assert planned.times[-1] < seconds
    assert seconds - 1e-9 <= planned.duration <= seconds + longest_step(pts)
    usual = float(np.median(np.diff(pts)) * TICK)
    assert planned.duration <= max(seconds + 1e-4, planned.times[-1] + usual)  # a long last frame ends with the sound
    assert planned.sound_seconds == seconds


@pytest.mark.parametrize("seconds", [0.05, 0.5, 1.2])
def test_a_longer_video_goes_on_when_asked(seconds: float) -> None:
    planned = plan(EVEN, seconds, "bounce,pad")
    np.testing.assert_array_equal(planned.order, np.arange(50))
    assert planned.duration == pytest.approx(2.0)
    assert planned.sound_seconds == seconds


@pytest.mark.parametrize("seconds", [1.985, 2.0, 2.015])
@pytest.mark.parametrize("rule", ["bounce,cut", "loop,pad", "cut,cut", "hold"])
def test_half_a_frame_is_no_difference(seconds: float, rule: str) -> None:
    planned = plan(EVEN, seconds, rule)
    np.testing.assert_array_equal(planned.order, np.arange(50))
    assert planned.sound_seconds == seconds


def test_one_frame_is_held() -> None:
    for rule in RULES:
        planned = plan(np.array([0]), 1.0, rule)
        assert (planned.order == 0).all()
        assert len(planned.order) == 25
        assert planned.duration == pytest.approx(1.0)


def test_a_still_without_a_duration_plays_at_25_frames_a_second() -> None:
    planned = plan(np.array([0]), 1.0, "bounce", None)
    assert len(planned.order) == 25


def test_without_a_duration_the_last_frame_lasts_as_long_as_most() -> None:
    assert plan(EVEN, 2.0, "bounce", None).last_duration == STEP


def test_a_short_lead_is_kept_a_long_one_dropped() -> None:
    assert plan(EVEN + 300, 2.0, "bounce").pts[0] == 300
    assert plan(EVEN + 300, 2.0, "bounce", keep_lead=False).pts[0] == 0
    assert plan(EVEN + 12_800, 2.0, "bounce").pts[0] == 0
    assert plan(EVEN - 300, 2.0, "bounce").pts[0] == 0
    with_lead = plan(EVEN + 300, 5.0, "bounce")
    assert 5.0 - 1e-6 <= with_lead.duration <= 5.04


def test_times_are_on_the_sounds_clock() -> None:
    np.testing.assert_allclose(plan(EVEN, 2.0, "bounce").times, np.arange(50) / 25)


def test_broadcast_rates_stay_exact() -> None:
    tick = Fraction(1001, 30_000)
    planned = schedule(np.arange(300), tick, 25.0, parse_length("bounce"), 1)
    assert (np.diff(planned.pts) == 1).all()
    assert planned.times[-1] == pytest.approx(float(planned.pts[-1] * tick), abs=1e-12)
