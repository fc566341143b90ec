"""Which source frame is shown when, when picture and sound have different lengths."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from talkingface.options import LengthRule

STILL_RATE = 25
LONGEST_LEAD_SECONDS = 0.5


@dataclass(frozen=True)
class Schedule:
    """The frames of the result.

    Attributes:
        order: (N,) index of the source frame each shows.
        pts: (N,) when it is shown, in ticks of ``time_base``; 0 is the first sample of the sound.
        time_base: Seconds per tick.
        last_duration: Ticks the last frame is shown.
        sound_seconds: How much of the sound is kept.
    """

    order: NDArray[np.int64]
    pts: NDArray[np.int64]
    time_base: Fraction
    last_duration: int
    sound_seconds: float

    @property
    def times(self) -> NDArray[np.float64]:
        """(N,) seconds on the sound's clock."""
        return np.asarray(self.pts * float(self.time_base), np.float64)

    @property
    def duration(self) -> float:
        """Seconds from the sound's first sample to the end of the last frame."""
        return float((int(self.pts[-1]) + self.last_duration) * self.time_base)


def schedule(
    source_pts: NDArray[np.int64],
    time_base: Fraction,
    sound_seconds: float,
    rule: LengthRule,
    last_duration: int | None = None,
    keep_lead: bool = True,
) -> Schedule:
    """Lay out the frames of the result.

    Args:
        source_pts: (M,) timestamps of the source frames on the file's clock, rising, in ticks.
        time_base: Seconds per tick.
        sound_seconds: Length of the sound.
        rule: What to do when lengths differ.
        last_duration: Ticks the source's last frame is shown; None for the usual distance of frames.
        keep_lead: Whether a first frame a little after the clock's 0 stays there, so that every timestamp is the
            source's own; a longer lead than half a second would be a black beginning and is dropped.
    """
    first = int(source_pts[0])
    lead = first if keep_lead and 0 < first * time_base < LONGEST_LEAD_SECONDS else 0
    pts = np.asarray(source_pts, np.int64) - first + lead
    usual = round(float(np.median(np.diff(pts)))) if len(pts) > 1 else round(1 / (STILL_RATE * time_base))
    last_duration = max(1, usual if last_duration is None else last_duration)
    sound_ticks = sound_seconds / float(time_base)
    length = int(pts[-1]) + last_duration
    everything = np.arange(len(pts))
    # half a frame of difference is no difference: recordings and pictures never end on the same sample
    slack = min(usual, last_duration) / 2
    if sound_ticks <= length + slack:
        if rule.video_longer == "pad" or sound_ticks >= length - slack:
            return Schedule(everything, pts, time_base, last_duration, sound_seconds)
        count = max(1, int(np.searchsorted(pts, sound_ticks - 1e-6, side="left")))
        following = int(pts[count]) if count < len(pts) else length
        last = _shown_until_the_end(int(pts[count - 1]), following, sound_ticks, usual)
        return Schedule(everything[:count], pts[:count], time_base, last, sound_seconds)
    if rule.sound_longer == "cut":
        return Schedule(everything, pts, time_base, last_duration, float(length * time_base))
    order, times, last = _extended(pts, last_duration, usual, sound_ticks, rule.sound_longer)
    return Schedule(order, times, time_base, last, sound_seconds)


def _shown_until_the_end(begin: int, following: int, sound_ticks: float, usual: int) -> int:
    """Ticks the last frame is shown: its own time, but when that is long, only until the sound ends."""
    return max(1, min(following - begin, max(usual, int(np.ceil(sound_ticks - 1e-6)) - begin)))


def _extended(
    pts: NDArray[np.int64], last_duration: int, usual: int, sound_ticks: float, how: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Go on after the last frame until the sound ends, by ``bounce``, ``loop`` or ``hold``.

    Returns:
        Order, timestamps, and how long the last frame is shown.
    """
    count = len(pts)
    steps = np.diff(pts)
    if how == "hold" or count == 1:
        step = max(1, usual if count > 1 else min(usual, last_duration))
        extra = int(np.ceil((sound_ticks - int(pts[-1])) / step - 1e-6)) - 1
        times = int(pts[-1]) + step * np.arange(1, extra + 1)
        held = np.full(len(times), count - 1)
        return np.concatenate([np.arange(count), held]), np.concatenate([pts, times]), step
    if how == "loop":
        cycle, advance = np.arange(count), np.concatenate([[last_duration], steps])
    else:
        # back from the last frame but one to the first, then forth again: no frame is shown twice in a row
        cycle = np.concatenate([np.arange(count - 2, -1, -1), np.arange(1, count)])
        advance = np.concatenate([steps[::-1], steps])
    rounds = int(np.ceil((sound_ticks - int(pts[-1])) / int(advance.sum()))) + 1
    order = np.concatenate([np.arange(count), np.tile(cycle, rounds)])
    times = np.concatenate([pts, int(pts[-1]) + np.cumsum(np.tile(advance, rounds))])
    keep = max(1, int(np.searchsorted(times, sound_ticks - 1e-6, side="left")))
    last = _shown_until_the_end(int(times[keep - 1]), int(times[keep]), sound_ticks, usual)
    return order[:keep], times[:keep], last
