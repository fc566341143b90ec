"""What a dub tells about itself."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talkingface.options import DubOptions
from talkingface.weights.embedded import asset_sha256

PASSED_BECAUSE = (
    "the mouth of the chosen face is not surely seen (turned away, covered or cut by the picture's edge)",
    "the chosen face is not in the picture",
)


@dataclass(frozen=True)
class DubResult:
    """A finished dub.

    Attributes:
        output: The file written.
        frames_total: Frames in it.
        frames_dubbed: Frames whose lips were spoken.
        frames_passed: Frames passed through unchanged (no face, or its mouth not surely seen).
        duration: Seconds it plays.
        seconds: Seconds it took.
        real_time_factor: ``seconds / duration``; below 1 is faster than real time.
        report: Everything ``--report`` writes, JSON-ready.
    """

    output: Path
    frames_total: int
    frames_dubbed: int
    frames_passed: int
    duration: float
    seconds: float
    real_time_factor: float
    report: dict[str, Any] = field(repr=False)


class StageClock:
    """Seconds per stage."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.stages: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time inside to a stage."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.stages[name] = round(self.stages.get(name, 0.0) + time.perf_counter() - begin, 3)

    @property
    def total(self) -> float:
        """Seconds since the clock was made."""
        return time.perf_counter() - self.started


def peak_memory_mb() -> float | None:
    """Largest resident size of this process so far, MiB; None where the system does not tell (Windows)."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Linux counts in getrusage what the process that started this one held; this figure is our own.
        found = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE)
        if found is not None:
            return round(int(found[1]) / 1024, 1)
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)


def weight_hashes(names: tuple[str, ...]) -> dict[str, str]:
    """SHA-256 of each embedded file used."""
    return {name: asset_sha256(name) for name in names}


def passed_ranges(
    dubbed: NDArray[np.bool_], present: NDArray[np.bool_], times: NDArray[np.float64], end: float
) -> list[dict[str, Any]]:
    """Time ranges of the result in which frames were passed through, each with its reason.

    Args:
        dubbed: (N,) frames whose lips were spoken.
        present: (N,) frames in which a face that is to speak was followed.
        times: (N,) seconds.
        end: Seconds at which the last frame ends.
    """
    kinds = np.where(dubbed, 0, np.where(present, 1, 2))
    edges = np.flatnonzero(np.diff(np.concatenate([[-1], kinds, [-1]])))
    ranges = []
    for first, last in pairwise(edges):
        if kinds[first] == 0:
            continue
        stop = float(times[last]) if last < len(times) else end
        ranges.append(
            {
                "from": round(float(times[first]), 3),
                "to": round(stop, 3),
                "frames": int(last - first),
                "reason": PASSED_BECAUSE[int(kinds[first]) - 1],
            }
        )
    return ranges


def plain_options(options: DubOptions) -> dict[str, Any]:
    """The options as JSON-ready values."""
    return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(options).items()}
