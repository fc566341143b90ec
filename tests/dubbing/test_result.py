"""What a dub tells about itself."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from talkingface.dubbing.result import StageClock, passed_ranges, peak_memory_mb, plain_options, weight_hashes
from talkingface.options import DubOptions

TIMES = np.arange(10) / 25


def ranges(dubbed: list[int]) -> list[tuple[float, float, int]]:
    found = passed_ranges(np.array(dubbed, bool), np.zeros(len(dubbed), bool), TIMES[: len(dubbed)], len(dubbed) / 25)
    assert all(entry["reason"] for entry in found)
    json.dumps(found)
    return [(entry["from"], entry["to"], entry["frames"]) for entry in found]


def test_nothing_passed() -> None:
    assert ranges([1] * 10) == []


def test_everything_passed() -> None:
    assert ranges([0] * 10) == [(0.0, 0.4, 10)]


def test_ranges_at_both_ends_and_between() -> None:
    assert ranges([0, 0, 1, 1, 0, 1, 1, 1, 1, 0]) == [(0.0, 0.08, 2), (0.16, 0.2, 1), (0.36, 0.4, 1)]


def test_each_range_has_its_reason() -> None:
    found = passed_ranges(np.array([1, 0, 0, 0, 1], bool), np.array([1, 1, 0, 0, 1], bool), TIMES[:5], 0.2)
    assert [(entry["from"], entry["frames"]) for entry in found] == [(0.04, 1), (0.08, 2)]
    assert "not surely seen" in found[0]["reason"]
    assert "not in the picture" in found[1]["reason"]


def test_stages_add_up() -> None:
    clock = StageClock()
    with clock.stage("one"):
        time.sleep(0.02)
    with clock.stage("two"):
        pass
    with pytest.raises(KeyError), clock.stage("one"):
        time.sleep(0.02)
        raise KeyError
    assert list(clock.stages) == ["one", "two"]
    assert clock.stages["one"] >= 0.04
    assert clock.total >= clock.stages["one"] - 0.001  # stages are rounded


def test_memory_is_in_mebibytes(monkeypatch: pytest.MonkeyPatch) -> None:
    peak = peak_memory_mb()
    assert peak is not None
    assert 10 < peak < 100_000
    block = np.ones(200 << 20, np.uint8)
    assert block[-1] == 1
    assert (peak_memory_mb() or 0) >= 200
    monkeypatch.setattr(Path, "is_file", lambda path: False)  # as on systems without /proc
    assert 10 < (peak_memory_mb() or 0) < 100_000
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows
    assert peak_memory_mb() is None


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="only Linux mixes the two up")
def test_memory_of_the_process_that_started_it_does_not_count() -> None:
    block = np.ones(400 << 20, np.uint8)
    code = "from talkingface.dubbing.result import peak_memory_mb; print(peak_memory_mb())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 350
    assert block[0] == 1


def test_hashes_and_options_are_ready_for_json() -> None:
    hashes = weight_hashes(("mouth_shape.npz",))
    assert len(hashes["mouth_shape.npz"]) == 64
    options = plain_options(DubOptions(work_dir=Path("somewhere"), crf=12))
    assert options["crf"] == 12
    assert options["work_dir"] == "somewhere"
    assert options["report"] is None
    json.dumps(options)
