"""How well the shipped appearance network tells people apart: prints Markdown tables.

    python benchmarks/identity.py --manifest clips/manifest.csv --split test
    python benchmarks/identity.py --manifest clips/manifest.csv --split train --every 9

Embeddings of frames a second apart are compared, and the means of whole clips, as the toolkit compares tracks. Who is
who comes from the clips' names and, where those do not say, from looking (``LOOKED_AT``). The people of ``UNNAMED``
sources have no names: their frames make pairs within a clip, and are different people from those of other sources; how
far clips of the first of them lie apart is printed as counts. The second table alters the pictures, finds the landmarks
again, and compares with the means of unaltered frames; a frame is left out of its own person's mean.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np

from talkingface.faces.detect import FaceDetector
from talkingface.faces.geometry import align
from talkingface.faces.identity import SAME_PERSON, FaceEmbedder
from talkingface.faces.landmarks import FaceMesh, region_of
from talkingface.faces.sampling import BgrSampler, FrameSampler, PictureSampler
from talkingface.media.planes import picture_bgr
from talkingface.media.reader import VideoReader
from talkingface.models.video_retalking.landmark.canonicalize import MouthShapeModel

THRESHOLDS = (0.45, 0.5, 0.55, 0.6)
UNNAMED = ("anchors", "actors")
NAMED = re.compile(r"(mcgurk|quiz_(?:elisha|garrett|jen|nicole|smolinski)|mead_[MW]\d+|grid_s\d+)_")
# clips whose name does not say that they show someone who is in another clip too
LOOKED_AT = {
    "vrt_face3": "hdtf_WDA_AlexandriaOcasioCortez_000",
    "vox_741400163": "vox_00104",
    "grid_swiz3n": "grid_s26",
    "grid_id2_vcd_swwp2s": "grid_pwij3p",
}
SECONDS_APART, WIDEST = 1.0, 720
Altered = Callable[[np.ndarray, np.ndarray], tuple[PictureSampler, np.ndarray]]


def person_of(clip: Path) -> str:
    """Who a clip shows; empty when not known."""
    if clip.parent.name in UNNAMED:
        return ""
    if clip.parent.name.startswith("grid_s"):
        return clip.parent.name
    named = NAMED.match(clip.stem)
    if clip.stem.startswith("quiz") and not named:
        return ""
    return named.group(1) if named else LOOKED_AT.get(clip.stem, clip.stem)


def narrowed(width: float) -> Altered:
    """The face made so many pixels wide."""

    def alter(picture: np.ndarray, landmarks: np.ndarray) -> tuple[PictureSampler, np.ndarray]:
        scale = width / float(np.ptp(landmarks[:, 0]))
        size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
        return BgrSampler(cv2.resize(picture, size, interpolation=cv2.INTER_AREA)), landmarks * scale

    return alter


def darkened(picture: np.ndarray, landmarks: np.ndarray) -> tuple[PictureSampler, np.ndarray]:
    """An eighth of the brightness, with the noise of a camera in the dark."""
    noise = np.random.default_rng(0).normal(0, 3, picture.shape)
    return BgrSampler(np.clip(picture / 8 + noise, 0, 255).astype(np.uint8)), landmarks


def without_colour(picture: np.ndarray, landmarks: np.ndarray) -> tuple[PictureSampler, np.ndarray]:
    """Shades of grey."""
    return BgrSampler(np.repeat(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[..., None], 3, 2)), landmarks


def ten_bit(picture: np.ndarray, landmarks: np.ndarray) -> tuple[PictureSampler, np.ndarray]:
    """A frame of 10-bit 4:2:0 planes."""
    even = np.ascontiguousarray(picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2])
    return FrameSampler(av.VideoFrame.from_ndarray(even, "bgr24").reformat(format="yuv420p10le")), landmarks


def turned(picture: np.ndarray, landmarks: np.ndarray) -> tuple[PictureSampler, np.ndarray]:
    """A picture that lies on its side."""
    points = landmarks.copy()
    points[:, 0], points[:, 1] = picture.shape[0] - landmarks[:, 1], landmarks[:, 0]
    return BgrSampler(np.ascontiguousarray(np.rot90(picture, -1))), points


ALTERED: dict[str, Altered] = {
    "face 60 pixels wide": narrowed(60),
    "face 45 pixels wide": narrowed(45),
    "face 30 pixels wide": narrowed(30),
    "an eighth as bright": darkened,
    "no colour": without_colour,
    "10-bit planes": ten_bit,
    "on its side": turned,
}


@dataclass
class Frames:
    """Everything that was looked at; lists of one length, ``altered`` by name."""

    clips: list[Path] = field(default_factory=list)
    embeddings: list[np.ndarray] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    yaws: list[float] = field(default_factory=list)
    altered: dict[str, list[np.ndarray]] = field(default_factory=lambda: {name: [] for name in ALTERED})


class Looker:
    """The networks, and what they saw."""

    def __init__(self, alter: bool) -> None:
        self.alter = alter
        self.detector, self.mesh, self.embedder = FaceDetector(), FaceMesh(), FaceEmbedder()
        self.reference = MouthShapeModel.load().reference
        self.seen = Frames()

    def look(self, clip: Path, most: int) -> None:
        """Look at up to ``most`` frames of a clip, the largest face of each."""
        with VideoReader(clip, threads=1) as reader:
            step = max(1, round((reader.stream.average_rate or Fraction(25)) * Fraction(SECONDS_APART)))
            if reader.info.duration is not None and reader.info.duration < most * SECONDS_APART:
                step = max(1, step // 3)
            for decoded in islice(reader.frames(), 0, step * most, step):
                self._look_at(clip, picture_bgr(decoded.frame, WIDEST, reader.stream.rotation))

    def _look_at(self, clip: Path, picture: np.ndarray) -> None:
        found = self.detector.detect(picture)
        if not found:
            return
        largest = max(found, key=lambda detection: detection.box[2] - detection.box[0])
        sampler = BgrSampler(picture)
        landmarks, _ = self.mesh.locate(sampler, largest.region())
        landmarks, presence = self.mesh.locate(sampler, region_of(landmarks))
        if presence < 0.5:
            return
        self.seen.clips.append(clip)
        self.seen.embeddings.append(self.embedder.embed(sampler, landmarks))
        self.seen.widths.append(float(np.ptp(landmarks[:, 0])))
        self.seen.yaws.append(float(align(landmarks[None], self.reference).yaw_pitch_roll()[0, 0]))
        for name, alter in ALTERED.items() if self.alter else ():
            other, there = alter(picture, landmarks)
            again, _ = self.mesh.locate(other, region_of(there.astype(np.float32)))
            self.seen.altered[name].append(self.embedder.embed(other, again))


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distances (len(a), len(b)) between rows."""
    return np.asarray(np.sqrt(np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T, 0)))


