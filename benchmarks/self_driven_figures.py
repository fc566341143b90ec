"""What a dub with a clip's own sound does, beside what the clip's own lips did: figures of one clip.

Everything is compared on a grid of 25 frames a second. Lengths are inter-ocular: the distance between the centres of
the eyes is 1. Lips that are late by n frames are looked at n frames later.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import align, gap_of, smooth_in_time
from talkingface.faces.track import FaceTrack
from talkingface.media.mel import LogMel
from talkingface.media.row_file import Rows
from talkingface.models.video_retalking.landmark.hearing import speech_gate

GRID_RATE = 25
SHORTEST = 25  # grid frames that must be comparable
LIPS = list(mesh.LIPS_OUTER + mesh.LIPS_INNER)
CORNERS = (LIPS.index(mesh.MOUTH_LEFT_CORNER), LIPS.index(mesh.MOUTH_RIGHT_CORNER))
SMOOTHING_SECONDS = 0.024
NEAR_SECONDS = 0.06
CLOSED, OPEN = 0.01, 0.03
QUIET_SECONDS = 0.3  # so far from speech a mouth should rest
LEAST_QUIET = 5  # frames of a stretch in which it is looked at
COLUMNS = 4  # of log-mel a grid frame


@dataclass(frozen=True)
class Lips:
    """Lips over time.

    Attributes:
        times: (T,) rising seconds.
        points: (T, 40, 2) canonical units, head pose removed.
    """

    times: NDArray[np.float64]
    points: NDArray[np.float64]

    def at(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 40, 2) by linear interpolation."""
        place = np.clip(np.searchsorted(self.times, times, side="right") - 1, 0, len(self.times) - 2)
        share = (times - self.times[place]) / (self.times[place + 1] - self.times[place])
        share = np.clip(share, 0, 1)[:, None, None]
        return np.asarray(self.points[place] * (1 - share) + self.points[place + 1] * share)

    def seen(self, times: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(N,) True where they were seen within 60 ms."""
        after = np.clip(np.searchsorted(self.times, times), 1, len(self.times) - 1)
        away = np.minimum(np.abs(times - self.times[after - 1]), np.abs(times - self.times[after]))
        return np.asarray(away <= NEAR_SECONDS)


def own_mean_face(track: FaceTrack, reference: NDArray[np.floating]) -> NDArray[np.float64]:
    """A track's mean face (478, 3) in canonical coordinates."""
    points = np.asarray(track.landmarks)
    return np.asarray(align(points, reference).to_canonical(points).mean(0))


def lips_of(track: FaceTrack, mean: NDArray[np.floating]) -> Lips:
    """A track's lips, aligned to a mean face (478, 3) by points that do not move in speech."""
    points = np.asarray(track.landmarks)
    shape = align(points, mean).to_canonical(points)[:, LIPS, :2]
    times = np.asarray(track.times, np.float64)
    return Lips(times, smooth_in_time(shape, times, SMOOTHING_SECONDS))


def loudness(samples: Rows) -> Lips:
    """A mouth that opens with the level of the sound, smoothed over 120 ms; all its lower lip points move alike."""
    frames = max(2, len(samples) // (16_000 // GRID_RATE))
    level = LogMel(samples).columns(0, frames * COLUMNS).mean(1).reshape(frames, COLUMNS).mean(1)
    level = np.convolve(np.pad(level, 1, mode="edge"), np.array([0.25, 0.5, 0.25]), mode="valid")
    points = np.zeros((frames, len(LIPS), 2))
    points[:, :, 1] = level[:, None] * np.isin(LIPS, list(mesh.INNER_LOWER_MIDDLE))
    return Lips(np.arange(frames) / GRID_RATE, points)


@dataclass(frozen=True)
class Pair:
    """A dub's lips and the true ones at the same moments of the grid.

    Attributes:
        rows: (N,) grid numbers of the moments, k / 25 s of the sound.
        dub: (N, 40, 2).
        truth: (N, 40, 2).
    """

    rows: NDArray[np.int64]
    dub: NDArray[np.float64]
    truth: NDArray[np.float64]


def paired(dub: Lips, truth: Lips, late: int = 0) -> Pair:
    """Both on the grid; ``late`` is by how many frames the true lips lag behind the sound."""
    first = max(0.0, dub.times[0], truth.times[0] - late / GRID_RATE)
    last = min(dub.times[-1], truth.times[-1] - late / GRID_RATE)
    rows = np.arange(int(np.ceil(first * GRID_RATE - 1e-6)), int(np.floor(last * GRID_RATE + 1e-6)) + 1)
    times = rows / GRID_RATE
    rows = rows[dub.seen(times) & truth.seen(times + late / GRID_RATE)]
    times = rows / GRID_RATE
    return Pair(rows, dub.at(times), truth.at(times + late / GRID_RATE))


def correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Pearson correlation; 0 where one of them does not vary."""
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 1e-9 else 0.0


def aperture(pair: Pair) -> float:
    """Correlation of the openings."""
    return correlation(gap_of(pair.dub), gap_of(pair.truth))


def width(pair: Pair) -> float:
    """Correlation of the distances between the mouth's corners."""
    values = [points[:, CORNERS[1], 0] - points[:, CORNERS[0], 0] for points in (pair.dub, pair.truth)]
    return correlation(values[0], values[1])


def lip_distance(pair: Pair) -> tuple[float, float]:
    """Mean distance of the 40 lip points from the truth: of the dub, and of the person's own mean mouth."""
    mean = pair.truth.mean(0)
    return tuple(float(np.linalg.norm(guess - pair.truth, axis=-1).mean()) for guess in (pair.dub, mean))  # type: ignore[return-value]


def _near(flags: NDArray[np.bool_], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """True where a flag is set in the same, the one before or the one after, of frames that follow each other."""
    near = flags.copy()
    joined = np.diff(rows) == 1
    near[1:] |= flags[:-1] & joined
    near[:-1] |= flags[1:] & joined
    return near


@dataclass(frozen=True)
class Closures:
    """Frames of a clip, counted.

    Attributes:
        frames: All.
        closed: Those in which the true lips are closed.
        met: Of these, those in which the dub closes within one frame.
        false: Those in which the dub is closed, and the truth is open from the frame before to the frame after.
        dub_closed: Those in which the dub is closed.
    """

    frames: int
    closed: int
    met: int
    false: int
    dub_closed: int


def closures(pair: Pair) -> Closures:
    """Count closures that were met and those that should not be."""
    dub, truth = gap_of(pair.dub), gap_of(pair.truth)
    closed, dub_closed = truth < CLOSED, dub < CLOSED
    met = closed & _near(dub_closed, pair.rows)
    false = dub_closed & ~_near(truth <= OPEN, pair.rows)
    return Closures(len(pair.rows), int(closed.sum()), int(met.sum()), int(false.sum()), int(dub_closed.sum()))


@dataclass(frozen=True)
class Rest:
    """The dub's mouth where nobody speaks.

    Attributes:
        frames: How many.
        deviation: Standard deviation of the opening within stretches, root of the mean square over frames; nan if none.
        largest: Largest range of the opening within one stretch; nan if none.
    """

    frames: int
    deviation: float
    largest: float


def quiet_rows(samples: Rows, count: int) -> NDArray[np.bool_]:
    """(count,) True for grid frames at least 0.3 s from any in which the dub's own gate hears speech."""
    spoken = speech_gate(samples, count) > 0.01
    reach = int(np.ceil(QUIET_SECONDS * GRID_RATE))
    padded = np.convolve(spoken.astype(float), np.ones(2 * reach + 1), mode="full")[reach : reach + count]
    return np.asarray(padded < 0.5)


def at_rest(dub: Lips, quiet: NDArray[np.bool_]) -> Rest:
    """How much the dub's mouth moves in the quiet frames of the grid."""
    times = np.arange(len(quiet)) / GRID_RATE
    usable = quiet & dub.seen(times) & (times >= dub.times[0]) & (times <= dub.times[-1])
    gap = gap_of(dub.at(times))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], usable.astype(int), [0]])))
    squares, frames, largest = 0.0, 0, float("nan")
    for low, high in edges.reshape(-1, 2):
        if high - low < LEAST_QUIET:
            continue
        stretch = gap[low:high]
        squares += float(((stretch - stretch.mean()) ** 2).sum())
        frames += int(high - low)
        largest = float(np.fmax(largest, np.ptp(stretch)))
    return Rest(frames, float(np.sqrt(squares / frames)) if frames else float("nan"), largest)
