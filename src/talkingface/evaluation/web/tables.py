"""The page's tables, made from a report as ``report.json`` holds it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from talkingface.evaluation.registry import HIGHER, LOWER, NEAR_ONE, NEAR_ZERO
from talkingface.evaluation.web.markup import Markup, element, joined
from talkingface.evaluation.web.numbers import decimals_for, number

ARROWS = {HIGHER: "↑", LOWER: "↓", NEAR_ONE: "→ 1", NEAR_ZERO: "→ 0"}
MEANING = {
    HIGHER: "higher is better",
    LOWER: "lower is better",
    NEAR_ONE: "nearer to 1 is better",
    NEAR_ZERO: "nearer to 0 is better",
}
Cell = Mapping[str, Any]
_BREAKS = "_-./"
_SPLIT = re.compile(r"([-_./])")


def value_of(cell: Cell | None) -> float | None:
    """The number of a score as JSON holds it, None where there is none."""
    value = (cell or {}).get("value")
    return float(value) if isinstance(value, int | float) else None


def reason_of(cell: Cell | None) -> str:
    """Why a score has no number."""
    return str((cell or {}).get("reason") or "n/a")


def plain_reason(reason: str) -> str:
    """A reason without the ``n/a: `` before it."""
    return reason.removeprefix("n/a: ") if reason != "n/a" else "not applicable"


def metrics_with_values(report: Mapping[str, Any]) -> list[str]:
    """The metrics for which there is a number at all, in a clip, a mean or a control."""
    tables = [*report.get("rows", {}).values(), report.get("means", {}), *report.get("controls", {}).values()]
    return [name for name in report["metrics"] if any(value_of(row.get(name)) is not None for row in tables)]


def without_values(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The other metrics, and why: reason -> their names, in words."""
    known = set(metrics_with_values(report))
    failures = report.get("failures", {})
    why: dict[str, list[str]] = {}
    for name in report["metrics"]:
        if name in known:
            continue
        cells = [row.get(name) for clip, row in report.get("rows", {}).items() if clip not in failures]
        if report.get("about_metrics", {}).get(name, {}).get("over_all"):
            cells = [report.get("means", {}).get(name)]
        reasons = dict.fromkeys(plain_reason(reason_of(cell)) for cell in cells)
        why.setdefault("; ".join(reasons) or "no clip was scored", []).append(name)
    return [(reason, ", ".join(names)) for reason, names in why.items()]


def arrow(about: Mapping[str, Any]) -> Markup:
    """A metric's direction as an arrow that is read aloud as words."""
    direction = str(about.get("direction", ""))
    return element(
        "span",
        ARROWS.get(direction, ""),
        class_="arrow",
        role="img",
        aria_label=MEANING.get(direction, direction),
        title=MEANING.get(direction, direction),
    )


def scrolling(table: Markup, label: str, kind: str = "") -> Markup:
    """A table in a box of its own that scrolls sideways, also by keyboard."""
    return element("div", table, class_=f"scroll {kind}".strip(), role="region", aria_label=label, tabindex="0")


def caption(text: str) -> Markup:
    """A table's caption, which stays in sight while the table is scrolled sideways."""
    return element("caption", element("span", text))


def metric_head(name: str, about: Mapping[str, Any]) -> Markup:
    """The first cell of a metric's line: name, arrow and one sentence."""
    help_text, unit = str(about.get("help", "")), str(about.get("unit", ""))
    return element(
        "th",
        element("span", element("code", broken_name(name)), "\u00a0", arrow(about), class_="metric"),
        element("span", unit, class_="unit") if unit else None,
        element("span", f"{help_text}.", class_="help") if help_text else None,
        scope="row",
    )


def broken_name(name: str) -> Markup:
    """A metric's or a clip's name that may be broken after its underscores and the like."""
    return joined(Markup(f"{part}<wbr>") if part and part in _BREAKS else part for part in re.split(_SPLIT, name))


