from pathlib import Path

import pytest

from talkingface.errors import MediaError, OptionError, OutputError
from talkingface.options import TrainMouthOptions
from talkingface.training import mouth


def options(tmp_path: Path, **changes: object) -> TrainMouthOptions:
    return TrainMouthOptions(**{"data": tmp_path / "in", "output": tmp_path / "out", **changes})  # type: ignore[arg-type]


def test_without_torch_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mouth.importlib.util, "find_spec", lambda name: None if name == "torch" else object())
    with pytest.raises(OptionError, match=r"training needs torch: pip install 'talkingface\[train\]'"):
        mouth.train_mouth(options(tmp_path))
    assert not (tmp_path / "out").exists()


def test_no_data_and_no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mouth, "check_packages", lambda: None)
    with pytest.raises(MediaError, match="no such manifest or folder"):
        mouth.train_mouth(options(tmp_path))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mp4").touch()
    (tmp_path / "out").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        mouth.train_mouth(options(tmp_path))


def test_unusable_files_are_named_with_their_reason(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs torch")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mp4").write_bytes(b"not a film")
    with pytest.raises(MediaError, match="none of 1 files gives a usable clip"):
        mouth.train_mouth(options(tmp_path))
