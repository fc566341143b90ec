"""An evaluation as a table: for people (Markdown, console) and, with every number of both, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from talkingface.evaluation.registry import HIGHER, LOWER, NEAR_ONE, NEAR_ZERO, metric_infos
from talkingface.evaluation.result import EvaluationResult, Score, Scores

if TYPE_CHECKING:
    from rich.table import Table

_ARROWS = {HIGHER: "↑", LOWER: "↓", NEAR_ONE: "→1", NEAR_ZERO: "→0"}
_DIRECTION_KEY = "↑ higher is better, ↓ lower is better, →1 and →0 nearer is better"


@dataclass(frozen=True)
class TableRow:
    """One line of the score table.

    Attributes:
        kind: ``clip``, ``mean`` or ``control``.
        name: Of the clip or control.
        cells: One text for each metric.
        failed: True for a clip that was not made or could not be scored.
    """

    kind: str
    name: str
    cells: tuple[str, ...]
    failed: bool = False


def result_to_json(result: EvaluationResult) -> dict[str, Any]:
    """Return every number of an evaluation with each metric's unit and direction, JSON-ready."""
    about = {
        name: {
            "unit": info.unit,
            "direction": info.direction,
            "needs": list(info.needs),
            "help": info.help,
            "requires": info.requires,
            "over_all": info.over_all,
        }
        for name, info in metric_infos(result.metrics).items()
    }
    return {**result.to_json(), "about_metrics": about}


def table_header(result: EvaluationResult) -> list[str]:
    """Return the column heads: the metrics, each with its direction."""
    return [f"{name} {_ARROWS[info.direction]}" for name, info in metric_infos(result.metrics).items()]


def table_rows(result: EvaluationResult) -> list[TableRow]:
    """Return the lines of the score table: clips, their mean, control rows."""

    def cells(scores: Scores) -> tuple[str, ...]:
        return tuple(score_text(scores.get(name, Score(None, "n/a"))) for name in result.metrics)

    rows = [TableRow("clip", name, cells(scores), name in result.failures) for name, scores in result.rows.items()]
    rows.append(TableRow("mean", "mean", cells(result.means)))
    rows += [TableRow("control", name, cells(scores)) for name, scores in result.controls.items()]
    return rows


def score_text(score: Score) -> str:
    """Return a score as a table shows it: three decimals, or the reason there is none.

    Why a clip failed is listed below the table, once.
    """
    if score.value is None and score.reason and score.reason.startswith("failed: "):
        return "failed"
    if score.value is None:
        return score.reason or "n/a"
    return f"{score.value:.3f}"


def result_to_markdown(result: EvaluationResult) -> str:
    """Return the score table, its key, notes and failures as Markdown."""
    head = ["clip", *table_header(result)]
    lines = [_markdown_line(head), _markdown_line(["---"] * len(head))]
    for row in table_rows(result):
        name = {"mean": "**mean**", "control": f"*control: {row.name}*"}.get(row.kind, row.name)
        lines.append(_markdown_line([name, *row.cells]))
    lines += ["", f"{_DIRECTION_KEY}. Success rate: {result.success_rate:.0%}.", ""]
    for name, info in metric_infos(result.metrics).items():
        unit = f" [{info.unit}]" if info.unit else ""
        lines.append(f"- `{name}`{unit}: {info.help}.")
    if result.notes:
        lines += ["", *(f"- {note}" for note in result.notes)]
    if result.failures:
        lines += ["", failures_to_markdown(result.failures)]
    return "\n".join(lines) + "\n"


def failures_to_markdown(failures: Mapping[str, str]) -> str:
    """Return the failed clips and their reasons as a Markdown list."""
    return "\n".join(["Failed:", "", *(f"- {name}: {' '.join(reason.split())}" for name, reason in failures.items())])


def result_to_table(result: EvaluationResult, title: str = "Scores") -> Table:
    """Return the score table for the console: a line for each metric, a column for each clip, the mean and controls.

    With more than four clips the mean stands for them, so that the table fits a terminal; the reports hold them all.
    """
    from rich.table import Table
    from rich.text import Text

    rows = table_rows(result)
    clips = [row for row in rows if row.kind == "clip"]
    shown = [row for row in rows if row.kind != "clip" or len(clips) <= 4]
    table = Table(title=title, caption=_DIRECTION_KEY, title_justify="left", caption_justify="left")
    table.add_column("metric", no_wrap=True)
    for row in shown:
        style = {"mean": "bold", "control": "dim"}.get(row.kind, "red" if row.failed else "")
        table.add_column(Text(row.name, style=style), style=style, justify="right", overflow="fold")
    for index, head in enumerate(table_header(result)):
        table.add_row(head, *(Text(row.cells[index]) for row in shown))
    return table


def _markdown_line(cells: list[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"
