"""What making the clips took, and how many were made."""

from __future__ import annotations

from talkingface.evaluation.family import FamilyScores, MetricFamily
from talkingface.evaluation.material import Material
from talkingface.evaluation.observation import Library
from talkingface.evaluation.result import EvaluationRow, Score


class ProductionFamily(MetricFamily):
    """``success_rate``, ``real_time_factor`` and ``peak_memory``."""

    def score(self, material: Material, wanted: frozenset[str], library: Library) -> FamilyScores:
        """Repeat what is known of how a clip was made; see ``MetricFamily.score``."""
        scores = {
            "success_rate": success(None),
            "real_time_factor": real_time_factor(material.row),
            "peak_memory": peak_memory(material.row),
        }
        return FamilyScores({name: score for name, score in scores.items() if name in wanted})


def success(failure: str | None) -> Score:
    """1 for a clip that was generated and scored, 0 for any other; its mean is the success rate."""
    return Score(1.0 if failure is None else 0.0)


def real_time_factor(row: EvaluationRow) -> Score:
    """Seconds of computing for each second of the generated video."""
    if row.seconds is None or not row.media_seconds:
        return Score(None, "n/a: not timed")
    return Score(row.seconds / row.media_seconds)


def peak_memory(row: EvaluationRow) -> Score:
    """Most memory of the generating process that was resident by the end of the clip, MB."""
    return Score(None, "n/a: not measured") if row.peak_memory_mb is None else Score(row.peak_memory_mb)
