"""The folder of one job: named by everything that decides its result, so that an interrupted job is found again."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from talkingface.cache import LOCK
from talkingface.errors import MediaError, NoFaceError, OptionError, OutputError, WeightsMissingError
from talkingface.file_lock import FileLock

PREFIX = "talkingface-"
KEY_DIGITS = 32
GLANCES, GLANCE_SECONDS = 3, 0.02
# What another attempt would meet in the same way: nothing to go on with.
_FINAL_ERRORS = (MediaError, NoFaceError, OptionError, WeightsMissingError)


class WorkFolder:
    """A job's folder while the job runs.

    Attributes:
        path: The folder.
        found: True when an interrupted run of the same job left something in it, which is to be gone on with.
        kept_progress: Set by the job once there is something that ``--resume`` could go on with. Stays False in a
            folder that no later run would look into.
    """

    def __init__(self, path: Path, found: bool, found_again: bool = True) -> None:
        self.path = path
        self.found = found
        self._found_again = found_again
        self._kept_progress = found

    @property
    def kept_progress(self) -> bool:
        """See above."""
        return self._kept_progress

    @kept_progress.setter
    def kept_progress(self, kept: bool) -> None:
        self._kept_progress = kept and self._found_again

    def sub(self, name: str) -> Path:
        """Return the path of an empty folder of this name; what an interrupted run left in it is gone.

        Raises:
            OutputError: it cannot be made.
        """
        path = self.path / name
        try:
            if path.exists():
                shutil.rmtree(path)
            path.mkdir()
        except OSError as error:
            raise OutputError(f"{path}: cannot be made ({error.strerror or error})") from error
        return path


@contextmanager
def work_folder(parent: Path, key: str, resume: bool, say: Callable[[str], None]) -> Iterator[WorkFolder]:
    """Yield a job's folder. It is gone when the job is done or can never be; an interrupted job's stays.

    Args:
        parent: Where it is made.
        key: Hexadecimal digits of everything that decides the result.
        resume: Go on with what an interrupted run left.
        say: Told what the user should know.

    Raises:
        OutputError: it cannot be made.
    """
    made_parents = _missing(parent)
    path = parent / f"{PREFIX}{key[:KEY_DIGITS]}"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"{parent}: cannot work there ({error.strerror or error})") from error
    lock = FileLock(path / LOCK)
    alone = _acquired(lock)
    if not alone:
        say("the same job is running already; this one works beside it" + (" from its start" if resume else ""))
        try:
            path = Path(tempfile.mkdtemp(prefix=path.name + "-", dir=parent))
        except OSError as error:
            raise OutputError(f"{parent}: cannot work there ({error.strerror or error})") from error
        lock = FileLock(path / LOCK)
        lock.acquire()
    folder = WorkFolder(path, alone and _prepared(path, resume, say), alone)
    keep = False
    try:
        yield folder
    except _FINAL_ERRORS:
        raise
    except BaseException:
        keep = folder.kept_progress
        raise
    finally:
        if keep:
            lock.release()
        else:
            _remove(path, lock)
            for made in made_parents:
                with suppress(OSError):  # somebody else may use it by now
                    made.rmdir()


def _acquired(lock: FileLock) -> bool:
    """Take a lock that others may hold for a moment, as they look whether it is held."""
    for _ in range(GLANCES):
        if lock.acquire():
            return True
        time.sleep(GLANCE_SECONDS)
    return False


def _remove(path: Path, lock: FileLock) -> None:
    """Delete a folder so that whoever makes it anew meanwhile is not disturbed."""
    for entry in path.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry != lock.path:
            entry.unlink(missing_ok=True)
    with suppress(OSError):  # where open files cannot be deleted, it goes when it is closed
        lock.path.unlink()
    lock.release()
    with suppress(OSError):
        if os.name == "nt":
            lock.path.unlink(missing_ok=True)
        path.rmdir()


def _missing(folder: Path) -> list[Path]:
    """The folders that making this one would make, innermost first."""
    return [path for path in (folder, *folder.parents) if not path.exists()]


def _prepared(path: Path, resume: bool, say: Callable[[str], None]) -> bool:
    """Empty the folder unless its content is wanted; True when there is something to go on with."""
    left = [entry for entry in path.iterdir() if entry.name != LOCK]
    if resume:
        if not left:
            say("no interrupted run of this job was found; it begins at the start")
        return bool(left)
    if left:
        say("an interrupted run of this job was found and is given up (--resume would have gone on with it)")
    for entry in left:
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
    return False
