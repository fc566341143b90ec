"""Are the files of weights that are there what their names say?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from talkingface.errors import WeightsUnusableError
from talkingface.weights.catalog import CatalogEntry
from talkingface.weights.hashing import file_sha256
from talkingface.weights.recognise import check_other
from talkingface.weights.state import checked_state, own_state


@dataclass(frozen=True)
class Verdict:
    """What is to be said of one file.

    Attributes:
        name: Of the catalog.
        path: The file.
        ok: Whether it is what its name says.
        sha256: Of the file.
        detail: What was found; when it is bad, what to do.
    """

    name: str
    path: Path
    ok: bool
    sha256: str
    detail: str


def verify(entry: CatalogEntry, path: Path) -> Verdict:
    """Look at a file's hash, where the released one's is known, and at every tensor's name, shape and numbers.

    Args:
        entry: What it should be.
        path: The file; one of safetensors was made by ``convert`` and has a hash of its own.
    """
    try:
        digest = file_sha256(path)
    except OSError as error:
        return Verdict(entry.name, path, False, "", f"cannot be read: {error.strerror or error}")
    own = path.suffix == ".safetensors"
    known = None if own else entry.matches(digest)
    try:
        if entry.network:
            count = len(checked_state(entry, path, own_state(entry.network)))
            held = f"all {count} tensors fit"
        else:
            check_other(entry, path, digest)
            held = "its content was not looked into" if known is None else ""
    except WeightsUnusableError as error:
        return Verdict(entry.name, path, False, digest, str(error).removeprefix(f"{path}: "))
    if known is False:
        detail = f"{held}, but it is not the released file: its SHA-256 is {digest} instead of {entry.sha256}"
        return Verdict(entry.name, path, False, digest, detail)
    told = "the released file's SHA-256" if known else "converted" if own else "the released SHA-256 is not known"
    return Verdict(entry.name, path, True, digest, ", ".join(part for part in (held, told) if part))
