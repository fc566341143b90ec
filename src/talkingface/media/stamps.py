"""Timestamps as files have them, made into times that always rise and never leap out of the file."""

from __future__ import annotations

from fractions import Fraction

LONGEST_STEP = 3600
"""Seconds: no frame is shown longer."""

LARGEST_BREAK = 10
"""Seconds: what a clock that is known to break may leap, and what a timestamp may lie beyond the end claimed."""

SHORTEST_STEP = Fraction(1, 1000)
"""Seconds: no frame is shown shorter, where the clock ticks that finely."""

_USUAL_STEP = Fraction(1, 25)


class StampRepair:
    """Puts the timestamps of one run of a decoder right, one after another.

    The rules:

    - A missing timestamp, or one that does not rise, becomes the last one and the usual step.
    - Frames lie at least a millisecond apart.
    - A leap is undone: the frame follows the last one by the usual step, and so do the times after it, until they are
      right again by themselves. A leap is more than an hour forwards; more than 10 s back; more than 10 s forwards to
      more than 10 s beyond the end the file claims; in transport and program streams, whose clocks break where
      recordings were joined, more than 10 s forwards.

    Attributes:
        guessed: How many timestamps were missing or did not rise.
        leaps: How many leaps were undone.
    """

    def __init__(self, tick: Fraction, rate: Fraction | None, end: int | None, *, breaks: bool, begins: bool) -> None:
        """Begin a run.

        Args:
            tick: Seconds per tick.
            rate: Frames per second on average, None when unknown.
            end: Where the file ends by its own claim, in ticks; None when it does not say.
            breaks: Whether this kind of stream has clocks that break.
            begins: Whether the run begins at the start of the file, where the clock must be near 0.
        """
        self.guessed = 0
        self.leaps = 0
        self.step = usual_step(tick, rate)
        self._least = max(1, round(SHORTEST_STEP / tick))
        self._hour = max(1, round(LONGEST_STEP / tick))
        self._break = max(1, round(LARGEST_BREAK / tick))
        self._end = end
        self._breaks = breaks
        self._begins = begins
        self._shift = 0
        self._last: int | None = None

    def place(self, stamp: int | None) -> int:
        """Return the time of the next frame in ticks, more than any before."""
        self._last = self._placed(stamp)
        return self._last

    def _placed(self, stamp: int | None) -> int:
        last = self._last
        if last is None:
            if stamp is None:
                self.guessed += 1
                return 0
            if self._begins and abs(stamp) > self._hour:
                self._undo(stamp, 0)
                return 0
            return stamp
        if stamp is None:
            self.guessed += 1
            return last + self.step
        time = stamp + self._shift
        if self._shift and 0 < stamp - last <= self._break:
            self._shift, time = 0, stamp
        if self._is_leap(time, last):
            time = last + self.step
            self._undo(stamp, time)
        if time <= last:
            self.guessed += 1
            return last + self.step
        return max(time, last + self._least)

    def _is_leap(self, time: int, last: int) -> bool:
        step = time - last
        if step > self._hour or step < -self._break:
            return True
        if step <= self._break:
            return False
        return self._breaks or (self._end is not None and time > self._end + self._break)

    def _undo(self, stamp: int, time: int) -> None:
        self._shift = time - stamp
        self.leaps += 1


def usual_step(tick: Fraction, rate: Fraction | None) -> int:
    """Return how long a frame is shown in ticks, 1/25 s when the rate is unknown or absurd."""
    seconds = _USUAL_STEP if rate is None or rate <= 0 else 1 / rate
    if not SHORTEST_STEP <= seconds <= LARGEST_BREAK:
        seconds = _USUAL_STEP
    return max(1, round(seconds / tick))
