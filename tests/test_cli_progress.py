from __future__ import annotations

import signal
import sys
import threading
from io import StringIO

import pytest
from rich.console import Console
from rich.progress import Progress as Bars

from talkingface.cli_progress import BarProgress, LineProgress, shown_job, stopped_by_signals


def test_without_a_terminal_only_messages_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_job() as (progress, _):
        assert isinstance(progress, LineProgress)
        progress.stage("analyse", 10)
        progress.advance()
        progress.message("chose [index:0]")
    assert capsys.readouterr().err == "chose [index:0]\n"


def test_on_a_terminal_there_are_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with shown_job() as (progress, _):
        progress.stage("analyse", 2)
        progress.advance(2)
        progress.message("a line")
    assert "analyse" in terminal.getvalue() and "2/2" in terminal.getvalue() and "a line" in terminal.getvalue()


@pytest.mark.parametrize(("keep", "left"), [(True, ["one", "two"]), (False, [])])
def test_finished_bars_stay_or_go(keep: bool, left: list[str]) -> None:
    with Bars(console=Console(file=StringIO())) as bars:
        progress = BarProgress(bars, keep)
        progress.advance()  # before any stage: no harm
        progress.stage("one", None)
        progress.advance(3)
        progress.stage("two", 5)
        progress.finish()
        assert [task.description for task in bars.tasks] == left
        assert all(task.finished for task in bars.tasks)


def test_the_first_signal_cancels_and_the_second_interrupts() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), stopped_by_signals() as cancel:
        assert not cancel.cancelled
        signal.raise_signal(signal.SIGTERM)
        assert cancel.cancelled
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_leave_signals_alone() -> None:
    seen: list[bool] = []

    def work() -> None:
        with stopped_by_signals() as cancel:
            seen.append(cancel.cancelled)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