def table_of_pairs(title: str, vectors: np.ndarray, clips: list[Path]) -> list[str]:
    """Rows of the first table: pairs of frames, or of clips' means."""
    people = np.array([person_of(clip) for clip in clips])
    sources = np.array([clip.parent.name for clip in clips])
    names = np.array([str(clip) for clip in clips])
    first, second = np.triu_indices(len(clips), 1)
    apart = distances(vectors, vectors)[first, second]
    one_clip = names[first] == names[second]
    named = (people[first] != "") & (people[second] != "")
    kinds = {
        "one clip": one_clip,
        "one person, other clip": named & ~one_clip & (people[first] == people[second]),
        "different people": (named & (people[first] != people[second]))
        | ((sources[first] != sources[second]) & (people[first] != people[second])),
    }
    rows = []
    for kind, chosen in kinds.items():
        if chosen.any():
            low, middle, high = np.percentile(apart[chosen], [1, 50, 99])
            below = [f"{np.mean(apart[chosen] < limit):.4f}" for limit in THRESHOLDS]
            cells = [f"{title}, {kind}", str(chosen.sum()), f"{middle:.2f} ({low:.2f} to {high:.2f})", *below]
            rows.append(f"| {' | '.join(cells)} |")
    return rows


def table_of_conditions(seen: Frames) -> list[str]:
    """Rows of the second table: frames against people's means."""
    people = np.array([person_of(clip) for clip in seen.clips])
    known = sorted(set(people) - {""})
    plain = np.array(seen.embeddings, np.float64)
    sums = np.array([plain[people == name].sum(0) for name in known])
    counts = np.array([(people == name).sum() for name in known])
    turn, width = np.abs(np.array(seen.yaws)), np.array(seen.widths)
    everything = np.ones(len(people), bool)
    chosen = {"as it is": (plain, everything)}
    chosen |= {
        "turned less than 15 degrees": (plain, turn < 15),
        "turned 15 to 30 degrees": (plain, (turn >= 15) & (turn < 30)),
        "turned more than 30 degrees": (plain, turn >= 30),
    }
    for name, altered in seen.altered.items():
        vectors = np.array(altered, np.float64)
        chosen[name] = (vectors, width >= 60 if "wide" in name else everything)
    rows = []
    for name, (vectors, mask) in chosen.items():
        own, other, right = [], [], []
        for index in np.flatnonzero(mask & (people != "")):
            mine = known.index(people[index])
            if counts[mine] < 2:
                continue
            means = sums / counts[:, None]
            means[mine] = (sums[mine] - plain[index]) / (counts[mine] - 1)
            apart = np.linalg.norm(means - vectors[index], axis=1)
            own.append(apart[mine])
            other.append(np.delete(apart, mine))
            right.append(apart.argmin() == mine)
        if own:
            strangers = np.concatenate(other)
            cells = [
                name,
                str(len(own)),
                f"{np.median(own):.2f}, {np.percentile(own, 95):.2f}",
                f"{np.mean(np.array(own) >= SAME_PERSON):.4f}",
                f"{np.median([row.min() for row in other]):.2f}",
                f"{np.mean(strangers < SAME_PERSON):.4f}",
                f"{np.mean(right):.4f}",
            ]
            rows.append(f"| {' | '.join(cells)} |")
    return rows


