"""The three stages of VideoReTalking, as contracts that both backends keep.

canonicalise -> speak -> refine. A pipeline holds one of each and does not know which backend they belong to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from talkingface.faces.track import FaceTrack
from talkingface.media.planes import Plane, PlaneLayout

FloatArray = NDArray[np.float32]

SKIN, A_MOUTH = 1, 2


@dataclass(frozen=True)
class RegionPatch:
    """A changed region of a frame, in the frame's own colour space.

    Attributes:
        x0: Left edge in luma pixels, even.
        y0: Upper edge in luma pixels, even.
        planes: One float32 array a plane, in the plane's codes and sampling.
        alpha: (height, width) float32 0..1, weight of the patch in luma resolution; 0 at its border.
        parts: (height, width) uint8, what the patch shows: ``SKIN`` that the frame shows there too, a little moved;
            ``A_MOUTH``, its own or the frame's; 0 where nothing can be said. None when all of it is skin.
    """

    x0: int
    y0: int
    planes: list[FloatArray]
    alpha: FloatArray
    parts: NDArray[np.uint8] | None = None


class Canonicalizer(Protocol):
    """Stage 1: takes a face track apart into pose and a canonical expression that leaks no speech."""

    def canonicalise(self, track: FaceTrack) -> Any:
        """What the same backend's synthesiser needs to know of the face."""


class LipSynthesizer(Protocol):
    """Stage 2: makes the lips of every frame speak."""

    def voice(self, faces: Sequence[Any], speech: Any) -> Any:
        """How one person's mouth moves to a sound.

        Args:
            faces: The person in every shot, from the canonicaliser.
            speech: What the same backend heard in the sound.
        """

    def plan(self, face: Any, kept: Any, rows: NDArray[np.int64], times: NDArray[np.float64], voice: Any) -> Any:
        """Decide, for all frames that show one shot, what they will show.

        Args:
            face: From the canonicaliser.
            kept: What pass 1 kept of the face.
            rows: (N,) row of the track each frame of the result is made on.
            times: (N,) seconds of the sound each frame speaks.
            voice: From ``voice``.
        """

    def speak(self, plan: Any, number: int, planes: list[Plane]) -> RegionPatch | None:
        """Render frame ``number`` of the plan over its own planes; None when there is nothing to change."""


class ExpressionEditor(Protocol):
    """Beside stage 2: changes the expression above the mouth."""

    def plan(self, face: Any, rows: NDArray[np.int64]) -> Any:
        """Get ready for all frames that show one shot; None when nothing is to change.

        Args:
            face: From the canonicaliser.
            rows: (N,) row of the track each frame of the result is made on.
        """

    def edit(self, plan: Any, number: int, planes: list[Plane]) -> RegionPatch | None:
        """Render frame ``number`` of the plan over its own planes; None when there is nothing to change."""


class Refiner(Protocol):
    """Stage 3: identity and detail. Works on the patch before it is put back."""

    def refine(self, patch: RegionPatch, planes: list[Plane], layout: PlaneLayout) -> RegionPatch:
        """Return the patch, bettered."""
