"""Sharpness and flicker of the mouth box over those of the original, measured while the files were read."""

from __future__ import annotations

import numpy as np

from talkingface.evaluation.family import FamilyScores, MetricFamily
from talkingface.evaluation.material import Material
from talkingface.evaluation.metrics.picture import flicker_ratio, match_frames, same_frame_rate, sharpness_ratio
from talkingface.evaluation.observation import Library
from talkingface.evaluation.result import Score

RESTING_MOUTH = 0.04  # inter-ocular distances; a face that moves its lips less does not speak
METRICS = ("sharpness_ratio", "flicker_ratio")


class PictureRatioFamily(MetricFamily):
    """``sharpness_ratio`` and ``flicker_ratio``."""

    def score(self, material: Material, wanted: frozenset[str], library: Library) -> FamilyScores:
        """Compare one clip's mouth box with its original's; see ``MetricFamily.score``."""
        source, shown = material.source, material.generated
        if source is None:
            return FamilyScores(dict.fromkeys(wanted, Score(None, material.no_source)))
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
        return FamilyScores(
            {name: scores[name] for name in METRICS if name in wanted},
            details={"frames_compared_with_source": int(known.sum())},
        )
