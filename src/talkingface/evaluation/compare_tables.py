"""A comparison of methods as tables: for the console, Markdown, LaTeX, CSV and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from talkingface.evaluation.comparison import LEVEL, Comparison, MethodComparison, MetricRow
from talkingface.evaluation.registry import NEAR_ONE, NEAR_ZERO
from talkingface.evaluation.statistics import CONFIDENCE, RESAMPLES

if TYPE_CHECKING:
    from rich.table import Table

CSV_COLUMNS = (
    "metric", "method", "mean", "low", "high", "clips", "difference", "p", "p_holm",
    "difference_low", "difference_high", "best", "unit", "quantity", "better", "baseline",
)  # fmt: skip
_DAGGER = "†"
_LATEX_ESCAPES = str.maketrans({
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "|": r"\textbar{}", "<": r"\textless{}",
    ">": r"\textgreater{}", '"': "''",
})  # fmt: skip


def comparison_to_json(comparison: MethodComparison) -> dict[str, Any]:
    """Return every number, JSON-ready."""
    found = asdict(comparison)
    for row, made in zip(comparison.metrics, found["metrics"], strict=True):
        for name, numbers in row.methods.items():
            made["methods"][name]["significant"] = numbers.significant
    return {**found, "level": LEVEL, "confidence": CONFIDENCE, "resamples": RESAMPLES}


def comparison_to_csv(comparison: MethodComparison) -> str:
    """Return a line for each metric and method, with every digit; what there is none of is empty."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in comparison.metrics:
        for method, found in row.methods.items():
            numbers = asdict(found) | {
                "metric": row.name,
                "method": method,
                "clips": len(row.clips) if not row.about.over_all else comparison.clips[method],
                "unit": row.about.unit,
                "quantity": row.quantity,
                "better": "higher" if row.higher_is_better else "lower",
                "baseline": comparison.baseline,
                "best": int(found.best),
            }
            writer.writerow(["" if numbers[name] is None else numbers[name] for name in CSV_COLUMNS])
    return text.getvalue()


def comparison_to_markdown(comparison: MethodComparison) -> str:
    """Return the tables of means, differences and controls, with their key, warnings, notes and failures."""
    heads = ["metric", "clips", *comparison.methods]
    lines = [_markdown_line(heads), _markdown_line(["---"] * len(heads))]
    for row in comparison.metrics:
        cells = [f"**{_mean_text(found)}**" if found.best else _mean_text(found) for found in row.methods.values()]
        lines.append(_markdown_line([row_head(row), clips_text(row), *cells]))
    rates = [f"{rate:.0%} of {comparison.clips[name]}" for name, rate in comparison.success_rates.items()]
    lines += [_markdown_line(["clips made and scored", "", *rates]), "", key_text(comparison, "**bold**"), ""]
    differences = list(difference_rows(comparison))
    if differences:
        heads = ["metric", "method", f"difference to {comparison.baseline}", "p", "p (Holm)"]
        lines += [_markdown_line(heads), _markdown_line(["---"] * len(heads))]
        lines += [*map(_markdown_line, differences), ""]
    if comparison.controls:
        heads = control_heads(comparison)
        lines += [_markdown_line(["metric", *heads]), _markdown_line(["---"] * (1 + len(heads)))]
        lines += [*map(_markdown_line, control_cells(comparison)), ""]
    lines += [f"- {line}" for line in remarks(comparison)]
    return "\n".join(lines).rstrip("\n") + "\n"


def comparison_to_latex(comparison: MethodComparison) -> str:
    """Return a ``tabular`` for the package ``booktabs``: means, and the control rows that hold for all methods."""
    controls = [control for control in comparison.controls if control.methods == comparison.methods]
    heads = ["Metric", *comparison.methods, *(control.control for control in controls)]
    lines = [
        "% needs \\usepackage{booktabs}",
        f"% {_one_line(key_text(comparison, 'bold'))}",
        *(f"% {_one_line(line)}" for line in remarks(comparison)),
        f"\\begin{{tabular}}{{l{'r' * len(comparison.methods)}{'r' * len(controls)}}}",
        "\\toprule",
        " & ".join(latex_text(head) for head in heads) + " \\\\",
        "\\midrule",
    ]
    for row in comparison.metrics:
        cells = [_latex_head(row), *map(_latex_mean, row.methods.values())]
        cells += [_number(control.values.get(row.name)) for control in controls]
        lines.append(" & ".join(cells) + " \\\\")
    rates = [f"{rate:.0%}" for rate in comparison.success_rates.values()]
    cells = ["clips made and scored", *rates, *("" for _ in controls)]
    lines += ["\\midrule", " & ".join(latex_text(cell) for cell in cells) + " \\\\", "\\bottomrule", "\\end{tabular}"]
    return "\n".join(lines) + "\n"


