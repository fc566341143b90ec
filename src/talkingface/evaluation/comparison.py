"""What a comparison of methods is: plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from talkingface.evaluation.method_report import MetricAbout
from talkingface.evaluation.registry import HIGHER

LEVEL = 0.05  # below it a corrected p is called significant


@dataclass(frozen=True)
class Comparison:
    """One method's value of one metric, beside the baseline's.

    Attributes:
        mean: Over the clips that all methods scored, of what ``MetricRow.quantity`` says; None without such clips.
        low: Lower end of its 95 % interval; None with fewer than two clips.
        high: Upper end.
        difference: Mean of method less baseline, clip by clip; None for the baseline.
        difference_low: Lower end of its 95 % interval.
        difference_high: Upper end.
        p: Of the paired permutation test; None for the baseline, and with fewer than two clips.
        p_holm: The same, corrected for all metrics and methods compared.
        best: No method has a better mean.
    """

    mean: float | None
    low: float | None = None
    high: float | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    best: bool = False

    @property
    def significant(self) -> bool:
        """It differs from the baseline."""
        return self.p_holm is not None and self.p_holm < LEVEL


@dataclass(frozen=True)
class MetricRow:
    """One metric of all methods.

    Attributes:
        name: Of the metric.
        about: Its unit and direction.
        quantity: What is averaged and compared: ``value``, ``absolute value`` (of metrics that should be near 0) or
            ``distance from 1`` (of those that should be near 1).
        clips: Names of the clips that all methods scored; empty for a metric over all clips.
        methods: Method name -> its numbers.
    """

    name: str
    about: MetricAbout
    quantity: str
    clips: tuple[str, ...]
    methods: Mapping[str, Comparison]

    @property
    def higher_is_better(self) -> bool:
        """False where the smaller mean is better: distances, and errors of metrics that should be near something."""
        return self.about.direction == HIGHER


@dataclass(frozen=True)
class ControlRow:
    """What one control row says, over the clips that all methods scored.

    Attributes:
        control: Such as ``frozen frame``.
        methods: The methods that agree on it; control rows of the original do not depend on the method.
        values: Metric name -> mean of the same quantity as in the metric's row.
    """

    control: str
    methods: tuple[str, ...]
    values: Mapping[str, float]


@dataclass(frozen=True)
class MethodComparison:
    """Methods side by side.

    Attributes:
        methods: Their names, in the given order.
        baseline: The one that the others are compared with.
        metrics: The metrics that all reports have and at least one clip has a value for.
        controls: The control rows.
        clips: Method name -> number of its clips.
        success_rates: Method name -> clips made and scored, over all its clips.
        failures: Method name -> clip name -> reason.
        common: Names of the clips that all reports have.
        warnings: Why the numbers may not be comparable.
        notes: What was left out.
    """

    methods: tuple[str, ...]
    baseline: str
    metrics: tuple[MetricRow, ...]
    controls: tuple[ControlRow, ...]
    clips: Mapping[str, int]
    success_rates: Mapping[str, float]
    failures: Mapping[str, Mapping[str, str]]
    common: tuple[str, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
