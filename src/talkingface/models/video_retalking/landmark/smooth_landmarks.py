"""The landmarks of a track, smoothed in time, read a block of frames at a time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import interocular_distance, smooth_in_time, smoothstep
from talkingface.faces.track import FaceTrack

LANDMARK_SMOOTHING = 0.024  # seconds; one frame of jitter, no lag
# What smoothing takes from a part of the face, root mean square over its points, in inter-ocular distances: below the
# first it is jitter (0.0012 on resting GRID speakers), above the second it is motion too quick for the filter.
JITTER, MOTION = 0.003, 0.010
_PARTS = (list(mesh.MOUTH_POINTS), sorted(set(range(mesh.MESH_POINTS)) - set(mesh.MOUTH_POINTS)))
BLOCK_ROWS = 64
READ_ROWS = 256  # in passes over a whole track
RECENT_BLOCKS = 12  # about 0.7 MB each; playing back and forth needs two


class RecentBlocks:
    """The blocks looked at last, of all tracks together, so that many tracks take no more memory than one.

    Keys are whose block it is, and its number.
    """

    def __init__(self, capacity: int = RECENT_BLOCKS) -> None:
        self._capacity = capacity
        self._blocks: OrderedDict[tuple[object, int], NDArray[np.float64]] = OrderedDict()

    def get(self, key: tuple[object, int]) -> NDArray[np.float64] | None:
        """A block, if it is still there."""
        block = self._blocks.get(key)
        if block is not None:
            self._blocks.move_to_end(key)
        return block

    def put(self, key: tuple[object, int], block: NDArray[np.float64]) -> None:
        """Keep a block; the one not looked at for longest goes."""
        self._blocks[key] = block
        while len(self._blocks) > self._capacity:
            self._blocks.popitem(last=False)


def without_jitter(landmarks: NDArray[np.floating], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smooth landmarks in time where they tremble, and leave them on the face where it moves quickly.

    A filter alone cuts the peaks off a quick nod or a snap of the lips, and smears the steps of clips that repeat
    frames: the points then lie beside the lips they stand for.

    Args:
        landmarks: (T, 478, 3) pixels.
        times: (T,) seconds, increasing.

    Returns:
        (T, 478, 3) float64 pixels. A row depends on those within four ``LANDMARK_SMOOTHING`` only.
    """
    found = np.asarray(landmarks, np.float64)
    smooth = smooth_in_time(found, times, LANDMARK_SMOOTHING)
    unit = np.maximum(interocular_distance(smooth[..., :2]), 1e-6)
    for part in _PARTS:
        lost = found[:, part] - smooth[:, part]
        size = np.sqrt((lost[..., :2] ** 2).sum(-1).mean(1)) / unit
        smooth[:, part] += smoothstep(JITTER, MOTION, size)[:, None, None] * lost
    return smooth


class SmoothLandmarks:
    """A track's landmarks through ``without_jitter``: the same numbers as if all were smoothed at once."""

    def __init__(self, track: FaceTrack, recent: RecentBlocks | None = None) -> None:
        """Nothing is read yet.

        Args:
            track: The track; its landmarks may lie on disk.
            recent: Shared with other tracks; one of its own when None.
        """
        self._track = track
        self._recent = recent or RecentBlocks()

    def __len__(self) -> int:
        return len(self._track)

    def rows(self, low: int, high: int) -> NDArray[np.float64]:
        """(high - low, 478, 3) pixels."""
        times = self._track.times
        reach = 4 * LANDMARK_SMOOTHING * (1 + 1e-9)
        first = int(np.searchsorted(times, times[low] - reach, side="left"))
        last = int(np.searchsorted(times, times[high - 1] + reach, side="right"))
        part = without_jitter(self._track.landmarks[first:last], times[first:last])
        return part[low - first : high - first]

    def __getitem__(self, row: int) -> NDArray[np.float64]:
        """(478, 3) pixels of one row; quick when neighbouring rows were asked for before."""
        number, place = divmod(row, BLOCK_ROWS)
        key = (self, number)
        block = self._recent.get(key)
        if block is None:
            block = self.rows(number * BLOCK_ROWS, min(len(self), (number + 1) * BLOCK_ROWS))
            self._recent.put(key, block)
        return np.asarray(block[place])

    def blocks(self) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Yield (first row, rows) over the whole track."""
        for low in range(0, len(self), READ_ROWS):
            yield low, self.rows(low, min(len(self), low + READ_ROWS))
