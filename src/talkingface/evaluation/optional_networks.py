"""Libraries and weights that some metrics need and the package does not bring: opened where they are, else named.

Nothing is downloaded while scoring. A score says what to install, or which file to put where; a network is never used
without its weights.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

INSTALL = "pip install 'talkingface[perceptual]'"
PYIQA_URL = "https://huggingface.co/chaofengc/IQA-PyTorch-Weights/resolve/main/"


class NotAvailable(Exception):  # noqa: N818 - not a fault: the reason a score is missing
    """A library or a file is not there; the message is the score's reason, beginning with ``n/a: ``."""


def library(*names: str) -> list[Any]:
    """Import modules that are no requirement of the package.

    Raises:
        NotAvailable: one cannot be imported, with what to install.
    """
    modules: list[Any] = []
    for name in names:
        try:
            with quiet():
                modules.append(importlib.import_module(name))
        except ImportError as error:
            missing = error.name or name
            raise NotAvailable(f"n/a: needs {missing.partition('.')[0]}: {INSTALL}") from error
        except Exception as error:  # such as a torchvision that was built for another torch
            raise NotAvailable(f"n/a: {name} is installed but cannot be loaded ({error}): {INSTALL}") from error
    return modules


def weights_file(places: Sequence[Path], url: str, sha256: str | None = None) -> Path:
    """Where a file of weights lies.

    Args:
        places: Paths to look at; the first is named when it is at none of them.
        url: Where it can be had.
        sha256: What its hash begins with; None when that is not known.

    Raises:
        NotAvailable: it is at none of the places, or is another file.
    """
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise NotAvailable(f"n/a: put {url} at {places[0]}")
    if sha256 is not None and not _hash_of(found).startswith(sha256):
        raise NotAvailable(f"n/a: {found} is damaged or another file; put {url} there")
    return found


def check_holds_weights(torch: Any, path: Path) -> None:
    """Refuse a file of torch that would run code: some libraries load theirs in the way that allows it.

    Raises:
        NotAvailable: it holds anything but tensors and plain containers.
    """
    try:
        torch.load(str(path), map_location="cpu", weights_only=True)
    except Exception as error:  # torch and pickle raise all kinds
        raise NotAvailable(f"n/a: {path} holds something else than weights, or is damaged") from error


def hub_file(torch: Any, *parts: str) -> Path:
    """A path in torch's own cache of weights (``~/.cache/torch/hub``, or as ``TORCH_HOME`` says)."""
    return Path(torch.hub.get_dir(), *parts)


def torch_device(torch: Any, asked: str) -> str:
    """The device optional networks run on: ``auto`` is a graphics card where there is one."""
    if asked != "auto":
        return asked
    return "cuda" if torch.cuda.is_available() else "cpu"


@contextlib.contextmanager
def opening(what: str) -> Iterator[None]:
    """Open a network of a library: whatever goes wrong is the score's reason, and nothing is printed.

    Raises:
        NotAvailable: a file holds something else, a version wants other weights, or there is no such device.
    """
    try:
        with quiet():
            yield
    except Exception as error:  # libraries raise all kinds
        raise NotAvailable(f"n/a: {what} cannot be used: {type(error).__name__}: {error}") from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what libraries print off standard output, where a report may be going."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
