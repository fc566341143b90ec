"""One person by Wav2Lip: face boxes and sound in, patches for the frames out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from talkingface.faces.geometry import smoothstep
from talkingface.media.decibel_mel import DecibelMel
from talkingface.media.planes import Plane
from talkingface.media.row_file import Rows
from talkingface.models.video_retalking.pipeline import Shot
from talkingface.models.video_retalking.stages import RegionPatch
from talkingface.models.wav2lip.face_boxes import face_boxes
from talkingface.models.wav2lip.face_crops import FaceCropper
from talkingface.options import Pads

if TYPE_CHECKING:
    from talkingface.models.wav2lip.lip_runner import LipRunner  # loads torch

FAINTEST = 0.01  # an effect weaker than this is none


class Wav2LipPipeline:
    """Speaks the lips of one person; see ``dubbing.method.DubMethod``."""

    def __init__(self, runner: LipRunner, cropper: FaceCropper, rotation: int, pads: Pads, smooth: bool) -> None:
        """Take what everybody in the clip shares.

        Args:
            runner: The network.
            cropper: Reads and writes the clip's frames.
            rotation: Degrees clockwise that a player turns them.
            pads: Of the face's box.
            smooth: Steady the box in time.
        """
        self._runner, self._cropper, self._rotation = runner, cropper, rotation
        self._pads, self._smooth = pads, smooth
        self._boxes = np.zeros((0, 4))
        self._strength = np.zeros(0)
        self._times = np.zeros(0)
        self._mel: DecibelMel | None = None

    @property
    def batch(self) -> int:
        """How many frames it likes to see at a time."""
        return self._runner.batch

    def plan(self, shots: Sequence[Shot], times: NDArray[np.float64], speech: Rows) -> None:
        """Find the box and the strength of every frame of the result; see ``Pipeline.plan``.

        Args:
            shots: The person, wherever it is seen.
            times: (N,) seconds of the sound each frame of the result speaks.
            speech: Mono 16 kHz, -1..1.
        """
        self._boxes = np.zeros((len(times), 4))
        self._strength = np.zeros(len(times))
        # with edges as Wav2Lip was trained with
        self._times, self._mel = times, DecibelMel(speech, mirrored=True)
        for shot in shots:
            track = shot.track
            boxes = face_boxes(track, self._rotation, self._pads, self._smooth)
            # less where the mouth is not surely seen, so that the effect fades instead of jumping
            strength = np.minimum(smoothstep(0.5, 0.9, track.presence), track.confidence)
            self._boxes[shot.numbers] = boxes[shot.rows]
            self._strength[shot.numbers] = strength[shot.rows]

    def frames(self, numbers: Sequence[int], planes: Sequence[list[Plane]]) -> list[list[RegionPatch]]:
        """Speak some frames; see ``FramePipeline.frames``."""
        made: list[list[RegionPatch]] = [[] for _ in numbers]
        places = [place for place, number in enumerate(numbers) if self._strength[number] >= FAINTEST]
        if not places or self._mel is None:
            return made
        chosen = [numbers[place] for place in places]
        faces = np.stack([self._cropper.read(planes[place], self._boxes[numbers[place]]) for place in places])
        pictures = self._runner(faces, self._mel.windows(self._times[chosen]))
        for place, number, picture in zip(places, chosen, pictures, strict=True):
            patch = self._cropper.patch(picture, self._boxes[number], float(self._strength[number]))
            if patch is not None:
                made[place].append(patch)
        return made
