"""Frames that nobody needs any more leave memory soon."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from talkingface.dubbing.overlap import FrameSize, bytes_of

LOOSE_BYTES = 48 << 20  # of frames that may wait for the collector


@contextmanager
def collected(frames: FrameSize) -> Iterator[Callable[[], None]]:
    """Yield a function to be called once a frame: every so often it collects frames caught in reference cycles.

    PyAV's frames refer to themselves once somebody asked for their side data. Python's collector counts objects, not
    bytes: left alone it lets some hundred frames pile up. What was there before is frozen meanwhile, so that a
    collection only looks at what is new.

    Args:
        frames: How large they are.
    """
    every = max(1, LOOSE_BYTES // bytes_of(frames))
    count = 0

    def passed() -> None:
        nonlocal count
        count += 1
        if count % every == 0:
            gc.collect()

    gc.collect()
    gc.freeze()
    try:
        yield passed
    finally:
        gc.unfreeze()
