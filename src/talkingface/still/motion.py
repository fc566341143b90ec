"""How a person sits still: the small movements of head, eyes, brows and chest as curves over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

YAW = np.radians(4.0)
PITCH = np.radians(2.5)
ROLL = np.radians(1.0)
SWAY = 0.018  # inter-ocular distances, as all lengths below
BREATH = 0.009
BREATHS_PER_SECOND = 0.27
BROWS = 0.016
EYEBALL_RADIUS = 0.19  # 12 mm, where 63 mm lie between the eyes
SACCADE = 0.006
FIXATION_HELD = 0.8  # the eyes stay on the camera by so much of a turn of the head, and go with the head by the rest

FIRST_BLINK = (0.7, 1.3)  # seconds, as all times below
BLINK_EVERY = (2.4, 4.2)
CLOSING, CLOSED, OPENING = 0.10, 0.06, 0.24


@dataclass(frozen=True)
class StillMotion:
    """Curves with one value a frame. Lengths are in inter-ocular distances, x to the viewer's right, y down.

    Attributes:
        rotation: (T, 3) radians of the head: yaw (positive: the nose goes to the right), pitch (positive: down) and
            roll (positive: clockwise).
        shift: (T, 2) sway of the head.
        lean: (T,) relative growth by leaning towards the camera.
        breath: (T,) how far the chest has sunk.
        brows: (T,) how far the brows have sunk.
        closure: (T,) 0 open eyes .. 1 closed.
        gaze: (T, 2) shift of the irises within the eyes.
    """

    rotation: FloatArray
    shift: FloatArray
    lean: FloatArray
    breath: FloatArray
    brows: FloatArray
    closure: FloatArray
    gaze: FloatArray

    def __len__(self) -> int:
        return len(self.lean)


def plan_motion(frames: int, rate: float, seed: int) -> StillMotion:
    """Make up the movements of a clip.

    Args:
        frames: How many frames.
        rate: Frames per second.
        seed: The same seed gives the same movements.
    """
    rng = np.random.default_rng(seed)
    times = np.arange(frames) / rate
    yaw = YAW * (0.8 * glances(times, rng) + 0.2 * drift(times, rng))
    pitch = PITCH * (0.6 * glances(times, rng) + 0.4 * drift(times, rng))
    # a head that turns also tilts a little the same way
    roll = ROLL * (0.7 * drift(times, rng) + 0.3 * yaw / YAW)
    shift = SWAY * np.stack([drift(times, rng), drift(times, rng)], 1)
    lean = 0.003 * drift(times, rng)
    phase = rng.uniform(0, 2 * np.pi)
    breath = BREATH * np.sin(2 * np.pi * BREATHS_PER_SECOND * times + phase)
    closure = blinks(times, rng)
    brows = BROWS * drift(times, rng) + 0.012 * closure
    gaze = -FIXATION_HELD * EYEBALL_RADIUS * np.stack([np.sin(yaw), np.sin(pitch)], 1)
    gaze = gaze + SACCADE * np.stack([steps(times, rng), 0.5 * steps(times, rng)], 1)
    return StillMotion(np.stack([yaw, pitch, roll], 1), shift, lean, breath, brows, closure, gaze)


def glances(times: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Poses held for a while, with smooth moves between them (minimum jerk); starts at 0, stays in -1..1."""
    values = np.zeros(len(times))
    begin, pose = rng.uniform(0.1, 0.4), 0.0
    side = rng.choice([-1.0, 1.0])
    while len(times) and begin < times[-1]:
        length = rng.uniform(0.7, 1.1)
        change = side * rng.uniform(0.45, 1.0) - pose
        t = np.clip((times - begin) / length, 0, 1)
        values += change * t**3 * (10 - 15 * t + 6 * t * t)
        pose += change
        side = -side if rng.random() < 0.75 else side
        begin += length + rng.uniform(0.15, 0.9)
    return values


def drift(times: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Slow wandering round 0 that never repeats, mostly within -1..1."""
    frequencies = np.array([0.11, 0.23, 0.41, 0.67]) * rng.uniform(0.85, 1.15, 4)
    amplitudes = np.array([0.5, 0.45, 0.3, 0.12])
    phases = rng.uniform(0, 2 * np.pi, 4)
    return np.asarray(np.sin(2 * np.pi * times[:, None] * frequencies + phases) @ amplitudes)


def steps(times: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Sudden small changes of a held value in -1..1: the jumps of a resting gaze."""
    values = np.zeros(len(times))
    begin = 0.0
    while len(times) and begin <= times[-1]:
        values[times >= begin] = rng.uniform(-1, 1)
        begin += rng.uniform(0.35, 1.3)
    return values


def blinks(times: FloatArray, rng: np.random.Generator) -> FloatArray:
    """How closed the eyes are, 0..1: quick to close, slower to open, at irregular times."""
    closure = np.zeros(len(times))
    begin = rng.uniform(*FIRST_BLINK)
    while len(times) and begin < times[-1] - CLOSING - CLOSED - OPENING:
        since = times - begin
        down = np.clip(since / CLOSING, 0, 1)
        up = np.clip((since - CLOSING - CLOSED) / OPENING, 0, 1)
        # the lid falls with a run-up, and opens fast at first, then slowly
        closure = np.maximum(closure, down**1.5 * (1 - up) ** 2 * (1 + 2 * up) * (since >= 0))
        begin += rng.uniform(*BLINK_EVERY)
    return closure
