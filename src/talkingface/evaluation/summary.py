"""Means over clips, with how sure they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from talkingface.evaluation.registry import NEAR_ZERO, MetricInfo
from talkingface.evaluation.result import Interval, Score
from talkingface.evaluation.statistics import bootstrap_interval


def mean_scores(
    rows: Sequence[Mapping[str, Score]], metrics: Mapping[str, MetricInfo]
) -> tuple[dict[str, Score], dict[str, Interval]]:
    """The mean of each metric over the rows that have a value, and its 95 % interval.

    Of metrics that should be near 0, absolute values are averaged: +5 and -5 frames are not 0 on average.

    Args:
        rows: Metric name -> score, a row a clip.
        metrics: The metrics wanted.

    Returns:
        Metric name -> mean; where no row has a value: the reason, if it is the same in all of them. And metric name ->
        interval, where at least two rows have a value.
    """
    means: dict[str, Score] = {}
    intervals: dict[str, Interval] = {}
    for name, info in metrics.items():
        scores = [row[name] for row in rows if name in row]
        values = np.array([score.value for score in scores if score.value is not None], np.float64)
        if len(values):
            values = np.abs(values) if info.direction == NEAR_ZERO else values
            means[name] = Score(float(np.mean(values)))
            interval = bootstrap_interval(values)
            if interval is not None:
                intervals[name] = interval
        else:
            reasons = {score.reason for score in scores}
            means[name] = Score(None, reasons.pop() if len(reasons) == 1 else "n/a")
    return means, intervals
