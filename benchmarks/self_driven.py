"""How well a dub follows lips that really said the sound: every clip of a split is dubbed with its own sound.

    python benchmarks/self_driven.py --manifest clips/manifest.csv --split test --cache /tmp/tracks
    python benchmarks/self_driven.py --manifest clips/manifest.csv --split test --level rendered --work /tmp/dubs

Two levels. ``planned``: the motion that a dub plans for the clip's most prominent face, without rendering it.
``rendered``: the clip is dubbed (``talkingface.dub``, defaults but for --codec and --crf) and the dub's pixels are
tracked by the tracker that tracked the source; the most prominent person of both is compared, across cuts.

The rule for a clip's own audio-visual offset: the scoring sync expert compares the source's lips with its sound at
offsets of -15 to 15 frames of 1/25 s; where its confidence is at least 0.2 and the best offset is at most 8 frames,
the true lips are looked at so much later. The offset is chosen on the clip that is scored, so these figures are a
little too good; the raw ones are too bad wherever sound and picture really disagree.

Left out: files named with --leave-out, and clips that repeat another's sound or pictures; both are listed.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from duplicate_clips import duplicates
from kept_tracks import most_prominent
from self_driven_figures import (
    GRID_RATE,
    SHORTEST,
    Closures,
    Lips,
    Rest,
    aperture,
    at_rest,
    closures,
    lip_distance,
    lips_of,
    loudness,
    own_mean_face,
    paired,
    quiet_rows,
    width,
)

import talkingface
from talkingface.errors import TalkingFaceError
from talkingface.evaluation.metrics.picture import flicker_ratio, match_frames, same_frame_rate, sharpness_ratio
from talkingface.evaluation.metrics.sync import SyncFigures, sync_figures
from talkingface.evaluation.observation import Observation, generic_face, observe
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import align_to_own_mean
from talkingface.faces.identity import FaceEmbedder
from talkingface.faces.track import FaceTrack
from talkingface.media.audio import read_audio, to_mono_16k
from talkingface.models.syncnet.landmark_expert import LandmarkSyncExpert, mouth_on_grid
from talkingface.models.video_retalking.landmark.canonicalize import MouthShapeModel, TemplateCanonicalizer
from talkingface.models.video_retalking.landmark.hearing import hear
from talkingface.models.video_retalking.landmark.mouth_motion import personalise_stored
from talkingface.progress import Cancellation, SilentProgress

LARGEST_OFFSET, LEAST_CONFIDENCE = 8, 0.2
VIDEO_ENDINGS = (".mp4", ".mov", ".mkv", ".webm", ".avi")
LONG_SECONDS = 3.0
COLUMNS = (
    "clips", "n", "min", "gap r raw", "gap r", "loudness", "shuffled", "width r", "lip distance", "mean mouth", "less",
    "closed met", "false", "dub closed", "truth closed", "rest sd", "rest range", "sharpness", "flicker", "offset",
    "confidence",
)  # fmt: skip


CORRELATIONS = ("aperture_raw", "aperture", "loudness", "shuffled", "width")


@dataclass(frozen=True)
class Measured:
    """One clip at one level. Lengths are inter-ocular; ``late`` is in frames of 1/25 s."""

    name: str
    group: str
    seconds: float
    aperture_raw: float
    aperture: float
    loudness: float
    shuffled: float
    width: float
    lip_distance: float
    mean_mouth: float
    closures: Closures
    rest: Rest
    sharpness: float
    flicker: float
    late: int
    confidence: float


@dataclass(frozen=True)
class Source:
    """A clip as it is: its face, its sound, and by how many frames the lips are late where that is sure."""

    path: Path
    group: str
    face: FaceTrack
    truth: Lips
    mean: np.ndarray
    samples: np.ndarray
    late: int
    figures: SyncFigures | None


def listed(manifest: Path, split: str) -> list[Path]:
    with manifest.open(newline="", encoding="utf-8-sig") as file:
        names = [row["file"] for row in csv.DictReader(file) if row.get("split") == split]
    return sorted(manifest.parent / name for name in names if name.lower().endswith(VIDEO_ENDINGS))


def group_of(path: Path, split: str) -> str:
    """The folder, or the name up to the first underscore where all clips of a split lie in one folder."""
    return path.stem.split("_")[0] if path.parent.name == split else path.parent.name


def source_of(path: Path, group: str, face: FaceTrack, expert: LandmarkSyncExpert) -> Source:
    reference = generic_face()
    samples = to_mono_16k(read_audio(path))
    mean = own_mean_face(face, reference)
    _, shape = align_to_own_mean(np.asarray(face.landmarks), reference)
    mouth = mouth_on_grid(shape[:, list(mesh.MOUTH_POINTS), :2], face.times)
    figures, late = None, 0
    try:
        figures = sync_figures(expert.embed_mouth(mouth), expert.embed_sound(samples), path.name)
        if figures.confidence >= LEAST_CONFIDENCE and abs(figures.offset) <= LARGEST_OFFSET:
            late = figures.offset
    except TalkingFaceError:
        pass  # too short to be judged: the clip stays as it is, and the table shows no offset for it
    return Source(path, group, face, lips_of(face, mean), mean, samples, late, figures)


class Planner:
    """Plans what a dub of a source would do, without rendering it."""

    def __init__(self) -> None:
        self.model = MouthShapeModel.load()

    def lips(self, source: Source, samples: np.ndarray) -> Lips:
        face = TemplateCanonicalizer(self.model).canonicalise(source.face)
        with tempfile.TemporaryDirectory() as folder:
            motion = personalise_stored(hear(samples, Path(folder)), face, self.model)
            last = min(float(source.face.times[-1]), len(samples) / 16_000)
            times = np.arange(math.floor(last * GRID_RATE) + 1) / GRID_RATE
            moved = motion.at(times)[:, : len(source.truth.points[0])]
        return Lips(times, face.closed_mouth[None, : moved.shape[1]] + moved)


def measured(source: Source, dub: Lips, other: Lips | None, sharpness: float, flicker: float) -> Measured | None:
    """All figures of a clip; None when less than a second of it can be compared."""
    pair = paired(dub, source.truth, source.late)
    raw = paired(dub, source.truth)
    if min(len(pair.rows), len(raw.rows)) < SHORTEST:
        return None
    distance, mean_mouth = lip_distance(pair)
    shuffled = None if other is None else paired(other, source.truth, source.late)
    return Measured(
        source.path.stem,
        source.group,
        len(raw.rows) / GRID_RATE,
        aperture(raw),
        aperture(pair),
        aperture(paired(loudness(source.samples), source.truth, source.late)),
        math.nan if shuffled is None or len(shuffled.rows) < SHORTEST else aperture(shuffled),
        width(pair),
        distance,
        mean_mouth,
        closures(pair),
        at_rest(dub, quiet_rows(source.samples, len(source.samples) * GRID_RATE // 16_000)),
        sharpness,
        flicker,
        source.figures.offset if source.figures else 0,
        source.figures.confidence if source.figures else math.nan,
    )


def tiled(samples: np.ndarray, length: int) -> np.ndarray:
    return np.tile(samples, -(-length // max(1, len(samples))))[:length]


def planned(sources: Sequence[Source]) -> list[Measured]:
    """Every clip, and what the mouth would do to the sound of the clip half the list away."""
    planner = Planner()
    rows = []
    for number, source in enumerate(sources):
        other = None
        if len(sources) > 1:
            sound = sources[(number + len(sources) // 2) % len(sources)].samples
            other = planner.lips(source, tiled(sound, len(source.samples)))
        rows.append(measured(source, planner.lips(source, source.samples), other, math.nan, math.nan))
    return [row for row in rows if row is not None]


def picture(shown: Observation, source: Observation) -> tuple[float, float]:
    """Sharpness and flicker of a dub as parts of its source's."""
    mapping = match_frames(shown.frame_times, source.frame_times, source.still)
    sharpness, change = (
        np.where(mapping >= 0, source.per_frame(values)[mapping], np.nan)
        for values in (source.sharpness, source.change)
    )
    sharp = sharpness_ratio(shown.per_frame(shown.sharpness), sharpness).value
    flicker = None
    if same_frame_rate(shown.frame_times, source.frame_times):
        flicker = flicker_ratio(shown.per_frame(shown.change), change).value
    return math.nan if sharp is None else sharp, math.nan if flicker is None else flicker


