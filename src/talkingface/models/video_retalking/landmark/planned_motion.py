"""The mouth's motion, and where the lips go, at the times of the result's frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from talkingface.models.video_retalking.landmark.canonicalize import CanonicalFace
from talkingface.models.video_retalking.landmark.mouth_motion import PersonalMotion
from talkingface.models.video_retalking.landmark.smooth_landmarks import RecentBlocks

LIPS = 40
BLOCK = 64  # frames whose motion is worked out together
RECENT_MOTION = 4  # such blocks, 80 KB each


class PlannedMotion:
    """The mouth's motion at the times of the result's frames, worked out a block of frames at a time."""

    def __init__(self, motion: PersonalMotion, times: NDArray[np.float64], recent: RecentBlocks | None = None) -> None:
        """Nothing is worked out yet.

        Args:
            motion: Of the person.
            times: (N,) seconds of the sound.
            recent: Shared by the shots of a person; one of its own when None.
        """
        self._motion = motion
        self._times = times
        self._recent = recent or RecentBlocks(RECENT_MOTION)

    def __len__(self) -> int:
        return len(self._times)

    def __getitem__(self, number: int) -> NDArray[np.float64]:
        """(80, 2) displacement from the closed mouth at frame ``number``, canonical units."""
        place, within = divmod(number, BLOCK)
        block = self._recent.get((self, place))
        if block is None:
            block = self._motion.at(self._times[place * BLOCK : (place + 1) * BLOCK])
            self._recent.put((self, place), block)
        return np.asarray(block[within])

    def between(self, low: int, high: int) -> NDArray[np.float64]:
        """(high - low, 80, 2) displacements of frames ``low`` to ``high - 1``."""
        return np.asarray(self._motion.at(self._times[low:high]))


class LipTargets:
    """Where the lips go, for the choice of donors: (40, 2) canonical points a frame, read by slices."""

    def __init__(self, face: CanonicalFace, motion: PlannedMotion) -> None:
        self._closed = face.own_closed_mouth[None, :LIPS]
        self._motion = motion

    def __len__(self) -> int:
        return len(self._motion)

    def __getitem__(self, wanted: Any) -> NDArray[np.float64]:
        """The points of a slice of frames, or of one."""
        if not isinstance(wanted, slice):
            return np.asarray(self[wanted : wanted + 1][0])
        low, high, _ = wanted.indices(len(self))
        return np.asarray(self._closed + self._motion.between(low, high)[:, :LIPS])
