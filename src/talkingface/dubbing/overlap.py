"""Doing the next thing while the last one still runs: bounded hand-over between threads, errors included."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Generic, Protocol, TypeVar

Item = TypeVar("Item")

_END = object()
_POLL_SECONDS = 0.2
_AHEAD_BYTES = 32 << 20  # of frames that wait in one hand-over; two at least always do


class FrameSize(Protocol):
    """Anything that tells how large frames are: a stream's description, a plane layout."""

    @property
    def width(self) -> int: ...  # noqa: D102

    @property
    def height(self) -> int: ...  # noqa: D102

    @property
    def bits(self) -> int: ...  # noqa: D102


def bytes_of(frames: FrameSize) -> int:
    """About how many bytes a frame takes: as 4:2:2, between what there is."""
    return max(1, frames.width * frames.height * 2 * (1 if frames.bits <= 8 else 2))


def frames_ahead(frames: FrameSize, most: int) -> int:
    """How many frames may wait in one hand-over: ``most``, or fewer when they are large."""
    return max(2, min(most, _AHEAD_BYTES // bytes_of(frames)))


def prefetch(source: Callable[[], Iterator[Item]], depth: int) -> Generator[Item, None, None]:
    """Run an iterator in a thread of its own, at most ``depth`` items ahead.

    Args:
        source: Makes the iterator; called in the thread, so that whatever it opens is opened there.
        depth: Bound on the items held.

    Yields:
        Its items in order. What it raises is raised here. Closing the generator ends the thread: use
        ``contextlib.closing``, as an exception's traceback would keep it alive.
    """
    waiting: queue.Queue[object] = queue.Queue(maxsize=depth)
    stop = threading.Event()
    failure: list[BaseException] = []

    def put(item: object) -> bool:
        while not stop.is_set():
            try:
                waiting.put(item, timeout=_POLL_SECONDS)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        iterator = None
        try:
            iterator = source()
            for item in iterator:
                if not put(item):
                    return
        except BaseException as error:  # handed to the consumer, who raises it
            failure.append(error)
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()
            put(_END)

    thread = threading.Thread(target=work, name="talkingface-prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item = waiting.get()
            if item is _END:
                break
            yield item  # type: ignore[misc]  # only Items and _END are put
    finally:
        stop.set()
        thread.join()
    if failure:
        raise failure[0]


class Background(Generic[Item]):
    """Hands items to a function in a thread of its own, in order, at most ``depth`` ahead of it."""

    def __init__(self, handle: Callable[[Item], None], depth: int) -> None:
        self._handle = handle
        self._waiting: queue.Queue[object] = queue.Queue(maxsize=depth)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="talkingface-background", daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Hand over one item; waits while the thread is ``depth`` items behind.

        Raises:
            BaseException: what the function raised for an earlier item.
        """
        if self._failure is not None:
            raise self._failure
        self._waiting.put(item)

    def finish(self) -> None:
        """Wait until every item is handled.

        Raises:
            BaseException: what the function raised.
        """
        self._waiting.put(_END)
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def abandon(self) -> None:
        """Drop what is waiting and end the thread, whatever it raises."""
        self._failure = self._failure or InterruptedError("abandoned")
        self._waiting.put(_END)
        self._thread.join()

    def _work(self) -> None:
        while True:
            item = self._waiting.get()
            if item is _END:
                return
            if self._failure is not None:
                continue  # keep emptying, so that put never blocks for ever
            try:
                self._handle(item)  # type: ignore[arg-type]  # only Items and _END are put
            except BaseException as error:  # handed to the producer, who raises it
                self._failure = error
