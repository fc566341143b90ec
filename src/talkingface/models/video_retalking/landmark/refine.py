"""Stage 3, refine: give back the detail that resampling took.

Warping by a cubic kernel softens a little, by an amount that depends on where between pixels a sample falls. The patch
is compared with the very frame it replaces, where both show the same skin, and sharpened by what it lacks. Teeth,
lips and open mouths say little: they are others than the frame's.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.media.planes import Plane, PlaneLayout
from talkingface.models.video_retalking.stages import A_MOUTH, SKIN, RegionPatch

FloatArray = NDArray[np.float32]
RADIUS = 0.6  # pixels, of the detail given back: what a cubic kernel takes is the finest
MOST = 0.6  # of that detail, as measured on skin
MOUTH_SHARE = 0.15  # and so much, up or down, of the mouth's: one softer or harder than the frame's stands out
MOUTH_EDGE = 9  # pixels over which the one passes into the other
LEAST = 0.01  # gains smaller than this are none
FEWEST = 400  # samples that are enough to compare
FAINTEST = 1e-3  # energy of detail, codes squared, below which there is none


class DetailRefiner:
    """Matches the patch's sharpness to its frame's."""

    def refine(self, patch: RegionPatch, planes: list[Plane], layout: PlaneLayout) -> RegionPatch:
        """Return the patch with its luma detail scaled to the frame's; see ``stages.Refiner``."""
        luma = patch.planes[0]
        height, width = luma.shape
        own = planes[0][patch.y0 : patch.y0 + height, patch.x0 : patch.x0 + width].astype(np.float32)
        detail = luma - cv2.GaussianBlur(luma, (0, 0), RADIUS)
        detail_of_own = own - cv2.GaussianBlur(own, (0, 0), RADIUS)
        skin_weight = patch.alpha if patch.parts is None else patch.alpha * (patch.parts == SKIN)
        skin = _ratio(detail_of_own, detail, skin_weight)
        mouth = None if patch.parts is None else _ratio(detail_of_own, detail, patch.alpha * (patch.parts == A_MOUTH))
        given = 1.0 if skin is None else float(np.clip(skin, 1, 1 + MOST))
        share = 1.0 if mouth is None else float(np.clip(mouth / given, 1 - MOUTH_SHARE, 1 + MOUTH_SHARE))
        if abs(given - 1) < LEAST and abs(share - 1) < LEAST:
            return patch
        gain: FloatArray | np.float32 = np.float32(given - 1)
        if patch.parts is not None and share != 1:
            inside = cv2.blur((patch.parts == A_MOUTH).astype(np.float32), (MOUTH_EDGE, MOUTH_EDGE))
            gain = np.float32(given - 1) + np.float32(given * (share - 1)) * inside
        top = float((1 << layout.bits) - 1)
        sharpened = np.clip(luma + gain * detail, 0, top).astype(np.float32)
        return replace(patch, planes=[sharpened, *patch.planes[1:]])


def _ratio(wanted: FloatArray, found: FloatArray, weight: FloatArray) -> float | None:
    """How much stronger detail is wanted than found, under a weight; None where there is too little to say."""
    energy = float((found * found * weight).sum())
    if float(weight.sum()) < FEWEST or energy <= FAINTEST:
        return None
    return float(np.sqrt(float((wanted * wanted * weight).sum()) / energy))
