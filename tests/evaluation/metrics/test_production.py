from __future__ import annotations

from pathlib import Path

from talkingface.evaluation.metrics.production import real_time_factor, success
from talkingface.evaluation.result import EvaluationRow


def row(seconds: float | None, media_seconds: float | None) -> EvaluationRow:
    return EvaluationRow("a", Path("a.mp4"), Path("f.mp4"), Path("s.wav"), seconds=seconds, media_seconds=media_seconds)


def test_the_real_time_factor_is_computing_over_playing() -> None:
    assert real_time_factor(row(3.0, 6.0)).value == 0.5
    for unknown in (row(None, 6.0), row(3.0, None), row(3.0, 0.0)):
        assert real_time_factor(unknown).reason == "n/a: not timed"


def test_a_failure_counts_as_nought() -> None:
    assert success(None).value == 1
    assert success("no face").value == 0
