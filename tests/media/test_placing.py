from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from talkingface.media import placing
from talkingface.media.placing import move_into_place


@pytest.fixture(params=["real", "pretended"])
def far(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on another filesystem."""
    if request.param == "real":
        memory = Path("/dev/shm")
        if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("this machine has no second filesystem to write on")
        with tempfile.TemporaryDirectory(dir=memory) as name:
            yield Path(name)
        return
    rename = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if self.parent != Path(target).parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    (tmp_path / "far").mkdir()
    yield tmp_path / "far"


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    path = tmp_path / "finished.mp4"
    path.write_bytes(bytes(range(256)) * 10_000)
    return path


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("nameless", [True, False])
def test_the_file_arrives_whole(
    far: Path, finished: Path, there: bool, nameless: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not nameless:
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    content = finished.read_bytes()
    output = far / "out put.mp4"
    if there:
        output.write_text("old")
    move_into_place(finished, output)
    assert output.read_bytes() == content
    assert [path.name for path in far.iterdir()] == ["out put.mp4"]
    assert not finished.exists()
    assert output.stat().st_mode & 0o400


@pytest.mark.parametrize("there", [False, True])
def test_while_it_is_copied_nothing_lies_there(
    far: Path, finished: Path, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hasattr(os, "O_TMPFILE"):
        pytest.skip("this system has no nameless files")
    output = far / "out.mp4"
    if there:
        output.write_text("old")
    seen: list[list[str]] = []

    def copy(source: object, target: object, size: int) -> None:
        seen.append([path.name for path in far.iterdir()])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", copy)
    with pytest.raises(OSError, match="No space"):
        move_into_place(finished, output)
    assert seen == [["out.mp4"] if there else []]
    assert [path.name for path in far.iterdir()] == seen[0]
    assert not there or output.read_text() == "old"
    assert finished.exists()


def test_where_links_to_nameless_files_are_forbidden_it_is_copied_beside(
    far: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*names: object, **how: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(placing.os, "link", refuse)
    content = finished.read_bytes()
    move_into_place(finished, far / "out.mp4")
    assert (far / "out.mp4").read_bytes() == content
    assert [path.name for path in far.iterdir()] == ["out.mp4"]


def test_a_file_that_appeared_at_the_last_moment_is_kept(far: Path, finished: Path, tmp_path: Path) -> None:
    for folder in (far, tmp_path):
        output = folder / "taken.mp4"
        output.write_text("of another job")
        with pytest.raises(FileExistsError):
            move_into_place(finished, output, replace=False)
        assert output.read_text() == "of another job"
        assert finished.exists()
        assert sorted(path.name for path in folder.iterdir() if path.is_file()) == sorted(
            {"taken.mp4", *(["finished.mp4"] if folder == tmp_path else [])}
        )


def test_a_free_name_is_taken_without_replacing(far: Path, finished: Path, tmp_path: Path) -> None:
    content = finished.read_bytes()
    move_into_place(finished, tmp_path / "near.mp4", replace=False)
    assert not finished.exists()
    move_into_place(tmp_path / "near.mp4", far / "far.mp4", replace=False)
    assert (far / "far.mp4").read_bytes() == content
    assert [path.name for path in far.iterdir()] == ["far.mp4"]
