"""Does the mouth move as in a real video of the same speech: comparisons with the truth, head pose removed.

Lengths are inter-ocular: the distance between the eyes' centres is 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkingface.evaluation.result import Score
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import align, inner_lip_gap, smooth_in_time
from talkingface.faces.track import FaceTrack

LIPS = list(mesh.LIPS_OUTER + mesh.LIPS_INNER)
SMOOTHING_SECONDS = 0.024  # takes off the landmarks' own trembling, about 0.5 % of the eye distance
NEAR_SECONDS = 0.06  # the truth must have been seen this near in time
FEWEST_FRAMES = 12
LEAST_MOVEMENT = 1e-4


@dataclass(frozen=True)
class MouthPair:
    """A mouth and the true mouth at the same moments.

    Attributes:
        times: (N,) seconds.
        lips: (N, 40, 2) lip points of the judged video, canonical units.
        true_lips: (N, 40, 2) of the truth.
        gap: (N,) inner-lip opening of the judged video.
        true_gap: (N,) of the truth.
    """

    times: NDArray[np.float64]
    lips: NDArray[np.float64]
    true_lips: NDArray[np.float64]
    gap: NDArray[np.float64]
    true_gap: NDArray[np.float64]

    def frozen(self) -> MouthPair:
        """The first mouth held."""
        held = np.broadcast_to(self.lips[:1], self.lips.shape)
        return MouthPair(self.times, held, self.true_lips, np.broadcast_to(self.gap[:1], self.gap.shape), self.true_gap)


def pair_mouths(
    judged: FaceTrack, truth: FaceTrack, reference: NDArray[np.floating], truth_late: float = 0.0
) -> MouthPair:
    """Bring two tracks into the same canonical frame and to the same moments.

    Both are aligned by points that do not move in speech to the truth's own mean face, and the truth is interpolated
    at the judged video's real frame times. Moments at which the truth shows no face are left out.

    Args:
        judged: The face of the video to judge.
        truth: The face of the real video.
        reference: (478, 3) generic canonical face.
        truth_late: Seconds that the truth's lips are later than they should be; it is looked at so much later.
    """
    true_points, points = np.asarray(truth.landmarks), np.asarray(judged.landmarks)
    own = align(true_points, reference).to_canonical(true_points).mean(0)
    true_shape = align(true_points, own).to_canonical(true_points)
    shape = align(points, own).to_canonical(points)
    shape = smooth_in_time(shape[..., :2], judged.times, SMOOTHING_SECONDS)
    true_shape = smooth_in_time(true_shape[..., :2], truth.times, SMOOTHING_SECONDS)
    times = np.asarray(judged.times, np.float64) + truth_late
    if len(truth) < 2:
        nothing = np.zeros(0, np.int64)
        return _pair(times, shape, true_shape, nothing, nothing, np.zeros(0))
    after = np.clip(np.searchsorted(truth.times, times, side="right"), 1, len(truth) - 1)
    span = truth.times[after] - truth.times[after - 1]
    place = (times - truth.times[after - 1]) / span
    away = np.minimum(np.abs(times - truth.times[after - 1]), np.abs(times - truth.times[after]))
    kept = np.flatnonzero(away <= NEAR_SECONDS)
    return _pair(times, shape, true_shape, kept, after[kept] - 1, np.clip(place[kept], 0, 1))


def _pair(
    times: NDArray[np.float64],
    shape: NDArray[np.float64],
    true_shape: NDArray[np.float64],
    kept: NDArray[np.int64],
    before: NDArray[np.int64],
    share: NDArray[np.float64],
) -> MouthPair:
    after = np.minimum(before + 1, len(true_shape) - 1)
    weight = share[:, None, None]
    matched = true_shape[before] * (1 - weight) + true_shape[after] * weight
    judged = shape[kept]
    gaps = [np.asarray(inner_lip_gap(lips), np.float64) for lips in (judged, matched)]
    return MouthPair(times[kept], judged[:, LIPS], matched[:, LIPS], gaps[0], gaps[1])


def aperture_correlation(pair: MouthPair) -> Score:
    """Pearson correlation of the inner lips' opening over time with the truth's."""
    if len(pair.times) < FEWEST_FRAMES:
        return too_little_truth(pair)
    if pair.gap.std() < LEAST_MOVEMENT or pair.true_gap.std() < LEAST_MOVEMENT:
        return Score(None, "n/a: the mouth does not move")
    return Score(float(np.corrcoef(pair.gap, pair.true_gap)[0, 1]))


def mouth_landmark_distance(pair: MouthPair) -> Score:
    """Mean distance of the 40 lip points from the truth's, in percent of the distance between the eyes' centres."""
    if len(pair.times) < FEWEST_FRAMES:
        return too_little_truth(pair)
    return Score(100.0 * float(np.linalg.norm(pair.lips - pair.true_lips, axis=-1).mean()))


def too_little_truth(pair: MouthPair) -> Score:
    """The score when hardly any frame can be compared."""
    return Score(None, f"n/a: the truth shows a face in only {len(pair.times)} of the frames")
