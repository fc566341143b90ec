"""What making the clips took, and how many were made."""

from __future__ import annotations

from talkingface.evaluation.result import EvaluationRow, Score


def success(failure: str | None) -> Score:
    """1 for a clip that was generated and scored, 0 for any other; its mean is the success rate."""
    return Score(1.0 if failure is None else 0.0)


def real_time_factor(row: EvaluationRow) -> Score:
    """Seconds of computing for each second of the generated video."""
    if row.seconds is None or not row.media_seconds:
        return Score(None, "n/a: not timed")
    return Score(row.seconds / row.media_seconds)
