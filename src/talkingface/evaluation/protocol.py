"""Score generated videos, with control rows beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from talkingface.errors import Cancelled, MediaError, NoFaceError, OptionError, TalkingFaceError, WeightsMissingError
from talkingface.evaluation.controls import (
    CONTROLS,
    SYNC_METRICS,
    TRUTH_METRICS,
    Material,
    control_scores,
    mean_scores,
    truth_scores,
)
from talkingface.evaluation.metrics.articulation import MouthPair, aperture_correlation, pair_mouths
from talkingface.evaluation.metrics.picture import flicker_ratio, match_frames, same_frame_rate, sharpness_ratio
from talkingface.evaluation.metrics.production import real_time_factor, success
from talkingface.evaluation.metrics.sync import MAX_OFFSET, sync_figures, sync_scores
from talkingface.evaluation.observation import Library, Observation, same_file
from talkingface.evaluation.registry import METRICS, NEAR_ZERO, check_metrics
from talkingface.evaluation.result import EvaluationResult, EvaluationRow, Score
from talkingface.media.probe import probe
from talkingface.models.syncnet.landmark_expert import GRID_RATE
from talkingface.progress import Cancellation, Progress, SilentProgress

RESTING_MOUTH = 0.04  # inter-ocular distances; a face that moves its lips less does not speak
SOURCE_METRICS = ("sharpness_ratio", "flicker_ratio")
SIGN_NOTE = (
    "sync_offset is in frames of 40 ms, positive when the lips are late; its means are of absolute values, so that "
    "errors of opposite sign do not cancel"
)


@dataclass(frozen=True)
class ClipEvaluation:
    """Everything found out about one clip.

    Attributes:
        scores: Metric name -> score.
        controls: Control name -> metric name -> score.
        details: What the scores were made from, JSON-ready.
        notes: Lines to be said beside the table.
    """

    scores: dict[str, Score]
    controls: dict[str, dict[str, Score]]
    details: dict[str, Any]
    notes: list[str]


def evaluate(
    rows: Sequence[EvaluationRow],
    metrics: Sequence[str],
    *,
    progress: Progress | None = None,
    cancel: Cancellation | None = None,
    threads: int = 0,
) -> EvaluationResult:
    """Score clips.

    A clip that was not generated, cannot be read, shows no face or is too short is failed: it stays in the result with
    its reason and lowers the success rate. Files are read anew in every call.

    Args:
        rows: The clips; names must be unique.
        metrics: Names of ``registry.METRICS``.
        progress: Told about every decoded frame.
        cancel: Checked at every frame.
        threads: Decoder threads, 0 for all cores.

    Returns:
        Scores of each clip, of the control rows, and their means.

    Raises:
        OptionError: a metric that does not exist, or two clips of the same name.
        WeightsMissingError: the installation lacks a network.
        Cancelled: when asked to stop.
    """
    names = check_metrics(metrics)
    _check_names(rows)
    progress, cancel = progress or SilentProgress(), cancel or Cancellation()
    library = Library(threads, progress, cancel)
    progress.stage("evaluate", _frames_to_read(rows))
    clips: dict[str, ClipEvaluation] = {}
    failures: dict[str, TalkingFaceError] = {}
    for number, row in enumerate(rows):
        cancel.check()
        try:
            clips[row.name] = _evaluate_clip(row, rows, names, library)
        except (Cancelled, WeightsMissingError):
            raise
        except TalkingFaceError as error:
            failures[row.name] = error
        library.keep_videos(_videos(rows[number + 1 :]))
    return _result(rows, names, clips, failures)


def _evaluate_clip(
    row: EvaluationRow, rows: Sequence[EvaluationRow], metrics: tuple[str, ...], library: Library
) -> ClipEvaluation:
    if row.failure is not None or row.generated is None:
        raise MediaError(row.failure or "it was not generated")
    material = _look_at(row, row.generated, library)
    pair = None
    if material.truth is not None and any(name in TRUTH_METRICS for name in metrics):
        pair = pair_mouths(material.generated.face, material.truth.face, library.reference)
    found: dict[str, Score] = {"success_rate": success(None), "real_time_factor": real_time_factor(row)}
    details: dict[str, Any] = {
        "frames": len(material.generated.frame_times),
        "frames_without_face": material.generated.frames_without_face,
    }
    if any(name in SYNC_METRICS for name in metrics):
        scores, details["sync"] = _sync(row, material, library)
        found |= scores
    notes: list[str] = []
    if any(name in TRUTH_METRICS for name in metrics):
        found |= _against_truth(pair)
        if pair is not None:
            details["truth"], remarks = _truth_details(material, pair, library)
            notes += remarks
    if any(name in SOURCE_METRICS for name in metrics):
        scores, details["frames_compared_with_source"] = _against_source(material)
        found |= scores
    controls, remarks = control_scores(material, pair, rows, metrics, library)
    notes += remarks
    if details["frames_without_face"]:
        missing = f"{details['frames_without_face']} of {details['frames']}"
        notes.append(f"{row.name}: {missing} frames do not show the scored face; they are left out")
    if "sync" in details and abs(details["sync"]["offset"]) == MAX_OFFSET:
        notes.append(
            f"{row.name}: its sync_offset lies at the edge of the search: lips and sound fit nowhere, or further away"
        )
    return ClipEvaluation({name: found[name] for name in metrics}, controls, details, notes)


def _look_at(row: EvaluationRow, generated: Path, library: Library) -> Material:
    """Read a clip's files. What its original lacks leaves scores out; what the others lack fails the clip."""
    source: Observation | None = None
    no_source: str | None = None
    if same_file(row.face, generated):
        no_source = "n/a: no source given"
    else:
        try:
            source = library.video(row.face)
        except (MediaError, NoFaceError) as error:
            no_source = f"n/a: {error}"
    width = None if source is None or source.still else source.width
    shown = library.video(generated, width)
    self_driven = same_file(row.audio, row.face) or (row.truth is not None and same_file(row.truth, row.face))
    truth = None
    if row.truth is not None:
        truth = library.video(row.truth)
    elif self_driven and source is not None and not source.still:
        truth = source
    return Material(row, shown, source, no_source, truth, self_driven)


