"""The report of a dub: everything that decided the result, and everything that was done."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talkingface.dubbing.analysis_store import Analysis
from talkingface.dubbing.job import Job
from talkingface.dubbing.plan import Schedule
from talkingface.dubbing.plan_faces import Voice
from talkingface.dubbing.result import (
    DubResult,
    StageClock,
    passed_ranges,
    peak_memory_mb,
    plain_options,
)
from talkingface.environment import package_versions
from talkingface.errors import OutputError
from talkingface.media.encoding import EncodeSpec


def describe(
    job: Job, backend: str, analysis: Analysis, voices: Sequence[Voice], planned: Schedule, dubbed: NDArray[np.bool_],
    spec: EncodeSpec, notes: list[str], clock: StageClock, resumed: int, look: dict[str, Any],
    weights: Mapping[str, str],
) -> DubResult:  # fmt: skip
    """Put together what a finished dub tells about itself.

    Args:
        job: What was asked for.
        backend: The backend that was chosen.
        analysis: What pass 1 found.
        voices: Who speaks what.
        planned: The frames of the result.
        dubbed: (N,) which of them were spoken.
        spec: How they were encoded.
        notes: Lines the user was told.
        clock: Seconds per stage.
        resumed: Frames that an interrupted run had made.
        look: The expression that was asked for, described.
        weights: SHA-256 of the weights that were used, by file name.
    """
    seconds, duration = clock.total, planned.duration
    speaking = {person.number: voice for voice in voices for person in voice.people}
    faces = [
        {
            "index": person.number,
            "frames": len(person.frames),
            "from": round(float(person.tracks[0].times[0]), 3),
            "to": round(float(person.tracks[-1].times[-1]), 3),
            "shots": len(person.tracks),
            "face_width": round(person.face_width, 1),
            "chosen": person.number in speaking,
            "speaks": str(speaking[person.number].speech.sound.path) if person.number in speaking else None,
        }
        for person in analysis.clip.people
    ]
    report = {
        "face": str(job.face),
        "audio": None if job.audio is None else str(job.audio),
        "output": str(job.output),
        "backend": backend,
        "options": plain_options(job.options),
        "look": look,
        "seed": job.options.seed,
        "versions": package_versions(),
        "weights": dict(weights),
        "frames": {
            "total": len(dubbed),
            "dubbed": int(dubbed.sum()),
            "passed_through": int((~dubbed).sum()),
            "passed_through_ranges": passed_ranges(
                dubbed, _followed(voices, analysis, planned), planned.times, duration
            ),
            "source": analysis.clip.frames,
            "from_interrupted_run": resumed,
        },
        "faces": faces,
        "chosen_because": "; ".join(voice.reason for voice in voices),
        "cuts": [round(float(analysis.clip.frame_times[index]), 3) for index in analysis.clip.cuts],
        "output_stream": {
            "codec": spec.codec,
            "pixel_format": spec.pixel_format,
            "width": spec.width,
            "height": spec.height,
            "time_base": str(spec.time_base),
        },
        "notes": notes,
        "duration": round(duration, 3),
        "seconds": round(seconds, 3),
        "seconds_per_stage": clock.stages,
        "real_time_factor": round(seconds / duration, 3),
        "peak_memory_mb": peak_memory_mb(),
    }
    return DubResult(
        job.output, len(dubbed), int(dubbed.sum()), int((~dubbed).sum()), duration, seconds, seconds / duration, report
    )


def _followed(voices: Sequence[Voice], analysis: Analysis, planned: Schedule) -> NDArray[np.bool_]:
    """(N,) frames of the result in which somebody who speaks was followed."""
    frames = np.zeros(analysis.clip.frames, np.bool_)
    for voice in voices:
        for person in voice.people:
            frames[person.frames] = True
    return np.asarray(frames[planned.order])


def check_report(path: Path, taken: Sequence[Path]) -> None:
    """Make sure that a report can be written.

    Raises:
        OutputError: it names a file of the job, or lies in no folder.
    """
    if any(path.absolute() == other.absolute() for other in taken):
        raise OutputError(f"{path}: --report names a file this job reads or writes; choose another")
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise OutputError(f"{path}: the report cannot be written there; name a file in an existing folder")


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Write a report as JSON; it appears only when whole.

    Raises:
        OutputError: it cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(
            json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", errors="backslashreplace"
        )
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"{path}: the report cannot be written ({error.strerror})") from error
