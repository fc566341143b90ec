"""The report of a dub: everything that decided the result, and everything that was done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkingface.dubbing.analyse import Analysis
from talkingface.dubbing.plan import Schedule
from talkingface.dubbing.result import (
    DubResult,
    StageClock,
    passed_ranges,
    peak_memory_mb,
    plain_options,
    weight_hashes,
)
from talkingface.environment import package_versions
from talkingface.faces.track import FaceTrack
from talkingface.media.encoding import EncodeSpec
from talkingface.models.video_retalking.backends import LANDMARK_WEIGHTS
from talkingface.options import DubOptions


@dataclass(frozen=True)
class Job:
    """What was asked for.

    Attributes:
        face: The video or picture.
        audio: The sound.
        output: The file to write.
        options: How.
        backend: The backend that was chosen.
    """

    face: Path
    audio: Path
    output: Path
    options: DubOptions
    backend: str


def describe(
    job: Job, analysis: Analysis, track: FaceTrack, reason: str, planned: Schedule, dubbed: NDArray[np.bool_],
    spec: EncodeSpec, notes: list[str], clock: StageClock,
) -> DubResult:  # fmt: skip
    """Put together what a finished dub tells about itself.

    Args:
        job: What was asked for.
        analysis: What pass 1 found.
        track: The face that was chosen.
        reason: Why it was.
        planned: The frames of the result.
        dubbed: (N,) which of them were spoken.
        spec: How they were encoded.
        notes: Lines the user was told.
        clock: Seconds per stage.
    """
    seconds, duration = clock.total, planned.duration
    faces = [
        {
            "index": index,
            "frames": len(other),
            "from": round(float(other.times[0]), 3),
            "to": round(float(other.times[-1]), 3),
            "face_width": round(other.face_width, 1),
            "chosen": other is track,
        }
        for index, other in enumerate(analysis.clip.tracks)
    ]
    report = {
        "face": str(job.face),
        "audio": str(job.audio),
        "output": str(job.output),
        "backend": job.backend,
        "options": plain_options(job.options),
        "seed": job.options.seed,
        "versions": package_versions(),
        "weights": weight_hashes(LANDMARK_WEIGHTS),
        "frames": {
            "total": len(dubbed),
            "dubbed": int(dubbed.sum()),
            "passed_through": int((~dubbed).sum()),
            "passed_through_ranges": passed_ranges(dubbed, planned.times, duration),
            "source": analysis.clip.frames,
        },
        "faces": faces,
        "chosen_because": reason,
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
