"""Stage 3, refine: give back the detail that resampling took.

Warping by a cubic kernel softens a little, by an amount that depends on where between pixels a sample falls. The patch
is compared with the very frame it replaces, where both show the same skin, and sharpened by what it lacks; it is never
made sharper than the frame. Teeth, lips and open mouths say nothing: they are others than the frame's.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.media.planes import Plane, PlaneLayout
from talkingface.models.video_retalking.stages import RegionPatch

FloatArray = NDArray[np.float32]
RADIUS = 0.7  # pixels, of the detail given back: what a cubic kernel takes is the finest
MOST = 0.6  # of that detail
FEWEST = 400  # samples of skin that are enough to compare


class DetailRefiner:
    """Matches the patch's sharpness to its frame's."""

    def refine(self, patch: RegionPatch, planes: list[Plane], layout: PlaneLayout) -> RegionPatch:
        """Return the patch with its luma detail scaled to the frame's; see ``stages.Refiner``."""
        luma = patch.planes[0]
        height, width = luma.shape
        own = planes[0][patch.y0 : patch.y0 + height, patch.x0 : patch.x0 + width].astype(np.float32)
        weight = patch.alpha if patch.alike is None else patch.alpha * patch.alike
        if float(weight.sum()) < FEWEST:
            return patch
        detail = luma - cv2.GaussianBlur(luma, (0, 0), RADIUS)
        detail_of_own = own - cv2.GaussianBlur(own, (0, 0), RADIUS)
        energy = float((detail * detail * weight).sum())
        energy_of_own = float((detail_of_own * detail_of_own * weight).sum())
        if energy <= 1e-3:
            return patch
        gain = float(np.clip(np.sqrt(energy_of_own / energy) - 1, 0, MOST))
        if gain < 0.01:
            return patch
        top = float((1 << layout.bits) - 1)
        sharpened = np.clip(luma + np.float32(gain) * detail, 0, top).astype(np.float32)
        return replace(patch, planes=[sharpened, *patch.planes[1:]])
