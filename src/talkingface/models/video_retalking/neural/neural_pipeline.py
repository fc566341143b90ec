"""VideoReTalking on its own networks, for one person: planned once, then made some frames at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from talkingface.faces.geometry import smoothstep
from talkingface.media.decibel_mel import DecibelMel
from talkingface.media.ordered_reader import frames_in_order
from talkingface.media.planes import Plane, PlaneLayout, plane_views
from talkingface.media.row_file import Rows
from talkingface.models.video_retalking.neural import expression_template as template_
from talkingface.models.video_retalking.neural.coefficient_pass import CropReader, write_coefficients
from talkingface.models.video_retalking.neural.composition import MadeFace, compose, outline
from talkingface.models.video_retalking.neural.devices import Batches
from talkingface.models.video_retalking.neural.face_frames import (
    CROP,
    FaceFrames,
    face_frames,
    shown_to_coded,
    undone,
)
from talkingface.models.video_retalking.neural.frame_inputs import (
    FrameInput,
    FramePlaces,
    Sizes,
    cut,
    is_in_picture,
    places_of,
)
from talkingface.models.video_retalking.neural.network_set import NetworkSet
from talkingface.models.video_retalking.neural.semantic_window import (
    AFTER,
    BEFORE,
    semantic_window,
    with_expression,
)
from talkingface.models.video_retalking.neural.settings import NeuralSettings
from talkingface.models.video_retalking.neural.stages import CanonicalStage, EmotionStage, RefiningStage, SpeakingStage
from talkingface.models.video_retalking.pipeline import Shot
from talkingface.models.video_retalking.stages import RegionPatch
from talkingface.progress import Cancellation

FAINTEST = 0.01  # an effect weaker than this is none
STEADY = 2  # rows before and after one whose outlines are averaged
DISSOLVED = 0.35  # strength from which the made face is shown wholly


@dataclass(frozen=True)
class SourceClip:
    """The video, to be looked through again.

    Attributes:
        path: The file.
        pts: Of all frames.
        marks: Of all frames, see ``DecodedFrame.mark``.
        layout: Of the frames.
        rotation: Degrees clockwise that a player turns them.
        threads: To decode with.
    """

    path: Path
    pts: Sequence[int]
    marks: Sequence[int]
    layout: PlaneLayout
    rotation: int
    threads: int


@dataclass(frozen=True)
class _PlannedShot:
    """A shot, ready.

    Attributes:
        shot: Where it is shown.
        face: Where the face is in it.
        first: Row of the track that the first coefficients are of.
        coefficients: (262,) a row.
        strength: (N,) 0..1 by the shot's frames of the result.
        reference: (256, 256, 3) BGR, the one picture all frames are made of; None when each is made of its own.
    """

    shot: Shot
    face: FaceFrames
    first: int
    coefficients: Rows
    strength: NDArray[np.float64]
    reference: NDArray[np.float32] | None


@dataclass(frozen=True)
class _Asked:
    """A frame that is to change.

    Attributes:
        planes: Of the frame.
        places: Where its pictures lie.
        window: (73, 26) coefficients round it.
        mel: (80, 16) what it speaks.
        reference: The one picture it is made of; None for its own.
        oval: (36, 2) the face's outline, coded frame.
        strength: 0..1.
    """

    planes: Sequence[Plane]
    places: FramePlaces
    window: NDArray[np.float32]
    mel: NDArray[np.float32]
    reference: NDArray[np.float32] | None
    oval: NDArray[np.float64]
    strength: float


class NeuralPipeline:
    """One person. Keeps ``pipeline.Pipeline``'s contract: plan the whole result, then render its frames in any order.

    A frame's pictures depend on the frame of the clip, the moment of the sound and the coefficients around it alone,
    never on which frames are made together: segments, batches and interrupted runs give the same.
    """

    def __init__(
        self, networks: NetworkSet, settings: NeuralSettings, source: SourceClip, space: NDArray[np.float64],
        template: NDArray[np.float64] | None, folder: Path, batch: int, cancel: Cancellation,
    ) -> None:  # fmt: skip
        """Get ready.

        Args:
            networks: Shared by all persons of a job.
            settings: Of the job.
            source: The clip.
            space: (5, 3) the standard face.
            template: (64,) the expression; None for the person's own when it does not speak.
            folder: For the coefficients.
            batch: Frames at a time.
            cancel: Checked all the time while the result is planned.
        """
        self.networks, self.settings, self.source = networks, settings, source
        self.space, self.template, self.folder, self.cancel = space, template, folder, cancel
        self.canonical = CanonicalStage(networks)
        self.speaking = SpeakingStage(networks)
        self.refining = RefiningStage(networks, settings)
        self.emotion = EmotionStage(networks, settings)
        self.to_coded = shown_to_coded(source.rotation, source.layout.width, source.layout.height)
        self.reader = CropReader(source.layout, self.to_coded)
        self.sizes = Sizes(
            box=self.speaking.size,
            restored=self.refining.size,
            enhancer=settings.enhancer,
            reference=0 if networks.reference_restorer is None else networks.reference_restorer.widths.size,
        )
        self.batches = Batches(batch)
        self._shots: list[_PlannedShot] = []
        self._shot_of = np.zeros(0, np.int32)
        self._place_of = np.zeros(0, np.int64)
        self._times = np.zeros(0)
        self._mel: DecibelMel | None = None

    @property
    def batch(self) -> int:
        """Frames that are best made together."""
        return self.batches.size

    def plan(self, shots: Sequence[Shot], times: NDArray[np.float64], speech: Rows) -> None:
        """Look through the person's frames once more, for its coefficients.

        Args:
            shots: The person, wherever it is seen; no frame of the result in two of them.
            times: (N,) seconds of the sound each frame of the result speaks.
            speech: The sound, mono 16 kHz, -1..1.

        Raises:
            MediaError: the video changed or broke since pass 1.
            OutputError: the folder cannot be written in.
            Cancelled: when asked to stop.
        """
        self._mel, self._times = DecibelMel(speech), times
        self._shot_of = np.full(len(times), -1, np.int32)
        self._place_of = np.zeros(len(times), np.int64)
        self._shots = [self._planned(shot) for shot in shots]
        for index, shot in enumerate(shots):
            self._shot_of[shot.numbers] = index
            self._place_of[shot.numbers] = np.arange(len(shot.numbers))
        if self.template is None:
            seen = [(one.coefficients, one.face.openings[one.first :][: len(one.coefficients)]) for one in self._shots]
            self.template = template_.mean_expression(*zip(*seen, strict=True))

    def _planned(self, shot: Shot) -> _PlannedShot:
        face = face_frames(shot.track, self.source.rotation, self.settings.pads)
        first = max(0, int(shot.rows.min()) - BEFORE)
        rows = range(first, min(len(shot.track), int(shot.rows.max()) + AFTER + 1))
        frames = shot.track.frames[rows.start : rows.stop]
        coefficients = write_coefficients(
            self.folder / f"coefficients-{shot.track.number}.rows",
            face, rows, self._frames(frames), self.reader, self.networks, self.space, self.batches, self.cancel.check,
        )  # fmt: skip
        seen = np.minimum(smoothstep(0.5, 0.9, shot.track.presence[shot.rows]), shot.track.confidence[shot.rows])
        reference = None
        if self.settings.one_shot:
            quietest = int(template_.quiet_frames(face.openings[rows.start : rows.stop])[0])
            chosen = rows[quietest]
            (frame,) = self._frames(shot.track.frames[chosen : chosen + 1])
            reference = self.reader.crop(plane_views(frame), face, chosen)
        return _PlannedShot(shot, face, first, coefficients, np.asarray(seen, np.float64), reference)

    def _frames(self, numbers: NDArray[np.int64]) -> Iterator[av.VideoFrame]:
        source = self.source
        return frames_in_order(source.path, numbers.tolist(), source.pts, marks=source.marks, threads=source.threads)

    def frames(self, numbers: Sequence[int], planes: Sequence[list[Plane]]) -> list[list[RegionPatch]]:
        """Render frames of the result over their own planes.

        Args:
            numbers: Of the frames.
            planes: Of each.

        Returns:
            What to put into each; nothing when nothing of it is to change.
        """
        shown: list[list[RegionPatch]] = [[] for _ in numbers]
        # files are read here, in one thread; cutting and composing then go on side by side
        asked = [
            (place, found)
            for place, found in enumerate(self._asked(number, own) for number, own in zip(numbers, planes, strict=True))
            if found is not None
        ]
        if not asked:
            return shown
        with ThreadPoolExecutor(max(1, min(self.source.threads, len(asked)))) as helpers:
            inputs = list(helpers.map(self._cut, [found for _, found in asked]))
            made = self.batches.run(self._run, inputs)
            patches = list(helpers.map(self._patch, [found for _, found in asked], made))
        for (place, _), patch in zip(asked, patches, strict=True):
            if patch is not None:
                shown[place].append(patch)
        return shown

    def _asked(self, number: int, planes: Sequence[Plane]) -> _Asked | None:
        """What a frame needs that lies in files; None when nothing of it is to change."""
        index, place = int(self._shot_of[number]), int(self._place_of[number])
        if index < 0 or self._shots[index].strength[place] < FAINTEST:
            return None
        planned = self._shots[index]
        row = int(planned.shot.rows[place])
        places = places_of(planned.face, row, self.to_coded, self.sizes)
        if not is_in_picture(places, self.sizes, self.source.layout):
            return None
        near = slice(max(0, row - STEADY), row + STEADY + 1)
        landmarks = np.asarray(planned.shot.track.landmarks[near], np.float64)
        frames = planned.shot.track.frames
        oval = outline(landmarks[np.abs(frames[near] - frames[row]) <= STEADY].mean(0))
        assert self._mel is not None  # planned
        mel = self._mel.windows(self._times[number : number + 1])[0]
        strength = float(smoothstep(0, DISSOLVED, planned.strength[place : place + 1])[0])
        return _Asked(planes, places, self._window(planned, row), mel, planned.reference, oval, strength)

    def _cut(self, asked: _Asked) -> FrameInput:
        pictures = cut(asked.planes, asked.places, self.sizes, self.source.layout, asked.reference)
        return FrameInput(asked.places, pictures, asked.window, asked.mel)

    def _window(self, planned: _PlannedShot, row: int) -> NDArray[np.float32]:
        place = row - planned.first
        low = max(0, place - BEFORE)
        rows = planned.coefficients[low : place + AFTER]
        assert self.template is not None  # planned
        # the source is a frame of the clip that drives it, so the crop's ratio is 1
        return with_expression(semantic_window(rows, place - low), self.template)

    def _run(self, inputs: Sequence[FrameInput]) -> list[dict[str, NDArray[np.float32] | None]]:
        """The networks, for a batch; what they make by the names of ``MadeFace``."""
        tensor = partial(_tensor, networks=self.networks)
        device, dtype = self.networks.device, self.networks.dtype
        with torch.inference_mode():
            crops = tensor([one.pictures.crop for one in inputs]).flip(1) * 2 - 1
            windows = torch.from_numpy(np.stack([one.window for one in inputs])).to(device, dtype)
            canonical = self.canonical(crops, windows)
            to_crop = np.stack([one.places.crop_of_box for one in inputs])
            if self.sizes.reference:
                aligned_to_crop = [one.places.reference for one in inputs if one.places.reference is not None]
                canonical = self.canonical.enhanced(canonical, np.stack(aligned_to_crop))
                to_crop = to_crop * (canonical.shape[-1] / CROP)
            faces = tensor([one.pictures.face for one in inputs])
            references = self.speaking.reference(canonical, to_crop, faces)
            mel = torch.from_numpy(np.stack([one.mel for one in inputs]))[:, None].to(device, dtype)
            spoken = self.speaking(mel, faces, references)
            added = self.emotion(faces)
            refined = None
            if self.sizes.restored:
                aligned = tensor([one.pictures.aligned for one in inputs if one.pictures.aligned is not None])
                refined = self.refining(aligned, spoken, np.stack([one.places.box_of_aligned for one in inputs]))
            parts: dict[str, list[NDArray[np.float32]] | None] = {
                "spoken": _pictures(spoken),
                "upper": None if added is None else _pictures(added),
                "restored": None if refined is None else _pictures(refined.picture),
                "restored_share": None if refined is None else _masks(refined.share),
                "face_share": None if refined is None else _masks(refined.face),
            }
        return [
            {name: None if values is None else values[place] for name, values in parts.items()}
            for place in range(len(inputs))
        ]

    def _patch(self, asked: _Asked, made: dict[str, NDArray[np.float32] | None]) -> RegionPatch | None:
        spoken, places = made["spoken"], asked.places
        assert spoken is not None  # every batch has it
        face = MadeFace(
            spoken=spoken,
            upper=made["upper"],
            restored=made["restored"],
            restored_share=made["restored_share"],
            face_share=made["face_share"],
            to_box=undone(places.box),
            to_aligned=None if places.aligned is None else undone(places.aligned),
            oval=asked.oval,
            strength=asked.strength,
        )
        return compose(face, asked.planes, self.source.layout, self.settings.keep_upper_face)


def _tensor(pictures: Sequence[NDArray[np.float32]], networks: NetworkSet) -> Tensor:
    """(H, W, 3) in 0..255 each -> (N, 3, H, W) in 0..1, where and as the networks are."""
    stacked = torch.from_numpy(np.clip(np.stack(pictures), 0, 255)).to(networks.device) / 255
    return stacked.permute(0, 3, 1, 2).to(networks.dtype)


def _pictures(pictures: Tensor) -> list[NDArray[np.float32]]:
    """(N, 3, H, W) in 0..1 -> (H, W, 3) in 0..255 each."""
    return list((pictures.float() * 255).permute(0, 2, 3, 1).contiguous().cpu().numpy())


def _masks(masks: Tensor) -> list[NDArray[np.float32]]:
    return list(masks[:, 0].float().cpu().numpy())
