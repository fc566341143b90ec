"""How far the landmark sync expert can be trusted: a table over real clips of people it was not trained on.

    python benchmarks/validate_sync_expert.py FOLDER_OF_VIDEOS --cache FOLDER_FOR_TRACKS

For every clip: its offset as a whole, whether pieces of it, cut out and judged alone, agree with that, and the
confidence with its own sound and with another clip's. Clips whose name begins with ``mcgurk_mismatched`` have lips and
sound that deliberately disagree; they are reported, and left out of every mean.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import TalkingFaceError
from talkingface.evaluation.metrics.sync import MAX_OFFSET, SHORTEST_ROWS, SyncFigures, sync_figures
from talkingface.evaluation.observation import generic_face
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import align_to_own_mean
from talkingface.faces.video import track_video
from talkingface.media.audio import SPEECH_RATE, read_audio, to_mono_16k
from talkingface.models.syncnet.landmark_expert import (
    GRID_RATE,
    Embeddings,
    LandmarkSyncExpert,
    MouthOnGrid,
    mouth_on_grid,
)

MISMATCHED = "mcgurk_mismatched"
SAMPLES_PER_ROW = SPEECH_RATE // GRID_RATE


@dataclass(frozen=True)
class Clip:
    name: str
    mouth: MouthOnGrid
    samples: NDArray[np.float32]
    lips: Embeddings
    sound: Embeddings

    @property
    def group(self) -> str:
        return "mcgurk" if self.name.startswith("mcgurk") else self.name.split("_")[0]

    @property
    def rows(self) -> int:
        return min(self.mouth.rows, len(self.sound.vectors))


def tracked(path: Path, cache: Path | None) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Landmarks and times of the most prominent face, from the cache when the very same bytes were tracked before."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    kept = None if cache is None else cache / f"{path.stem}-{digest}.npz"
    if kept is not None and kept.is_file():
        with np.load(kept, allow_pickle=False) as packed:
            return packed["landmarks"], packed["times"]
    tracks = track_video(path, threads=1).tracks
    landmarks = tracks[0].landmarks if tracks else np.zeros((0, mesh.MESH_POINTS, 3), np.float32)
    times = tracks[0].times if tracks else np.zeros(0)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, landmarks=landmarks, times=times)
    return landmarks, times


def load(path: Path, cache: Path | None, expert: LandmarkSyncExpert, reference: NDArray[np.float64]) -> Clip:
    landmarks, times = tracked(path, cache)
    if not len(landmarks):
        raise TalkingFaceError(f"{path.name}: no face")
    samples = to_mono_16k(read_audio(path))
    _, shape = align_to_own_mean(landmarks, reference)
    mouth = mouth_on_grid(shape[:, list(mesh.MOUTH_POINTS), :2], times)
    return Clip(path.stem, mouth, samples, expert.embed_mouth(mouth), expert.embed_sound(samples))


def piece_offsets(clip: Clip, rows: int, expert: LandmarkSyncExpert) -> list[SyncFigures]:
    """Figures of pieces of a clip, each cut out of picture and sound before anything is embedded."""
    found = []
    for start, stop in clip.mouth.stretches:
        for low in range(start, min(stop, len(clip.sound.vectors)) - rows + 1, rows):
            part = slice(low, low + rows)
            mouth = MouthOnGrid(clip.mouth.points[part], ((0, rows),), clip.mouth.present[part])
            samples = clip.samples[low * SAMPLES_PER_ROW : (low + rows) * SAMPLES_PER_ROW]
            found.append(sync_figures(expert.embed_mouth(mouth), expert.embed_sound(samples), clip.name))
    return found


def other_sound(clip: Clip, clips: Sequence[Clip]) -> Embeddings | None:
    """The sound of another clip, preferably of another source, at least as long, cut to this clip's length."""
    start = next(index for index, other in enumerate(clips) if other.name == clip.name)
    order = [clips[(start + step) % len(clips)] for step in range(1, len(clips))]
    length = len(clip.sound.vectors)
    long_enough = [other for other in order if len(other.sound.vectors) >= length]
    best = next((other for other in long_enough if other.group != clip.group), next(iter(long_enough), None))
    return None if best is None else Embeddings(best.sound.vectors[:length], best.sound.valid[:length])


