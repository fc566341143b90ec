"""The user's cache: what was found in videos, and the folders of unfinished jobs.

Entries are named by a digest of everything that decided them: never by a file's name, so a changed file is never taken
for the old one. A job takes links to an entry's files: whatever is deleted meanwhile, it keeps what it reads.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from talkingface.file_lock import is_held

ANALYSES, JOBS = "analyses", "jobs"
LOCK = "lock"
JOB_DAYS = 7  # an unfinished job nobody went on with for so long is given up
GIGABYTE = 1000**3
MAKING = ".making-"
UNFINISHED_SECONDS = 86_400


@dataclass(frozen=True)
class CacheEntry:
    """One folder in the cache.

    Attributes:
        kind: ``analyses`` (of a video) or ``jobs`` (unfinished ones).
        path: The folder.
        size: Bytes.
        used: When it was used last, seconds since 1970.
        running: True for a job that a process works on.
    """

    kind: str
    path: Path
    size: int
    used: float
    running: bool


def cache_folder(given: Path | None = None) -> Path:
    """Where the cache lies: the folder given, else the system's usual place for this user; it need not exist."""
    if given is not None:
        return given.absolute()
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "talkingface"


class Cache:
    """A folder with a limit on its size."""

    def __init__(self, folder: Path, limit: float = 4 * GIGABYTE) -> None:
        """Nothing is read or made yet.

        Args:
            folder: See ``cache_folder``.
            limit: Bytes that the analyses may take together.
        """
        self.folder = folder
        self.limit = limit

    @property
    def jobs(self) -> Path:
        """The folder in which jobs have theirs."""
        return self.folder / JOBS

    def fetch(self, key: str, target: Path) -> bool:
        """Make ``target`` a folder with links to the files of an entry; False when there is no such entry.

        Raises:
            OSError: the folder cannot be made.
        """
        entry = self.folder / ANALYSES / key
        if not entry.is_dir():
            return False
        try:
            _link_all(entry, target)
            os.utime(entry)
        except FileNotFoundError:  # deleted meanwhile
            shutil.rmtree(target, ignore_errors=True)
            return False
        return True

    def store(self, key: str, source: Path, scratch: Path) -> None:
        """Keep links to the files of a folder as an entry; then forget entries until the limit is kept.

        Args:
            key: The entry's name.
            source: The folder.
            scratch: A folder of the caller's in which the entry is made, so that a killed process leaves nothing in
                the cache that is not whole.

        Raises:
            OSError: the entry cannot be written; nothing half-written stays.
        """
        parent = self.folder / ANALYSES
        parent.mkdir(parents=True, exist_ok=True)
        target = parent / key
        for place in (scratch, parent):
            made = Path(tempfile.mkdtemp(prefix=MAKING, dir=place))
            try:
                _link_all(source, made / "entry")
                if not target.exists():  # another process may have been quicker, with the same content
                    (made / "entry").rename(target)
                break
            except OSError as error:
                if target.exists():
                    break
                if error.errno != errno.EXDEV or place == parent:  # the scratch folder may lie on another disk
                    raise
            finally:
                shutil.rmtree(made, ignore_errors=True)
        self.trim()

    def discard(self, key: str) -> None:
        """Forget an entry that proved unusable."""
        shutil.rmtree(self.folder / ANALYSES / key, ignore_errors=True)

    def entries(self) -> list[CacheEntry]:
        """Everything in the cache, what was used last first."""
        found = [entry for kind in (ANALYSES, JOBS) for entry in _entries(self.folder / kind, kind)]
        return sorted(found, key=lambda entry: -entry.used)

    def trim(self) -> None:
        """Forget analyses until the limit is kept, those used longest ago first, and unfinished jobs of last week."""
        for path in _unfinished(self.folder / ANALYSES):
            shutil.rmtree(path, ignore_errors=True)
        total = 0
        for entry in self.entries():
            if entry.kind == JOBS:
                if not entry.running and time.time() - entry.used > JOB_DAYS * 86_400:
                    shutil.rmtree(entry.path, ignore_errors=True)
                continue
            total += entry.size
            if total > self.limit:
                shutil.rmtree(entry.path, ignore_errors=True)

    def clear(self) -> tuple[int, int]:
        """Forget everything but running jobs.

        Returns:
            How many folders, and how many bytes.
        """
        gone = [entry for entry in self.entries() if not entry.running]
        for entry in gone:
            shutil.rmtree(entry.path, ignore_errors=True)
        left = [entry for entry in gone if not entry.path.exists()]
        return len(left), sum(entry.size for entry in left)


def _folders(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except OSError:  # not there, or not for us
        return []


def _unfinished(folder: Path) -> list[Path]:
    """Entries that a killed process was making in the cache itself."""
    made = [path for path in _folders(folder) if path.name.startswith(MAKING)]
    return [path for path in made if time.time() - _newest([path]) > UNFINISHED_SECONDS]


def _entries(folder: Path, kind: str) -> Iterator[CacheEntry]:
    for path in _folders(folder):
        if path.name.startswith("."):
            continue
        files = [Path(place) / name for place, _, names in os.walk(path) for name in names]
        size = sum(found.st_size for found in map(_stat, files) if found is not None)
        places = {path, *(file.parent for file in files), *(file for file in files if file.parent == path)}
        yield CacheEntry(kind, path, size, _newest(places), kind == JOBS and is_held(path / LOCK))


def _stat(path: Path) -> os.stat_result | None:
    """What is known of a file; None when it is gone: other processes work in the cache too."""
    try:
        return path.stat()
    except OSError:
        return None


def _newest(places: Iterable[Path]) -> float:
    """When the latest of these was changed; now when all are gone."""
    return max((found.st_mtime for found in map(_stat, places) if found is not None), default=time.time())


def _link_all(source: Path, target: Path) -> None:
    """Put the files of a folder into another one: as hard links where the filesystem has them, else as copies."""
    target.mkdir(parents=True)
    for file in source.iterdir():
        if not file.is_file():
            continue
        try:
            os.link(file, target / file.name)
        except FileNotFoundError:
            raise
        except OSError:
            shutil.copyfile(file, target / file.name)
