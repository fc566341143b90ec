"""How far the two landmark sync experts can be trusted: tables over real clips of people they were not trained on.

    python benchmarks/validate_sync_expert.py FOLDER_OF_VIDEOS --cache FOLDER_FOR_TRACKS

For every clip and each expert: its offset as a whole, whether randomly chosen pieces of it, cut out and judged alone,
agree with that, and the confidence with its own sound and with another clip's. A clip whose own offset is undecided has
none that could be agreed with; its pieces are counted apart. Then how often the
expert at work and the judge, who were trained on different people, find the same offset. Clips whose name begins with
``mcgurk_mismatched`` have lips and sound that deliberately disagree; they are reported, and left out of every mean, as
are clips that repeat another's sound or pictures.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from duplicate_clips import duplicates
from kept_tracks import most_prominent
from numpy.typing import NDArray

from talkingface.errors import TalkingFaceError
from talkingface.evaluation.metrics.sync import (
    MAX_OFFSET,
    SHORTEST_ROWS,
    SyncFigures,
    sync_figures,
)
from talkingface.evaluation.observation import generic_face
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import align_to_own_mean
from talkingface.media.audio import SPEECH_RATE, read_audio, to_mono_16k
from talkingface.models.syncnet.landmark_expert import (
    GRID_RATE,
    JUDGE_WEIGHTS,
    WEIGHTS,
    Embeddings,
    LandmarkSyncExpert,
    MouthOnGrid,
    mouth_on_grid,
)

MISMATCHED = "mcgurk_mismatched"
SAMPLES_PER_ROW = SPEECH_RATE // GRID_RATE
SURE = 0.2  # confidence
LONG_SECONDS = 3.0


@dataclass(frozen=True)
class Clip:
    name: str
    group: str
    mouth: MouthOnGrid
    samples: NDArray[np.float32]

    @property
    def rows(self) -> int:
        return min(self.mouth.rows, len(self.samples) // SAMPLES_PER_ROW)


def load(path: Path, group: str, cache: Path | None, reference: NDArray[np.float64]) -> Clip:
    track = most_prominent(path, cache)
    samples = to_mono_16k(read_audio(path))
    _, shape = align_to_own_mean(np.asarray(track.landmarks), reference)
    return Clip(path.stem, group, mouth_on_grid(shape[:, list(mesh.MOUTH_POINTS), :2], track.times), samples)


class Judged:
    """One expert's view of all clips."""

    def __init__(self, weights: str, clips: Sequence[Clip]) -> None:
        self.expert = LandmarkSyncExpert(weights)
        self.lips = {clip.name: self.expert.embed_mouth(clip.mouth) for clip in clips}
        self.sound = {clip.name: self.expert.embed_sound(clip.samples) for clip in clips}
        self.own = {clip.name: sync_figures(self.lips[clip.name], self.sound[clip.name], clip.name) for clip in clips}

    def pieces(self, clip: Clip, rows: int) -> list[SyncFigures]:
        """Figures of random pieces of a clip, each cut out of picture and sound before anything is embedded.

        As many as fit twice over; the same ones for both experts and in every run. A clip no longer than one and a
        half pieces gives none: its pieces would be itself.
        """
        draw = random.Random(clip.name)
        found = []
        for start, stop in clip.mouth.stretches:
            last = min(stop, len(self.sound[clip.name].vectors)) - rows
            if 2 * (last - start) < rows:
                continue
            for _ in range(2 * (last - start + rows) // rows):
                low = draw.randint(start, last)
                part = slice(low, low + rows)
                mouth = MouthOnGrid(clip.mouth.points[part], ((0, rows),), clip.mouth.present[part])
                samples = clip.samples[low * SAMPLES_PER_ROW : (low + rows) * SAMPLES_PER_ROW]
                figures = sync_figures(self.expert.embed_mouth(mouth), self.expert.embed_sound(samples), clip.name)
                found.append(figures)
        return found

    def with_other_sound(self, clip: Clip, clips: Sequence[Clip]) -> SyncFigures | None:
        """With the sound of another clip, preferably of another source, at least as long, cut to this clip's length."""
        start = next(index for index, other in enumerate(clips) if other.name == clip.name)
        order = [clips[(start + step) % len(clips)] for step in range(1, len(clips))]
        length = len(self.sound[clip.name].vectors)
        long_enough = [other for other in order if len(self.sound[other.name].vectors) >= length]
        best = next((other for other in long_enough if other.group != clip.group), next(iter(long_enough), None))
        if best is None:
            return None
        sound = self.sound[best.name]
        cut = Embeddings(sound.vectors[:length], sound.valid[:length])
        return sync_figures(self.lips[clip.name], cut, clip.name)


def share(flags: Sequence[bool] | Sequence[float] | NDArray[np.bool_]) -> str:
    return f"{np.mean(flags):.2f}" if len(flags) else "-"


def report(title: str, judged: Judged, clips: Sequence[Clip], piece: int) -> None:
    print(f"\n{title}")
    columns = (
        "source", "clips", "offset", "|o|<=1", "|o|<=3", "own", "other", "beats", "undecided", "pieces", "agree",
        "of undec.", "agree",
    )  # fmt: skip
    print(" ".join(f"{column:>9}" for column in columns))
    totals: dict[str, list[dict[str, list[float]]]] = {}
    for clip in clips:
        own, other = judged.own[clip.name], judged.with_other_sound(clip, clips)
        undecided = not own.decided
        agree: list[float] = [abs(figures.offset - own.offset) <= 1 for figures in judged.pieces(clip, piece)]
        found: dict[str, list[float]] = {
            "offset": [own.offset],
            "own": [own.confidence],
            "other": [] if other is None else [other.confidence],
            "beats": [] if other is None else [own.confidence > other.confidence],
            "undecided": [undecided],
            "agree": [] if undecided else agree,
            "agree undecided": agree if undecided else [],
        }
        totals.setdefault(clip.group, []).append(found)
    for name, rows in [*sorted(totals.items()), ("all", [one for group in totals.values() for one in group])]:
        values = {key: [value for one in rows for value in one[key]] for key in rows[0]}
        offsets = np.abs(values["offset"])
        cells = (
            name, len(rows), f"{np.median(values['offset']):+.0f}", share(offsets <= 1), share(offsets <= 3),
            share(values["own"]), share(values["other"]), share(values["beats"]), int(sum(values["undecided"])),
            len(values["agree"]), share(values["agree"]), len(values["agree undecided"]),
            share(values["agree undecided"]),
        )  # fmt: skip
        print(" ".join(f"{cell:>9}" for cell in cells))


def agreement(work: Judged, judge: Judged, clips: Sequence[Clip]) -> None:
    """Print how often both experts find the same offset, within one frame."""
    long = [clip for clip in clips if clip.rows >= LONG_SECONDS * GRID_RATE]
    groups = sorted({clip.group for clip in clips})
    rows = [(group, [clip for clip in clips if clip.group == group]) for group in groups]
    spoken = [clip for clip in long if not clip.name.startswith("mcgurk")]
    print("\nthe two experts' offsets lie within one frame of each other")
    print(" ".join(f"{column:>9}" for column in ("source", "clips", "agree", "sure", "agree")))
    for name, part in [*rows, ("all", list(clips)), (f">= {LONG_SECONDS:g} s", long), ("no McGurk", spoken)]:
        pairs = [(work.own[clip.name], judge.own[clip.name]) for clip in part]
        alike = np.array([abs(one.offset - other.offset) <= 1 for one, other in pairs], bool)
        sure = np.array([min(one.confidence, other.confidence) >= SURE for one, other in pairs], bool)
        cells = (name, len(part), share(alike), int(sure.sum()), share(alike[sure]) if len(part) else "-")
        print(" ".join(f"{cell:>9}" for cell in cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, help="folder of videos with sound, or of folders of them")
    parser.add_argument("--only", type=Path, help="text file: names of clips without ending, one a line")
    parser.add_argument("--cache", type=Path, help="folder that keeps face tracks between runs")
    parser.add_argument("--piece", type=float, default=3.0, help="length of a piece in seconds")
    parser.add_argument("--keep-duplicates", action="store_true", help="do not look for clips that repeat others")
    arguments = parser.parse_args()
    started = time.monotonic()
    reference = generic_face()
    paths = sorted(arguments.clips.rglob("*.mp4"))
    if arguments.only is not None:
        wanted = set(arguments.only.read_text(encoding="utf-8").split())
        paths = [path for path in paths if path.stem in wanted]
    skipped: list[str] = []
    repeated = [] if arguments.keep_duplicates else duplicates([p for p in paths if not p.stem.startswith(MISMATCHED)])
    skipped += [f"{duplicate.path.stem}: {duplicate.why} as {duplicate.first.stem}" for duplicate in repeated]
    clips: list[Clip] = []
    for path in [path for path in paths if path not in {duplicate.path for duplicate in repeated}]:
        flat = path.parent == arguments.clips
        group = path.parent.name if not flat else path.stem.split("_")[0]
        try:
            clip = load(path, group, arguments.cache, reference)
        except TalkingFaceError as error:
            skipped.append(str(error))
            continue
        if clip.rows < SHORTEST_ROWS:
            skipped.append(f"{clip.name}: {clip.rows / GRID_RATE:.2f} s with face and sound is too short")
            continue
        clips.append(clip)
    work, judge = Judged(WEIGHTS, clips), Judged(JUDGE_WEIGHTS, clips)
    piece = round(arguments.piece * GRID_RATE)
    agreeing = [clip for clip in clips if not clip.name.startswith(MISMATCHED)]
    report(f"{WEIGHTS}, at work", work, agreeing, piece)
    report(f"{JUDGE_WEIGHTS}, the judge", judge, agreeing, piece)
    print(
        f"\noffset: median, frames of 40 ms, positive: lips late; own, other: mean confidence with the clip's own and "
        f"another clip's sound;\nbeats: share of clips whose own sound scores higher; agree: share of "
        f"{piece / GRID_RATE:g} s pieces, judged alone, within one frame of their whole clip; offsets searched: "
        f"-{MAX_OFFSET}..{MAX_OFFSET}; sure: both confidences at least {SURE:g}"
    )
    agreement(work, judge, agreeing)
    for clip in clips:
        if clip.name.startswith("mcgurk"):
            both = "  ".join(
                f"{seen.own[clip.name].offset:+3d} {seen.own[clip.name].confidence:.3f}" for seen in (work, judge)
            )
            print(f"{clip.name:<52} offset and confidence, at work and judge: {both}")
    print(f"\n{len(clips)} clips, {len(skipped)} left out, {time.monotonic() - started:.0f} s")
    for line in skipped:
        print(f"  {line}")


if __name__ == "__main__":
    main()