def _sync(row: EvaluationRow, material: Material, library: Library) -> tuple[dict[str, Score], dict[str, Any]]:
    mouth = library.mouth(material.generated)
    figures = sync_figures(mouth, library.sound(row.audio), str(row.generated))
    details = {
        "offset": figures.offset,
        "lips_late_by": list(range(-MAX_OFFSET, MAX_OFFSET + 1)),
        "distance": [round(float(value), 6) for value in figures.curve],
        "windows": [int(count) for count in figures.windows],
        "windows_with_face": int(mouth.valid.sum()),
        "windows_without_face": int((~mouth.valid).sum()),
    }
    return sync_scores(figures), details


def _against_truth(pair: MouthPair | None) -> dict[str, Score]:
    if pair is None:
        return dict.fromkeys(TRUTH_METRICS, Score(None, "n/a: no truth"))
    return truth_scores(pair)


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
    moved = pair_mouths(material.generated.face, truth.face, library.reference, late)
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


def _against_source(material: Material) -> tuple[dict[str, Score], int]:
    source, shown = material.source, material.generated
    if source is None:
        return dict.fromkeys(SOURCE_METRICS, Score(None, material.no_source)), 0
    mapping = match_frames(shown.frame_times, source.frame_times, source.still)
    known = mapping >= 0
    sharpness, change = (
        np.where(known, source.per_frame(values)[mapping], np.nan) for values in (source.sharpness, source.change)
    )
    scores = {"sharpness_ratio": sharpness_ratio(shown.per_frame(shown.sharpness), sharpness)}
    if source.still:
        scores["flicker_ratio"] = Score(None, "n/a: the source is a picture")
    elif source.opening_range < RESTING_MOUTH:
        # new speech must move a mouth that rested: the ratio would only say so
        scores["flicker_ratio"] = Score(None, "n/a: the source's mouth rests")
    elif not same_frame_rate(shown.frame_times, source.frame_times):
        scores["flicker_ratio"] = Score(None, "n/a: the frame rate differs from the source's")
    else:
        scores["flicker_ratio"] = flicker_ratio(shown.per_frame(shown.change), change)
    return scores, int(known.sum())


def _result(
    rows: Sequence[EvaluationRow],
    metrics: tuple[str, ...],
    clips: dict[str, ClipEvaluation],
    errors: dict[str, TalkingFaceError],
) -> EvaluationResult:
    failures = {name: str(error) for name, error in errors.items()}
    scores: dict[str, dict[str, Score]] = {}
    for row in rows:
        if row.name in clips:
            scores[row.name] = clips[row.name].scores
        else:
            failed: dict[str, Score] = dict.fromkeys(metrics, Score(None, f"failed: {failures[row.name]}"))
            if "success_rate" in metrics:
                failed["success_rate"] = success(failures[row.name])
            scores[row.name] = failed
    absolute = [name for name in metrics if METRICS[name].direction == NEAR_ZERO]
    scored = list(scores.values())
    controls = {
        name: mean_scores([clip.controls[name] for clip in clips.values()], metrics, absolute) for name in CONTROLS
    }
    notes = [SIGN_NOTE] if "sync_offset" in metrics else []
    return EvaluationResult(
        metrics=metrics,
        rows=scores,
        controls=controls,
        means=mean_scores(scored, metrics, absolute),
        success_rate=len(clips) / len(rows) if rows else 0.0,
        failures=failures,
        failure_codes={name: error.exit_code for name, error in errors.items()},
        notes=(*notes, *(note for clip in clips.values() for note in clip.notes)),
        clip_controls={name: clip.controls for name, clip in clips.items()},
        details={name: clip.details for name, clip in clips.items()},
    )


def _check_names(rows: Sequence[EvaluationRow]) -> None:
    names = [row.name for row in rows]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise OptionError(f"two clips to evaluate are named {twice[0]!r}; give each its own name")


def _videos(rows: Sequence[EvaluationRow]) -> list[Path]:
    return [path for row in rows for path in (row.generated, row.face, row.truth) if path is not None]


def _frames_to_read(rows: Sequence[EvaluationRow]) -> int | None:
    """How many frames the evaluation will decode, as the files claim; None when one of them does not say."""
    total = 0
    counted: set[Path] = set()
    for row in rows:
        for path in _videos([row]) if row.generated is not None else []:
            if path.resolve() in counted:
                continue
            counted.add(path.resolve())
            try:
                streams = probe(path).video
            except TalkingFaceError:
                continue
            if not streams or streams[0].frames is None:
                return None
            total += streams[0].frames
    return total
