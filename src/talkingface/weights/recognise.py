"""Whose weights a file holds: told from what is in it, not from its name."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from talkingface.errors import OptionError, OutputError, WeightsUnusableError
from talkingface.weights.catalog import CATALOG, NOT_USED, CatalogEntry
from talkingface.weights.checkpoint import read_checkpoint
from talkingface.weights.coverage import Coverage, coverage
from talkingface.weights.hashing import file_sha256
from talkingface.weights.matlab import is_matlab, matlab_names
from talkingface.weights.released import unwrapped
from talkingface.weights.state import own_state

MATLAB_NAMES = {"StandardLandmarks": ("lm",), "ExpressionTemplates": ("expression_center", "expression_mouth")}


def recognise(path: Path) -> CatalogEntry:
    """Whose weights a file holds.

    Args:
        path: A file of torch, safetensors or MATLAB is known by its content, whatever its name; another kind by its
            hash or its name.

    Raises:
        WeightsUnusableError: it is damaged, or nothing of the catalog; the message names what it comes nearest to.
        OptionError: it fits several, and its name does not tell which.
    """
    if not path.is_file():
        raise WeightsUnusableError(f"{path}: there is no such file")
    digest = file_sha256(path)
    for entry in CATALOG.values():
        if entry.matches(digest):
            return entry
    named = _by_name(path)
    if is_matlab(path) and (named is None or named.network or named.name in MATLAB_NAMES):
        return _by_variables(path)
    if named is not None and not named.network and named.stage != NOT_USED:
        check_other(named, path, digest)
        return named
    content = read_checkpoint(path)
    return _by_tensors(path, content, named)


def check_other(entry: CatalogEntry, path: Path, digest: str) -> None:
    """Make sure of a file that no torch network of ours reads.

    Raises:
        WeightsUnusableError: it is not what it should be, as far as that can be told.
    """
    if path.stat().st_size == 0:
        raise WeightsUnusableError(f"{path}: is empty; {_again(entry)}")
    if entry.matches(digest) is False:
        raise WeightsUnusableError(
            f"{path}: is not {entry.files[0]}: its SHA-256 is {digest} instead of {entry.sha256}; {_again(entry)}"
        )
    if entry.name in MATLAB_NAMES and not (is_matlab(path) and _by_variables(path) is entry):
        raise WeightsUnusableError(f"{path}: is not {entry.files[0]}; {_again(entry)}")


def copy_into_place(path: Path, target: Path, overwrite: bool = False) -> bool:
    """Copy a file, whole or not at all.

    Returns:
        False when the same file is there already.

    Raises:
        OutputError: another file is there, or it cannot be written.
    """
    made: Path | None = None
    try:
        if target.exists():
            if path.samefile(target) or file_sha256(path) == file_sha256(target):
                return False
            if not overwrite:
                raise OutputError(f"{target}: another file is there already; --overwrite replaces it")
        target.parent.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(prefix=".importing-", dir=target.parent)
        os.close(number)
        made = Path(name)
        shutil.copyfile(path, made)
        made.chmod(0o644)
        made.replace(target)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({error.strerror or error})") from error
    finally:
        if made is not None:
            made.unlink(missing_ok=True)
    return True


def _by_tensors(path: Path, content: Any, named: CatalogEntry | None) -> CatalogEntry:
    fitting: list[CatalogEntry] = []
    nearest: tuple[CatalogEntry, Coverage] | None = None
    for network in dict.fromkeys(entry.network for entry in CATALOG.values() if entry.network):
        state = unwrapped(network, content)
        if state is None:
            continue
        entries = [entry for entry in CATALOG.values() if entry.network == network]
        found = coverage(state, own_state(network))
        if found.complete:
            fitting += entries
        elif nearest is None or found.fitting / found.wanted > nearest[1].fitting / nearest[1].wanted:
            nearest = entries[0], found
    if not fitting:
        if nearest is None:
            raise WeightsUnusableError(f"{path}: does not hold tensors by name, so it is no weights of the catalog")
        entry, found = nearest
        raise WeightsUnusableError(f"{path}: is no weights of the catalog; nearest to {entry.name}: {found}")
    if len(fitting) == 1:
        return fitting[0]
    if named in fitting:
        return named
    names = " or ".join(f"{entry.name} ({entry.files[0]})" for entry in fitting)
    raise OptionError(f"{path}: fits {names}; give the file the name of the one it is")


def _by_variables(path: Path) -> CatalogEntry:
    try:
        names = matlab_names(path)
    except ValueError as error:
        raise WeightsUnusableError(f"{path}: cannot be read: {error}") from error
    for name, wanted in MATLAB_NAMES.items():
        if all(variable in names for variable in wanted):
            return CATALOG[name]
    listed = ", ".join(names[:5]) or "none"
    raise WeightsUnusableError(f"{path}: is no MATLAB file of the catalog; its variables: {listed}")


def _by_name(path: Path) -> CatalogEntry | None:
    name = path.name.lower()
    entries = (entry for entry in CATALOG.values() if not entry.embedded)
    return next((entry for entry in entries if name in _file_names(entry)), None)


def _file_names(entry: CatalogEntry) -> set[str]:
    return {PurePosixPath(file).name.lower() for file in entry.files}


def _again(entry: CatalogEntry) -> str:
    return f"put the released {entry.files[0]} there again"
