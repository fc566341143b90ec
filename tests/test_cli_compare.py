from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from talkingface.cli import main

GOOD = [0.5, 0.6, 0.55, 0.7, 0.65, 0.58, 0.62, 0.51]


@pytest.fixture(autouse=True)
def reports(workplace: Path, report_maker: Callable[..., dict[str, Any]]) -> None:
    """Three methods, one with a name that LaTeX would choke on."""
    for name, less in (("ours", 0.0), ("their_100%&more", 0.2), ("third", 0.1)):
        values: list[float | None] = [value - less - 0.01 * less * index for index, value in enumerate(GOOD)]
        failures = {"c7": "c7.mp4: no face\nat all"} if name == "third" else {}
        if failures:
            values[7] = None
        columns = {"sync_confidence": values, "sharpness_ratio": [1 - less] * 8}
        (workplace / name).mkdir()
        (workplace / name / "report.json").write_text(json.dumps(report_maker(columns, failures)))


COMMAND = ["compare", "ours", "their_100%&more", "third/report.json"]


def test_the_console_shows_methods_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(COMMAND) == 0
    shown = capsys.readouterr().out
    assert re.search(r"sync_confidence ↑ +│ +7 │ +0\.600 \[0\.5\d+, 0\.6\d+\] │ +0\.394 \[.*\] † │", shown)
    assert "|sharpness_ratio - 1| ↓" in shown and "Differences to ours" in shown and "Control rows" in shown
    assert "third: c7 failed: c7.mp4: no face at all" in shown
    assert "88% of 8" in shown


def test_tables_are_written_for_papers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND, "--markdown", "t.md", "--latex", "t.tex", "--csv", "t.csv"]) == 0
    markdown, latex = Path("t.md").read_text(), Path("t.tex").read_text()
    assert markdown.startswith("| metric | clips | ours | their_100%&more | third |\n| --- | --- | --- | --- | --- |\n")
    assert "| sync_confidence ↑ | 7 | **0.600 [" in markdown and "] † |" in markdown
    tables = [block.splitlines() for block in re.findall(r"(?:^\|.*\n)+", markdown, re.MULTILINE)]
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1
    assert len(tables) == 3
    assert r"their\_100\%\&more" in latex and r"\textbf{0.600} {\scriptsize [" in latex and r"$^{\dagger}$" in latex
    body = latex[latex.index("\\begin{tabular}") :]
    columns = len(re.fullmatch(r"\\begin\{tabular\}\{(l?r+)\}", body.splitlines()[0])[1])  # type: ignore[index]
    rows = [line for line in body.splitlines() if line.endswith("\\\\")]
    assert rows and all(len(re.findall(r"(?<!\\)&", line)) == columns - 1 for line in rows)
    assert body.isascii() and body.count("{") == body.count("}")
    for word in ("\\toprule", "\\midrule", "\\bottomrule", "\\end{tabular}"):
        assert word in body
    lines = list(csv.DictReader(Path("t.csv").read_text().splitlines()))
    assert list(lines[0])[:9] == [
        "metric", "method", "mean", "low", "high", "clips", "difference", "p", "p_holm",
    ]  # fmt: skip
    assert len(lines) == 6
    assert lines[1]["method"] == "their_100%&more" and float(lines[1]["p"]) == 2 / 2**7
    assert lines[0]["difference"] == "" and lines[0]["best"] == "1"


def test_json_holds_every_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND, "--json", "--names", "a,b,c", "--baseline", "b", "--metrics", "sync_confidence"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["methods"] == ["a", "b", "c"] and found["baseline"] == "b"
    (row,) = found["metrics"]
    assert row["clips"] == [f"c{index}" for index in range(7)]
    assert row["methods"]["a"]["significant"] is True and row["methods"]["b"]["p"] is None
    assert found["failures"] == {"c": {"c7": "c7.mp4: no face\nat all"}}


def test_the_same_reports_give_the_same_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND, "--json"]) == main([*COMMAND, "--json"]) == 0
    first, second = capsys.readouterr().out.split("\n}\n")[:2]
    assert first == second


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["ours"], 2, "one report has nothing"),
        ([], 2, "required: REPORT"),
        (["ours", "gone"], 3, "gone: cannot be read"),
        (["ours", "third", "--names", "a"], 2, "1 names for 2 reports"),
        (["ours", "third", "--baseline", "outs"], 2, "did you mean 'ours'"),
        (["ours", "third", "--metrics", "ssim"], 2, "no report has the metric 'ssim'"),
        (["ours", "third", "--csv", "third/report.json"], 6, "would replace a file of the job"),
        (["ours", "third", "--latex", "no/t.tex"], 6, "there is no folder"),
        (["ours", "third", "--latex", "t", "--csv", "./t"], 2, "the same file"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(Path().rglob("*"))
    assert main(["compare", *arguments]) == code
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.count("\n") == 1 and captured.out == ""
    assert sorted(Path().rglob("*")) == before
