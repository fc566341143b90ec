import errno
import os
import time
from pathlib import Path

import pytest

from talkingface.cache import ANALYSES, JOBS, LOCK, Cache, cache_folder
from talkingface.file_lock import FileLock


def make_entry(folder: Path, size: int) -> Path:
    folder.mkdir()
    (folder / "one").write_bytes(b"1" * (size // 2))
    (folder / "two").write_bytes(b"2" * (size - size // 2))
    return folder


def test_an_entry_comes_back_by_its_key(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    assert not cache.fetch("a", tmp_path / "nothing")
    cache.store("a", make_entry(tmp_path / "made", 100), tmp_path)
    cache.store("a", tmp_path / "made", tmp_path)  # a second process that made the same
    assert cache.fetch("a", tmp_path / "found")
    assert (tmp_path / "found" / "two").read_bytes() == b"2" * 50
    assert sorted(path.name for path in (tmp_path / "cache" / ANALYSES).iterdir()) == ["a"]


def test_what_a_job_took_stays_when_the_entry_goes(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    cache.store("a", make_entry(tmp_path / "made", 100), tmp_path)
    cache.fetch("a", tmp_path / "found")
    assert cache.clear() == (1, 100)
    assert (tmp_path / "found" / "one").read_bytes() == b"1" * 50
    assert cache.entries() == []


def test_where_there_are_no_links_there_are_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*names: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    cache = Cache(tmp_path / "cache")
    cache.store("a", make_entry(tmp_path / "made", 10), tmp_path)
    assert cache.fetch("a", tmp_path / "found")
    assert (tmp_path / "found" / "one").read_bytes() == b"11111"


def test_the_limit_drops_what_was_used_longest_ago(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", limit=250)
    for age, name in ((30, "a"), (20, "b")):
        cache.store(name, make_entry(tmp_path / name, 100), tmp_path)
        entry = tmp_path / "cache" / ANALYSES / name
        for path in (*entry.iterdir(), entry):
            os.utime(path, (time.time() - age, time.time() - age))
    cache.fetch("a", tmp_path / "used")
    cache.store("c", make_entry(tmp_path / "c", 100), tmp_path)
    assert sorted(entry.path.name for entry in cache.entries()) == ["a", "c"]
    Cache(tmp_path / "cache", limit=0).trim()
    assert cache.entries() == []


def test_running_jobs_are_never_cleared_and_old_ones_given_up(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    running, fresh, old = (cache.jobs / name for name in ("running", "fresh", "old"))
    for path in (running, fresh, old):
        path.mkdir(parents=True)
        (path / LOCK).touch()
    for path in (old / LOCK, old):
        os.utime(path, (1e9, 1e9))
    lock = FileLock(running / LOCK)
    assert lock.acquire()
    cache.trim()
    assert sorted(path.name for path in cache.jobs.iterdir()) == ["fresh", "running"]
    assert {entry.path.name: (entry.kind, entry.running) for entry in cache.entries()} == {
        "fresh": (JOBS, False),
        "running": (JOBS, True),
    }
    assert cache.clear()[0] == 1
    assert [path.name for path in cache.jobs.iterdir()] == ["running"]
    lock.release()


def test_the_users_cache_is_where_the_system_has_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cache_folder(tmp_path / "mine") == tmp_path / "mine"
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "talkingface"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "talkingface"


def test_another_disk_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename

    def refuse(source: Path, target: Path) -> Path:
        if "scratch" in source.parts:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", refuse)
    (tmp_path / "scratch").mkdir()
    cache = Cache(tmp_path / "cache")
    cache.store("a", make_entry(tmp_path / "made", 10), tmp_path / "scratch")
    assert [path.name for path in (tmp_path / "cache" / ANALYSES).iterdir()] == ["a"]
    assert list((tmp_path / "scratch").iterdir()) == []


def test_files_that_go_while_they_are_counted_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path / "cache")
    cache.store("a", make_entry(tmp_path / "made", 100), tmp_path)
    usual = Path.stat

    def gone(path: Path, **how: bool) -> os.stat_result:
        if path.name == "two":
            raise FileNotFoundError(errno.ENOENT, "gone")
        return usual(path, **how)

    monkeypatch.setattr(Path, "stat", gone)
    assert [entry.size for entry in cache.entries()] == [50]
    cache.trim()


def test_what_a_killed_process_was_making_goes_after_a_day(tmp_path: Path) -> None:
    old, new = (tmp_path / ANALYSES / f".making-{name}" for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir(parents=True)
    os.utime(old, (time.time() - 90_000,) * 2)
    Cache(tmp_path).trim()
    assert new.exists()
    assert not old.exists()
