"""Lip-sync figures of SyncNet embeddings: LSE-D, LSE-C and the offset, by the released program's own rules.

Those rules include its quirks: a millionth is added to every difference, and where a shift reaches beyond the sound
there is a vector of zeros, whose distance says nothing; on short clips that moves the curve's ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import MediaError
from talkingface.models.syncnet.embedding import WindowEmbeddings
from talkingface.models.syncnet.lip_crops import SHORTEST_TRACK, TICK_RATE, WINDOW_TICKS, median_filter

MAX_SHIFT = 15  # ticks to either side, as every released script asks
FEWEST_WINDOWS = SHORTEST_TRACK - WINDOW_TICKS
SMOOTHED_CONFIDENCES = 9
BLOCK = 64  # windows at a time: 8 MB of differences
EPSILON = np.float32(1e-6)


@dataclass(frozen=True)
class SyncNetFigures:
    """Figures of one video's lips against one sound.

    Attributes:
        curve: (2 shifts + 1,) mean distance; column j compares lips with the sound that is ``j - shifts`` ticks later.
        offset: Ticks of 40 ms that the lips are late where they fit best (the sound leads).
        distance: The curve there: LSE-D.
        confidence: The curve's median less its minimum: LSE-C.
        ticks: (W,) at which each window begins.
        window_distance: (W,) at that offset.
        window_confidence: (W,) the curve's median less that, median-filtered over nine windows of one track.
    """

    curve: NDArray[np.float64]
    offset: int
    distance: float
    confidence: float
    ticks: NDArray[np.int64]
    window_distance: NDArray[np.float64]
    window_confidence: NDArray[np.float64]

    def by_lateness(self) -> tuple[list[int], list[float]]:
        """How late the lips are taken to be, rising, and the mean distance there."""
        shifts = len(self.curve) // 2
        return list(range(-shifts, shifts + 1)), [float(value) for value in self.curve[::-1]]


def shifted_distances(
    lips: NDArray[np.float32], sound: NDArray[np.float32], places: NDArray[np.int64], shifts: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Euclidean distances of windows to the sound around them.

    Args:
        lips: (W, D) embeddings.
        sound: (M, D) embeddings; before and after them there are zeros.
        places: (W,) the sound's row that is at the same time as each window.
        shifts: (S,) rows by which the sound is moved.

    Returns:
        (W, S).
    """
    rows = places[:, None] + shifts[None]
    inside = (rows >= 0) & (rows < len(sound))
    heard = np.zeros((*rows.shape, lips.shape[1]), np.float32)
    heard[inside] = sound[rows[inside]]
    differences = np.subtract(lips[:, None], heard, out=heard)
    differences += EPSILON
    return np.asarray(np.sqrt(np.einsum("wsd,wsd->ws", differences, differences)), np.float32)


def syncnet_figures(lips: WindowEmbeddings, sound: WindowEmbeddings, max_shift: int = MAX_SHIFT) -> SyncNetFigures:
    """Figures of a video's lips, all windows of all its tracks together, against a sound on the same clock.

    The released program scores a track at a time and cuts its sound out with it. Here a track that begins or ends
    within the clip is compared with the sound as it goes on there; zeros stand only beyond the clip's ends. For a face
    that is seen all the time it is the same.

    Args:
        lips: Of the video.
        sound: At every tick from second 0 on.
        max_shift: Ticks that lips and sound are moved against each other, to either side.

    Raises:
        ValueError: no window has both.
    """
    end = min(lips.length, sound.length) - WINDOW_TICKS  # beyond it, one of both has no windows
    count = int(np.searchsorted(lips.ticks, end))
    if count < 1:
        raise ValueError("no window has both lips and sound")
    vectors, ticks, heard = lips.vectors[:count], lips.ticks[:count], sound.vectors[: max(0, end)]
    shifts = np.arange(-max_shift, max_shift + 1)
    total = np.zeros(len(shifts))
    for start in range(0, count, BLOCK):
        block = slice(start, start + BLOCK)
        total += shifted_distances(vectors[block], heard, ticks[block], shifts).sum(0, dtype=np.float64)
    curve = total / count
    best = int(np.argmin(curve))
    blocks = [slice(start, start + BLOCK) for start in range(0, count, BLOCK)]
    window_distance = np.concatenate(
        [shifted_distances(vectors[b], heard, ticks[b], shifts[best : best + 1])[:, 0] for b in blocks]
    ).astype(np.float64)
    middle = float(np.median(curve))
    return SyncNetFigures(
        curve=curve,
        offset=max_shift - best,
        distance=float(curve[best]),
        confidence=middle - float(curve[best]),
        ticks=ticks,
        window_distance=window_distance,
        window_confidence=_smoothed(middle - window_distance, ticks),
    )


def checked_figures(lips: WindowEmbeddings, sound: WindowEmbeddings, what: str) -> SyncNetFigures:
    """The figures, if there is enough to judge.

    Args:
        lips: Of the video.
        sound: On the same clock.
        what: Names both in an error.

    Raises:
        MediaError: too few windows with both lips and sound.
    """
    end = min(lips.length, sound.length) - WINDOW_TICKS
    count = int(np.searchsorted(lips.ticks, end))
    if count < FEWEST_WINDOWS:
        raise MediaError(
            f"{what}: too short for SyncNet: {count} windows with both a face and sound; at least "
            f"{SHORTEST_TRACK / TICK_RATE:.2f} s of both without a break are needed"
        )
    return syncnet_figures(lips, sound)


def _smoothed(confidence: NDArray[np.float64], ticks: NDArray[np.int64]) -> NDArray[np.float64]:
    parts = np.split(confidence, np.flatnonzero(np.diff(ticks) != 1) + 1)
    return np.concatenate([median_filter(part, SMOOTHED_CONFIDENCES) for part in parts])
