"""Do lips and sound belong together, and at which offset: figures of the judging sync expert.

An offset is in frames of 40 ms and positive when the lips are late (the sound leads), which is SyncNet's sign.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import MediaError
from talkingface.evaluation.result import Score
from talkingface.models.syncnet.landmark_expert import GRID_RATE, Embeddings

MAX_OFFSET = 15
MIN_WINDOWS = 12  # every offset is the mean of at least so many windows
SHORTEST_ROWS = MIN_WINDOWS + MAX_OFFSET
# Below this confidence the best offset is one among many: the least of 31 numbers that hardly differ. The fewer windows
# these are means of, the more they differ by chance: mouths held still reach 0.14 in clips of 3 s, 0.04 in longer ones.
UNDECIDED_CONFIDENCE = 0.1
UNDECIDED_OF_SHORT = 0.16  # with SHORT_WINDOWS, falling with the square root of their number
SHORT_WINDOWS = 75


@dataclass(frozen=True)
class SyncFigures:
    """Figures of one mouth against one sound.

    Attributes:
        curve: (31,) mean distance, 0..2, when the lips are taken to be late by -15 to 15 frames.
        windows: (31,) how many windows each of them is the mean of.
        offset: Frames of 40 ms that the lips lag behind the sound where they fit best.
        distance: The curve there.
        confidence: The curve's median minus its minimum.
    """

    curve: NDArray[np.float64]
    windows: NDArray[np.int64]
    offset: int
    distance: float
    confidence: float

    @property
    def decided(self) -> bool:
        """The offset fits better than chance would let one of 31 fit."""
        by_chance = UNDECIDED_OF_SHORT * float(np.sqrt(SHORT_WINDOWS / self.windows.max()))
        return self.confidence >= max(UNDECIDED_CONFIDENCE, by_chance)


def distance_curve(mouth: Embeddings, sound: Embeddings) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Mean distance at every offset from -15 to 15 frames, and how many windows it is the mean of.

    Only windows that exist on both sides are compared: nothing is padded, so a short clip's outer offsets are not
    pushed up. A row without a face takes part at no offset.

    Returns:
        The curve (nan where there is no window at all) and the counts, both (31,); entry ``MAX_OFFSET + n`` belongs to
        lips that are late by n frames: mouth row k is compared with sound row k - n.
    """
    curve = np.full(2 * MAX_OFFSET + 1, np.nan)
    windows = np.zeros(2 * MAX_OFFSET + 1, np.int64)
    for late in range(-MAX_OFFSET, MAX_OFFSET + 1):
        low, high = max(0, late), min(len(mouth.vectors), len(sound.vectors) + late)
        if high <= low:
            continue
        both = mouth.valid[low:high] & sound.valid[low - late : high - late]
        count = int(both.sum())
        if count:
            likeness = np.einsum("td,td->t", mouth.vectors[low:high], sound.vectors[low - late : high - late])
            distances = np.sqrt(np.maximum(0.0, 2.0 - 2.0 * likeness[both].astype(np.float64)))
            curve[MAX_OFFSET + late] = distances.mean()
            windows[MAX_OFFSET + late] = count
    return curve, windows


def sync_figures(mouth: Embeddings, sound: Embeddings, what: str) -> SyncFigures:
    """Offset, distance and confidence of a mouth against a sound.

    Args:
        mouth: Of the video.
        sound: Of the sound it should speak, on the same clock.
        what: Names both in an error.

    Raises:
        MediaError: too few frames with a face and with sound to compare them at every offset.
    """
    curve, windows = distance_curve(mouth, sound)
    if windows.min() < MIN_WINDOWS:
        seconds = min(int(mouth.valid.sum()), len(sound.vectors)) / GRID_RATE
        raise MediaError(
            f"{what}: too short to judge sync: {seconds:.2f} s with both a face and sound; at least "
            f"{SHORTEST_ROWS / GRID_RATE:.2f} s without a break are needed"
        )
    best = int(np.argmin(curve))
    distance = float(curve[best])
    return SyncFigures(curve, windows, best - MAX_OFFSET, distance, float(np.median(curve)) - distance)


def distances_at(
    mouth: Embeddings, sound: Embeddings, offset: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """How each window of a mouth fits its sound, at one offset.

    Args:
        mouth: Of the video.
        sound: On the same clock.
        offset: Frames that the lips are taken to be late.

    Returns:
        (K,) rows of the mouth that have a face and sound at every offset that exists there; (K,) their distance at
        ``offset``; (K,) their confidence: the median over all offsets less that distance.
    """
    shifts = np.arange(-MAX_OFFSET, MAX_OFFSET + 1)
    places = np.arange(len(mouth.vectors))[:, None] - shifts[None]
    inside = (places >= 0) & (places < len(sound.vectors)) & mouth.valid[:, None]
    places = np.clip(places, 0, max(0, len(sound.vectors) - 1))
    inside &= sound.valid[places]
    likeness = np.full(places.shape, np.nan)
    for column in range(len(shifts)):  # a column at a time: all of them at once would be 31 copies of the sound
        found = np.einsum("td,td->t", mouth.vectors, sound.vectors[places[:, column]])
        likeness[:, column] = np.where(inside[:, column], found, np.nan)
    distances = np.sqrt(np.maximum(0.0, 2.0 - 2.0 * likeness))
    rows = np.flatnonzero(inside[:, MAX_OFFSET + offset])
    best = distances[rows, MAX_OFFSET + offset]
    return rows, best, np.nanmedian(distances[rows], axis=1) - best


def sync_scores(figures: SyncFigures) -> dict[str, Score]:
    """The figures as scores, by metric name."""
    offset = Score(float(figures.offset))
    if not figures.decided:
        offset = Score(None, "n/a: undecided, lips and sound fit nowhere better than elsewhere")
    return {
        "sync_confidence": Score(figures.confidence),
        "sync_offset": offset,
        "sync_distance": Score(figures.distance),
    }
