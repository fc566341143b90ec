"""What the networks made, as a patch in the frame's own planes at its own size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.compose.blend import blend_bands, match_colour
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import smoothstep
from talkingface.media.planes import Plane, PlaneLayout
from talkingface.models.video_retalking.neural.face_frames import chained, undone
from talkingface.models.video_retalking.neural.frame_pictures import (
    Region,
    crops_of,
    looked_up,
    planes_of,
    region_round,
)
from talkingface.models.video_retalking.stages import RegionPatch

FloatArray = NDArray[np.float32]
Map = NDArray[np.float64]
EDGE = 0.08  # of the region's shorter side: over it the patch fades out
SOFTNESS = 0.05  # of the same, how soft the face's outline is
UPPER_RAMP = 0.06  # of the box's height, over which the upper half passes into the lower
RING = (0.05, 0.7)  # shares of the patch where both pictures show the same skin
COLOUR_TOLERANCE = 6.0  # codes of 8 bits
LEVELS = 4  # octaves of detail that are blended apart


@dataclass(frozen=True)
class MadeFace:
    """What the networks made of one frame.

    Attributes:
        spoken: (384, 384, 3) BGR in 0..255, the box.
        upper: (384, 384, 3) BGR, what is added to the frame's own upper half; None when the network's face is shown
            there as well.
        restored: (S, S, 3) BGR in 0..255, aligned; None without a restorer.
        restored_share: (S, S) 0..1.
        face_share: (S, S) 0..1, where a new face may lie.
        to_box: (2, 3) from the coded frame to ``spoken``.
        to_aligned: (2, 3) from the coded frame to ``restored``.
        oval: (N, 2) the face's outline, coded frame.
        strength: 0..1.
    """

    spoken: FloatArray
    upper: FloatArray | None
    restored: FloatArray | None
    restored_share: FloatArray | None
    face_share: FloatArray | None
    to_box: Map
    to_aligned: Map | None
    oval: NDArray[np.float64]
    strength: float


def outline(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """(478, 2 or more) -> (36, 2) the face's outline."""
    return np.asarray(landmarks[list(mesh.FACE_OVAL), :2], np.float64)


def compose(made: MadeFace, planes: Sequence[Plane], layout: PlaneLayout, keeps_upper: bool) -> RegionPatch | None:
    """Put a made face into a frame.

    Args:
        made: By the networks.
        planes: Of the frame.
        layout: Of the frame.
        keeps_upper: Whether the upper half stays the frame's to the bit, where nothing is added to it.

    Returns:
        The patch; None when the box lies outside the frame.
    """
    size = made.spoken.shape[0]
    whole_box = undone(made.to_box) @ np.diag([size, size, 1.0])
    region = region_round([whole_box], layout.width, layout.height)
    if region is None:
        return None
    to_box = chained(region.to_frame, made.to_box)
    width, height = region.width, region.height
    picture = looked_up(made.spoken, to_box, width, height)
    down = (np.arange(size, dtype=np.float32)[:, None] + 0.5) / size
    lower = np.broadcast_to(smoothstep(0.5 - UPPER_RAMP / 2, 0.5 + UPPER_RAMP / 2, down), (size, size))
    lower_half = looked_up(np.ascontiguousarray(lower, np.float32), to_box, width, height).clip(0, 1)
    mask = None
    if made.restored is not None:
        assert made.restored_share is not None and made.face_share is not None and made.to_aligned is not None
        to_aligned = chained(region.to_frame, made.to_aligned)
        share = looked_up(made.restored_share, to_aligned, width, height).clip(0, 1)[..., None]
        picture = picture + share * (looked_up(made.restored, to_aligned, width, height) - picture)
        # what is parsed as a face: no hand, microphone or hair before it
        mask = looked_up(made.face_share, to_aligned, width, height).clip(0, 1)
    fade = _fade(width, height)
    mask = (_outline_mask(made.oval, region) if mask is None else mask) * fade
    if keeps_upper and made.upper is None:
        mask = mask * lower_half
    base = crops_of(planes, region, layout)
    layer = planes_of(np.clip(picture, 0, 255), layout)
    patch = []
    added = None
    if made.upper is not None:
        added = planes_of(looked_up(made.upper, to_box, width, height), layout, offset=False)
    code = float(1 << (layout.bits - 8))
    for index, own in enumerate(base):
        shape = (own.shape[1], own.shape[0])
        small = mask if own.shape == mask.shape else cv2.resize(mask, shape, interpolation=cv2.INTER_AREA)
        half = lower_half if own.shape == mask.shape else cv2.resize(lower_half, shape, interpolation=cv2.INTER_AREA)
        ring = (small > RING[0]) & (small < RING[1]) & ((half > 0.5) | (made.upper is None))
        spoken = match_colour(layer[index], own, ring, COLOUR_TOLERANCE * code)
        if added is not None:
            spoken = own + added[index] + half * (spoken - own - added[index])
        patch.append(_joined(own, np.asarray(spoken, np.float32), np.asarray(small, np.float32)))
    return RegionPatch(region.x0, region.y0, patch, np.asarray(fade * np.float32(made.strength), np.float32))


def _joined(own: FloatArray, spoken: FloatArray, mask: FloatArray) -> FloatArray:
    levels = min(LEVELS, max(1, int(np.log2(max(2, min(own.shape) / 16)))))
    return blend_bands(own, spoken, mask, levels)


def _outline_mask(oval: NDArray[np.float64], region: Region) -> FloatArray:
    """(height, width) 0..1, soft, inside a face's outline."""
    points = oval - [region.x0, region.y0]
    mask = np.zeros((region.height, region.width), np.float32)
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 1.0, lineType=cv2.LINE_AA, shift=4)
    sigma = max(0.8, SOFTNESS * min(mask.shape))
    inner = cv2.erode(mask, np.ones((3, 3), np.uint8), iterations=max(1, round(sigma)))
    return np.asarray(cv2.GaussianBlur(inner, (0, 0), sigma), np.float32).clip(0, 1)


def _fade(width: int, height: int) -> FloatArray:
    """(height, width): 1 inside, 0 at the border."""
    reach = max(2.0, EDGE * min(width, height))
    sides = [np.minimum(np.arange(n), np.arange(n)[::-1]).astype(np.float32) / reach for n in (height, width)]
    return np.asarray(smoothstep(0.0, 1.0, np.minimum(sides[0][:, None], sides[1][None])), np.float32)
