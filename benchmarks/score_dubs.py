"""Dub every face of a folder with every sound and with its own, and score the results.

    python benchmarks/score_dubs.py OUT --faces CLIP... --sounds SOUND... [--threads 2]

Prints a row a dub (lag, sync confidence with and without the dub, sharpness, flicker, aperture correlation where the
face's own sound drives it), the means, the control rows, and how many dubs have their offset within one frame.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import talkingface
from talkingface.evaluation.protocol import evaluate
from talkingface.evaluation.registry import METRICS
from talkingface.evaluation.result import EvaluationRow

SHOWN = (
    "sync_offset",
    "sync_confidence",
    "sharpness_ratio",
    "flicker_ratio",
    "aperture_correlation",
    "mouth_landmark_distance",
    "real_time_factor",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--faces", type=Path, nargs="+", required=True)
    parser.add_argument("--sounds", type=Path, nargs="*", default=[])
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    rows = []
    for face in arguments.faces:
        for sound in [*arguments.sounds, face]:
            own = sound == face
            name = f"{face.stem}_{'own' if own else sound.stem}"
            target = arguments.output / f"{name}.mp4"
            result = talkingface.dub(face, sound, target, overwrite=True, threads=arguments.threads)
            rows.append(
                EvaluationRow(
                    name=name,
                    generated=target,
                    face=face,
                    audio=sound,
                    truth=face if own else None,
                    failure=None,
                    seconds=result.seconds,
                    media_seconds=result.duration,
                )
            )
    result = evaluate(rows, list(METRICS), threads=arguments.threads)
    report = result.to_json()
    (arguments.output / "scores.json").write_text(json.dumps(report, indent=1))
    print("dub".ljust(28), *(name.rjust(24) for name in SHOWN))

    def line(title: str, scores: dict) -> None:
        cells = []
        for name in SHOWN:
            value = scores.get(name, {}).get("value")
            cells.append("-".rjust(24) if value is None else f"{value:.3f}".rjust(24))
        print(title.ljust(28), *cells)

    within = 0
    for row, scores in result.rows.items():
        line(row, report["rows"][row])
        offset = scores["sync_offset"].value
        within += offset is not None and abs(offset) <= 1
    line("mean", report["means"])
    for control, scores in report["controls"].items():
        line(f"[{control}]", scores)
    print(f"offset within one frame: {within} of {len(rows)}")


if __name__ == "__main__":
    main()
