"""How the mouth moves: against a real video of the same speech, and while nothing is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import MediaError
from talkingface.evaluation.controls import (
    FROZEN,
    NEW_SOUND,
    OWN_SOUND,
    SILENCE,
    all_without,
    new_sound,
    original_lips,
    own_sound,
)
from talkingface.evaluation.family import FamilyScores, MetricFamily
from talkingface.evaluation.material import Material
from talkingface.evaluation.metrics.articulation import MouthPair, aperture_correlation, pair_mouths, truth_scores
from talkingface.evaluation.metrics.silence import mouth_opening, silence_leak, silent_moments
from talkingface.evaluation.metrics.sync import sync_figures
from talkingface.evaluation.observation import Library, Observation, same_file
from talkingface.evaluation.result import Score
from talkingface.models.syncnet.landmark_expert import GRID_RATE

TRUTH_METRICS = ("aperture_correlation", "mouth_landmark_distance", "landmark_distance", "articulation_ratio")
LEAK = "silence_leak"
NO_TRUTH = "n/a: no truth"


class ArticulationFamily(MetricFamily):
    """The metrics that compare with the truth's landmarks, and ``silence_leak``."""

    def score(self, material: Material, wanted: frozenset[str], library: Library) -> FamilyScores:
        """Score the mouth's movement in one clip; see ``MetricFamily.score``."""
        scores: dict[str, Score] = {}
        controls: dict[str, dict[str, Score]] = {FROZEN: {}, OWN_SOUND: {}, NEW_SOUND: {}, SILENCE: {}}
        details: dict[str, Any] = {}
        notes: list[str] = []
        opening = mouth_opening(material.generated.face)
        curves: dict[str, Any] = _curves(material.generated, opening)
        pair = None
        if material.truth is not None:
            pair = _pair(material, library)
            curves["true_opening"] = _true_opening(material.generated, material.truth)
        if wanted & set(TRUTH_METRICS):
            scores |= all_without(TRUTH_METRICS, NO_TRUTH) if pair is None else truth_scores(pair)
            for control, found in _truth_controls(material, pair, library).items():
                controls[control] |= found
            if pair is not None:
                details["truth"], remarks = _truth_details(material, pair, library)
                notes += remarks
        if LEAK in wanted:
            scores[LEAK] = _leak(material.generated, library.samples(material.row.audio))
            for control, score in _leak_controls(material, library).items():
                controls[control][LEAK] = score

        def asked(found: Mapping[str, Score]) -> dict[str, Score]:
            return {name: score for name, score in found.items() if name in wanted}

        return FamilyScores(
            asked(scores),
            {control: asked(found) for control, found in controls.items()},
            {**details, "curves": curves},
            tuple(notes),
        )


def _pair(material: Material, library: Library, late: float = 0.0) -> MouthPair:
    """The clip's mouth beside the truth's, which is looked at ``late`` seconds later."""
    assert material.truth is not None
    shown, truth = material.generated, material.truth
    if material.source is not None and same_file(truth.path, material.source.path):
        # a frame belongs to the frame it was made from, also where a file's first frame was moved to second 0
        late += float(truth.frame_times[0] - shown.frame_times[0])
    return pair_mouths(shown.moving_face, truth.moving_face, library.reference, late)


def _leak(seen: Observation, samples: NDArray[np.float32]) -> Score:
    times = np.asarray(seen.face.times, np.float64)
    return silence_leak(mouth_opening(seen.face), times, silent_moments(samples, times))


