from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO

from rich.console import Console

from talkingface.evaluation.report import reasons, result_to_json, result_to_markdown, result_to_table
from talkingface.evaluation.result import EvaluationResult, Interval, Score

METRICS = ("sync_confidence", "sync_offset", "aperture_correlation")


def result(clips: int = 2) -> EvaluationResult:
    na = Score(None, "n/a: no truth")
    good = {"sync_confidence": Score(4.25), "sync_offset": Score(-1.0), "aperture_correlation": na}
    failed = dict.fromkeys(METRICS, Score(None, "failed: no face"))
    rows = {f"clip{number}": good for number in range(1, clips)} | {"bad|one": failed}
    return EvaluationResult(
        metrics=METRICS,
        rows=rows,
        controls={"frozen frame": {"sync_confidence": Score(0.125)}, "silence": {}},
        means=good,
        success_rate=0.5,
        failures={"bad|one": "no face\nfound"},
        notes=("offsets are in frames of 25 a second",),
        intervals={"sync_confidence": Interval(4.0, 4.5, 2)},
    )


def rendered(evaluation: EvaluationResult) -> str:
    stream = StringIO()
    Console(file=stream, width=160).print(result_to_table(evaluation))
    return stream.getvalue()


def test_markdown_has_every_row_direction_interval_and_failure() -> None:
    text = result_to_markdown(result())
    assert "| metric | mean | *frozen frame* | *silence* |" in text
    assert "| sync_confidence ↑ | **4.250 [4.000, 4.500]** | 0.125 | n/a |" in text
    assert "| clip | sync_confidence ↑ | sync_offset →0 | aperture_correlation ↑ |" in text
    assert "| clip1 | 4.250 | -1.000 | n/a |" in text
    assert r"| bad\|one | failed |" in text
    assert "- no truth: aperture_correlation" in text
    assert "Success rate: 50%" in text
    assert "- bad|one: no face found" in text
    assert "- offsets are in frames" in text
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    columns = [{line.replace(r"\|", "").count("|") for line in table.splitlines()} for table in tables]
    assert columns == [{5}, {5}]


def test_reasons_name_the_clips_when_not_all_lack_a_value() -> None:
    assert reasons(result()) == ["no truth: aperture_correlation"]
    other = result(3)
    rows = {**other.rows, "clip2": {**other.rows["clip2"], "aperture_correlation": Score(0.5)}}
    assert reasons(replace(other, rows=rows)) == ["no truth: aperture_correlation (clip1)"]


def test_a_single_clip_has_no_mean_beside_it() -> None:
    one = result(2)
    alone = replace(one, rows={"clip1": one.rows["clip1"]}, failures={}, intervals={})
    assert "mean" not in rendered(alone).splitlines()[2] and "4.250" in rendered(alone)


def test_every_number_of_the_console_is_in_the_json() -> None:
    content = json.loads(json.dumps(result_to_json(result()), allow_nan=False))
    assert content["rows"]["clip1"]["sync_confidence"] == {"value": 4.25, "reason": None}
    assert content["controls"]["frozen frame"]["sync_confidence"]["value"] == 0.125
    assert content["means"]["sync_offset"]["value"] == -1.0
    about = content["about_metrics"]["sync_offset"]
    assert (about["unit"], about["direction"], about["needs"], about["requires"], about["over_all"]) == (
        "frames", "near 0", ["sound"], "", False,
    )  # fmt: skip
    assert content["intervals"] == {"sync_confidence": {"low": 4.0, "high": 4.5, "clips": 2}}
    assert content["failures"] == {"bad|one": "no face\nfound"}


def test_the_console_shows_few_clips_and_the_mean_of_many() -> None:
    few, many = rendered(result(3)), rendered(result(7))
    assert "clip1" in few and "clip2" in few and "mean" in few and "frozen frame" in few
    assert "clip1" not in many and "mean" in many and "silence" in many
    assert "sync_offset →0" in many and "4.250" in many