def rendered(
    clips: Sequence[tuple[Path, str]], work: Path, codec: str, crf: int, expert: LandmarkSyncExpert,
    say: Callable[[str], None],
) -> list[Measured]:  # fmt: skip
    """Dub, track and compare; the other sound's lips are those of the dub half the list away."""
    work.mkdir(parents=True, exist_ok=True)
    reference, embedder = generic_face(), FaceEmbedder()
    found: list[tuple[Source, Lips, float, float]] = []

    def look(path: Path) -> Observation:
        return observe(
            path, reference, embedder=embedder, threads=1, progress=SilentProgress(), cancel=Cancellation()
        )  # fmt: skip

    for path, group in clips:
        target = work / f"{path.stem}{'.mkv' if codec == 'ffv1' else '.mp4'}"
        try:
            if not target.is_file():
                talkingface.dub(path, path, target, video_codec=codec, crf=crf, threads=1, cache_dir=work / "cache")
            seen, shown = look(path), look(target)
            source = source_of(path, group, seen.face, expert)
        except TalkingFaceError as error:
            say(f"left out: {path.stem}: {error}")
            continue
        found.append((source, lips_of(shown.face, source.mean), *picture(shown, seen)))
    rows = []
    for number, (source, dub, sharp, flicker) in enumerate(found):
        other = found[(number + len(found) // 2) % len(found)][1] if len(found) > 1 else None
        rows.append(measured(source, dub, other, sharp, flicker))
    return [row for row in rows if row is not None]


def cell(values: Sequence[float], form: str = ".2f") -> str:
    known = [value for value in values if not math.isnan(value)]
    return format(float(np.mean(known)), form) if known else "n/a"


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "n/a"


def line(name: str, rows: Sequence[Measured]) -> str:
    """One row of the table. Means over clips; closures and rest over frames."""
    distance, mean_mouth = (
        float(np.mean([getattr(row, key) for row in rows])) for key in ("lip_distance", "mean_mouth")
    )
    counts = {key: sum(getattr(row.closures, key) for row in rows) for key in Closures.__dataclass_fields__}
    rests = [row.rest for row in rows if row.rest.frames]
    frames = sum(rest.frames for rest in rests)
    deviation = math.sqrt(sum(r.deviation**2 * r.frames for r in rests) / frames) if frames else math.nan
    cells = [
        name, str(len(rows)), f"{sum(row.seconds for row in rows) / 60:.1f}",
        *(cell([getattr(row, key) for row in rows]) for key in CORRELATIONS),
        f"{distance:.4f}", f"{mean_mouth:.4f}", f"{100 * (1 - distance / mean_mouth):.0f} %",
        share(counts["met"], counts["closed"]), share(counts["false"], counts["frames"]),
        share(counts["dub_closed"], counts["frames"]), share(counts["closed"], counts["frames"]),
        cell([deviation], ".4f"), cell([max((r.largest for r in rests), default=math.nan)], ".4f"),
        cell([row.sharpness for row in rows]), cell([row.flicker for row in rows]),
        f"{np.median([row.late for row in rows]):+.0f}", cell([row.confidence for row in rows]),
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def table(rows: Sequence[Measured]) -> str:
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    for group in sorted({row.group for row in rows}):
        lines.append(line(group, [row for row in rows if row.group == group]))
    lines.append(line("**all**", rows))
    long = [row for row in rows if row.seconds >= LONG_SECONDS]
    if long:
        lines.append(line("**of 3 s and more**", long))
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True, help="CSV with the columns file and split")
    parser.add_argument("--split", default="test")
    parser.add_argument("--only", type=Path, help="text file: names of clips without ending, one a line")
    parser.add_argument("--leave-out", default="mismatched", help="leave out files with this in their name")
    parser.add_argument("--keep-duplicates", action="store_true", help="do not look for clips that repeat others")
    parser.add_argument("--level", choices=("planned", "rendered"), default="planned")
    parser.add_argument("--cache", type=Path, help="folder that keeps face tracks (planned)")
    parser.add_argument(
        "--work", type=Path, help="folder of the dubs (rendered); dubs that lie there are not made again"
    )
    parser.add_argument("--codec", choices=("h264", "ffv1"), default="h264", help="of the dubs; ffv1 is lossless")
    parser.add_argument("--crf", type=int, default=12, help="of h264")
    parser.add_argument("--json", type=Path, help="write every clip's figures there")
    chosen = parser.parse_args()
    if chosen.level == "rendered" and chosen.work is None:
        parser.error("--level rendered needs --work")

    def say(text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    paths = listed(chosen.manifest, chosen.split)
    if chosen.only is not None:
        wanted = set(chosen.only.read_text(encoding="utf-8").split())
        paths = [path for path in paths if path.stem in wanted]
    if chosen.leave_out:
        for path in [path for path in paths if chosen.leave_out in path.name]:
            say(f"left out: {path.stem}: its name says {chosen.leave_out}")
        paths = [path for path in paths if chosen.leave_out not in path.name]
    if not chosen.keep_duplicates:
        repeated = duplicates(paths)
        for duplicate in repeated:
            say(f"left out: {duplicate.path.stem}: {duplicate.why} as {duplicate.first.stem}")
        paths = [path for path in paths if path not in {duplicate.path for duplicate in repeated}]
    clips = [(path, group_of(path, chosen.split)) for path in paths]
    expert = LandmarkSyncExpert.judge()
    if chosen.level == "planned":
        sources = []
        for path, group in clips:
            try:
                sources.append(source_of(path, group, most_prominent(path, chosen.cache), expert))
            except TalkingFaceError as error:
                say(f"left out: {path.stem}: {error}")
        rows = planned(sources)
    else:
        rows = rendered(clips, chosen.work, chosen.codec, chosen.crf, expert, say)
    short = {path.stem for path, _ in clips} - {row.name for row in rows}
    say(f"\n{chosen.level}: {len(rows)} clips; not measured: {', '.join(sorted(short)) or 'none'}")
    if rows:
        say("\n" + table(rows))
    if chosen.json is not None:
        chosen.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
