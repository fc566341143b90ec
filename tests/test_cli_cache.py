import json
from pathlib import Path

import pytest

from talkingface.cache import Cache
from talkingface.cli import main


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    made.mkdir()
    (made / "frames").write_bytes(b"1" * 2_500_000)
    Cache(tmp_path / "cache").store("abc", made, tmp_path)
    (tmp_path / "cache" / "jobs" / "talkingface-1").mkdir(parents=True)
    return tmp_path / "cache"


def test_info_lists_what_is_there(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "info", "--cache-dir", str(filled)]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == f"{filled}: 2 entries, 2.5 MB"
    assert any("2.5 MB  faces of a video  abc" in line for line in lines)
    assert any("unfinished job" in line and line.endswith("talkingface-1") for line in lines)
    assert main(["cache", "info", f"--cache-dir={filled}", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["folder"] == str(filled)
    assert {entry["name"]: entry["bytes"] for entry in content["entries"]} == {"abc": 2_500_000, "talkingface-1": 0}


def test_clear_empties_it(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "clear", "--cache-dir", str(filled)]) == 0
    assert "2 entries deleted, 2.5 MB" in capsys.readouterr().out
    assert main(["cache", "clear", "--cache-dir", str(filled), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["deleted"] == 0
    assert main(["cache", "info", "--cache-dir", str(filled)]) == 0
    assert "0 entries" in capsys.readouterr().out


def test_a_cache_that_was_never_made_is_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "info", "--cache-dir", str(tmp_path / "none")]) == 0
    assert "0 entries" in capsys.readouterr().out
    assert not (tmp_path / "none").exists()


def test_cache_alone_names_its_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache"]) == 2
    assert "cache info or cache clear" in capsys.readouterr().err
