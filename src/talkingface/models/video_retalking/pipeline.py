"""VideoReTalking from top to bottom: canonical -> speak -> refine. What comes out is composed back by the caller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from talkingface.faces.track import FaceTrack
from talkingface.media.planes import Plane, PlaneLayout
from talkingface.models.video_retalking.stages import (
    Canonicalizer,
    ExpressionEditor,
    LipSynthesizer,
    Refiner,
    RegionPatch,
)


@dataclass(frozen=True)
class Shot:
    """One stretch in which a person is seen.

    Attributes:
        track: The face.
        kept: What pass 1 kept of it.
        numbers: (N,) rising numbers of the frames of the result that show it.
        rows: (N,) row of the track each of them is made on.
    """

    track: FaceTrack
    kept: Any
    numbers: NDArray[np.int64]
    rows: NDArray[np.int64]


class FramePipeline(Protocol):
    """One person of a result, planned: what the second pass asks for frames."""

    @property
    def batch(self) -> int:
        """Frames that are best made together."""

    def frames(self, numbers: Sequence[int], planes: Sequence[list[Plane]]) -> list[list[RegionPatch]]:
        """Render frames of the result, each over its own planes; what is to be put into each, in this order."""


class Pipeline:
    """One person, three stages. Plan the whole result once, then render its frames in any order."""

    def __init__(
        self,
        canonicalizer: Canonicalizer,
        synthesizer: LipSynthesizer,
        refiner: Refiner | None,
        layout: PlaneLayout,
        editor: ExpressionEditor | None = None,
    ) -> None:
        self.canonicalizer = canonicalizer
        self.synthesizer = synthesizer
        self.refiner = refiner
        self.layout = layout
        self.editor = editor
        self._plans: list[Any] = []
        self._edits: list[Any] = []
        self._shot_of = np.zeros(0, np.int32)
        self._place_of = np.zeros(0, np.int64)

    def plan(self, shots: Sequence[Shot], times: NDArray[np.float64], speech: Any) -> None:
        """Look at the whole clip and the whole sound.

        Args:
            shots: The person, wherever it is seen; no frame of the result in two of them.
            times: (N,) seconds of the sound each frame of the result speaks.
            speech: What the backend heard in the sound.
        """
        faces = [self.canonicalizer.canonicalise(shot.track) for shot in shots]
        voice = self.synthesizer.voice(faces, speech)
        self._plans, self._edits = [], []
        self._shot_of = np.full(len(times), -1, np.int32)
        self._place_of = np.zeros(len(times), np.int64)
        for index, (shot, face) in enumerate(zip(shots, faces, strict=True)):
            self._plans.append(self.synthesizer.plan(face, shot.kept, shot.rows, times[shot.numbers], voice))
            self._edits.append(None if self.editor is None else self.editor.plan(face, shot.rows))
            self._shot_of[shot.numbers] = index
            self._place_of[shot.numbers] = np.arange(len(shot.numbers))

    @property
    def batch(self) -> int:
        """Frames are made one at a time."""
        return 1

    def frames(self, numbers: Sequence[int], planes: Sequence[list[Plane]]) -> list[list[RegionPatch]]:
        """Render frames of the result, each over its own planes; see ``frame``."""
        return [self.frame(number, own) for number, own in zip(numbers, planes, strict=True)]

    def frame(self, number: int, planes: list[Plane]) -> list[RegionPatch]:
        """Render frame ``number`` of the result over its own planes.

        Returns:
            What to put into the frame, in this order; nothing when nothing of it is to change.
        """
        index, place = int(self._shot_of[number]), int(self._place_of[number])
        if index < 0:
            return []
        spoken = self.synthesizer.speak(self._plans[index], place, planes)
        if spoken is not None and self.refiner is not None:
            spoken = self.refiner.refine(spoken, planes, self.layout)
        edited = None
        if self.editor is not None and self._edits[index] is not None:
            edited = self.editor.edit(self._edits[index], place, planes)
        return [patch for patch in (spoken, edited) if patch is not None]
