"""A small picture of a metric's mean and of its controls', each with its interval, on one scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from talkingface.evaluation.registry import NEAR_ONE, NEAR_ZERO
from talkingface.evaluation.web.markup import Markup, element
from talkingface.evaluation.web.numbers import decimals_for, number
from talkingface.evaluation.web.tables import value_of

WIDTH, LANE, EDGE = 168.0, 11.0, 6.0
_LEAST_REACH = 0.25
_GOALS = {NEAR_ONE: 1.0, NEAR_ZERO: 0.0}


def score_strips(report: Mapping[str, Any]) -> dict[str, Markup]:
    """Return a picture for every metric that has a mean, and a control or a goal to compare it with."""
    found = {name: _strip(report, name) for name in report["metrics"]}
    return {name: strip for name, strip in found.items() if strip is not None}


def _strip(report: Mapping[str, Any], metric: str) -> Markup | None:
    lanes: list[tuple[str, float, Mapping[str, Any]]] = []
    mean = value_of(report.get("means", {}).get(metric))
    controls = report.get("controls", {})
    if mean is not None:
        lanes.append(("generated", mean, report.get("intervals", {}).get(metric) or {}))
    for name, row in controls.items():
        value = value_of(row.get(metric))
        if value is not None:
            lanes.append((name, value, report.get("control_intervals", {}).get(name, {}).get(metric) or {}))
    goal = _GOALS.get(str(report.get("about_metrics", {}).get(metric, {}).get("direction")))
    if mean is None or (len(lanes) < 2 and goal is None):
        return None
    ends = [end for _, value, interval in lanes for end in (value, *_ends(interval))]
    if goal is not None:
        ends += [goal - _LEAST_REACH * goal, goal + _LEAST_REACH * goal]  # a ratio of 0.99 does not look far from 1
    low, high = min(ends), max(ends)
    room = 0.05 * ((high - low) or 1.0)
    low, high = low - room, high + room

    def place(value: float) -> str:
        return f"{EDGE + (WIDTH - 2 * EDGE) * (value - low) / (high - low):.1f}"

    height = LANE * max(len(lanes), 2) + 6
    parts = []
    if goal is not None:
        parts.append(element("line", class_="goal", x1=place(goal), x2=place(goal), y1="1", y2=f"{height - 1:g}"))
    for lane, (name, value, interval) in enumerate(lanes):
        y = f"{3 + LANE * (lane + (0.5 if len(lanes) > 1 else 1.0)):.1f}"
        kind = "own" if lane == 0 else "control"
        between = _ends(interval)
        title = element("title", f"{name}: {number(value, decimals_for([value]))}")
        inside = [title]
        if between:
            inside.append(element("line", x1=place(between[0]), x2=place(between[1]), y1=y, y2=y))
        inside.append(element("circle", cx=place(value), cy=y, r="3.2"))
        parts.append(element("g", inside, class_=kind))
    words = f"{metric}, from top to bottom: {', '.join(name for name, _, _ in lanes)}"
    return element(
        "svg",
        parts,
        viewBox=f"0 0 {WIDTH:g} {height:g}",
        width=f"{WIDTH:g}",
        height=f"{height:g}",
        class_="lanes",
        role="img",
        aria_label=words,
    )


def _ends(interval: Mapping[str, Any]) -> tuple[float, ...]:
    low, high = interval.get("low"), interval.get("high")
    return () if low is None or high is None else (float(low), float(high))
