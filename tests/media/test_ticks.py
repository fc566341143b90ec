from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talkingface.media.reader import VideoReader
from talkingface.media.ticks import frames_at_ticks


def test_a_clip_of_that_rate_shows_each_frame_once() -> None:
    assert frames_at_ticks(np.arange(40) / 25, 25).tolist() == list(range(40))


def test_times_that_stray_leave_no_frame_out() -> None:
    times = np.arange(200) / 25 + np.random.default_rng(0).uniform(-0.018, 0.018, 200)
    assert frames_at_ticks(np.maximum(times, 0), 25)[:199].tolist() == list(range(199))


def test_twice_the_rate_leaves_out_every_other_frame() -> None:
    assert frames_at_ticks(np.arange(20) / 50, 25).tolist() == list(range(0, 20, 2))


def test_a_frame_is_held_for_as_long_as_it_is_on_screen() -> None:
    times = np.array([0, 0.04, 0.16, 0.20, 0.40])  # the last counts as long as is usual: 0.08 s
    assert frames_at_ticks(times, 25).tolist() == [0, 1, 1, 1, 2, 3, 3, 3, 3, 3, 4, 4]


def test_before_the_first_frame_there_is_none() -> None:
    assert frames_at_ticks(0.09 + np.arange(3) / 25, 25).tolist() == [-1, -1, 0, 1, 2]


def test_nothing_and_one_frame() -> None:
    assert frames_at_ticks(np.zeros(0), 25).shape == (0,)
    assert frames_at_ticks(np.zeros(1), 25).tolist() == [0]


@pytest.mark.parametrize("rate", [22.13, 23.976, 29.97, 60.0])
def test_every_tick_shows_what_is_on_screen_in_its_middle(rate: float) -> None:
    times = np.arange(400) / rate
    shown = frames_at_ticks(times, 25)
    middles = (np.arange(len(shown)) + 0.5) / 25
    assert (times[shown] <= middles + 1e-9).all()
    assert (np.append(times, times[-1] + 1 / rate)[shown + 1] >= middles - 1e-9).all()
    assert len(shown) == pytest.approx(400 / rate * 25, abs=1)


def test_a_real_clip_of_varying_rate_stays_on_its_clock(clips: Path) -> None:
    with VideoReader(clips / "vrt_face1.mp4") as reader:
        times = np.array([decoded.time for decoded in reader.frames()])
    steps = np.diff(times)
    assert steps.min() < 0.034 and steps.max() > 0.066  # it does vary
    shown = frames_at_ticks(times, 25)
    middles = (np.arange(len(shown)) + 0.5) / 25
    known = shown >= 0
    late = middles[known] - times[shown[known]]
    assert late.min() >= -1e-6 and late.max() <= steps.max() + 1e-6  # from the first window to the last
    assert abs(late[:25].mean() - late[-25:].mean()) < 0.01
    by_index = np.arange(len(times)) / 25  # what counting frames makes of the same clip
    assert abs(times[-1] - by_index[-1]) > 0.6
