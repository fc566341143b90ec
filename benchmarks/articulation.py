"""How well the shipped mouth network articulates for people it never saw: prints a Markdown table.

    python benchmarks/articulation.py --manifest clips/manifest.csv --split test --cache /tmp/articulation

Needs the extra [train]. Each clip's own mouth is the truth. Offsets between sound and picture are common in found
footage, so every correlation is given twice: as it is, and with the clip's own offset taken out.

The rule: the scoring sync expert compares mouth and sound at offsets of -15 to 15 frames of 1/25 s; where its
confidence is at least 0.2 and the best offset is at most 8 frames, the sound is moved by it. The offset is chosen on
the clip that is scored, so these figures are a little too good; the raw ones are too bad wherever sound and picture
really disagree.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from talkingface.models.video_retalking.landmark.canonicalize import MouthShapeModel
from talkingface.progress import Cancellation, SilentProgress
from talkingface.training.clip_list import VIDEO_ENDINGS, ListedClip
from talkingface.training.examples import Example, make_examples
from talkingface.training.extract import prepare_pack
from talkingface.training.mouth_figures import with_baselines
from talkingface.training.mouth_rows import speech_of_clip
from talkingface.training.speech_embedding import load_speech_embedding
from talkingface.training.sync_expert import SyncReading, distance_curve, moved, read_curve
from talkingface.weights.embedded import create_session

MIN_FRAMES = 25
LARGEST_OFFSET, LEAST_CONFIDENCE = 8, 0.2


def listed_clips(manifest: Path, split: str, leave_out: str) -> list[ListedClip]:
    """The manifest's rows of a split; the group of a clip is its name up to the first underscore."""
    with manifest.open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.DictReader(file) if row.get("split") == split]
    names = [row["file"] for row in rows if Path(row["file"]).suffix.lower() in VIDEO_ENDINGS]
    return [
        ListedClip(manifest.parent / name, Path(name).stem.split("_")[0])
        for name in names
        if not leave_out or leave_out not in name
    ]


class Shipped:
    """The networks in ``assets``."""

    def __init__(self) -> None:
        self.mouth = create_session("mouth_motion.onnx")
        self.sync = create_session("sync_judge.onnx")
        self.embedding = load_speech_embedding()

    def motion(self, example: Example) -> np.ndarray:
        """Displacements (T, 80, 2) of an example with its speech embedding."""
        heard = {"mel": example.clip.mel[None], "speech": example.speech[None]}
        feed = {name: np.ascontiguousarray(values, np.float32) for name, values in heard.items()}
        (points,) = self.mouth.run(["displacement"], feed)
        return points[0].reshape(len(points[0]), -1, 2)

    def reading(self, example: Example) -> SyncReading:
        """Offset and confidence of a clip."""
        feed = {"points": example.displacement[None], "mel": np.ascontiguousarray(example.clip.mel[None])}
        mouth, sound = self.sync.run(None, feed)
        return read_curve(distance_curve(mouth[0], sound[0]))


def line(name: str, networks: Shipped, examples: Sequence[Example]) -> str:
    """One row of the table."""
    readings = [networks.reading(example) for example in examples]
    sure = [r.confidence >= LEAST_CONFIDENCE and abs(r.offset) <= LARGEST_OFFSET for r in readings]
    aligned = [
        moved(example, reading.offset) if use and reading.offset else example
        for example, reading, use in zip(examples, readings, sure, strict=True)
    ]
    embedding = networks.embedding
    examples, aligned = (
        [replace(example, speech=speech_of_clip(embedding, example.clip)) for example in part]
        for part in (examples, aligned)
    )
    raw = with_baselines(networks.motion, examples)
    off = with_baselines(networks.motion, aligned)
    other = off["network_other_sound"].get("gap_correlation")
    seconds = sum(len(example.displacement) for example in examples) / 25
    cells = [
        name, f"{len(examples)}", f"{seconds / 60:.1f}",
        f"{raw['network']['gap_correlation']:.2f}", f"{off['network']['gap_correlation']:.2f}",
        f"{off['loudness']['gap_correlation']:.2f}", "n/a" if other is None else f"{other:.2f}",
        f"{off['network']['width_correlation']:.2f}",
        f"{off['network']['lip_error']:.4f}", f"{off['network']['lip_error_mean_mouth']:.4f}",
        f"{off['network']['closure_auc']:.2f}",
        f"{np.median([r.offset for r in readings]):+.0f}", f"{np.mean([r.confidence for r in readings]):.2f}",
        f"{np.mean([abs(r.offset) <= 1 for r in readings]):.2f}",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True, help="CSV with the columns file and split")
    parser.add_argument("--split", default="test")
    parser.add_argument("--leave-out", default="", help="leave out files with this in their name")
    parser.add_argument("--cache", type=Path, required=True, help="folder for the extracted tracks")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    chosen.cache.mkdir(parents=True, exist_ok=True)
    clips = listed_clips(chosen.manifest, chosen.split, chosen.leave_out)
    progress = SilentProgress()
    pack = prepare_pack(clips, chosen.cache, chosen.threads, progress, Cancellation())
    long_enough = [
        replace(clip, person=number) for number, clip in enumerate(pack.clips) if len(clip.shape) >= MIN_FRAMES
    ]
    examples = make_examples(long_enough, MouthShapeModel.load().closing_direction)
    networks = Shipped()
    out = sys.stdout.write
    for message in progress.messages:
        out(f"{message}\n")
    out(
        "| clips | n | min | gap r raw | gap r | loudness | other sound | width r | lip error | mean mouth "
        "| closure AUC | offset | confidence | within 1 |\n" + "|---" * 14 + "|\n"
    )
    for group in sorted({example.clip.source for example in examples}):
        out(line(group, networks, [e for e in examples if e.clip.source == group]) + "\n")
    out(line("**all**", networks, examples) + "\n")
    long = [example for example in examples if len(example.displacement) >= 75]
    if long:
        out(line("**of 3 s and more**", networks, long) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