def score_table(report: Mapping[str, Any], strips: Mapping[str, Markup]) -> Markup:
    """Means of all clips with their intervals, control rows beside them.

    Args:
        report: As ``result_to_json`` gives it, with ``intervals`` and ``control_intervals`` where known.
        strips: A small picture of each metric's means and intervals, for those that have one.
    """
    controls: Mapping[str, Any] = report.get("controls", {})
    about: Mapping[str, Any] = report.get("about_metrics", {})
    heads = [element("th", "metric", scope="col"), element("th", "generated", scope="col", class_="number")]
    heads += [element("th", name, scope="col", class_="number") for name in controls]
    if strips:
        heads.append(element("th", "compared", scope="col", class_="strip"))
    lines = []
    for name in metrics_with_values(report):
        info = about.get(name, {})
        interval = report.get("intervals", {}).get(name)
        cells = [(report.get("means", {}).get(name), interval)]
        cells += [
            (row.get(name), report.get("control_intervals", {}).get(control, {}).get(name))
            for control, row in controls.items()
        ]
        decimals = decimals_for(abs(value) for cell, _ in cells if (value := value_of(cell)) is not None)
        lines.append(
            element(
                "tr",
                metric_head(name, info),
                *(
                    _mean_cell(cell, spread, decimals, "mean" if place == 0 else "control")
                    for place, (cell, spread) in enumerate(cells)
                ),
                element("td", strips.get(name, ""), class_="strip") if strips else None,
            )
        )
    table = element(
        "table",
        element("caption", element("span", _score_caption(report), _STRIP_CAPTION if strips else None)),
        element("thead", element("tr", heads)),
        element("tbody", lines),
        class_="scores",
    )
    return scrolling(table, "Scores, mean over all clips")


def _score_caption(report: Mapping[str, Any]) -> str:
    with_intervals = bool(report.get("intervals"))
    text = "Mean over the clips that have a value" + (
        ", and below it the bootstrap 95 % interval of that mean. " if with_intervals else ". "
    )
    text = text if len(report.get("rows", {})) > 1 else ""
    key = "↑ higher is better, ↓ lower is better, → 1 and → 0: nearer is better. "
    return text + key + "The columns after “generated” are controls, whose quality is known beforehand."


_STRIP_CAPTION = element(
    "span",
    " Compared: the same means and intervals on one scale, generated filled and on top, then the controls in the order "
    "of their columns; a dotted line marks the 1 or 0 to be near to.",
    class_="strip",
)


def _mean_cell(cell: Cell | None, interval: Mapping[str, Any] | None, decimals: int, kind: str) -> Markup:
    value = value_of(cell)
    if value is None:
        reason = plain_reason(reason_of(cell))
        return element(
            "td",
            element("span", "n/a", class_="missing"),
            element("span", reason, class_="why") if reason != "not applicable" and kind == "mean" else None,
            class_=f"number {kind}",
            title=reason,
        )
    spread = None
    if interval is not None and interval.get("low") is not None and interval.get("high") is not None:
        low, high = number(float(interval["low"]), decimals), number(float(interval["high"]), decimals)
        spread = element("span", f"{low} to {high}", class_="interval")
    return element("td", element("span", number(value, decimals), class_="value"), spread, class_=f"number {kind}")


