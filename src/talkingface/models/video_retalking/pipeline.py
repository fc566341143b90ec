"""VideoReTalking from top to bottom: canonical -> speak -> refine. What comes out is composed back by the caller."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from talkingface.faces.track import FaceTrack
from talkingface.media.planes import Plane, PlaneLayout
from talkingface.models.video_retalking.stages import Canonicalizer, LipSynthesizer, Refiner, RegionPatch


class Pipeline:
    """One face, three stages. Plan the whole clip once, then render its frames in any order."""

    def __init__(
        self, canonicalizer: Canonicalizer, synthesizer: LipSynthesizer, refiner: Refiner | None, layout: PlaneLayout
    ) -> None:
        self.canonicalizer = canonicalizer
        self.synthesizer = synthesizer
        self.refiner = refiner
        self.layout = layout
        self.face: Any = None
        self.planned: Any = None

    def plan(
        self,
        track: FaceTrack,
        rows: NDArray[np.int64],
        times: NDArray[np.float64],
        samples: NDArray[np.float32],
    ) -> None:
        """Look at the whole clip and the whole sound.

        Args:
            track: The face.
            rows: (N,) row of the track each frame of the result is made on.
            times: (N,) seconds of the sound each frame speaks.
            samples: Mono 16 kHz sound.
        """
        self.face = self.canonicalizer.canonicalise(track)
        self.planned = self.synthesizer.plan(self.face, rows, times, samples)

    def frame(self, number: int, planes: list[Plane]) -> RegionPatch | None:
        """Render frame ``number`` over its own planes; None when its face is not in the picture."""
        patch = self.synthesizer.speak(self.planned, number, planes)
        if patch is not None and self.refiner is not None:
            patch = self.refiner.refine(patch, planes, self.layout)
        return patch
