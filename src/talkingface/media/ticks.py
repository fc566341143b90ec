"""Which frame of a video is on screen at each tick of a constant rate, by the frames' own times."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TIE = 1e-6  # ticks: times that are equal but for the rounding of floats


def frames_at_ticks(times: NDArray[np.float64], rate: int) -> NDArray[np.int64]:
    """Bring frames of any rate, a varying one too, to a constant rate.

    Tick k lasts from second k / rate to the next tick and shows the frame that is on screen in its middle, as FFmpeg's
    conversion of frame rates does: times that stray by less than half a tick leave no frame out and show none twice.
    Frames are held or left out, never mixed.

    Args:
        times: (N,) rising seconds on the file's clock at which each frame begins to be shown.
        rate: Ticks a second.

    Returns:
        (K,) the frame's index at each tick from second 0 to the end of the last frame, -1 before the first frame. How
        long the last frame is shown is not among the times: it is taken to be as long as is usual in the clip.
    """
    if not len(times):
        return np.zeros(0, np.int64)
    usual = float(np.median(np.diff(times))) if len(times) > 1 else 1 / rate
    # tick k's middle is k + 1/2 ticks from second 0; a frame that begins just there is not on screen yet
    first = np.floor(np.append(times, times[-1] + usual) * rate - 0.5 + TIE).astype(np.int64) + 1
    first = np.maximum(first, 0)
    ticks = np.arange(first[-1])
    return np.asarray(np.searchsorted(first[:-1], ticks, side="right") - 1, np.int64)
