"""VideoReTalking on its own networks, for one person: planned once, then made some frames at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    chained,
    face_frames,
    shown_to_coded,
    undone,
)
from talkingface.models.video_retalking.neural.frame_pictures import (
    bgr_of,
    crops_of,
    looked_up,
    region_round,
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
from talkingface.restore.alignment import GFPGAN_POINTS, GPEN_POINTS, similarity

FAINTEST = 0.01  # an effect weaker than this is none
STEADY = 2  # rows before and after one whose outlines are averaged
POINTS = {"gfpgan": GFPGAN_POINTS, "gpen": GPEN_POINTS}
POINTS_SIZE = 512  # pixels across of the pictures those points are given in


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
class _Input:
    """What is cut out of one frame, and where.

    Attributes:
        crop: (256, 256, 3) BGR in 0..255, of the frame or of the one reference.
        window: (73, 26).
        face: (384, 384, 3) BGR in 0..255.
        aligned: (S, S, 3) BGR in 0..255; None without a restorer.
        mel: (80, 16).
        crop_of_box: (2, 3) from the box's picture to the crop.
        crop_of_reference: (2, 3) from the reference restorer's aligned picture to the crop; None without one.
        box_of_aligned: (2, 3) from the aligned picture to the box's; None without a restorer.
        to_box: (2, 3) from the coded frame to the box's picture.
        to_aligned: (2, 3) from the coded frame to the aligned picture.
    """

    crop: NDArray[np.float32]
    window: NDArray[np.float32]
    face: NDArray[np.float32]
    aligned: NDArray[np.float32] | None
    mel: NDArray[np.float32]
    crop_of_box: NDArray[np.float64]
    crop_of_reference: NDArray[np.float64] | None
    box_of_aligned: NDArray[np.float64] | None
    to_box: NDArray[np.float64]
    to_aligned: NDArray[np.float64] | None


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
        inputs = []
        for place, (number, own) in enumerate(zip(numbers, planes, strict=True)):
            found = self._input(number, own)
            if found is not None:
                inputs.append((place, found))
        if not inputs:
            return shown
        made = self.batches.run(self._run, [found for _, found in inputs])
        for (place, found), pictures in zip(inputs, made, strict=True):
            patch = self._patch(numbers[place], planes[place], found, pictures)
            if patch is not None:
                shown[place].append(patch)
        return shown

    def _input(self, number: int, planes: Sequence[Plane]) -> _Input | None:
        index, place = int(self._shot_of[number]), int(self._place_of[number])
        if index < 0:
            return None
        planned = self._shots[index]
        if planned.strength[place] < FAINTEST:
            return None
        row, face = int(planned.shot.rows[place]), planned.face
        size, layout = self.speaking.size, self.source.layout
        to_crop_unit = chained(face.crop_to_shown(row, 1), self.to_coded)
        box_to_coded = chained(face.box_to_shown(row, size), self.to_coded)
        maps = [to_crop_unit, box_to_coded @ np.diag([size, size, 1.0])]
        aligned_to_coded = None
        if self.refining.size:
            aligned_to_coded = self._aligned(face, row, POINTS[self.settings.enhancer], self.refining.size)
            maps.append(aligned_to_coded @ np.diag([self.refining.size, self.refining.size, 1.0]))
        if region_round(maps[1:2], layout.width, layout.height) is None:
            return None
        region = region_round(maps, layout.width, layout.height)
        assert region is not None  # it holds the box
        picture = bgr_of(crops_of(planes, region, layout), layout)
        into = undone(region.to_frame)
        crop_to_coded = chained(face.crop_to_shown(row), self.to_coded)
        to_crop = undone(crop_to_coded)
        aligned = None
        if aligned_to_coded is not None:
            aligned = looked_up(picture, chained(aligned_to_coded, into), self.refining.size, self.refining.size)
        enhanced = None
        if self.networks.reference_restorer is not None:
            reference_size = self.networks.reference_restorer.widths.size
            enhanced = chained(self._aligned(face, row, GPEN_POINTS, reference_size), to_crop)
        crop = planned.reference
        if crop is None:
            crop = looked_up(picture, chained(crop_to_coded, into), CROP, CROP)
        assert self._mel is not None  # planned
        return _Input(
            crop=crop,
            window=self._window(planned, row),
            face=looked_up(picture, chained(box_to_coded, into), size, size),
            aligned=aligned,
            mel=self._mel.windows(self._times[number : number + 1])[0],
            crop_of_box=chained(box_to_coded, to_crop),
            crop_of_reference=enhanced,
            box_of_aligned=None if aligned_to_coded is None else chained(aligned_to_coded, undone(box_to_coded)),
            to_box=undone(box_to_coded),
            to_aligned=None if aligned_to_coded is None else undone(aligned_to_coded),
        )

    def _aligned(self, face: FaceFrames, row: int, points: NDArray[np.float64], size: int) -> NDArray[np.float64]:
        """(2, 3) from a restorer's aligned picture of ``size`` pixels across to the coded frame."""
        to_shown = undone(similarity(face.five[row], (points + 0.5) * (size / POINTS_SIZE)))
        return chained(to_shown, self.to_coded)

    def _window(self, planned: _PlannedShot, row: int) -> NDArray[np.float32]:
        place = row - planned.first
        low = max(0, place - BEFORE)
        rows = planned.coefficients[low : place + AFTER]
        assert self.template is not None  # planned
        # the source is a frame of the clip that drives it, so the crop's ratio is 1
        return with_expression(semantic_window(rows, place - low), self.template)

    def _run(self, inputs: Sequence[_Input]) -> list[dict[str, NDArray[np.float32] | None]]:
        """The networks, for a batch."""
        tensor = partial(_tensor, networks=self.networks)
        with torch.inference_mode():
            crops = tensor([one.crop for one in inputs]).flip(1) * 2 - 1
            windows = torch.from_numpy(np.stack([one.window for one in inputs]))
            canonical = self.canonical(crops, windows.to(self.networks.device, self.networks.dtype))
            to_crop = np.stack([one.crop_of_box for one in inputs])
            if inputs[0].crop_of_reference is not None:
                canonical = self.canonical.enhanced(canonical, _stacked(inputs, "crop_of_reference"))
                to_crop = to_crop * (canonical.shape[-1] / CROP)
            faces = tensor([one.face for one in inputs])
            references = self.speaking.reference(canonical, to_crop, faces)
            mel = torch.from_numpy(np.stack([one.mel for one in inputs]))[:, None]
            spoken = self.speaking(mel.to(self.networks.device, self.networks.dtype), faces, references)
            added = self.emotion(faces)
            refined = None
            if self.refining.size:
                aligned = tensor([one.aligned for one in inputs if one.aligned is not None])
                refined = self.refining(aligned, spoken, _stacked(inputs, "box_of_aligned"))
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

    def _patch(
        self, number: int, planes: Sequence[Plane], found: _Input, made: dict[str, NDArray[np.float32] | None]
    ) -> RegionPatch | None:
        place = int(self._place_of[number])
        planned = self._shots[int(self._shot_of[number])]
        row = int(planned.shot.rows[place])
        around = planned.shot.track.landmarks[max(0, row - STEADY) : row + STEADY + 1]
        frames = planned.shot.track.frames[max(0, row - STEADY) : row + STEADY + 1]
        near = np.abs(frames - planned.shot.track.frames[row]) <= STEADY
        spoken = made["spoken"]
        assert spoken is not None  # every batch has it
        face = MadeFace(
            spoken=spoken,
            upper=made["upper"],
            restored=made["restored"],
            restored_share=made["restored_share"],
            face_share=made["face_share"],
            to_box=found.to_box,
            to_aligned=found.to_aligned,
            oval=outline(np.asarray(around, np.float64)[near].mean(0)),
            strength=float(smoothstep(0, 0.35, planned.strength[place : place + 1])[0]),
        )
        return compose(face, planes, self.source.layout, self.settings.keep_upper_face)


def _tensor(pictures: Sequence[NDArray[np.float32]], networks: NetworkSet) -> Tensor:
    """(H, W, 3) in 0..255 each -> (N, 3, H, W) in 0..1, where and as the networks are."""
    stacked = torch.from_numpy(np.clip(np.stack(pictures), 0, 255)).to(networks.device) / 255
    return stacked.permute(0, 3, 1, 2).to(networks.dtype)


def _stacked(inputs: Sequence[_Input], name: str) -> NDArray[np.float64]:
    return np.stack([getattr(one, name) for one in inputs])


def _pictures(pictures: Tensor) -> list[NDArray[np.float32]]:
    """(N, 3, H, W) in 0..1 -> (H, W, 3) in 0..255 each."""
    return list((pictures.float() * 255).permute(0, 2, 3, 1).contiguous().cpu().numpy())


def _masks(masks: Tensor) -> list[NDArray[np.float32]]:
    return list(masks[:, 0].float().cpu().numpy())
