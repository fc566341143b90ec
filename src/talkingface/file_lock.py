"""A lock between processes that ends with the process that holds it, however that ends."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import BinaryIO

from talkingface.errors import OutputError


class FileLock:
    """Locks by the operating system's lock on an open file; the file itself may lie about without meaning anything."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def acquire(self) -> bool:
        """Take the lock; False when another process, or another lock of this one, holds it or just gave it up.

        Raises:
            OutputError: the file cannot be made.
        """
        try:
            file = self.path.open("a+b")
        except FileNotFoundError:
            return False
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written ({error.strerror or error})") from error
        try:
            _lock(file)
        except OSError:
            file.close()
            return False
        try:
            same = os.path.samestat(os.fstat(file.fileno()), self.path.stat())
        except OSError:
            same = False
        if not same:  # its holder deleted it before letting go: others will lock another file of this name
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Give the lock back, if it is held."""
        if self._file is not None:
            self._file.close()  # which lets go of the lock on every system
            self._file = None


def is_held(path: Path) -> bool:
    """Tell whether a process holds the lock with this file."""
    if not path.exists():
        return False
    lock = FileLock(path)
    with contextlib.suppress(OutputError):
        if lock.acquire():
            lock.release()
            return False
    return True


if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> None:
        file.seek(0, os.SEEK_SET)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