def clip_table(report: Mapping[str, Any], numbers: Mapping[str, int]) -> Markup:
    """A line for each clip, a column for each metric. Reasons for missing numbers are told below, once each."""
    about = report.get("about_metrics", {})
    metrics = [name for name in metrics_with_values(report) if not about.get(name, {}).get("over_all")]
    rows: Mapping[str, Any] = report.get("rows", {})
    failures = report.get("failures", {})
    decimals = {name: decimals_of([row.get(name) for row in rows.values()], about.get(name, {})) for name in metrics}
    reasons: dict[str, int] = {}
    lines = []
    for clip, scores in rows.items():
        head = element("th", element("a", broken_name(clip), href=f"#clip-{numbers[clip]}"), scope="row")
        if clip in failures:
            cells = [element("td", element("a", "failed", href="#failed"), class_="failed", colspan=len(metrics))]
        else:
            cells = [_clip_cell(scores.get(name), decimals[name], reasons) for name in metrics]
        lines.append(element("tr", head, cells))
    heads = [element("th", "clip", scope="col")]
    heads += [
        element(
            "th", element("code", broken_name(name)), "\u00a0", arrow(about.get(name, {})), scope="col", class_="number"
        )
        for name in metrics
    ]
    table = element(
        "table",
        caption("Every clip’s own scores. A name leads to the clip’s curves and pictures."),
        element("thead", element("tr", heads)),
        element("tbody", lines),
        class_="clips sortable",
    )
    notes = [element("li", reason, value=str(place)) for reason, place in reasons.items()]
    return Markup(
        scrolling(table, "Scores of each clip", "wide")
        + (element("ol", notes, class_="reasons", aria_label="Why numbers are missing") if notes else "")
    )


def decimals_of(cells: Iterable[Cell | None], about: Mapping[str, Any]) -> int:
    """How many decimals scores of one metric are shown with: none for whole numbers of frames."""
    values = [value for cell in cells if (value := value_of(cell)) is not None]
    counted = str(about.get("unit", "")).startswith("frames")
    return 0 if counted and all(value == round(value) for value in values) else decimals_for(values)


def _clip_cell(cell: Cell | None, decimals: int, reasons: dict[str, int]) -> Markup:
    value = value_of(cell)
    if value is not None:
        return element("td", number(value, decimals), class_="number", data_value=repr(value))
    place = reasons.setdefault(plain_reason(reason_of(cell)), len(reasons) + 1)
    return element("td", element("span", "n/a", class_="missing"), element("sup", str(place)), class_="number")


def one_clip_table(report: Mapping[str, Any], clip: str) -> Markup:
    """All scores of one clip, its control rows beside them."""
    scores = report["rows"][clip]
    controls: Mapping[str, Any] = report.get("clip_controls", {}).get(clip, {})
    about = report.get("about_metrics", {})
    lines = []
    for name in metrics_with_values(report):
        cells = [scores.get(name), *(row.get(name) for row in controls.values())]
        decimals = decimals_of(cells, about.get(name, {}))
        head = element("th", element("code", broken_name(name)), "\u00a0", arrow(about.get(name, {})), scope="row")
        lines.append(element("tr", head, [_plain_cell(cell, decimals, place == 0) for place, cell in enumerate(cells)]))
    heads = [element("th", "metric", scope="col"), element("th", "generated", scope="col", class_="number")]
    heads += [element("th", name, scope="col", class_="number") for name in controls]
    table = element(
        "table",
        caption("Scores of this clip and of its controls"),
        element("thead", element("tr", heads)),
        element("tbody", lines),
        class_="one",
    )
    return scrolling(table, f"Scores of {clip}")


def _plain_cell(cell: Cell | None, decimals: int, told: bool) -> Markup:
    value = value_of(cell)
    if value is not None:
        return element("td", number(value, decimals), class_="number")
    reason = plain_reason(reason_of(cell))
    said = element("span", reason, class_="why") if told and reason != "not applicable" else None
    return element("td", element("span", "n/a", class_="missing"), said, class_="number", title=reason)


def two_columns(pairs: Iterable[tuple[str, object]], heads: tuple[str, str], title: str, kind: str) -> Markup:
    """A plain table of names and values."""
    lines = [element("tr", element("th", name, scope="row"), element("td", plain_text(value))) for name, value in pairs]
    head = element("tr", [element("th", text, scope="col") for text in heads])
    return scrolling(
        element("table", caption(title), element("thead", head), element("tbody", lines), class_=kind),
        title,
    )


def plain_text(value: object) -> str:
    """An option's or a version's value in words."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {plain_text(inner)}" for name, inner in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(plain_text(inner) for inner in value)
    return str(value)
