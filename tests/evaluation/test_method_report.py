from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from talkingface.errors import MediaError, OptionError
from talkingface.evaluation.method_report import read_report, read_reports
from talkingface.evaluation.report import result_to_json
from talkingface.evaluation.result import EvaluationResult, Score

Maker = Callable[..., dict[str, Any]]
VALUES = {"sync_confidence": [0.5, None]}


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def test_a_report_of_evaluate_is_read(tmp_path: Path, report_maker: Maker) -> None:
    path = write(tmp_path / "ours.json", report_maker(VALUES, {"c1": "no face"}))
    (found,) = read_reports([path])
    assert (found.name, found.path) == ("ours", path)
    assert found.rows == {"c0": {"sync_confidence": 0.5}, "c1": {"sync_confidence": None}}
    assert found.failures == {"c1": "no face"} and found.success_rate == 0.5
    assert found.inputs["c0"] == {"face": "f/c0.mp4", "audio": "hash of a"}
    assert found.settings == {"lse_mode": "tracked", "talkingface": "0.1.0", "sync_judge.onnx": "1"}


def test_a_run_s_report_is_read(tmp_path: Path, report_maker: Maker) -> None:
    evaluation = report_maker(VALUES)
    for key in ("options", "versions"):
        del evaluation[key]
    configuration = {"lse_mode": {"value": "lrs", "origin": "default"}}
    write(tmp_path / "run/report.json", {"evaluation": evaluation, "configuration": configuration})
    write(tmp_path / "run/versions.json", {"packages": {"talkingface": "0.1.0"}})
    (found,) = read_reports([tmp_path / "run"])
    assert found.name == "run"
    assert found.settings == {"lse_mode": "lrs", "talkingface": "0.1.0"}


def test_what_evaluate_writes_now_is_read(tmp_path: Path) -> None:
    result = EvaluationResult(
        metrics=("sync_confidence",),
        rows={"x": {"sync_confidence": Score(0.5)}},
        controls={},
        means={"sync_confidence": Score(0.5)},
        success_rate=1.0,
    )
    found = read_report(write(tmp_path / "r.json", result_to_json(result)), "m")
    assert found.rows == {"x": {"sync_confidence": 0.5}} and found.about["sync_confidence"].direction == "higher"


def test_the_scored_video_itself_is_no_input(tmp_path: Path, report_maker: Maker) -> None:
    own = {"c0": {"generated": "x.mp4", "face": "x.mp4", "audio": "x.mp4", "truth": None}}
    found = read_report(write(tmp_path / "r.json", report_maker({"sync_confidence": [1.0]}, inputs=own)), "m")
    assert found.inputs == {"c0": {}}


def test_names_come_from_folders_and_files_and_are_distinct(tmp_path: Path, report_maker: Maker) -> None:
    content = report_maker(VALUES)
    files = [write(tmp_path / name, content) for name in ("v1.2/report.json", "b/x.json", "c/x.json")]
    found = read_reports([files[0].parent, files[0], *files[1:]])
    assert [report.name for report in found] == ["v1.2", "v1.2-2", "b_x", "c_x"]
    assert [report.name for report in read_reports(files[1:], ["ours", "theirs"])] == ["ours", "theirs"]
    with pytest.raises(OptionError, match="1 names for 2 reports"):
        read_reports(files[1:], ["ours"])
    with pytest.raises(OptionError, match="a name twice"):
        read_reports(files[1:], ["ours", "Ours"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[1]", "is no report"),
        ("{}", "is no report"),
        ('{"evaluation": null, "evaluation_failure": "no weights"}', "nothing was scored in this run: no weights"),
        ('{"metrics": ["a"], "rows": {}}', "is no report"),
        ('{"metrics": [], "about_metrics": {}, "rows": {"x": 3}, "means": {}, "failures": {}}', "is no report"),
        ('{"metrics": [], "about_metrics": {}, "rows": {}, "means": {}, "failures": {}}', "holds no clip"),
    ],
)
def test_what_is_no_report_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "r.json").write_text(content)
    with pytest.raises(MediaError, match=rf"r\.json: {message}"):
        read_report(tmp_path / "r.json", "m")


def test_a_missing_report_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"gone\.json: cannot be read: No such file"):
        read_reports([tmp_path / "gone.json"])
    with pytest.raises(MediaError, match=r"report\.json: cannot be read: .*is it the folder of a run\?"):
        read_reports([tmp_path])
