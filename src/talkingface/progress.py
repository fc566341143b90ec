"""How a long job tells its caller where it is, and how the caller stops it."""

from __future__ import annotations

import threading
from typing import Protocol

from talkingface.errors import Cancelled


class Progress(Protocol):
    """What a job reports. The command line, a REST job and a web page each render it in their own way."""

    def stage(self, name: str, total: int | None) -> None:
        """A new stage begins; ``total`` is its number of steps (frames mostly), None when unknown."""

    def advance(self, steps: int = 1) -> None:
        """``steps`` more steps of the current stage are done."""

    def message(self, text: str) -> None:
        """One line the user should see (a choice made, a fallback taken, something lost)."""


class SilentProgress:
    """A ``Progress`` that shows nothing but keeps its messages, for reports and tests."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def stage(self, name: str, total: int | None) -> None:
        """Ignore the stage."""

    def advance(self, steps: int = 1) -> None:
        """Ignore the steps."""

    def message(self, text: str) -> None:
        """Keep the line in ``messages``."""
        self.messages.append(text)


class Cancellation:
    """A switch that another thread (or a signal handler) throws to stop a job.

    Jobs call ``check`` at least once a frame.
    """

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the job to stop at its next check."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """True once ``cancel`` was called."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise ``Cancelled`` if the job was asked to stop.

        Raises:
            Cancelled: when ``cancel`` was called.
        """
        if self._event.is_set():
            raise Cancelled("stopped before the end; nothing was written")
