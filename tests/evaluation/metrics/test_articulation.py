from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from talkingface.evaluation.metrics.articulation import aperture_correlation, mouth_landmark_distance, pair_mouths
from talkingface.evaluation.observation import generic_face
from talkingface.faces.track import FaceTrack


def moved(track: FaceTrack, degrees: float, scale: float, shift: tuple[float, float]) -> FaceTrack:
    """The same face, nodding sideways, nearer and elsewhere."""
    angles = np.radians(degrees) * np.sin(track.times)
    turn = np.zeros((len(track), 3, 3))
    turn[:, 0, 0] = turn[:, 1, 1] = np.cos(angles)
    turn[:, 0, 1], turn[:, 1, 0] = -np.sin(angles), np.sin(angles)
    turn[:, 2, 2] = 1
    points = np.einsum("tij,tnj->tni", turn, track.landmarks) * scale + [*shift, 0]
    return replace(track, landmarks=points.astype(np.float32), boxes=None)


def test_the_same_mouth_is_the_same_whatever_the_head_does(make: Any) -> None:
    truth = make.track_of(make.speech_like(3))
    for judged in (truth, moved(truth, 15, 1.7, (40, -10))):
        pair = pair_mouths(judged, truth, generic_face())
        assert aperture_correlation(pair).value == pytest.approx(1, abs=1e-3)
        assert mouth_landmark_distance(pair).value == pytest.approx(0, abs=0.2)
    assert mouth_landmark_distance(pair_mouths(truth, truth, generic_face())).value == 0


def test_another_mouth_correlates_less_and_lies_further_away(make: Any) -> None:
    truth, other = make.track_of(make.speech_like(4)), make.track_of(make.speech_like(4, seed=5))
    pair = pair_mouths(other, truth, generic_face())
    correlation, distance = aperture_correlation(pair).value, mouth_landmark_distance(pair).value
    assert correlation is not None and abs(correlation) < 0.6
    assert distance is not None and distance > 2


def test_distance_is_in_percent_of_the_eye_distance(make: Any) -> None:
    openings = make.speech_like(2)
    pair = pair_mouths(make.track_of(openings + 0.1), make.track_of(openings), generic_face())
    # 18 of the 40 lip points lie in the lower lip and moved by 0.1
    assert mouth_landmark_distance(pair).value == pytest.approx(10 * 18 / 40, rel=0.05)
    assert aperture_correlation(pair).value == pytest.approx(1, abs=1e-3)


def test_moments_are_matched_by_real_times_not_by_index(make: Any) -> None:
    slow = make.speech_like(4, rate=25)
    times = np.sort(np.random.default_rng(3).uniform(0.1, 3.8, 150))
    uneven = np.interp(times, np.arange(len(slow)) / 25, slow)
    pair = pair_mouths(make.track_of(uneven, times), make.track_of(slow), generic_face())
    correlation = aperture_correlation(pair).value
    assert len(pair.times) == 150
    assert correlation is not None and correlation > 0.97


def test_the_lag_of_the_truth_can_be_taken_off(make: Any) -> None:
    openings = make.speech_like(5)
    truth = make.track_of(np.concatenate([np.full(3, openings[0]), openings[:-3]]))  # 0.12 s late
    judged = make.track_of(openings)
    at_once = aperture_correlation(pair_mouths(judged, truth, generic_face())).value
    lag_off = aperture_correlation(pair_mouths(judged, truth, generic_face(), truth_late=0.12)).value
    assert at_once is not None and lag_off is not None
    assert lag_off > 0.99 > at_once + 0.3


def test_where_the_truth_has_no_face_nothing_is_compared(make: Any) -> None:
    openings = make.speech_like(4)
    whole = make.track_of(openings)
    kept = np.r_[0:30, 60:100]
    holed = replace(
        whole,
        frames=kept,
        times=whole.times[kept],
        landmarks=whole.landmarks[kept],
        presence=whole.presence[kept],
        boxes=None,
        confidence=None,
    )
    pair = pair_mouths(whole, holed, generic_face())
    assert len(pair.times) == 72
    assert not ((pair.times > 1.21) & (pair.times < 2.35)).any()


def test_reasons_instead_of_numbers(make: Any) -> None:
    truth = make.track_of(make.speech_like(3))
    still = pair_mouths(make.track_of(np.full(75, 0.1)), truth, generic_face())
    assert aperture_correlation(still).reason == "n/a: the mouth does not move"
    assert mouth_landmark_distance(still).value is not None
    later = pair_mouths(make.track_of(np.full(50, 0.1), 100 + np.arange(50) / 25), truth, generic_face())
    assert aperture_correlation(later).reason == "n/a: the truth shows a face in only 0 of the frames"
    assert mouth_landmark_distance(later).value is None
    picture = make.track_of([0.1])
    assert len(pair_mouths(truth, picture, generic_face()).times) == 0


def test_a_frozen_mouth_is_further_away_than_the_moving_one(make: Any) -> None:
    truth = make.track_of(make.speech_like(3))
    pair = pair_mouths(truth, truth, generic_face())
    assert aperture_correlation(pair.frozen()).value is None
    assert (mouth_landmark_distance(pair.frozen()).value or 0) > 1
