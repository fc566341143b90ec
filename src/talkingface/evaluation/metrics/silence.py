"""Does the mouth rest while nothing is said: where a sound is silent, and what a mouth does there.

What decides here that a sound is silent is not what decides it in a dub: a method is not judged by its own ears.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkingface.evaluation.result import Score
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import interocular_distance, smooth_in_time
from talkingface.faces.track import FaceTrack
from talkingface.media.audio import SPEECH_RATE

STEP_SECONDS = 0.01
LEVEL_SECONDS = 0.03
BELOW_SPEECH_DB = 40.0  # so much quieter than the sound's loud parts is silence
FLOOR_DB = -60.0  # of full scale; and so is anything quieter than this
AWAY_SECONDS = 0.3  # silence counts from here on: lips close after, and open before, what they say
AROUND_SECONDS = 0.2  # a mouth's movement is looked for so long before and after a frame
MOVED = 0.03  # inter-ocular distances that the opening changes by: what a tracker's trembling (0.005) never does
STANDS_OPEN = 0.08  # wider open than the mouth at rest by this
REST_PERCENTILE = 10.0
FEWEST_FRAMES = 5
SMOOTHING_SECONDS = 0.024


def silent_moments(samples: NDArray[np.float32], times: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which moments lie in silence, away from any sound.

    Args:
        samples: Mono, 16 kHz, -1..1, the first at second 0.
        times: (N,) seconds. What lies after the sound's end is silence.

    Returns:
        (N,) flags.
    """
    step = round(STEP_SECONDS * SPEECH_RATE)
    count = -(-len(samples) // step)
    power = np.zeros(max(1, count))
    if count:
        squares = np.pad(samples.astype(np.float64) ** 2, (0, count * step - len(samples)))
        power = squares.reshape(count, step).mean(1)
    width = round(LEVEL_SECONDS / STEP_SECONDS)
    level = 10 * np.log10(np.convolve(power, np.full(width, 1 / width), mode="same") + 1e-12)
    threshold = max(FLOOR_DB, float(np.percentile(level, 95)) - BELOW_SPEECH_DB)
    sounding = np.flatnonzero(level > threshold) * STEP_SECONDS + STEP_SECONDS / 2
    if not len(sounding):
        return np.ones(len(times), np.bool_)
    after = np.clip(np.searchsorted(sounding, times), 1, max(1, len(sounding) - 1))
    before = sounding[after - 1]
    nearest = np.minimum(np.abs(times - before), np.abs(times - sounding[np.minimum(after, len(sounding) - 1)]))
    return np.asarray(nearest > AWAY_SECONDS)


def mouth_opening(face: FaceTrack) -> NDArray[np.float64]:
    """(T,) distance of the middles of the inner lips in inter-ocular distances, smoothed in time; 0 is closed."""
    points = np.asarray(face.landmarks)
    gap = np.linalg.norm(
        points[:, list(mesh.INNER_LOWER_MIDDLE)].mean(1) - points[:, list(mesh.INNER_UPPER_MIDDLE)].mean(1), axis=1
    )
    eyes = np.asarray(interocular_distance(points), np.float64)
    return np.asarray(smooth_in_time(gap / eyes, face.times, SMOOTHING_SECONDS))


def speaking_mouth(opening: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.bool_]:
    """In which frames a mouth moves, or stands open wider than it does at rest.

    Args:
        opening: (T,) inter-ocular distances.
        times: (T,) seconds.
    """
    low = np.searchsorted(times, times - AROUND_SECONDS)
    high = np.searchsorted(times, times + AROUND_SECONDS, side="right")
    ranges = np.array([np.ptp(opening[a:b]) for a, b in zip(low, high, strict=True)])
    rest = np.percentile(opening, REST_PERCENTILE)
    return np.asarray((ranges > MOVED) | (opening > rest + STANDS_OPEN))


def silence_leak(opening: NDArray[np.float64], times: NDArray[np.float64], silent: NDArray[np.bool_]) -> Score:
    """Share of the silent frames in which the mouth moves or stands open.

    Args:
        opening: (T,) of each frame with a face, inter-ocular distances.
        times: (T,) seconds.
        silent: (T,) which of them lie in silence.
    """
    if not len(opening) or silent.sum() < FEWEST_FRAMES:
        return Score(None, "n/a: the sound has no silence of 0.6 s or more")
    return Score(float(speaking_mouth(opening, times)[silent].mean()))
