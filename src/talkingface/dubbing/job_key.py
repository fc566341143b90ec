"""Names for results that depend on all that decides them, and on nothing else: content, options, code, weights."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

from talkingface import __version__
from talkingface.environment import package_versions
from talkingface.errors import MediaError
from talkingface.media.probe import check_file
from talkingface.progress import Cancellation
from talkingface.weights.embedded import EMBEDDED_FILES, asset_sha256

_ROOMS = (
    "media",
    "faces",
    "still",
    "dubbing",
    "compose",
    "models",
    "restore",
    "weights",
)  # whose code decides a result
_MODULES = ("options.py", "option_values.py")  # and of the others
_PIECE = 1 << 20


def file_digest(path: Path, cancel: Cancellation) -> str:
    """SHA-256 of a file's content.

    Raises:
        MediaError: it cannot be read.
        Cancelled: when asked to stop.
    """
    check_file(path)
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                cancel.check()
                digest.update(piece)
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({error.strerror or error})") from error
    return digest.hexdigest()


@functools.cache  # the code that runs is what was loaded first, whatever happens to the files meanwhile
def code_digest() -> str:
    """A digest of this version: of its code where that lies open, its weights, and the packages it works with."""
    digest = hashlib.sha256(__version__.encode())
    package = Path(str(resources.files("talkingface")))
    sources = [package / name for name in _MODULES]
    for room in _ROOMS:
        sources += sorted((package / room).rglob("*.py"))
    for source in sources:
        if source.is_file():
            digest.update(source.read_bytes())
    for name in EMBEDDED_FILES:
        digest.update(asset_sha256(name).encode())
    # another encoder or another runtime of the networks makes other frames, which must not be joined to earlier ones
    digest.update(json.dumps(package_versions(), sort_keys=True).encode())
    return digest.hexdigest()


def key_of(parts: Iterable[Any]) -> str:
    """SHA-256 of JSON-ready values."""
    text = json.dumps(list(parts), sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
