"""Whose lips fit the video's own sound: that is who speaks in it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import MediaError
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import align_to_own_mean
from talkingface.faces.people import Person
from talkingface.faces.track import FaceTrack
from talkingface.faces.video import ClipTracks
from talkingface.media.audio import SPEECH_RATE, store_audio, store_speech
from talkingface.media.probe import probe
from talkingface.media.row_file import RowFile
from talkingface.models.syncnet.landmark_expert import (
    CONTEXT_FRAMES,
    GRID_RATE,
    Embeddings,
    LandmarkSyncExpert,
    mouth_on_grid,
)
from talkingface.progress import Cancellation
from talkingface.weights.embedded import asset_path

log = logging.getLogger("talkingface.dubbing")

SEARCHED_SECONDS = 600.0  # of the video, from the first face on
PERSON_SECONDS = 60.0  # of each person are enough
WINDOW_SECONDS = 12.0
MAX_OFFSET = 15  # frames of 40 ms
MIN_WINDOWS = 12  # every offset is the mean of at least so many places
SHORTEST_SECONDS = (MIN_WINDOWS + MAX_OFFSET) / GRID_RATE
NEAR_OFFSET = 5  # frames of 40 ms that a video's own sound may lie beside its lips
SILENT_LEVEL = 0.002  # root mean square of a window in which nobody speaks


def voice_fit(clip: ClipTracks, video: Path, folder: Path, cancel: Cancellation | None = None) -> dict[int, float]:
    """Say for every person how well the lips fit the video's own sound, by the landmark sync expert.

    Looked at are the first minute in which each person is seen, of the first ten minutes from the first face on, in
    windows of 12 s: neither memory nor time grow with the clip's length.

    Args:
        clip: The people.
        video: The file they were found in.
        folder: For the samples of its sound.
        cancel: Checked all the time.

    Returns:
        Person's number to confidence: about 0.1 when lips and sound do not belong together, 0.2 to 0.6 when
        they do. A person seen too shortly is left out; it is empty when the video has no sound, or a silent one.

    Raises:
        OutputError: the samples cannot be written.
        Cancelled: when asked to stop.
    """
    cancel = cancel or Cancellation()
    if not clip.people or not probe(video).audio:
        return {}
    first = min(float(track.times[0]) for track in clip.tracks)
    last = max(float(track.times[-1]) for track in clip.tracks)
    try:
        sound = store_audio(video, folder / "own.rows", end=min(last, first + SEARCHED_SECONDS) + 1, check=cancel.check)
        speech = store_speech(sound, folder / "own-speech.rows", cancel.check)
    except MediaError as error:
        log.info("who speaks cannot be heard: %s", error)
        return {}
    with np.load(asset_path("mouth_shape.npz"), allow_pickle=False) as packed:
        reference = np.asarray(packed["reference"], np.float64)
    with speech:
        judge = _Judge(speech, reference, cancel)
        fits = {person.number: judge.confidence(person, first + SEARCHED_SECONDS) for person in clip.people}
    return {number: fit for number, fit in fits.items() if fit is not None}


class _Judge:
    """Compares mouths with one sound, a window at a time."""

    def __init__(self, speech: RowFile, reference: NDArray[np.float64], cancel: Cancellation) -> None:
        self.cancel = cancel
        self.speech = speech
        self.reference = reference
        self.expert = LandmarkSyncExpert()

    def confidence(self, person: Person, until: float) -> float | None:
        """Median of the distances at all offsets minus the least at a small one; None when too little is seen."""
        total, counts = np.zeros(2 * MAX_OFFSET + 1), np.zeros(2 * MAX_OFFSET + 1, np.int64)
        for track, low, high in windows_of(person, until):
            self.cancel.check()
            distances, places = self._compare(track, low, high)
            total += distances
            counts += places
        if counts.min() < MIN_WINDOWS:
            return None
        curve = total / counts
        near = curve[MAX_OFFSET - NEAR_OFFSET : MAX_OFFSET + NEAR_OFFSET + 1]
        return float(np.median(curve) - near.min())

    def _compare(self, track: FaceTrack, low: int, high: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        times = track.times[low:high]
        start = max(0, int(times[0] * GRID_RATE) - MAX_OFFSET)  # grid row that the window's own clock begins with
        _, shape = align_to_own_mean(track.landmarks[low:high], self.reference)
        mouth = self.expert.embed_mouth(mouth_on_grid(shape[:, list(mesh.MOUTH_POINTS), :2], times - start / GRID_RATE))
        before = min(start, CONTEXT_FRAMES)
        stop = int(times[-1] * GRID_RATE) + MAX_OFFSET + CONTEXT_FRAMES
        samples = self.speech[(start - before) * SPEECH_RATE // GRID_RATE : stop * SPEECH_RATE // GRID_RATE]
        if not len(samples) or float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) < SILENT_LEVEL:
            return np.zeros(2 * MAX_OFFSET + 1), np.zeros(2 * MAX_OFFSET + 1, np.int64)
        return summed_distances(mouth, self.expert.embed_sound(samples).vectors[before:])


def summed_distances(mouth: Embeddings, sound: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Sum of the distances at every offset from -15 to 15 frames, and of how many places; both (31,).

    Args:
        mouth: Of the lips.
        sound: (T, D) unit vectors on the same clock; at offset n, mouth row k meets sound row k - n.
    """
    total, counts = np.zeros(2 * MAX_OFFSET + 1), np.zeros(2 * MAX_OFFSET + 1, np.int64)
    for late in range(-MAX_OFFSET, MAX_OFFSET + 1):
        low, high = max(0, late), min(len(mouth.vectors), len(sound) + late)
        if high <= low:
            continue
        seen = mouth.valid[low:high]
        likeness = np.einsum("td,td->t", mouth.vectors[low:high], sound[low - late : high - late])[seen]
        total[late + MAX_OFFSET] = np.sqrt(np.maximum(0.0, 2.0 - 2.0 * likeness.astype(np.float64))).sum()
        counts[late + MAX_OFFSET] = int(seen.sum())
    return total, counts


def windows_of(person: Person, until: float) -> Iterator[tuple[FaceTrack, int, int]]:
    """Rows (low, high) of a person's tracks, 12 s at a time, up to a minute together.

    Args:
        person: Whose tracks.
        until: Nothing after this second.
    """
    left = PERSON_SECONDS
    for track in person.tracks:
        low, stop = 0, int(np.searchsorted(track.times, until))
        while low < stop and left > 0:
            high = min(stop, int(np.searchsorted(track.times, track.times[low] + min(WINDOW_SECONDS, left))))
            seconds = float(track.times[high - 1] - track.times[low])
            if seconds >= SHORTEST_SECONDS:
                yield track, low, high
            left -= max(seconds, 1e-3)
            low = high
