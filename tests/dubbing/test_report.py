"""The report of a dub as a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from talkingface.dubbing.report import check_report, write_report
from talkingface.errors import OutputError


def test_a_report_appears_whole_and_replaces_the_last(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    for number in (1, 2):
        write_report(path, {"frames": number, "name": "Zoë\udcff"})
    assert json.loads(path.read_text(encoding="utf-8"), strict=False)["frames"] == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.json"]


def test_a_report_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_report(tmp_path / "missing" / "report.json", {})


def test_no_report_over_a_file_of_the_job(tmp_path: Path) -> None:
    taken = tmp_path / "out.mp4"
    check_report(tmp_path / "report.json", [taken])
    for path in (taken, tmp_path, tmp_path / "missing" / "report.json"):
        with pytest.raises(OutputError):
            check_report(path, [taken])
