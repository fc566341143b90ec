"""The landmark sync expert: embeds mouth motion and sound so that what belongs together lies together.

After SyncNet (Chung 2016), but it sees landmarks instead of pixels. Each embedding stands for 1 s; embeddings lie on
a 25 Hz grid whose row k belongs to second k / 25 of the file's clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import smooth_in_time
from talkingface.media.mel import BANDS, HOP, MEL_RATE, LogMel
from talkingface.media.row_file import Rows
from talkingface.weights.embedded import create_session

WEIGHTS = "sync_expert.onnx"  # at work in the product and in training
JUDGE_WEIGHTS = "sync_judge.onnx"  # trained on other people; scores, and does nothing else
GRID_RATE = 25
MEL_PER_FRAME = MEL_RATE // GRID_RATE
SMOOTHING_SECONDS = 0.024  # as in training: takes off one frame of jitter, does not lag
NEAR_SECONDS = 0.06  # a grid row further than this from any tracked frame shows no face
BREAK_SECONDS = 0.25  # a longer hole parts the motion in two
SHORTEST_STRETCH = 15  # rows: over half a window of the network
CHUNK_FRAMES = 750  # sound is embedded 30 s at a time
CONTEXT_FRAMES = 16  # more than the sound network sees to either side


@dataclass(frozen=True)
class MouthOnGrid:
    """Mouth and jaw points on the 25 Hz grid.

    Attributes:
        points: (T, 80, 2) float32, ``mesh_topology.MOUTH_POINTS`` in canonical units, head pose removed; row k shows
            second k / 25 of the file's clock.
        stretches: (start, stop) rows of each stretch without a long hole, in order; only these hold points.
        present: (T,) True where a face was really seen.
    """

    points: NDArray[np.float32]
    stretches: tuple[tuple[int, int], ...]
    present: NDArray[np.bool_]

    @property
    def rows(self) -> int:
        """Rows in which a face was seen."""
        return int(self.present.sum())

    def frozen(self) -> MouthOnGrid:
        """The same rows with the first mouth held."""
        first = self.points[self.stretches[0][0]] if self.stretches else np.zeros(self.points.shape[1:], np.float32)
        return MouthOnGrid(np.broadcast_to(first, self.points.shape), self.stretches, self.present)


@dataclass(frozen=True)
class Embeddings:
    """Unit vectors on the 25 Hz grid.

    Attributes:
        vectors: (T, 96) float32; row k belongs to second k / 25.
        valid: (T,) False where there is none (no face).
    """

    vectors: NDArray[np.float32]
    valid: NDArray[np.bool_]


def mouth_on_grid(shape: NDArray[np.floating], times: NDArray[np.float64]) -> MouthOnGrid:
    """Resample mouth motion to the 25 Hz grid by its real frame times.

    Args:
        shape: (N, 80, 2) mouth points in canonical units, head pose removed, one row a tracked frame.
        times: (N,) rising seconds on the file's clock.

    Returns:
        All rows from second 0 to the last frame. Short holes are bridged for the network but not ``present``; what
        lies between long holes is a stretch of its own, left out when shorter than a window of the network.
    """
    rows = max(0, int(np.floor(times[-1] * GRID_RATE + 1e-6)) + 1) if len(times) else 0
    points = np.zeros((rows, len(mesh.MOUTH_POINTS), 2), np.float32)
    present = np.zeros(rows, np.bool_)
    stretches: list[tuple[int, int]] = []
    edges = [0, *(np.flatnonzero(np.diff(times) > BREAK_SECONDS) + 1), len(times)]
    for low, high in pairwise(edges):
        if high - low < 2:
            continue
        start = max(0, int(np.ceil(times[low] * GRID_RATE - 1e-6)))
        stop = int(np.floor(times[high - 1] * GRID_RATE + 1e-6)) + 1
        if stop - start < SHORTEST_STRETCH:
            continue
        smooth = smooth_in_time(shape[low:high], times[low:high], SMOOTHING_SECONDS)
        wanted = np.arange(start, stop) / GRID_RATE
        points[start:stop] = _interpolate(smooth, times[low:high], wanted)
        after = np.clip(np.searchsorted(times[low:high], wanted), 1, high - low - 1) + low
        away = np.minimum(np.abs(wanted - times[after - 1]), np.abs(wanted - times[after]))
        present[start:stop] = away <= NEAR_SECONDS
        stretches.append((start, stop))
    return MouthOnGrid(points, tuple(stretches), present)


def _interpolate(
    values: NDArray[np.float64], times: NDArray[np.float64], wanted: NDArray[np.float64]
) -> NDArray[np.float64]:
    place = np.clip(np.searchsorted(times, wanted, side="right") - 1, 0, len(times) - 2)
    share = np.clip((wanted - times[place]) / (times[place + 1] - times[place]), 0, 1)[:, None, None]
    return np.asarray(values[place] * (1 - share) + values[place + 1] * share)


class LandmarkSyncExpert:
    """A shipped network. Both towers run on the CPU, in memory that grows with the clip's length and no faster."""

    def __init__(self, weights: str = WEIGHTS) -> None:
        """Open the network.

        Args:
            weights: File name of the expert in ``assets``.

        Raises:
            WeightsMissingError: when the installation lacks it.
        """
        self._session = create_session(weights)

    @classmethod
    def judge(cls) -> LandmarkSyncExpert:
        """The expert that scores: nothing was trained, aligned or chosen by it, and it saw other people than the other.

        Raises:
            WeightsMissingError: when the installation lacks it.
        """
        return cls(JUDGE_WEIGHTS)

    def embed_mouth(self, mouth: MouthOnGrid) -> Embeddings:
        """Embed mouth motion, each stretch on its own.

        The network takes away the stretch's mean mouth and its amplitude: neither identity nor how far a person opens
        the mouth changes the result.
        """
        vectors = np.zeros((len(mouth.points), self._size("mouth")), np.float32)
        silence = np.zeros((1, SHORTEST_STRETCH * MEL_PER_FRAME, BANDS), np.float32)
        for start, stop in mouth.stretches:
            points = mouth.points[start:stop].reshape(1, stop - start, -1)
            feed = {"points": np.ascontiguousarray(points, np.float32), "mel": silence}
            vectors[start:stop] = self._session.run(["mouth"], feed)[0][0]
        return Embeddings(vectors, mouth.present)

    def embed_sound(self, samples: Rows) -> Embeddings:
        """Embed a sound.

        Args:
            samples: Mono 16 kHz, -1..1, beginning at second 0 of the file's clock; in memory or on disk.

        Returns:
            One row for each whole 40 ms of it.
        """
        frames = len(samples) // (HOP * MEL_PER_FRAME)
        mel = LogMel(samples)
        vectors = np.zeros((frames, self._size("sound")), np.float32)
        still = np.zeros((1, SHORTEST_STRETCH, 2 * len(mesh.MOUTH_POINTS)), np.float32)
        for start in range(0, frames, CHUNK_FRAMES):
            stop = min(frames, start + CHUNK_FRAMES)
            low, high = max(0, start - CONTEXT_FRAMES), min(frames, stop + CONTEXT_FRAMES)
            piece = mel.columns(low * MEL_PER_FRAME, (high - low) * MEL_PER_FRAME)[None]
            heard = self._session.run(["sound"], {"points": still, "mel": piece})[0][0]
            vectors[start:stop] = heard[start - low : stop - low]
        return Embeddings(vectors, np.ones(frames, np.bool_))

    def _size(self, output: str) -> int:
        return int(next(o.shape[2] for o in self._session.get_outputs() if o.name == output))
