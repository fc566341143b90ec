"""Control rows: what the same metrics say of videos whose quality is known beforehand.

A metric that cannot tell the real video with its own sound from the same video with another sound, from a frozen frame
or from silence, says nothing about a generated one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from talkingface.errors import MediaError
from talkingface.evaluation.metrics.articulation import (
    MouthPair,
    aperture_correlation,
    mouth_landmark_distance,
    pair_mouths,
)
from talkingface.evaluation.metrics.sync import MAX_OFFSET, sync_figures, sync_scores
from talkingface.evaluation.observation import Library, Observation, same_file
from talkingface.evaluation.result import EvaluationRow, Score
from talkingface.models.syncnet.landmark_expert import Embeddings

OWN_SOUND = "original, own sound"
NEW_SOUND = "original, new sound"
FROZEN = "frozen frame"
SILENCE = "silence"
CONTROLS = (OWN_SOUND, NEW_SOUND, FROZEN, SILENCE)

SYNC_METRICS = ("sync_confidence", "sync_offset", "sync_distance")
TRUTH_METRICS = ("aperture_correlation", "mouth_landmark_distance")


@dataclass(frozen=True)
class Material:
    """A clip's files as evaluation sees them.

    Attributes:
        row: The clip.
        generated: Its video.
        source: The original it was made from, or None.
        no_source: Why there is no ``source``.
        truth: The real video of the same speech, or None.
        self_driven: The sound to speak is the original's own.
    """

    row: EvaluationRow
    generated: Observation
    source: Observation | None
    no_source: str | None
    truth: Observation | None
    self_driven: bool


def control_scores(
    material: Material,
    pair: MouthPair | None,
    rows: Sequence[EvaluationRow],
    metrics: Sequence[str],
    library: Library,
) -> tuple[dict[str, dict[str, Score]], list[str]]:
    """The control rows of one clip.

    Args:
        material: The clip.
        pair: Its mouth and the true one, or None without a truth.
        rows: All clips, to borrow another sound from.
        metrics: Names wanted.
        library: What has been seen and heard.

    Returns:
        Control name -> metric name -> score, and lines to be said beside the table.
    """
    scores: dict[str, dict[str, Score]] = {name: dict.fromkeys(metrics, Score(None, "n/a")) for name in CONTROLS}
    notes: list[str] = []
    if any(name in SYNC_METRICS for name in metrics):
        for name, found in _sync_controls(material, rows, library, notes).items():
            scores[name].update({metric: score for metric, score in found.items() if metric in metrics})
    if any(name in TRUTH_METRICS for name in metrics):
        for name, found in _truth_controls(material, pair, library).items():
            scores[name].update({metric: score for metric, score in found.items() if metric in metrics})
    return scores, notes


def _sync_controls(
    material: Material, rows: Sequence[EvaluationRow], library: Library, notes: list[str]
) -> dict[str, dict[str, Score]]:
    row = material.row
    asked = library.sound(row.audio)
    mouth = library.mouth(material.generated)
    found = {
        FROZEN: _sync(library.frozen_mouth(material.generated), asked, row.name),
        SILENCE: _sync(mouth, library.silence(len(mouth.vectors) + MAX_OFFSET), row.name),
    }
    original = material.source or (material.generated if same_file(row.face, row.generated) else None)
    if original is None or original.still:
        reason = material.no_source or "n/a: the original is a picture"
        return found | {OWN_SOUND: _all_without(reason), NEW_SOUND: _all_without(reason)}
    lips = library.mouth(original)
    try:
        own: Embeddings | None = library.sound(row.audio if material.self_driven else row.face)
    except MediaError:
        own = None
    if own is None:
        found[OWN_SOUND] = _all_without("n/a: the original has no sound")
    else:
        found[OWN_SOUND] = _sync(lips, own, row.name)
    other = _other_sound(material, rows, len(lips.vectors), library, notes)
    found[NEW_SOUND] = _all_without("n/a: no other sound") if other is None else _sync(lips, other, row.name)
    return found


def _other_sound(
    material: Material, rows: Sequence[EvaluationRow], length: int, library: Library, notes: list[str]
) -> Embeddings | None:
    """The sound the clip was to speak, or one that is not its own where that was its own."""
    row = material.row
    if not material.self_driven:
        return library.sound(row.audio)
    start = next(index for index, other in enumerate(rows) if other.name == row.name)
    for other in [*rows[start + 1 :], *rows[:start]]:
        if not same_file(other.audio, row.audio) and not same_file(other.audio, row.face):
            try:
                return library.sound(other.audio)
            except MediaError:
                continue
    own = library.sound(row.audio)
    rows_used = min(length, len(own.vectors))
    if rows_used < 4 * MAX_OFFSET:
        return None
    notes.append(f"{row.name}: there is no other sound; '{NEW_SOUND}' is its own sound moved by half its length")
    return Embeddings(np.roll(own.vectors[:rows_used], rows_used // 2, axis=0), own.valid[:rows_used])


def _truth_controls(material: Material, pair: MouthPair | None, library: Library) -> dict[str, dict[str, Score]]:
    if pair is None or material.truth is None:
        return {name: dict.fromkeys(TRUTH_METRICS, Score(None, "n/a: no truth")) for name in CONTROLS}
    found = {FROZEN: truth_scores(pair.frozen())}
    if material.source is None or material.source.still:
        reason = material.no_source or "n/a: the original is a picture"
    elif same_file(material.source.path, material.truth.path):
        reason = "n/a: the original is the truth"
    else:
        # doing nothing at all: what the original's lips score against the truth
        undubbed = pair_mouths(material.source.face, material.truth.face, library.reference)
        return found | {NEW_SOUND: truth_scores(undubbed)}
    return found | {NEW_SOUND: dict.fromkeys(TRUTH_METRICS, Score(None, reason))}


def truth_scores(pair: MouthPair) -> dict[str, Score]:
    """The metrics that compare with the truth, by name."""
    return {
        "aperture_correlation": aperture_correlation(pair),
        "mouth_landmark_distance": mouth_landmark_distance(pair),
    }


def _sync(mouth: Embeddings, sound: Embeddings, name: str) -> dict[str, Score]:
    try:
        return sync_scores(sync_figures(mouth, sound, name))
    except MediaError:
        return _all_without("n/a: too short")


def _all_without(reason: str) -> dict[str, Score]:
    return dict.fromkeys(SYNC_METRICS, Score(None, reason))


def mean_scores(
    rows: Sequence[Mapping[str, Score]], metrics: Sequence[str], absolute: Sequence[str]
) -> dict[str, Score]:
    """The mean of each metric over the rows that have a value.

    Args:
        rows: Metric name -> score.
        metrics: Names wanted.
        absolute: Metrics whose absolute values are averaged: +5 and -5 frames are not 0 on average.

    Returns:
        Where no row has a value: the reason, if it is the same in all of them.
    """
    means: dict[str, Score] = {}
    for name in metrics:
        scores = [row[name] for row in rows if name in row]
        values = [score.value for score in scores if score.value is not None]
        if values:
            means[name] = Score(float(np.mean(np.abs(values) if name in absolute else values)))
        else:
            reasons = {score.reason for score in scores}
            means[name] = Score(None, reasons.pop() if len(reasons) == 1 else "n/a")
    return means
