"""Hand-over between threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from talkingface.dubbing.overlap import Background, prefetch


def helpers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("talkingface-")]


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    yield
    assert helpers() == []


def test_prefetch_keeps_the_order() -> None:
    assert list(prefetch(lambda: iter(range(100)), 3)) == list(range(100))
    assert list(prefetch(lambda: iter(()), 3)) == []


def test_prefetch_runs_ahead_but_not_far() -> None:
    made: list[int] = []

    def source() -> Iterator[int]:
        for number in range(50):
            made.append(number)
            yield number

    with closing(prefetch(source, 4)) as items:
        assert next(items) == 0
        for _ in range(100):
            if len(made) >= 5:
                break
            time.sleep(0.01)
        time.sleep(0.05)
        assert 5 <= len(made) <= 6  # one given, four waiting, one in hand


def test_prefetch_raises_what_its_source_raises_after_the_items_before() -> None:
    def source() -> Iterator[int]:
        yield 1
        yield 2
        raise KeyError("broken")

    got = []
    with pytest.raises(KeyError, match="broken"):
        for item in prefetch(source, 8):
            got.append(item)
    assert got == [1, 2]


def test_prefetch_raises_when_the_source_cannot_be_made() -> None:
    def source() -> Iterator[int]:
        raise OSError("no such file")

    with pytest.raises(OSError, match="no such file"):
        next(prefetch(source, 2))


def test_prefetch_opens_and_closes_its_source_in_its_own_thread() -> None:
    seen: list[tuple[str, str]] = []

    def source() -> Iterator[int]:
        seen.append(("open", threading.current_thread().name))
        try:
            yield from range(1000)
        finally:
            seen.append(("close", threading.current_thread().name))

    with closing(prefetch(source, 2)) as items:
        assert next(items) == 0
    assert seen == [("open", "talkingface-prefetch"), ("close", "talkingface-prefetch")]
    assert helpers() == []


def test_closing_ends_the_thread_although_a_traceback_still_holds_the_generator() -> None:
    with pytest.raises(ValueError, match="stop") as caught, closing(prefetch(lambda: iter(range(1000)), 2)) as items:
        for item in items:
            if item == 3:
                raise ValueError("stop")
    assert caught.tb is not None
    assert helpers() == []


def test_background_handles_everything_in_order() -> None:
    handled: list[int] = []
    background = Background(handled.append, 3)
    for number in range(50):
        background.put(number)
    background.finish()
    assert handled == list(range(50))


def test_background_works_in_another_thread_and_bounds_what_waits() -> None:
    gate, handled = threading.Event(), []

    def handle(item: int) -> None:
        gate.wait(5)
        handled.append((item, threading.current_thread().name))

    background = Background(handle, 2)
    producer = threading.Thread(target=lambda: [background.put(number) for number in range(6)])
    producer.start()
    producer.join(0.1)
    assert producer.is_alive()  # waits: one in hand, two waiting
    gate.set()
    producer.join(5)
    background.finish()
    assert [item for item, _ in handled] == list(range(6))
    assert {name for _, name in handled} == {"talkingface-background"}


def test_background_raises_at_the_next_put() -> None:
    def handle(item: int) -> None:
        raise OSError(f"disk full at {item}")

    background = Background(handle, 2)
    with pytest.raises(OSError, match="disk full at 0"):
        for number in range(100):
            background.put(number)
            time.sleep(0.005)
    background.abandon()


def test_background_raises_at_the_end() -> None:
    def handle(item: int) -> None:
        time.sleep(0.05)
        raise OSError("disk full")

    background = Background(handle, 4)
    background.put(1)
    with pytest.raises(OSError, match="disk full"):
        background.finish()


def test_background_handles_nothing_after_a_failure() -> None:
    handled: list[int] = []

    def handle(item: int) -> None:
        handled.append(item)
        raise OSError("disk full")

    background = Background(handle, 8)
    for number in range(5):
        try:
            background.put(number)
        except OSError:
            break
    with pytest.raises(OSError, match="disk full"):
        background.finish()
    assert handled == [0]


def test_abandoning_drops_what_waits() -> None:
    gate, handled = threading.Event(), []

    def handle(item: int) -> None:
        gate.wait(5)
        handled.append(item)

    background = Background(handle, 8)
    for number in range(6):
        background.put(number)
    time.sleep(0.02)
    threading.Timer(0.05, gate.set).start()
    background.abandon()
    assert handled == [0]


def test_abandoning_after_a_failed_end_is_harmless() -> None:
    def handle(item: int) -> None:
        raise OSError("disk full")

    background = Background(handle, 1)
    background.put(1)
    with pytest.raises(OSError, match="disk full"):
        background.finish()
    background.abandon()