def share(flags: Sequence[bool]) -> str:
    return f"{np.mean(flags):.2f}" if len(flags) else "-"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, help="folder of videos with sound")
    parser.add_argument("--cache", type=Path, help="folder that keeps face tracks between runs")
    parser.add_argument("--piece", type=float, default=3.0, help="length of a piece in seconds")
    arguments = parser.parse_args()
    started = time.monotonic()
    expert, reference = LandmarkSyncExpert(), generic_face()
    clips: list[Clip] = []
    skipped: list[str] = []
    for path in sorted(arguments.clips.glob("*.mp4")):
        try:
            clip = load(path, arguments.cache, expert, reference)
        except TalkingFaceError as error:
            skipped.append(str(error))
            continue
        if clip.rows < SHORTEST_ROWS:
            skipped.append(f"{clip.name}: {clip.rows / GRID_RATE:.2f} s with face and sound is too short")
            continue
        clips.append(clip)
    report(clips, round(arguments.piece * GRID_RATE), expert)
    print(f"\n{len(clips)} clips, {len(skipped)} left out, {time.monotonic() - started:.0f} s")
    for line in skipped:
        print(f"  {line}")


def report(clips: list[Clip], piece: int, expert: LandmarkSyncExpert) -> None:
    judged = [clip for clip in clips if not clip.name.startswith(MISMATCHED)]
    columns = ("source", "clips", "offset", "|o|<=1", "|o|<=3", "own", "other", "beats", "pieces", "agree")
    print(" ".join(f"{column:>8}" for column in columns))
    totals: dict[str, list[dict[str, list[float]]]] = {}
    for clip in judged:
        own = sync_figures(clip.lips, clip.sound, clip.name)
        sound = other_sound(clip, judged)
        other = None if sound is None else sync_figures(clip.lips, sound, clip.name)
        pieces = piece_offsets(clip, piece, expert)
        totals.setdefault(clip.group, []).append(
            {
                "offset": [own.offset],
                "own": [own.confidence],
                "other": [] if other is None else [other.confidence],
                "beats": [] if other is None else [own.confidence > other.confidence],
                "agree": [abs(figures.offset - own.offset) <= 1 for figures in pieces],
            }
        )
    for name, found in [*sorted(totals.items()), ("all", [one for group in totals.values() for one in group])]:
        values = {key: [value for one in found for value in one[key]] for key in found[0]}
        offsets = np.array(values["offset"])
        cells = (
            name, len(found), f"{np.median(offsets):+.0f}", share(list(np.abs(offsets) <= 1)),
            share(list(np.abs(offsets) <= 3)), share(values["own"]), share(values["other"]), share(values["beats"]),
            len(values["agree"]), share(values["agree"]),
        )  # fmt: skip
        print(" ".join(f"{cell:>8}" for cell in cells))
    print(
        f"\noffset: median, frames of 40 ms, positive: lips late; own, other: mean confidence with the clip's own and "
        f"another clip's sound;\nbeats: share of clips whose own sound scores higher; agree: share of "
        f"{piece / GRID_RATE:g} s pieces, judged alone, within one frame of their whole clip; offsets searched: "
        f"-{MAX_OFFSET}..{MAX_OFFSET}\n"
    )
    for clip in clips:
        if clip.name.startswith("mcgurk"):
            figures = sync_figures(clip.lips, clip.sound, clip.name)
            print(f"{clip.name:<52} offset {figures.offset:+3d} confidence {figures.confidence:.3f}")


if __name__ == "__main__":
    main()
