from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from talkingface.cli import main
from talkingface.errors import NoFaceError, OutputError


@pytest.fixture(autouse=True)
def files(workplace: Path) -> None:
    for name in ("made.mp4", "a.wav", "t.mp4", "f.mp4"):
        (workplace / name).write_bytes(b"media")


def test_the_row_is_made_of_the_options(scorer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    command = "evaluate made.mp4 --audio a.wav --truth t.mp4 --face f.mp4 --metrics sync_offset --json --report r.json"
    assert main(command.split()) == 0
    (row,) = scorer.rows
    assert (row.name, row.generated, row.audio, row.truth, row.face) == (
        "made", Path("made.mp4"), Path("a.wav"), Path("t.mp4"), Path("f.mp4"),
    )  # fmt: skip
    report = json.loads(capsys.readouterr().out)
    assert report["rows"]["made"]["sync_offset"]["value"] == 0.75
    assert json.loads(Path("r.json").read_text()) == report


def test_without_a_source_only_what_can_be_known_is_scored(scorer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "made.mp4"]) == 0
    (row,) = scorer.rows
    assert (row.face, row.audio, row.truth) == (Path("made.mp4"), Path("made.mp4"), None)
    captured = capsys.readouterr()
    assert "no --face given" in captured.err
    assert "sync_confidence" in captured.out
    assert "sharpness_ratio" not in captured.out and "real_time_factor" not in captured.out


def test_a_clip_that_cannot_be_scored_ends_with_its_own_status(scorer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    scorer.unscored, scorer.unscored_code = {"made": "made.mp4: no face"}, NoFaceError.exit_code
    assert main(["evaluate", "made.mp4", "--face", "f.mp4"]) == NoFaceError.exit_code
    assert capsys.readouterr() == ("", "talkingface: made.mp4: no face\n")
    assert main(["evaluate", "made.mp4", "--face", "f.mp4", "--json", "--report", "r.json"]) == NoFaceError.exit_code
    report = json.loads(capsys.readouterr().out)
    assert report["failures"] == {"made": "made.mp4: no face"} and report == json.loads(Path("r.json").read_text())


def test_notes_stand_below_the_table(scorer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "made.mp4", "--face", "f.mp4"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "scored by a fake"


@pytest.mark.parametrize(
    "command", ["evaluate gone.mp4", "evaluate made.mp4 --truth gone.mp4", "evaluate made.mp4 f.mp4 --audio gone.wav"]
)
def test_a_file_that_is_not_there_is_named(scorer: Any, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command.split()) == 3
    assert ": no such file" in capsys.readouterr().err
    assert scorer.calls == 0


def test_several_files_are_scored_and_one_that_is_not_there_is_a_failed_row(
    scorer: Any, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workplace / "sounds").mkdir()
    (workplace / "sounds" / "made.wav").write_bytes(b"media")
    assert main(["evaluate", "made.mp4", "gone.mp4", "f.mp4", "--audio", "sounds", "--json"]) == 3
    captured = capsys.readouterr()
    assert [row.name for row in scorer.rows] == ["made", "gone", "f"]
    assert [row.audio for row in scorer.rows] == [Path("sounds/made.wav"), Path("gone.mp4"), Path("f.mp4")]
    report = json.loads(captured.out)
    assert report["failures"] == {"gone": "gone.mp4: no such file"}
    assert report["options"]["lse_mode"] == "tracked" and report["versions"]["packages"]["talkingface"]
    assert captured.err.splitlines()[-1] == "talkingface: gone: gone.mp4: no such file"


def test_a_manifest_names_the_clips(scorer: Any, workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workplace / "theirs").mkdir()
    (workplace / "theirs" / "one.mp4").write_bytes(b"media")
    (workplace / "pairs.csv").write_text(
        "name,face,audio,truth,generated\none,f.mp4,a.wav,t.mp4,one.mp4\ntwo,f.mp4,a.wav,,two.mp4\n"
    )
    assert main(["evaluate", "--manifest", "pairs.csv", "--generated", "theirs"]) == 3
    one, two = scorer.rows
    assert (one.generated, one.truth, one.failure) == (Path("theirs/one.mp4"), Path("t.mp4"), None)
    assert two.generated is None and "two.mp4: no such file" in two.failure
    assert "talkingface: two: theirs/two.mp4: no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("evaluate", "nothing to score"),
        ("evaluate made.mp4 --manifest pairs.csv", "leave out GENERATED"),
        ("evaluate --manifest pairs.csv --face f.mp4", "leave out --face"),
        ("evaluate made.mp4 --generated .", "goes with --manifest"),
    ],
)
def test_clips_are_named_in_one_way(scorer: Any, command: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command.split()) == 2
    assert said in capsys.readouterr().err
    assert scorer.calls == 0


@pytest.mark.parametrize("report", ["no/r.json", ".", "f.mp4", "./made.mp4", "x/../a.wav"])
def test_a_report_that_cannot_be_is_refused_before_any_work(scorer: Any, workplace: Path, report: str) -> None:
    (workplace / "x").mkdir()
    command = ["evaluate", "made.mp4", "--face", "f.mp4", "--audio", "a.wav", "--report", report]
    assert main(command) == OutputError.exit_code
    assert scorer.calls == 0
