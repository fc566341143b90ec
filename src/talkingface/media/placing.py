"""A finished file gets its name in one step, also on another filesystem, and a kill leaves nothing half-written."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path


def move_into_place(finished: Path, output: Path, replace: bool = True) -> None:
    """Give a file another name.

    Within a filesystem that is one rename. Otherwise the content is copied into a file without a name, where the
    system has such (Linux), so that a process killed on the way leaves nothing; elsewhere into a hidden file beside
    the output.

    Args:
        finished: The file.
        output: Its new name.
        replace: Whether a file that has that name already may be replaced; otherwise one that appeared at the last
            moment is kept.

    Raises:
        FileExistsError: the name is taken, and may not be.
        OSError: it cannot be written; nothing half-written stays.
    """
    try:
        if replace or not _linked(finished, output):
            finished.replace(output)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        if not _copied_namelessly(finished, output, replace):
            _copied_beside(finished, output)
        finished.unlink()


def _linked(finished: Path, output: Path) -> bool:
    """Give a file a second name, which fails when it is taken, and then take the first; False without such links."""
    try:
        os.link(finished, output)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno == errno.EXDEV:
            raise
        return False
    finished.unlink()
    return True


def _copied_namelessly(finished: Path, output: Path, replace: bool) -> bool:
    """Copy by way of a nameless file; False when the system or the filesystem has no such thing."""
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None:
        return False
    try:
        handle = os.open(output.parent, flag | os.O_WRONLY, 0o666)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT):
            return False
        raise
    with os.fdopen(handle, "wb") as target:
        with finished.open("rb") as source:
            shutil.copyfileobj(source, target, 1 << 20)
        target.flush()
        nameless = f"/proc/self/fd/{target.fileno()}"
        named = output
        if replace and output.exists():  # a link cannot replace a file, a rename can
            named = output.with_name(f".talkingface-{os.getpid()}{output.suffix}")
        try:
            os.link(nameless, named, follow_symlinks=True)
        except FileExistsError:
            raise
        except OSError:  # no /proc, or forbidden by the kernel's settings
            return False
    if named != output:
        named.replace(output)
    return True


def _copied_beside(finished: Path, output: Path) -> None:
    handle, name = tempfile.mkstemp(prefix=".talkingface-", suffix=output.suffix, dir=output.parent)
    os.close(handle)
    beside = Path(name)
    try:
        shutil.copyfile(finished, beside)
        shutil.copymode(finished, beside)
        beside.replace(output)
    finally:
        beside.unlink(missing_ok=True)
