"""Is the place a result is wanted at usable? Asked before any work is done."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from talkingface.errors import OptionError, OutputError, nearest_names

SUFFIXES: dict[str, tuple[str, ...]] = {
    "h264": (".mp4", ".m4v", ".mov", ".mkv"),
    "hevc": (".mp4", ".m4v", ".mov", ".mkv"),
    "ffv1": (".mkv", ".mp4"),
}
"""File suffixes each video codec can be written under."""


def check_output(path: Path, overwrite: bool, inputs: Sequence[Path], codec: str = "h264") -> None:
    """Make sure that a result can be written, as far as that can be known beforehand.

    Args:
        path: Where the result is wanted.
        overwrite: Whether a file that is there may be replaced.
        inputs: Files that are read; none of them may be replaced.
        codec: ``"h264"``, ``"hevc"`` or ``"ffv1"``.

    Raises:
        OptionError: unknown codec.
        OutputError: the suffix names no container for the codec, the folder is missing or cannot be written in, the
            path is a directory or an input, or a file is there that may not be replaced.
    """
    if codec not in SUFFIXES:
        raise OptionError(f"unknown video codec {codec!r}: {nearest_names(codec, SUFFIXES)}")
    suffixes = SUFFIXES[codec]
    try:
        _check_path(path, overwrite, inputs, codec, suffixes)
    except OSError as error:  # such as a name too long for the filesystem
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
    except ValueError as error:  # a zero byte
        raise OutputError(f"{path!s}: is no name for a file ({error})") from error


def _check_path(path: Path, overwrite: bool, inputs: Sequence[Path], codec: str, suffixes: tuple[str, ...]) -> None:
    if path.is_dir():
        raise OutputError(f"{path}: is a directory; name a file in it, such as {path / 'out'}{suffixes[0]}")
    if path.suffix.lower() not in suffixes:
        has = f"suffix {path.suffix!r} cannot hold" if path.suffix else "a name without suffix names no container for"
        raise OutputError(f"{path}: {has} {codec} video; use one of {', '.join(suffixes)}")
    if any(_same_file(path, source) for source in inputs):
        raise OutputError(f"{path}: is also an input; choose another name for the output")
    if path.exists() and not path.is_file():
        raise OutputError(f"{path}: is there and is no ordinary file")
    if path.is_symlink() and not path.exists():
        raise OutputError(f"{path}: is a link to a file that is not there; name that file instead")
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: is already there; choose another name, or allow replacing it with --overwrite")
    _check_folder(path.absolute().parent)


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one.resolve() == other.resolve()


def _check_folder(folder: Path) -> None:
    if not folder.exists():
        raise OutputError(f"{folder}: no such folder; make it first")
    if not folder.is_dir():
        raise OutputError(f"{folder}: is not a folder")
    try:
        # Permission bits do not tell of read-only filesystems and quotas; a nameless file does.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written in ({error.strerror or error})") from error
