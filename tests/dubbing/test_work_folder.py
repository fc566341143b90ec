import threading
from pathlib import Path

import pytest

from talkingface.cache import LOCK
from talkingface.dubbing.work_folder import GLANCE_SECONDS, PREFIX, work_folder
from talkingface.errors import Cancelled, MediaError, OutputError
from talkingface.file_lock import FileLock

KEY = "0123456789abcdef" * 4


def interrupted(parent: Path, error: BaseException, progress: bool = True) -> list[str]:
    said: list[str] = []
    with pytest.raises(type(error)), work_folder(parent, KEY, False, said.append) as folder:
        (folder.path / "segments").mkdir()
        (folder.path / "segments" / "one").write_text("made")
        folder.kept_progress = progress
        raise error
    return said


def test_the_folder_of_a_finished_job_is_gone(tmp_path: Path) -> None:
    with work_folder(tmp_path / "a" / "jobs", KEY, False, print) as folder:
        assert not folder.found
        assert folder.sub("x").is_dir()
        assert KEY[:32] in folder.path.name
    assert list(tmp_path.iterdir()) == []  # nor is the folder made for it there


@pytest.mark.parametrize("error", [Cancelled("stopped"), OutputError("disk full"), KeyboardInterrupt()])
def test_an_interrupted_job_is_gone_on_with(tmp_path: Path, error: BaseException) -> None:
    interrupted(tmp_path, error)
    said: list[str] = []
    with work_folder(tmp_path, KEY, True, said.append) as folder:
        assert folder.found
        assert folder.kept_progress
        assert (folder.path / "segments" / "one").read_text() == "made"
    assert said == []
    assert list(tmp_path.iterdir()) == []


def test_without_resume_it_begins_anew_and_says_so(tmp_path: Path) -> None:
    interrupted(tmp_path, Cancelled("stopped"))
    said: list[str] = []
    with work_folder(tmp_path, KEY, False, said.append) as folder:
        assert not folder.found
        assert [path.name for path in folder.path.iterdir()] == [LOCK]
    assert "--resume" in said[0]


@pytest.mark.parametrize(("error", "progress"), [(MediaError("no video"), True), (Cancelled("stopped"), False)])
def test_what_cannot_be_gone_on_with_is_gone(tmp_path: Path, error: Exception, progress: bool) -> None:
    interrupted(tmp_path, error, progress)
    assert list(tmp_path.iterdir()) == []


def test_resume_without_an_interrupted_run_begins_at_the_start(tmp_path: Path) -> None:
    said: list[str] = []
    with work_folder(tmp_path, KEY, True, said.append) as folder:
        assert not folder.found
    assert "begins at the start" in said[0]


@pytest.mark.parametrize("resume", [False, True])
def test_two_runs_of_one_job_do_not_share_a_folder(tmp_path: Path, resume: bool) -> None:
    said: list[str] = []
    with work_folder(tmp_path, KEY, False, said.append) as one:
        (one.path / "mine").touch()
        with work_folder(tmp_path, KEY, resume, said.append) as other:
            assert other.path != one.path
            assert not other.found
        assert not other.path.exists()
        assert (one.path / "mine").exists()
    assert "running already" in said[0]
    assert list(tmp_path.iterdir()) == []


def test_a_run_beside_another_leaves_nothing_that_no_run_would_find(tmp_path: Path) -> None:
    with work_folder(tmp_path, KEY, False, print) as one:
        with pytest.raises(Cancelled), work_folder(tmp_path, KEY, False, print) as other:
            other.kept_progress = True
            assert not other.kept_progress  # so nobody is told of --resume
            raise Cancelled("stopped")
        assert list(tmp_path.iterdir()) == [one.path]


def test_somebody_who_looks_whether_a_job_runs_does_not_keep_it_from_its_folder(tmp_path: Path) -> None:
    path = tmp_path / f"{PREFIX}{KEY[:32]}"
    path.mkdir()
    looking = FileLock(path / LOCK)
    assert looking.acquire()
    timer = threading.Timer(GLANCE_SECONDS / 2, looking.release)
    timer.start()
    with work_folder(tmp_path, KEY, False, print) as folder:
        assert folder.path == path
    timer.join()


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError), work_folder(tmp_path / "file" / "jobs", KEY, False, print):
        pass
