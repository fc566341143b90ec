from __future__ import annotations

import numpy as np
import pytest

from talkingface.still.motion import PITCH, ROLL, SWAY, YAW, blinks, glances, plan_motion


def test_the_same_seed_gives_the_same_movements() -> None:
    first, again, other = plan_motion(75, 25, 4), plan_motion(75, 25, 4), plan_motion(75, 25, 5)
    assert np.array_equal(first.rotation, again.rotation)
    assert np.array_equal(first.closure, again.closure)
    assert not np.array_equal(first.rotation, other.rotation)


@pytest.mark.parametrize("seed", range(10))
def test_movements_are_small_and_smooth(seed: int) -> None:
    motion = plan_motion(250, 25, seed)
    assert np.all(np.abs(motion.rotation).max(0) < 1.4 * np.array([YAW, PITCH, ROLL]))
    assert np.abs(motion.shift).max() < 1.4 * SWAY
    assert np.degrees(np.abs(np.diff(motion.rotation, axis=0))).max() < 1.0  # a frame
    assert np.degrees(np.ptp(motion.rotation[:, 0])) > 3


@pytest.mark.parametrize("rate", [24.0, 25.0, 30.0, 60.0])
@pytest.mark.parametrize("seed", range(10))
def test_blinks_close_the_eyes_at_natural_intervals(seed: int, rate: float) -> None:
    closure = blinks(np.arange(round(20 * rate)) / rate, np.random.default_rng(seed))
    assert closure.min() == 0
    assert closure.max() <= 1
    begins = np.flatnonzero((closure[1:] > 0) & (closure[:-1] == 0))
    assert 4 <= len(begins) <= 9
    assert np.diff(begins).min() > 2.2 * rate
    for begin in begins:
        blink = closure[begin : begin + round(0.45 * rate)]
        assert blink.max() > 0.99
        assert 0.15 < (blink > 0.2).sum() / rate < 0.4


def test_the_eyes_stay_on_the_camera_when_the_head_turns() -> None:
    motion = plan_motion(500, 25, 1)
    assert np.corrcoef(motion.rotation[:, 0], motion.gaze[:, 0])[0, 1] < -0.7


def test_glances_begin_at_rest() -> None:
    values = glances(np.arange(100) / 25, np.random.default_rng(0))
    assert values[0] == 0
    assert np.abs(values).max() <= 1


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_hardly_any_frames(frames: int) -> None:
    assert len(plan_motion(frames, 25, 0)) == frames
