from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from talkingface.errors import OutputError
from talkingface.progress import SilentProgress
from talkingface.run_folder import LoggedProgress, create_run_folder, open_log, write_json, write_text


def test_folders_never_meet(tmp_path: Path) -> None:
    folders = {create_run_folder(tmp_path / "results", "m", "d") for _ in range(4)}
    assert len(folders) == 4
    assert all((folder / "videos").is_dir() for folder in folders)


def test_a_place_that_cannot_hold_results_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"is a file, not a folder|cannot be made"):
        create_run_folder(tmp_path / "file", "m", "d")
    with pytest.raises(OutputError, match="cannot be written"):
        write_text(tmp_path / "no" / "x.txt", "")
    with pytest.raises(OutputError, match="cannot be written"), open_log(tmp_path / "no" / "run.log"):
        pass


def test_json_holds_what_json_has(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"a": float("nan"), "b": Path("p"), 3: (1, float("inf"), True), "c": None})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": None, "b": "p", "3": [1, None, True], "c": None}


def test_the_log_has_what_the_run_says_and_the_package_warns_of(tmp_path: Path) -> None:
    silent = SilentProgress()
    package = logging.getLogger("talkingface")
    before = (list(package.handlers), package.level)
    with open_log(tmp_path / "run.log") as logger:
        progress = LoggedProgress(silent, logger)
        progress.prefix = "1/2 "
        progress.stage("analyse", 10)
        progress.message("50 % done")
        logging.getLogger("talkingface.media").warning("a packet is damaged")
    assert (package.handlers, package.level) == before
    text = (tmp_path / "run.log").read_text()
    assert "INFO stage 1/2 analyse (10 steps)" in text
    assert "WARNING a packet is damaged" in text
    assert silent.messages == ["50 % done"]


def test_texts_are_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, link = tmp_path / "report.json", tmp_path / "latest.json"
    write_text(path, "old")
    link.symlink_to(path)

    def full(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(OutputError, match=r"latest\.json: cannot be written: No space left"):
            write_text(link, "new text")
    assert path.read_text() == "old"
    write_text(link, "néw")
    assert link.is_symlink() and path.read_bytes() == "néw".encode()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["latest.json", "report.json"]


def test_texts_go_into_pipes_and_devices() -> None:
    write_text(Path("/dev/null"), "text")
    assert not Path("/dev/null").is_file()
