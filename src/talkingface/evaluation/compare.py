"""Several methods' scores side by side: means over the clips that all of them have, differences, significance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import MediaError, OptionError, nearest_names
from talkingface.evaluation.comparison import LEVEL, Comparison, ControlRow, MethodComparison, MetricRow
from talkingface.evaluation.method_report import MethodReport
from talkingface.evaluation.registry import NEAR_ONE, NEAR_ZERO
from talkingface.evaluation.statistics import bootstrap_interval, holm, paired_permutation

# What these controls show does not depend on the method: the original's lips, with its own and another sound.
ORIGINAL_CONTROLS = ("original, own sound", "original, new sound")
# Control rows of one method and another are the same where they differ by less: floating point on other machines.
_SAME = 1e-4
_LSE_METRICS = ("lse_c", "lse_d", "av_offset")
_MOST_NAMES = 5


def compare_methods(
    reports: Sequence[MethodReport], baseline: str | None = None, metrics: Sequence[str] = (), seed: int = 0
) -> MethodComparison:
    """Compare methods, clip by clip; clips are matched by name.

    Args:
        reports: One a method, at least two, of different names.
        baseline: The method the others are compared with; the first when not given.
        metrics: Names of those wanted; all when empty.
        seed: Of the resampling.

    Raises:
        OptionError: fewer than two reports, or a baseline or metric that no report has.
        MediaError: the reports have no clip in common, or none that all of them scored.
    """
    names = tuple(report.name for report in reports)
    if len(reports) < 2:
        raise OptionError("one report has nothing to be compared with; give two or more")
    base = names[0] if baseline is None else baseline
    if base not in names:
        raise OptionError(f"--baseline: there is no method {base!r}; {nearest_names(base, names)}")
    common = tuple(clip for clip in reports[0].rows if all(clip in report.rows for report in reports))
    if not common:
        have = "; ".join(f"{report.name} has {_some(list(report.rows))}" for report in reports)
        raise MediaError(f"the reports have no clip in common (clips are matched by name): {have}")
    notes = [
        f"{report.name}: {_some(alone)} {'is' if len(alone) == 1 else 'are'} not in every report; left out"
        for report in reports
        if (alone := [clip for clip in report.rows if clip not in common])
    ]
    rows = _metric_rows(reports, base, _wanted(reports, metrics, notes), common, seed)
    empty = [row.name for row in rows if all(found.mean is None for found in row.methods.values())]
    rows = [row for row in rows if row.name not in empty]
    if not rows:
        why = "; ".join(
            f"{report.name}: {clip}: {reason}"
            for report in reports
            for clip, reason in list(report.failures.items())[:1]
        )
        raise MediaError(f"no clip has a score of every method{': ' if why else ''}{why}")
    if empty:
        notes.append(f"without a clip that every method has a value for: {', '.join(empty)}")
    notes += _limits(reports, rows, common)
    controls, differing = _control_rows(reports, rows)
    return MethodComparison(
        methods=names,
        baseline=base,
        metrics=tuple(rows),
        controls=tuple(controls),
        clips={report.name: len(report.rows) for report in reports},
        success_rates={report.name: report.success_rate for report in reports},
        failures={report.name: dict(report.failures) for report in reports if report.failures},
        common=common,
        warnings=(*_warnings(reports, common, rows), *differing),
        notes=tuple(notes),
    )


def _wanted(reports: Sequence[MethodReport], metrics: Sequence[str], notes: list[str]) -> list[str]:
    """The metrics that every report has; what only some have is noted."""
    known = list(dict.fromkeys(metric for report in reports for metric in report.about))
    for metric in metrics:
        if metric not in known:
            raise OptionError(f"no report has the metric {metric!r}; {nearest_names(metric, known)}")
    found = []
    for metric in dict.fromkeys(metrics or known):
        without = [report.name for report in reports if metric not in report.about]
        if without:
            notes.append(f"{metric}: not in the report of {', '.join(without)}; left out")
        else:
            found.append(metric)
    return found


def _limits(reports: Sequence[MethodReport], rows: Sequence[MetricRow], common: Sequence[str]) -> list[str]:
    """What these reports cannot tell."""
    notes = []
    over_all = [row.name for row in rows if row.about.over_all]
    if over_all and any(report.failures or len(report.rows) > len(common) for report in reports):
        notes.append(f"{', '.join(over_all)}: made of each method's own clips, which are not the same for all")
    tests = sum(found.p is not None for row in rows for found in row.methods.values())
    most = max(len(row.clips) for row in rows)
    if tests and tests * 2.0 ** (1 - most) >= LEVEL:
        notes.append(f"{most} clips are too few for any difference to be significant in {tests} comparisons")
    return notes


def _metric_rows(
    reports: Sequence[MethodReport], base: str, metrics: Sequence[str], common: Sequence[str], seed: int
) -> list[MetricRow]:
    rows: list[MetricRow] = []
    for metric in metrics:
        about = reports[0].about[metric]
        quantity = {NEAR_ZERO: "absolute value", NEAR_ONE: "distance from 1"}.get(about.direction, "value")
        if about.over_all:
            single = {report.name: report.means.get(metric) for report in reports}
            methods = {
                name: Comparison(None if value is None else _error(value, quantity)) for name, value in single.items()
            }
            rows.append(MetricRow(metric, about, quantity, (), methods))
            continue
        clips = tuple(clip for clip in common if all(report.rows[clip].get(metric) is not None for report in reports))
        values = {report.name: _quantities(report, metric, clips, quantity) for report in reports}
        methods = {name: _compare(values[name], None if name == base else values[base], seed) for name in values}
        rows.append(MetricRow(metric, about, quantity, clips, methods))
    return _with_best(_corrected(rows))


def _compare(values: NDArray[np.float64], baseline: NDArray[np.float64] | None, seed: int) -> Comparison:
    """One method's numbers of one metric; both arrays (N,), in the same order of clips."""
    if not len(values):
        return Comparison(None)
    interval = bootstrap_interval(values, seed=seed)
    found = Comparison(
        float(values.mean()),
        low=None if interval is None else interval.low,
        high=None if interval is None else interval.high,
    )
    if baseline is None:
        return found
    differences = values - baseline
    found = replace(found, difference=float(differences.mean()))
    between = bootstrap_interval(differences, seed=seed)
    if between is None:
        return found
    p = paired_permutation(differences, seed=seed)
    return replace(found, difference_low=between.low, difference_high=between.high, p=p)


