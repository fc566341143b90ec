"""Which frames of the result show whom, and what every mouth will do there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from talkingface.dubbing.analysis_store import Analysis
from talkingface.dubbing.listen import Speech
from talkingface.dubbing.plan import Schedule
from talkingface.dubbing.work_folder import WorkFolder
from talkingface.errors import NoFaceError
from talkingface.faces.people import Person
from talkingface.media.row_file import Rows
from talkingface.models.video_retalking.backends import landmark_pipeline
from talkingface.models.video_retalking.emotion import Look
from talkingface.models.video_retalking.landmark.hearing import hear
from talkingface.models.video_retalking.landmark.smooth_landmarks import RecentBlocks
from talkingface.models.video_retalking.pipeline import FramePipeline, Shot
from talkingface.progress import Cancellation


class PlannedByNetworks(FramePipeline, Protocol):
    """A pipeline of the neural backend or of another model."""

    def plan(self, shots: Sequence[Shot], times: NDArray[np.float64], speech: Rows) -> None:
        """Look at the whole clip and the whole sound, mono 16 kHz; see ``Pipeline.plan``."""


@dataclass(frozen=True)
class Voice:
    """Who speaks what.

    Attributes:
        people: One person, or several in chorus.
        speech: The sound.
        reason: Why these people, in a few words.
    """

    people: tuple[Person, ...]
    speech: Speech
    reason: str


def plan_voices(
    analysis: Analysis, voices: Sequence[Voice], planned: Schedule, folder: WorkFolder, cancel: Cancellation,
    looks: Mapping[int, Look] = MappingProxyType({}),
    networks: Callable[[], PlannedByNetworks] | None = None,
) -> Sequence[FramePipeline]:  # fmt: skip
    """Plan every mouth of the result.

    Args:
        analysis: What pass 1 found.
        voices: Who speaks what; nobody twice.
        planned: The frames of the result.
        folder: For what does not fit in memory.
        cancel: Checked all the time.
        looks: By number, the expression a person takes on; who is not in it keeps its own.
        networks: Makes a pipeline of the neural backend or of another model; None for the landmark backend.

    Returns:
        One pipeline a person, planned.

    Raises:
        NoFaceError: of the people of a voice nobody can speak in the result.
        OutputError: the folder cannot be written in.
        Cancelled: when asked to stop.
    """
    recent = RecentBlocks()
    pipelines: list[FramePipeline] = []
    for index, voice in enumerate(voices):
        shots = {person.number: shots_of(person, analysis, planned) for person in voice.people}
        if not any(shots.values()):
            raise _nobody(voice, analysis, planned)
        heard = None if networks is not None else hear(voice.speech.speech, folder.sub(f"voice-{index}"), cancel)
        for person in voice.people:
            if not shots[person.number]:
                continue
            if networks is not None:
                neural = networks()
                neural.plan(shots[person.number], planned.times, voice.speech.speech)
                pipelines.append(neural)
                continue
            pipeline = landmark_pipeline(analysis.layout, folder.path, recent, cancel, looks.get(person.number))
            pipeline.plan(shots[person.number], planned.times, heard)
            pipelines.append(pipeline)
    return pipelines


def shots_of(person: Person, analysis: Analysis, planned: Schedule) -> list[Shot]:
    """Every stretch in which a person is seen in the result, with the mouths kept of it."""
    shots = []
    for track in person.tracks:
        rows_by_frame = np.full(analysis.clip.frames, -1, np.int64)
        rows_by_frame[track.frames] = np.arange(len(track))
        rows = rows_by_frame[planned.order]
        numbers = np.flatnonzero(rows >= 0)
        kept = analysis.donors[track.number]
        # of a mouth that is not in the track any more nothing is known: its frames were taken back
        if len(numbers) and np.isin(kept.frames, track.frames).any():
            shots.append(Shot(track, kept, numbers, rows[numbers]))
    return shots


def _nobody(voice: Voice, analysis: Analysis, planned: Schedule) -> NoFaceError:
    path = analysis.clip.info.path
    tracks = [track for person in voice.people for track in person.tracks]
    first = min(track.times[0] for track in tracks)
    if not np.isin(planned.order, np.concatenate([track.frames for track in tracks])).any():
        return NoFaceError(
            f"{path}: the face chosen is first seen at {first:.2f} s, when the result ({planned.duration:.2f} s long) "
            "is over; use --start"
        )
    return NoFaceError(
        f"{path}: the mouth of the face chosen is never in the picture; choose another face with --face, or use a "
        "video that shows the whole face"
    )
