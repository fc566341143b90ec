"""Does the mouth move as in a real video of the same speech: comparisons with the truth, head pose removed.

Lengths are inter-ocular: the distance between the eyes' centres is 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from talkingface.evaluation.result import Score
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.canonical_track import FRAMES_AT_ONCE, canonical_points, mean_face
from talkingface.faces.geometry import inner_lip_gap, smooth_in_time
from talkingface.faces.track import FaceTrack

LIPS = list(mesh.LIPS_OUTER + mesh.LIPS_INNER)
SMOOTHING_SECONDS = 0.024  # takes off the landmarks' own trembling, about 0.5 % of the eye distance
NEAR_SECONDS = 0.06  # the truth must have been seen this near in time
FEWEST_FRAMES = 12
LEAST_MOVEMENT = 1e-4
FRAMES_AROUND = 64  # more than the smoothing reaches, at up to 600 frames a second


@dataclass(frozen=True)
class MouthPair:
    """A face and the true face at the same moments.

    Attributes:
        times: (N,) seconds.
        lips: (N, 40, 2) lip points of the judged video, canonical units.
        true_lips: (N, 40, 2) of the truth.
        gap: (N,) inner-lip opening of the judged video.
        true_gap: (N,) of the truth.
        face_distance: (N,) mean distance of the face's 468 surface points from the truth's.
        frozen_distance: (N,) the same for the judged video's first face, held.
    """

    times: NDArray[np.float64]
    lips: NDArray[np.float64]
    true_lips: NDArray[np.float64]
    gap: NDArray[np.float64]
    true_gap: NDArray[np.float64]
    face_distance: NDArray[np.float64]
    frozen_distance: NDArray[np.float64]

    def frozen(self) -> MouthPair:
        """The first face held."""
        return replace(
            self,
            lips=np.broadcast_to(self.lips[:1], self.lips.shape),
            gap=np.broadcast_to(self.gap[:1], self.gap.shape),
            face_distance=self.frozen_distance,
        )


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
    own = mean_face(truth.landmarks, reference)
    true_shape, shape = _canonical_surface(truth, own), _canonical_surface(judged, own)
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


def _canonical_surface(track: FaceTrack, own: NDArray[np.float64]) -> NDArray[np.float32]:
    """A track's surface points (T, 468, 2) in canonical units, smoothed in time; some frames at a time."""
    surface = np.empty((len(track), mesh.SURFACE_POINTS, 2), np.float32)
    for start in range(0, len(track), FRAMES_AT_ONCE):
        stop = min(len(track), start + FRAMES_AT_ONCE)
        low, high = max(0, start - FRAMES_AROUND), min(len(track), stop + FRAMES_AROUND)
        shape = canonical_points(track.landmarks[low:high], own, slice(mesh.SURFACE_POINTS))
        surface[start:stop] = smooth_in_time(shape, track.times[low:high], SMOOTHING_SECONDS)[start - low : stop - low]
    return surface


def _pair(
    times: NDArray[np.float64],
    shape: NDArray[np.float32],
    true_shape: NDArray[np.float32],
    kept: NDArray[np.int64],
    before: NDArray[np.int64],
    share: NDArray[np.float64],
) -> MouthPair:
    after = np.minimum(before + 1, len(true_shape) - 1)
    number = len(kept)
    lips, true_lips = np.empty((number, len(LIPS), 2)), np.empty((number, len(LIPS), 2))
    gap, true_gap, distance, frozen = np.empty((4, number))
    for start in range(0, number, FRAMES_AT_ONCE):
        part = slice(start, start + FRAMES_AT_ONCE)
        weight = share[part, None, None]
        matched = true_shape[before[part]] * (1 - weight) + true_shape[after[part]] * weight
        judged = shape[kept[part]].astype(np.float64)
        lips[part], true_lips[part] = judged[:, LIPS], matched[:, LIPS]
        gap[part], true_gap[part] = inner_lip_gap(judged), inner_lip_gap(matched)
        distance[part] = np.linalg.norm(judged - matched, axis=-1).mean(-1)
        frozen[part] = np.linalg.norm(shape[kept[0]] - matched, axis=-1).mean(-1)
    return MouthPair(times[kept], lips, true_lips, gap, true_gap, distance, frozen)


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


def landmark_distance(pair: MouthPair) -> Score:
    """Mean distance of the face's 468 surface points from the truth's, in percent of the distance between the eyes."""
    if len(pair.times) < FEWEST_FRAMES:
        return too_little_truth(pair)
    return Score(100.0 * float(pair.face_distance.mean()))


def articulation_ratio(pair: MouthPair) -> Score:
    """Standard deviation over time of the inner lips' opening, over the truth's."""
    if len(pair.times) < FEWEST_FRAMES:
        return too_little_truth(pair)
    if pair.true_gap.std() < LEAST_MOVEMENT:
        return Score(None, "n/a: the truth's mouth does not move")
    return Score(float(pair.gap.std() / pair.true_gap.std()))


def truth_scores(pair: MouthPair) -> dict[str, Score]:
    """The metrics that compare with the truth, by name."""
    return {
        "aperture_correlation": aperture_correlation(pair),
        "mouth_landmark_distance": mouth_landmark_distance(pair),
        "landmark_distance": landmark_distance(pair),
        "articulation_ratio": articulation_ratio(pair),
    }


def too_little_truth(pair: MouthPair) -> Score:
    """The score when hardly any frame can be compared."""
    return Score(None, f"n/a: the truth shows a face in only {len(pair.times)} of the frames")
