"""What is evaluated and what comes out: plain data, nothing but the standard library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class EvaluationRow:
    """One clip to score.

    Attributes:
        name: Unique name of the clip in its table.
        generated: The video to score, or None when generation failed.
        face: The video or picture it was made from.
        audio: The sound it should speak.
        truth: A real video of the same speech, or None when there is none.
        failure: Why there is no ``generated``, or None.
        seconds: How long generation took.
        media_seconds: How long the generated video plays.
        peak_memory_mb: Most memory of the generating process by then, MB.
    """

    name: str
    generated: Path | None
    face: Path
    audio: Path
    truth: Path | None = None
    failure: str | None = None
    seconds: float | None = None
    media_seconds: float | None = None
    peak_memory_mb: float | None = None


@dataclass(frozen=True)
class Score:
    """One number, or the reason why there is none.

    Attributes:
        value: In the metric's own unit; None when it could not be computed or does not apply.
        reason: Such as ``"n/a: no truth"``; None when there is a value.
    """

    value: float | None
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the score as JSON holds it."""
        return {"value": self.value, "reason": self.reason}


@dataclass(frozen=True)
class Interval:
    """Where a mean over clips lies with 95 % confidence.

    Attributes:
        low: In the metric's own unit.
        high: In the metric's own unit.
        clips: How many clips have a value.
    """

    low: float
    high: float
    clips: int

    def to_json(self) -> dict[str, Any]:
        """Return the interval as JSON holds it."""
        return {"low": self.low, "high": self.high, "clips": self.clips}


Scores = Mapping[str, Score]
Intervals = Mapping[str, Interval]


@dataclass(frozen=True)
class EvaluationResult:
    """Every score of an evaluation.

    Attributes:
        metrics: Names of the metrics, in the order of the tables.
        rows: Clip name -> metric name -> score; a failed clip has its reason in every score.
        controls: Control name (such as ``frozen frame``) -> metric name -> score, averaged over the clips.
        means: Metric name -> mean over the clips that have a value.
        success_rate: Clips generated and scored, over all clips: 0..1.
        failures: Clip name -> what failed, for generation and scoring alike.
        failure_codes: Clip name -> the exit status that belongs to its failure.
        notes: Lines a reader should see beside the table.
        clip_controls: Clip name -> control name -> metric name -> score: what ``controls`` is the mean of.
        details: Clip name -> what its scores were made from (frames used, the distance at every offset), JSON-ready.
        intervals: Metric name -> 95 % interval of the mean, where two clips or more have a value.
        control_intervals: Control name -> metric name -> the same for the controls.
        inputs: Clip name -> the paths of its files: ``generated``, ``face``, ``audio``, ``truth``.
        files: Path -> SHA-256 of every file that took part.
    """

    metrics: tuple[str, ...]
    rows: Mapping[str, Scores]
    controls: Mapping[str, Scores]
    means: Scores
    success_rate: float
    failures: Mapping[str, str] = field(default_factory=dict)
    failure_codes: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    clip_controls: Mapping[str, Mapping[str, Scores]] = field(default_factory=dict)
    details: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    intervals: Intervals = field(default_factory=dict)
    control_intervals: Mapping[str, Intervals] = field(default_factory=dict)
    inputs: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return every number and reason, JSON-ready."""

        def table(rows: Mapping[str, Scores]) -> dict[str, Any]:
            return {name: {metric: score.to_json() for metric, score in row.items()} for name, row in rows.items()}

        def spans(intervals: Intervals) -> dict[str, Any]:
            return {name: interval.to_json() for name, interval in intervals.items()}

        return {
            "metrics": list(self.metrics),
            "rows": table(self.rows),
            "controls": table(self.controls),
            "means": {metric: score.to_json() for metric, score in self.means.items()},
            "success_rate": self.success_rate,
            "failures": dict(self.failures),
            "notes": list(self.notes),
            "clip_controls": {name: table(rows) for name, rows in self.clip_controls.items()},
            "details": {name: dict(detail) for name, detail in self.details.items()},
            "intervals": spans(self.intervals),
            "control_intervals": {name: spans(found) for name, found in self.control_intervals.items()},
            "inputs": {name: dict(paths) for name, paths in self.inputs.items()},
            "files": dict(self.files),
        }
