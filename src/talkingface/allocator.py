"""How the C library gives memory back, so that the memory of a long job is what it needs and not what it once used."""

from __future__ import annotations

import ctypes
import sys

_MMAP_THRESHOLD = -3  # glibc's M_MMAP_THRESHOLD
LARGE_BLOCK = 2 << 20


def give_back_large_blocks() -> bool:
    """Let every freed block of 2 MiB or more go back to the system at once; for the rest of the process.

    glibc, left alone, raises that limit to 32 MiB as soon as a large block was freed. Frames then come from heaps that
    several threads share, are freed by another thread than took them, and the holes they leave stay: a dub of 1080p
    took 745 MiB from its second segment on instead of 680. Other systems need no such thing.

    Returns:
        True when the C library took the setting.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, LARGE_BLOCK))
    except (OSError, AttributeError):  # another C library than glibc
        return False
