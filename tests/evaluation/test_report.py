from __future__ import annotations

import json
from io import StringIO

from rich.console import Console

from talkingface.evaluation.report import result_to_json, result_to_markdown, result_to_table, table_rows
from talkingface.evaluation.result import EvaluationResult, Score

METRICS = ("sync_confidence", "sync_offset", "aperture_correlation")


def result(clips: int = 2) -> EvaluationResult:
    na = Score(None, "n/a: no truth")
    good = {"sync_confidence": Score(4.25), "sync_offset": Score(-1.0), "aperture_correlation": na}
    failed = dict.fromkeys(METRICS, Score(None, "n/a: failed"))
    rows = {f"clip{number}": good for number in range(1, clips)} | {"bad|one": failed}
    return EvaluationResult(
        metrics=METRICS,
        rows=rows,
        controls={"frozen frame": {"sync_confidence": Score(0.125)}, "silence": {}},
        means=good,
        success_rate=0.5,
        failures={"bad|one": "no face\nfound"},
        notes=("offsets are in frames of 25 a second",),
    )


def rendered(evaluation: EvaluationResult) -> str:
    stream = StringIO()
    Console(file=stream, width=160).print(result_to_table(evaluation))
    return stream.getvalue()


def test_rows_are_clips_then_their_mean_then_controls() -> None:
    rows = table_rows(result())
    assert [(row.kind, row.name, row.failed) for row in rows] == [
        ("clip", "clip1", False),
        ("clip", "bad|one", True),
        ("mean", "mean", False),
        ("control", "frozen frame", False),
        ("control", "silence", False),
    ]
    assert rows[0].cells == ("4.250", "-1.000", "n/a: no truth")
    assert rows[4].cells == ("n/a", "n/a", "n/a")


def test_markdown_has_every_row_direction_and_failure() -> None:
    text = result_to_markdown(result())
    assert "| clip | sync_confidence ↑ | sync_offset →0 | aperture_correlation ↑ |" in text
    assert "| clip1 | 4.250 | -1.000 | n/a: no truth |" in text
    assert r"| bad\|one | n/a: failed |" in text
    assert "| *control: frozen frame* | 0.125 |" in text
    assert "Success rate: 50%" in text
    assert "- bad|one: no face found" in text
    assert "- offsets are in frames" in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace(r"\|", "").count("|") for line in lines} == {5}


def test_every_number_of_the_console_is_in_the_json() -> None:
    content = json.loads(json.dumps(result_to_json(result()), allow_nan=False))
    assert content["rows"]["clip1"]["sync_confidence"] == {"value": 4.25, "reason": None}
    assert content["controls"]["frozen frame"]["sync_confidence"]["value"] == 0.125
    assert content["means"]["sync_offset"]["value"] == -1.0
    assert content["about_metrics"]["sync_offset"] == {
        "unit": "frames",
        "direction": "near 0",
        "help": content["about_metrics"]["sync_offset"]["help"],
    }
    assert content["failures"] == {"bad|one": "no face\nfound"}


def test_the_console_shows_few_clips_and_the_mean_of_many() -> None:
    few, many = rendered(result(3)), rendered(result(7))
    assert "clip1" in few and "clip2" in few and "mean" in few and "frozen frame" in few
    assert "clip1" not in many and "mean" in many and "silence" in many
    assert "sync_offset →0" in many and "4.250" in many