def comparison_to_console(comparison: MethodComparison) -> list[Table]:
    """Return the tables of means, differences and controls for the console; ``remarks`` go below them."""
    from rich.table import Table
    from rich.text import Text

    means = Table(title="Methods", caption=Text(key_text(comparison, "bold")))
    means.add_column("metric", no_wrap=True)
    means.add_column("clips", justify="right")
    for method in comparison.methods:
        means.add_column(Text(method), justify="right", overflow="fold")
    for row in comparison.metrics:
        cells = [Text(_mean_text(found), style="bold green" if found.best else "") for found in row.methods.values()]
        means.add_row(Text(row_head(row)), clips_text(row), *cells)
    rates = [f"{rate:.0%} of {comparison.clips[name]}" for name, rate in comparison.success_rates.items()]
    means.add_row("clips made and scored", "", *rates)
    differences = Table("metric", "method", title=Text(f"Differences to {comparison.baseline}"))
    for head in ("difference", "p", "p (Holm)"):
        differences.add_column(head, justify="right")
    for texts in difference_rows(comparison):
        differences.add_row(*map(Text, texts))
    controls = Table(title="Control rows")
    controls.add_column("metric", no_wrap=True)
    for head in control_heads(comparison):
        controls.add_column(Text(head), justify="right", overflow="fold")
    for texts in control_cells(comparison):
        controls.add_row(*map(Text, texts))
    tables = [table for table in (means, differences, controls) if table.row_count]
    for table in tables:
        table.title_justify = table.caption_justify = "left"
    return tables


def row_head(row: MetricRow) -> str:
    """Return a metric's name with its direction, as what is averaged: ``|sync_offset| ↓``."""
    name = {NEAR_ZERO: f"|{row.name}|", NEAR_ONE: f"|{row.name} - 1|"}.get(row.about.direction, row.name)
    return f"{name} {'↑' if row.higher_is_better else '↓'}"


def clips_text(row: MetricRow) -> str:
    """Return how many clips a line was made from."""
    return "all" if row.about.over_all else str(len(row.clips))


def key_text(comparison: MethodComparison, bold: str) -> str:
    """Return what the marks mean, in one line."""
    return (
        f"Means over the clips that every method has a value for, [low, high]: 95 % interval by bootstrap; ↑ higher, "
        f"↓ lower is better; {bold}: best; {_DAGGER}: differs from {comparison.baseline}, p < {LEVEL:g} by paired "
        "permutation, corrected by Holm over all metrics and methods."
    )


def difference_rows(comparison: MethodComparison) -> Iterator[list[str]]:
    """Yield metric, method, difference with its interval, p and corrected p, as texts."""
    for row in comparison.metrics:
        for method, found in row.methods.items():
            if found.difference is None:
                continue
            interval = _interval(found.difference_low, found.difference_high, "+")
            mark = f" {_DAGGER}" if found.significant else ""
            yield [row_head(row), method, f"{found.difference:+.3f}{interval}{mark}", _p(found.p), _p(found.p_holm)]


def control_heads(comparison: MethodComparison) -> list[str]:
    """Return the control rows' names; where not all methods agree on one, with the methods it holds for."""
    heads = []
    for control in comparison.controls:
        of = "" if control.methods == comparison.methods else f" ({', '.join(control.methods)})"
        heads.append(control.control + of)
    return heads


def control_cells(comparison: MethodComparison) -> Iterator[list[str]]:
    """Yield, for each metric that a control has a value of, its head and the value of each control."""
    for row in comparison.metrics:
        values = [control.values.get(row.name) for control in comparison.controls]
        if any(value is not None for value in values):
            yield [row_head(row), *map(_number, values)]


def remarks(comparison: MethodComparison) -> list[str]:
    """Return the warnings, then the notes and the failed clips with their reasons."""
    failed = [
        f"{method}: {clip} failed: {_one_line(reason)}"
        for method, reasons in comparison.failures.items()
        for clip, reason in reasons.items()
    ]
    return [*comparison.warnings, *comparison.notes, *failed]


def latex_text(text: str) -> str:
    """Return a text as LaTeX shows it."""
    escaped = text.translate(_LATEX_ESCAPES)
    return escaped.replace("↑", r"$\uparrow$").replace("↓", r"$\downarrow$")


def _latex_mean(found: Comparison) -> str:
    number = _number(found.mean)
    number = f"\\textbf{{{number}}}" if found.best else number
    mark = "$^{\\dagger}$" if found.significant else ""
    interval = _interval(found.low, found.high)
    return number + mark + (f" {{\\scriptsize{interval}}}" if interval else "")


def _latex_head(row: MetricRow) -> str:
    unit = f" [{row.about.unit}]" if row.about.unit else ""
    return latex_text(row_head(row)).replace(" - 1", " $-$ 1") + latex_text(unit)


def _mean_text(found: Comparison) -> str:
    mark = f" {_DAGGER}" if found.significant else ""
    return f"{_number(found.mean)}{_interval(found.low, found.high)}{mark}"


def _interval(low: float | None, high: float | None, sign: str = "") -> str:
    return "" if low is None or high is None else f" [{low:{sign}.3f}, {high:{sign}.3f}]"


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


def _p(value: float | None) -> str:
    if value is None:
        return "n/a"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _markdown_line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_one_line(cell.replace("|", "\\|")) for cell in cells) + " |"