def _leak_controls(material: Material, library: Library) -> dict[str, Score]:
    """What the original's mouth does in the silences of its own and of the new sound, and how much a clip moves."""
    silence = np.zeros(0, np.float32)
    found = {SILENCE: _leak(material.generated, silence)}
    times = np.asarray(material.generated.face.times, np.float64)
    asked = library.samples(material.row.audio)
    held = np.full(len(times), mouth_opening(material.generated.face)[0])
    found[FROZEN] = silence_leak(held, times, silent_moments(asked, times))
    original = original_lips(material)
    if isinstance(original, str):
        return found | {OWN_SOUND: Score(None, original), NEW_SOUND: Score(None, original)}
    try:
        found[OWN_SOUND] = _leak(original, library.samples(own_sound(material)))
    except MediaError:
        found[OWN_SOUND] = Score(None, "n/a: the original has no sound")
    borrowed = new_sound(material, library.samples)
    samples = library.samples(borrowed.path)
    found[NEW_SOUND] = _leak(original, np.roll(samples, len(samples) // 2) if borrowed.moved else samples)
    return found


def _truth_controls(material: Material, pair: MouthPair | None, library: Library) -> dict[str, dict[str, Score]]:
    if pair is None or material.truth is None:
        return {name: all_without(TRUTH_METRICS, NO_TRUTH) for name in (FROZEN, OWN_SOUND, NEW_SOUND, SILENCE)}
    found = {FROZEN: truth_scores(pair.frozen())}
    if material.source is None or material.source.still:
        reason = material.no_source or "n/a: the original is a picture"
    elif same_file(material.source.path, material.truth.path):
        reason = "n/a: the original is the truth"
    else:
        # doing nothing at all: what the original's lips score against the truth
        undubbed = pair_mouths(material.source.moving_face, material.truth.moving_face, library.reference)
        return found | {NEW_SOUND: truth_scores(undubbed)}
    return found | {NEW_SOUND: all_without(TRUTH_METRICS, reason)}


def _truth_details(material: Material, pair: MouthPair, library: Library) -> tuple[dict[str, Any], list[str]]:
    """How the comparison with the truth comes out when both lips' own lag behind the sound is taken off.

    Recordings are often some frames out of sync by themselves. A dub in perfect sync then differs from its truth in
    time, and the scores, which compare at equal times, call that wrong.
    """
    details: dict[str, Any] = {"frames_compared": len(pair.times)}
    row, truth = material.row, material.truth
    if truth is None:
        return details, []
    try:
        sound = library.sound(row.audio)
        lags = [sync_figures(library.mouth(seen), sound, row.name).offset for seen in (truth, material.generated)]
    except MediaError:
        return details, []
    late = (lags[0] - lags[1]) / GRID_RATE
    moved = _pair(material, library, late) if late else pair
    details |= {
        "truth_sync_offset": lags[0],
        "lag_removed": {name: score.to_json() for name, score in truth_scores(moved).items()},
    }
    if not late:
        return details, []
    without = aperture_correlation(moved).value
    remark = (
        f"{row.name}: the truth's own lips are late by {lags[0]} frames, the clip's by {lags[1]}; compared at equal "
        f"times they differ by that. With the lags taken off, aperture_correlation is "
        f"{'n/a' if without is None else f'{without:.3f}'}"
    )
    return details, [remark]


def _curves(seen: Observation, opening: NDArray[np.float64]) -> dict[str, Any]:
    """The mouth's opening and the face's box in every frame, for plots and pictures."""
    boxes: list[list[float] | None] = [None] * len(seen.frame_times)
    for frame, box in zip(seen.face.frames, np.asarray(seen.face.boxes, np.float64), strict=True):
        boxes[int(frame)] = [round(float(value), 1) for value in box]
    return {
        "time": [round(float(time), 4) for time in seen.frame_times],
        "opening": _with_gaps(seen.per_frame(opening)),
        "face_box": boxes,
    }


def _true_opening(seen: Observation, truth: Observation) -> list[float | None]:
    """The truth's opening at the frame times of the judged video, None where it was not seen."""
    times = np.asarray(truth.face.times, np.float64)
    at = np.interp(seen.frame_times, times, mouth_opening(truth.face))
    after = np.clip(np.searchsorted(times, seen.frame_times), 0, len(times) - 1)
    near = np.minimum(
        np.abs(times[after] - seen.frame_times), np.abs(times[np.maximum(after - 1, 0)] - seen.frame_times)
    )
    return _with_gaps(np.where(near < 0.06, at, np.nan))


def _with_gaps(values: NDArray[np.float64]) -> list[float | None]:
    return [round(float(value), 4) if np.isfinite(value) else None for value in values]
