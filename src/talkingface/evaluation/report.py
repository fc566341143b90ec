"""An evaluation as a table: for people (Markdown, console) and, with every number of both, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from talkingface.evaluation.registry import HIGHER, LOWER, NEAR_ONE, NEAR_ZERO, metric_infos
from talkingface.evaluation.result import EvaluationResult, Interval, Score, Scores

if TYPE_CHECKING:
    from rich.table import Table

_ARROWS = {HIGHER: "↑", LOWER: "↓", NEAR_ONE: "→1", NEAR_ZERO: "→0"}
_DIRECTION_KEY = "↑ higher is better, ↓ lower is better, →1 and →0 nearer is better"
_INTERVAL_KEY = "[low, high]: 95 % interval of the mean over clips, by bootstrap"
_MOST_CLIPS = 4  # with more, the console shows their mean alone
_MOST_NAMES = 3


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


def metric_heads(result: EvaluationResult) -> dict[str, str]:
    """Return each metric's name with its direction."""
    return {name: f"{name} {_ARROWS[info.direction]}" for name, info in metric_infos(result.metrics).items()}


def score_text(score: Score | None, interval: Interval | None = None) -> str:
    """Return a score as a table shows it: three decimals and its interval; ``n/a`` or ``failed`` where there is none.

    The reasons are listed below the table, once: see ``reasons``.
    """
    if score is None or score.value is None:
        reason = None if score is None else score.reason
        return "failed" if reason and reason.startswith("failed: ") else "n/a"
    text = f"{score.value:.3f}"
    return text if interval is None else f"{text} [{interval.low:.3f}, {interval.high:.3f}]"


def reasons(result: EvaluationResult) -> list[str]:
    """Return why clips that were scored lack a value, a line for each reason: ``no truth: name, name``."""
    scored = {name: scores for name, scores in result.rows.items() if name not in result.failures}
    why: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for metric in result.metrics:
        clips: dict[str, list[str]] = {}
        if metric_infos([metric])[metric].over_all:
            score = result.means.get(metric)
            clips = {score.reason or "n/a": list(scored)} if score is not None and score.value is None else {}
        else:
            for name, scores in scored.items():
                score = scores.get(metric)
                if score is not None and score.value is None:
                    clips.setdefault(score.reason or "n/a", []).append(name)
        for reason, names in clips.items():
            where = () if len(names) == len(scored) else tuple(names)
            why.setdefault((reason.removeprefix("n/a: "), where), []).append(metric)
    return [f"{reason}: {', '.join(metrics)}{_of_clips(where)}" for (reason, where), metrics in why.items()]


def result_to_markdown(result: EvaluationResult) -> str:
    """Return the means beside the control rows, the clips, their key, notes and failures as Markdown."""
    heads = metric_heads(result)
    lines = [_markdown_line(["metric", "mean", *(f"*{name}*" for name in result.controls)])]
    lines.append(_markdown_line(["---"] * (2 + len(result.controls))))
    for name, head in heads.items():
        lines.append(_markdown_line([head, f"**{_mean(result, name)}**", *_control_cells(result, name)]))
    lines += ["", _markdown_line(["clip", *heads.values()]), _markdown_line(["---"] * (1 + len(heads)))]
    lines += [_markdown_line([clip, *_cells(result, scores)]) for clip, scores in result.rows.items()]
    lines += ["", f"{_DIRECTION_KEY}; {_INTERVAL_KEY}. Success rate: {result.success_rate:.0%}.", ""]
    for name, info in metric_infos(result.metrics).items():
        unit = f" [{info.unit}]" if info.unit else ""
        lines.append(f"- `{name}`{unit}: {info.help}.")
    missing = reasons(result)
    if missing:
        lines += ["", "Not applicable:", "", *(f"- {line}" for line in missing)]
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

    With more than four clips the mean stands for them, so that the table fits a terminal, and a metric that has no
    value for any clip has no line: ``reasons`` tells why. The reports hold them all.
    """
    from rich.table import Table
    from rich.text import Text

    key = f"{_DIRECTION_KEY}\n{_INTERVAL_KEY}" if result.intervals else _DIRECTION_KEY
    table = Table(title=title, caption=Text(key), title_justify="left", caption_justify="left")
    table.add_column("metric", no_wrap=True)
    shown = list(result.rows.items()) if len(result.rows) <= _MOST_CLIPS else []
    for clip, _ in shown:
        style = "red" if clip in result.failures else ""
        table.add_column(Text(clip, style=style), style=style, justify="right", overflow="fold")
    with_mean = len(result.rows) != 1
    if with_mean:
        table.add_column(Text("mean", style="bold"), style="bold", justify="right", overflow="fold")
    for control in result.controls:
        table.add_column(Text(control, style="dim"), style="dim", justify="right", overflow="fold")
    for name, head in metric_heads(result).items():
        mean = result.means.get(name)
        if mean is None or mean.value is None:
            continue
        cells = [score_text(scores.get(name)) for _, scores in shown]
        cells += [_mean(result, name)] if with_mean else []
        table.add_row(head, *(Text(cell.replace(" [", "\n[")) for cell in (*cells, *_control_cells(result, name))))
    return table


def _mean(result: EvaluationResult, metric: str) -> str:
    return score_text(result.means.get(metric), result.intervals.get(metric))


def _cells(result: EvaluationResult, scores: Scores) -> list[str]:
    return [score_text(scores.get(name)) for name in result.metrics]


def _control_cells(result: EvaluationResult, metric: str) -> list[str]:
    return [
        score_text(scores.get(metric), result.control_intervals.get(control, {}).get(metric))
        for control, scores in result.controls.items()
    ]


def _of_clips(names: tuple[str, ...]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f" ({', '.join(names[:_MOST_NAMES])}{more})"


def _markdown_line(cells: list[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"