def _corrected(rows: Sequence[MetricRow]) -> list[MetricRow]:
    """Add Holm's correction over every test of the table."""
    tests = [(row.name, method) for row in rows for method, found in row.methods.items() if found.p is not None]
    by_metric = {row.name: row for row in rows}
    p_values = [by_metric[metric].methods[method].p for metric, method in tests]
    corrected = dict(zip(tests, holm([p for p in p_values if p is not None]), strict=True))
    return [
        replace(
            row,
            methods={
                method: replace(found, p_holm=corrected.get((row.name, method)))
                for method, found in row.methods.items()
            },
        )
        for row in rows
    ]


def _with_best(rows: Sequence[MetricRow]) -> list[MetricRow]:
    marked = []
    for row in rows:
        means = [found.mean for found in row.methods.values() if found.mean is not None]
        best = None if len(means) < 2 else (max(means) if row.higher_is_better else min(means))
        methods = {
            name: replace(found, best=best is not None and found.mean == best) for name, found in row.methods.items()
        }
        marked.append(replace(row, methods=methods))
    return marked


def _control_rows(reports: Sequence[MethodReport], rows: Sequence[MetricRow]) -> tuple[list[ControlRow], list[str]]:
    """The control rows, one line where methods agree, and warnings where those of the originals do not."""
    names = list(dict.fromkeys(name for report in reports for table in report.controls.values() for name in table))
    found: list[ControlRow] = []
    warnings: list[str] = []
    for name in names:
        lines: list[tuple[list[str], dict[str, float]]] = []
        for report in reports:
            values = _control_means(report, name, rows)
            if not values:
                continue
            same = next((line for line in lines if _agree(line[1], values)), None)
            if same is None:
                lines.append(([report.name], values))
            else:
                same[0].append(report.name)
        found += [ControlRow(name, tuple(methods), values) for methods, values in lines]
        if name in ORIGINAL_CONTROLS and len(lines) > 1 and not any(_without_original(report) for report in reports):
            some = " and ".join(methods[0] for methods, _ in lines)
            warnings.append(
                f"the control row '{name}' does not depend on the method, and differs between {some}: they were not "
                "scored alike, from other files or among other clips"
            )
    return found, warnings


def _without_original(report: MethodReport) -> bool:
    """True when control rows were made from the scored videos themselves, for want of an original."""
    return any("face" not in files for files in report.inputs.values())


def _control_means(report: MethodReport, control: str, rows: Sequence[MetricRow]) -> dict[str, float]:
    means = {}
    for row in rows:
        values = [report.controls.get(clip, {}).get(control, {}).get(row.name) for clip in row.clips]
        known = [_error(value, row.quantity) for value in values if value is not None]
        if known:
            means[row.name] = float(np.mean(known))
    return means


def _agree(a: Mapping[str, float], b: Mapping[str, float]) -> bool:
    return a.keys() == b.keys() and all(abs(a[name] - b[name]) <= _SAME * max(1.0, abs(a[name])) for name in a)


def _warnings(reports: Sequence[MethodReport], common: Sequence[str], rows: Sequence[MetricRow]) -> list[str]:
    """What was not the same for all methods, though it should be."""
    first = reports[0]
    warnings = [
        f"the report of {report.name} does not name its inputs: whether they are the same is not known"
        for report in reports
        if any(clip not in report.inputs for clip in common)
    ]
    for other in reports[1:]:
        for role in ("face", "audio", "truth"):
            clips = [
                clip
                for clip in common
                if clip in first.inputs
                and clip in other.inputs
                and first.inputs[clip].get(role) != other.inputs[clip].get(role)
            ]
            if clips:
                warnings.append(f"{other.name} was scored with another {role} than {first.name}: {_some(clips)}")
        for row in rows:
            if other.about[row.name] != first.about[row.name]:
                warnings.append(f"{row.name} is defined otherwise in the report of {other.name} than of {first.name}")
        for setting in sorted(first.settings.keys() & other.settings.keys()):
            if first.settings[setting] == other.settings[setting]:
                continue
            if setting != "lse_mode":
                warnings.append(f"{other.name} was scored by another {setting} than {first.name}")
            elif any(row.name in _LSE_METRICS for row in rows):
                warnings.append(
                    f"lse_mode is {other.settings[setting]} for {other.name} and {first.settings[setting]} for "
                    f"{first.name}: their SyncNet scores cannot be compared"
                )
    return warnings


def _quantities(report: MethodReport, metric: str, clips: Sequence[str], quantity: str) -> NDArray[np.float64]:
    values = (report.rows[clip][metric] for clip in clips)
    return np.array([_error(value, quantity) for value in values if value is not None], np.float64)


def _error(value: float, quantity: str) -> float:
    if quantity == "distance from 1":
        return abs(value - 1.0)
    return abs(value) if quantity == "absolute value" else value


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown} and {len(names) - _MOST_NAMES} more"
