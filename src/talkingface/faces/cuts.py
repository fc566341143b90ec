"""Where one shot ends and another begins."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

CUT_PICTURE = (48, 27)
DOUBTFUL_CHANGE = 4.0  # luma codes of 8 bits, on average


class CutDetector:
    """Says when a frame belongs to another shot than the one before it.

    Attributes:
        doubtful: The latest frame changed more than is usual, and was not called a cut: a dissolve, a flash, or a cut
            between two pictures that are much alike. Whoever follows something there had better look again.
    """

    def __init__(self) -> None:
        self.before: NDArray[np.float32] | None = None
        self.usual = 4.0
        self.doubtful = False

    def is_cut(self, luma: NDArray[np.generic], bits: int = 8) -> bool:
        """Compare a luma plane (height, width) of so many bits a sample with the one of the call before."""
        # every fourth sample is plenty for a 48 pixel wide picture, and four times cheaper than all of them
        coarse = luma[::4, ::4] if min(luma.shape) >= 4 * CUT_PICTURE[1] else luma
        small = cv2.resize(coarse, CUT_PICTURE, interpolation=cv2.INTER_AREA).astype(np.float32)
        small /= 1 << (bits - 8)
        before, self.before = self.before, small
        if before is None:
            return False
        change = float(np.abs(small - before).mean())
        a, b = small - small.mean(), before - before.mean()
        likeness = float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum() + 1e-6))
        # motion and light leave pictures alike (0.86 and more between any two frames of the clips looked at)
        unlike = likeness < 0.6 and change > 2 * self.usual
        cut = change > 12 and (unlike or (likeness < 0.8 and change > 5 * self.usual))
        self.doubtful = not cut and change > DOUBTFUL_CHANGE and change > 2.5 * self.usual
        # one cut after another is a whip pan: it must not begin a shot at every frame
        self.usual = 1.5 * self.usual if cut else 0.9 * self.usual + 0.1 * max(change, 1.0)
        return cut