def main() -> None:
    """Look at the clips, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True, help="CSV with the columns file and split")
    parser.add_argument("--split", default="test")
    parser.add_argument("--every", type=int, default=1, help="only every N-th clip of a source without names")
    parser.add_argument("--frames", type=int, default=5, help="a clip, at most")
    arguments = parser.parse_args()
    with arguments.manifest.open(newline="", encoding="utf-8-sig") as file:
        listed = [arguments.manifest.parent / row["file"] for row in csv.DictReader(file)
                  if row["split"] == arguments.split and row["file"].endswith(".mp4")]  # fmt: skip
    many = [clip for clip in listed if clip.parent.name not in ("test", "actors")]
    looker = Looker(alter=arguments.split == "test")
    for number, clip in enumerate([clip for clip in listed if clip not in set(many)] + many[:: arguments.every]):
        sys.stderr.write(f"\r{number} {clip.stem[:40]:40}")
        looker.look(clip, arguments.frames)
    seen = looker.seen
    vectors = np.array(seen.embeddings, np.float64)
    clips = list(dict.fromkeys(seen.clips))
    means = np.array([vectors[[c == clip for c in seen.clips]].mean(0) for clip in clips])
    people = {person_of(clip) for clip in clips} - {""}
    print(f"\n{len(vectors)} frames, {len(clips)} clips, {len(people)} people with names; faces "
          f"{np.percentile(seen.widths, 5):.0f} to {np.percentile(seen.widths, 95):.0f} pixels wide\n")  # fmt: skip
    print("| pairs | n | median (1 % to 99 %) | " + " | ".join(f"share below {t}" for t in THRESHOLDS) + " |")
    print("| --- | --- | --- |" + " --- |" * len(THRESHOLDS))
    print("\n".join(table_of_pairs("frames", vectors, seen.clips) + table_of_pairs("clip means", means, clips)))
    unnamed = means[[clip.parent.name == UNNAMED[0] for clip in clips]]
    if len(unnamed):
        apart = distances(unnamed, unnamed)[np.triu_indices(len(unnamed), 1)]
        counts, edges = np.histogram(apart, np.arange(0.08, 1.13, 0.04))
        print(f"\nclip means of '{UNNAMED[0]}', distance: pairs. ", end="")
        print(", ".join(f"{edge:.2f}: {count}" for edge, count in zip(edges, counts, strict=False)))
    if looker.alter:
        print("\n| frame | n | own mean: median, 95 % | rejected | nearest other | others accepted | own is nearest |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        print("\n".join(table_of_conditions(seen)))
    sampler, landmarks = BgrSampler(np.full((720, 1280, 3), 128, np.uint8)), looker.reference * 100 + 300
    costs = []
    for _ in range(50):
        start = time.perf_counter()
        looker.embedder.embed(sampler, landmarks)
        costs.append(time.perf_counter() - start)
    print(f"\none call, one thread: {1000 * float(np.median(costs)):.1f} ms")


if __name__ == "__main__":
    main()
