"""Decoding times for frames that are coded in another order than they are shown."""

from __future__ import annotations

import heapq


class DecodingClock:
    """Gives each packet, in coding order, a decoding time that rises strictly and is never later than its showing.

    A packet is decoded when the frame ``depth`` places before it in showing order is shown. Encoders compute the same,
    but each for its own piece of the film (pieces would overlap when joined), x265 wrongly for two frames.
    """

    def __init__(self, depth: int, first_pts: int, step: int) -> None:
        """Start the clock.

        Args:
            depth: How many frames, at most, are coded before one that is shown earlier.
            first_pts: When the first frame is shown.
            step: Ticks between the decoding times that lie before that, at least 1.
        """
        self._lead_in = [first_pts - place * max(1, step) for place in range(1, depth + 1)]
        self._waiting: list[int] = []

    def next(self, pts: int) -> int:
        """Return the decoding time of the next packet in coding order, which is shown at ``pts``."""
        heapq.heappush(self._waiting, pts)
        return self._lead_in.pop() if self._lead_in else heapq.heappop(self._waiting)
