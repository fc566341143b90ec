"""How the C library gives memory back: at once, so that a job has what it needs, not what it once used; or never.

Networks in torch on the CPU want the second: they take and give back blocks of a hundred MB at every layer.
"""

from __future__ import annotations

import ctypes
import sys

_MMAP_THRESHOLD = -3  # glibc's M_MMAP_THRESHOLD
_MMAP_MAX, _TRIM_THRESHOLD, _TOP_PAD = -4, -1, -2
LARGE_BLOCK = 2 << 20
GROWTH = 256 << 20  # bytes that a process grows by at a time where it keeps what it has


def give_back_large_blocks() -> bool:
    """Let every freed block of 2 MiB or more go back to the system at once; for the rest of the process.

    glibc, left alone, raises that limit to 32 MiB as soon as a large block was freed. Frames then come from heaps that
    several threads share, are freed by another thread than took them, and the holes they leave stay: a dub of 1080p
    took 745 MiB from its second segment on instead of 680. Other systems need no such thing.

    Returns:
        True when the C library took the setting.
    """
    return _set((_MMAP_THRESHOLD, LARGE_BLOCK))


def keep_large_blocks() -> bool:
    """Let the process keep the memory of freed blocks for its next ones, whatever their size; for the rest of it.

    Memory that comes fresh from the system is cleared page by page at its first use. The networks of VideoReTalking
    spent 15 to 25 % of their time on that (E-Net on one core 2595 ms a face, 2027 with this; four faces at once with
    D-Net 608 ms a face, 465 with this). In return the process stays as large as it once was: not together with
    ``give_back_large_blocks``, whose setting this overrules. Other systems have no such setting.

    Returns:
        True when the C library took the setting.
    """
    return _set((_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, GROWTH))


def _set(*settings: tuple[int, int]) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    try:
        library = ctypes.CDLL(None)
        took = [bool(library.mallopt(name, value)) for name, value in settings]
        return all(took)
    except (OSError, AttributeError):  # another C library than glibc
        return False
