from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from talkingface.cli import main

pytestmark = pytest.mark.usefixtures("workplace", "other_package")


def test_configuration_and_scores_are_shown(
    dataset_maker: Any, scorer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset_maker(Path("dataset/clips"), ["anna.mp4", "noface.mp4"])
    assert main(["run", "--model=scripted", "--dataset", "clips", "--loudness", "1"]) == 4
    captured = capsys.readouterr()
    out = captured.out
    for group in ("Task", "Method", "Evaluation", "Output", "Folders", "Machine"):
        assert f"\n{group}\n" in "\n" + out
    assert "loudness" in out and "command line" in out
    assert "sync_confidence ↑" in out and "frozen frame" in out and "n/a: no truth" in out
    assert "noface_hello: " in out
    assert "partly failed: 1 of 2 generated (success rate 50%)" in out
    (folder,) = Path("results").iterdir()
    assert f"videos and reports: {folder}" in out
    assert "2/2 noface_hello: FAILED" in captured.err
    assert yaml.safe_load((folder / "config.yaml").read_text())["loudness"] == 1.0


def test_show_config_does_nothing_else(dataset_maker: Any, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.yaml").write_text("crf: 30\n")
    assert main(["run", "--config_files", "mine.yaml", "--show-config", "--seed=9"]) == 0
    lines = {
        line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")
    }
    assert lines["crf"] == ["30", "mine.yaml"]
    assert lines["seed"] == ["9", "command", "line"]
    assert lines["start"] == ["none", "default"]
    assert not Path("results").exists()
    assert not Path("dataset").exists()


def test_debug_may_be_switched_on_in_a_file(dataset_maker: Any, capsys: pytest.CaptureFixture[str]) -> None:
    dataset_maker(Path("dataset/clips"), [])
    Path("mine.yaml").write_text("debug: true\ndataset: clips\nmodel: scripted\n")
    assert main(["run", "--config_files=mine.yaml"]) == 3
    error = capsys.readouterr().err
    assert "Traceback" in error and "holds no video or picture" in error


def test_prepare_of_an_empty_dataset_says_what_to_put_there(capsys: pytest.CaptureFixture[str]) -> None:
    Path("dataset/clips").mkdir(parents=True)
    assert main(["prepare", "-d", "clips"]) == 3
    assert "dataset/clips: holds no videos or sounds; put videos in val/face" in capsys.readouterr().err


def test_prepare_says_what_is_there(dataset_maker: Any, capsys: pytest.CaptureFixture[str]) -> None:
    dataset_maker(Path("dataset/clips"), ["a.mp4", "b.png"])
    dataset_maker(Path("dataset/clips"), ["c.mp4"], [], split="test")
    assert main(["prepare", "-d", "clips"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "dataset/clips/val: 2 faces, 1 sounds",
        "dataset/clips/test: 1 faces, 0 sounds",
    ]


def test_prepare_names_other_layouts_and_counts_what_has_no_splits_once(capsys: pytest.CaptureFixture[str]) -> None:
    Path("dataset/clips/deep").mkdir(parents=True)
    for name in ("a.mp4", "deep/b.mp4", "a.wav"):
        (Path("dataset/clips") / name).write_bytes(b"only a name")
    assert main(["prepare", "-d", "clips"]) == 0
    assert capsys.readouterr().out == "dataset/clips: 2 faces, 1 sounds, layout folder\n"
