"""How a job shows itself in a terminal, and how Ctrl-C and SIGTERM stop it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from talkingface.progress import Cancellation, Progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

_WIDTH_IN_FILES = 160


class LineProgress:
    """Messages as lines on standard error, and no bars: for logs and pipes."""

    def stage(self, name: str, total: int | None) -> None:
        """Show nothing: a line for each stage would drown the messages."""

    def advance(self, steps: int = 1) -> None:
        """Show nothing."""

    def message(self, text: str) -> None:
        """Print the line."""
        print(text, file=sys.stderr, flush=True)


class BarProgress:
    """A bar for each stage on standard error, drawn by rich.

    Args:
        bars: A started ``rich.progress.Progress``.
        keep: True leaves the bars of finished stages on the screen.
    """

    def __init__(self, bars: Bars, keep: bool) -> None:
        self._bars = bars
        self._keep = keep
        self._task: TaskID | None = None

    def stage(self, name: str, total: int | None) -> None:
        """Finish the bar there is, and begin one for the new stage."""
        self.finish()
        self._task = self._bars.add_task(name, total=total)

    def advance(self, steps: int = 1) -> None:
        """Move the bar."""
        if self._task is not None:
            self._bars.advance(self._task, steps)

    def message(self, text: str) -> None:
        """Print the line above the bars."""
        self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def finish(self) -> None:
        """End the bar there is."""
        if self._task is None:
            return
        if self._keep:
            done = next(task.completed for task in self._bars.tasks if task.id == self._task)
            self._bars.update(self._task, total=done or 1, completed=done or 1)
            self._bars.stop_task(self._task)
        else:
            self._bars.remove_task(self._task)
        self._task = None


@contextmanager
def shown_job(keep_bars: bool = True) -> Iterator[tuple[Progress, Cancellation]]:
    """Show progress and obey Ctrl-C and SIGTERM while the block runs.

    Args:
        keep_bars: True leaves the bars of finished stages on the screen.

    Yields:
        What to hand to the job.
    """
    with stopped_by_signals() as cancel:
        if not sys.stderr.isatty():
            yield LineProgress(), cancel
            return
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Bars(*columns, console=error_console()) as bars:
            progress = BarProgress(bars, keep_bars)
            yield progress, cancel
            progress.finish()


def output_console() -> Console:
    """Return a rich console on standard output; in a pipe or file it is wide enough for any table."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=_WIDTH_IN_FILES)


def error_console() -> Console:
    """Return a rich console on standard error."""
    from rich.console import Console

    return Console(stderr=True)


@contextmanager
def stopped_by_signals() -> Iterator[Cancellation]:
    """Yield a cancellation that the first Ctrl-C or SIGTERM throws. A second one interrupts at once."""
    cancel = Cancellation()
    if threading.current_thread() is not threading.main_thread():
        yield cancel  # only the main thread may set signal handlers; whoever runs us elsewhere stops us otherwise
        return

    def stop(number: int, frame: FrameType | None) -> None:
        if cancel.cancelled:
            raise KeyboardInterrupt
        cancel.cancel()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
