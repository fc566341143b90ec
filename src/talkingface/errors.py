"""The few exceptions a user can meet. Each says what happened, where, and what to do.

Exit codes (documented in ``docs/cli.md``): 0 done; 1 unforeseen; 2 bad option; 3 unreadable or unsuitable media;
4 no usable face; 5 needed weights missing; 6 output cannot be written; 130 interrupted.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TalkingFaceError(Exception):
    """Base of every error this package raises on purpose; ``exit_code`` is the process's exit status."""

    exit_code: int = 1


class OptionError(TalkingFaceError):
    """An option, key, model, dataset or metric that does not exist, or a value outside its range."""

    exit_code = 2


class MediaError(TalkingFaceError):
    """A file that cannot be read, or holds nothing usable for the job. The message names the file and the reason."""

    exit_code = 3


class NoFaceError(TalkingFaceError):
    """No usable face was found, or the face asked for is not there."""

    exit_code = 4


class WeightsMissingError(TalkingFaceError):
    """Weights this job needs are not installed. The message names the files and how to get them."""

    exit_code = 5


class WeightsUnusableError(WeightsMissingError):
    """A file of weights is there, but is not what its name says: damaged, incomplete, or of another network."""


class OutputError(TalkingFaceError):
    """The result cannot be written where it was asked for."""

    exit_code = 6


class Cancelled(TalkingFaceError):  # noqa: N818 - not a fault, but a way for a job to end
    """The user or the calling program stopped the job."""

    exit_code = 130


def nearest_names(wanted: str, known: Iterable[str], count: int = 3) -> str:
    """Return the part of an error message that names the valid names nearest to a mistyped one.

    Args:
        wanted: What the user typed.
        known: Every valid name.
        count: At most this many near names; when none is near, all are listed.

    Returns:
        For example ``"did you mean 'bounce'? Known: bounce, cut, hold, loop"``.
    """
    names = sorted(known)
    near = difflib.get_close_matches(wanted, names, n=count, cutoff=0.5)
    listed = f"known: {', '.join(names)}"
    if not near:
        return listed
    return f"did you mean {' or '.join(repr(name) for name in near)}? ({listed})"
