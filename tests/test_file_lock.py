import subprocess
import sys
from pathlib import Path

import pytest

from talkingface.errors import OutputError
from talkingface.file_lock import FileLock, is_held


def test_a_lock_is_held_once(tmp_path: Path) -> None:
    one, other = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert one.acquire()
    assert not other.acquire()
    assert is_held(tmp_path / "lock")
    one.release()
    assert not is_held(tmp_path / "lock")
    assert other.acquire()
    other.release()
    assert not is_held(tmp_path / "nothing")


def test_a_killed_process_holds_no_lock(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from talkingface.file_lock import FileLock\n"
        f"lock = FileLock(Path({str(tmp_path / 'lock')!r})); print(lock.acquire(), flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        assert is_held(tmp_path / "lock")
        process.kill()
        process.wait()
    assert not is_held(tmp_path / "lock")


def test_a_lock_whose_file_was_deleted_is_no_lock(tmp_path: Path) -> None:
    one = FileLock(tmp_path / "lock")
    assert one.acquire()
    (tmp_path / "lock").unlink()
    one.release()
    assert not FileLock(tmp_path / "gone" / "lock").acquire()


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(OutputError, match="lock"):
        FileLock(tmp_path / "lock").acquire()
