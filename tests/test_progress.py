"""What jobs report, and how they are stopped."""

from __future__ import annotations

import threading

import pytest

from talkingface.errors import Cancelled
from talkingface.progress import Cancellation, SilentProgress


def test_silent_progress_keeps_its_messages() -> None:
    progress = SilentProgress()
    progress.stage("find faces", 10)
    progress.advance()
    progress.message("first")
    progress.message("second")
    assert progress.messages == ["first", "second"]


def test_cancellation_is_seen_by_another_thread() -> None:
    cancel = Cancellation()
    cancel.check()
    assert not cancel.cancelled
    thread = threading.Thread(target=cancel.cancel)
    thread.start()
    thread.join()
    assert cancel.cancelled
    with pytest.raises(Cancelled) as caught:
        cancel.check()
    assert caught.value.exit_code == 130
