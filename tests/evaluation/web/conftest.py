"""A small report and the clips it is about, made for the tests of the web page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from talkingface.evaluation.result import EvaluationRow

ODD_NAME = "<script>alert(\"1\")</script> & 'b'"
CONTROLS = ("original, own sound", "frozen frame")
GrayClip = Callable[..., Path]


def write_gray(
    path: Path,
    levels: Sequence[int],
    times: Sequence[float],
    *,
    size: tuple[int, int] = (64, 48),
    seconds_of_sound: float = 0.0,
) -> Path:
    """Write a clip whose frames are of one gray each, at any times in whole milliseconds."""
    with av.open(str(path), "w") as output:
        video = output.add_stream("ffv1", rate=25)
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        video.time_base = video.codec_context.time_base = Fraction(1, 1000)
        sound = output.add_stream("pcm_s16le", rate=16_000, layout="mono") if seconds_of_sound else None
        for level, time in zip(levels, times, strict=True):
            frame = av.VideoFrame(*size, "yuv420p")
            for plane, value in zip(frame.planes, (level, 128, 128), strict=True):
                plane.update(bytes([value]) * plane.buffer_size)
            frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        if sound is not None:
            tone = np.sin(np.arange(round(seconds_of_sound * 16_000)) * 0.1) * 12_000
            block = av.AudioFrame.from_ndarray(tone[None].astype(np.int16), "s16", "mono")
            block.sample_rate, block.pts, block.time_base = 16_000, 0, Fraction(1, 16_000)
            output.mux(sound.encode(block))
            output.mux(sound.encode(None))
    return path


@pytest.fixture
def gray_clip(tmp_path: Path) -> GrayClip:
    """``gray_clip("a.mkv", levels, times, size=..., seconds_of_sound=...)``."""
    return lambda name, levels, times, **how: write_gray(tmp_path / name, levels, times, **how)


def cell(value: float | None, reason: str | None = None) -> dict[str, Any]:
    return {"value": value, "reason": reason}


def details(frames: int = 50) -> dict[str, Any]:
    times = [round(frame / 25, 3) for frame in range(frames)]
    late = list(range(-15, 16))
    return {
        "frames": frames,
        "frames_without_face": 2,
        "sync": {"offset": 2, "lips_late_by": late, "distance": [1.2 - 0.5 / (1 + (n - 2) ** 2) for n in late]},
        "curves": {
            "time": times,
            "face_box": [None if frame in (10, 11) else [20.0, 10.0, 44.0, 40.0] for frame in range(frames)],
            "opening": [None if frame in (10, 11) else 0.1 + 0.05 * np.sin(frame) for frame in range(frames)],
            "true_opening": [0.1 + 0.05 * float(np.cos(frame)) for frame in range(frames)],
            "sync_time": times,
            "sync_distance": [0.8] * frames,
            "sync_confidence": [0.4] * frames,
        },
    }


@pytest.fixture
def report() -> dict[str, Any]:
    """As ``report.json`` holds it: a clip with an odd name, one whose files are gone, and one that failed."""
    metrics = ["sync_confidence", "sync_offset", "aperture_correlation"]
    scored = {"sync_confidence": cell(0.25), "sync_offset": cell(-2.0),
              "aperture_correlation": cell(None, "n/a: no truth")}  # fmt: skip
    failed = {name: cell(None, "failed: no face") for name in metrics}
    controls = {name: {"sync_confidence": cell(0.0625)} for name in CONTROLS}
    return {
        "metrics": metrics,
        "rows": {ODD_NAME: scored, "gone": scored, "bad": failed},
        "controls": controls,
        "means": {"sync_confidence": cell(0.25), "sync_offset": cell(2.0), "aperture_correlation": cell(None, "n/a")},
        "success_rate": 2 / 3,
        "failures": {"bad": "/x/<b>y</b>.mp4: no face was found"},
        "notes": ["a note with <i>markup</i>"],
        "clip_controls": {ODD_NAME: controls, "gone": controls},
        "details": {ODD_NAME: details(), "gone": {}},
        "intervals": {"sync_confidence": {"low": 0.125, "high": 0.375, "clips": 2}},
        "control_intervals": {"frozen frame": {"sync_confidence": {"low": 0.03, "high": 0.09, "clips": 2}}},
        "about_metrics": {
            "sync_confidence": {"unit": "", "direction": "higher", "help": "How clearly lips fit the sound"},
            "sync_offset": {"unit": "frames", "direction": "near 0", "help": "How far the lips lag"},
            "aperture_correlation": {"unit": "", "direction": "higher", "help": "Likeness of the opening"},
        },
        "options": {"device": "auto", "threads": 0, "manifest": None},
        "versions": {"python": "3.12", "packages": {"talkingface": "0.1.0", "torch": None}},
        "files": {"/x/<b>y</b>.mp4": "ab" * 32},
    }


@pytest.fixture
def rows(tmp_path: Path, gray_clip: GrayClip) -> list[EvaluationRow]:
    """The clips of ``report``: two seconds long, the source with the same frames at half the level."""
    times = [frame / 25 for frame in range(50)]
    generated = gray_clip("generated.mkv", [80 + frame for frame in range(50)], times, seconds_of_sound=2.0)
    source = gray_clip("source.mkv", [40 + frame for frame in range(50)], times)
    return [
        EvaluationRow(ODD_NAME, generated, source, generated),
        EvaluationRow("gone", tmp_path / "gone.mp4", source, generated),
        EvaluationRow("bad", None, source, generated, failure="no face"),
    ]
