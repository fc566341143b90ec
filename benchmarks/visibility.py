"""How often the visibility of a mouth is judged wrongly: prints two Markdown tables.

    python benchmarks/visibility.py --clips clips/test
    python benchmarks/visibility.py --clips clips/test --sheet /tmp/visibility --contains vox

The first table counts false alarms on the clips as they are (their mouths are held to be visible wherever the head is
turned by less than 40 degrees and the mouth lies in the picture). For the second one, objects are drawn in front of the
mouths, and the frames are tracked again: how many of the frames whose lips are covered by more than 15 % have a
confidence below 0.3, and how many frames more than 0.3 s away from the object fall below 0.9.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "faces"))
from occluders import PAINTERS, Occluder, Scene  # drawn objects are shared with the tests

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import align
from talkingface.faces.track import FaceTrack
from talkingface.faces.video import ClipTracker
from talkingface.faces.visibility import VisibilityRecorder, share_outside
from talkingface.media.planes import layout_of, plane_views
from talkingface.media.reader import DecodedFrame, VideoReader
from talkingface.models.video_retalking.landmark.canonicalize import MouthShapeModel

COVERED, AWAY_SECONDS = 0.15, 0.3
MAX_PLAIN_YAW = 40


@dataclass
class Judged:
    """One track and what was said of it."""

    track: FaceTrack
    confidence: NDArray[np.float32]
    covered: NDArray[np.float64]
    pictures: list[NDArray[np.uint8]] = field(default_factory=list)


def judge(path: Path, seconds: float, occluder: Occluder | None, clean: FaceTrack | None, keep: bool) -> list[Judged]:
    """Track a clip, with an object drawn into it or not, and record visibility as a dub's first pass does."""
    scene = Scene(occluder) if occluder is not None else None
    places = {int(f): row for row, f in enumerate(clean.frames)} if clean is not None else {}
    recorders: dict[int, VisibilityRecorder] = {}
    seen: dict[int, list[tuple[int, float]]] = {}
    covered, pictures = [], {}
    with VideoReader(path, end=seconds, threads=1) as reader:
        tracker = ClipTracker(reader.stream.rotation)
        for decoded in reader.frames():
            frame, share = decoded.frame, 0.0
            if scene is not None and clean is not None and decoded.index in places:
                landmarks = clean.landmarks[places[decoded.index]]
                drawn, share = scene.draw(frame.to_ndarray(format="bgr24"), landmarks, decoded.time)
                changed = av.VideoFrame.from_ndarray(drawn, format="bgr24")
                frame = changed.reformat(format="yuv420p", dst_colorspace=frame.colorspace, dst_color_range="MPEG")
            covered.append(share)
            tracker.feed(DecodedFrame(decoded.index, decoded.time, decoded.pts, frame))
            if keep:
                pictures[decoded.index] = frame.to_ndarray(format="bgr24")
            presences = tracker.tracker.presences()
            for number, landmarks in tracker.tracker.current():
                if number not in recorders:
                    recorders[number], seen[number] = VisibilityRecorder(layout_of(frame)), []
                recorders[number].add(landmarks, presences[number], plane_views(frame))
                seen[number].append((decoded.index, decoded.time))
        clip = tracker.finish(reader.info)
    judged = []
    for track in clip.tracks:
        frames, times = (np.array(column) for column in zip(*seen[track.number], strict=True))
        confidence = recorders[track.number].finish(frames, times)[np.searchsorted(frames, track.frames)]
        shown = [pictures[int(f)] for f in track.frames] if keep else []
        judged.append(Judged(track, confidence, np.array(covered)[track.frames], shown))
    return judged


def plain_rows(track: FaceTrack, reference: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Rows whose head is not turned far and whose mouth is not cut."""
    yaw = np.abs(align(track.landmarks, reference).yaw_pitch_roll()[:, 0])
    inside = [share_outside(points, track.width, track.height) < 0.02 for points in track.landmarks]
    return np.asarray((yaw < MAX_PLAIN_YAW) & np.array(inside))


def random_occluder(kind: str, duration: float, dice: random.Random) -> Occluder:
    """An object that comes and goes, stays to the end, or was there from the start."""
    arrives = dice.uniform(0.2, 0.5) * duration
    leaves = min(duration * 0.95, arrives + dice.uniform(0.2, 0.4) * duration)
    fate = dice.random()
    if fate < 0.2:
        leaves = duration + 1
    elif fate < 0.35:
        arrives, leaves = -1.0, dice.uniform(0.2, 0.4) * duration
    angle = dice.choice([0, 0, 0, 1, -1]) * np.pi / 2 + dice.uniform(-0.4, 0.4)
    offset = (0.0, 0.0)
    if kind == "card":
        offset = (dice.uniform(-0.3, 0.2), dice.uniform(-0.2, 0.2))
    elif dice.random() < 0.5:
        offset = (dice.uniform(-0.35, 0.35), dice.uniform(-0.2, 0.25))
    direction = (float(np.sin(angle)), float(np.cos(angle)))
    return Occluder(kind, dice.uniform(0.7, 1.3), arrives, leaves, direction, offset, dice.randrange(1000))


def far_rows(judged: Judged) -> NDArray[np.bool_]:
    """Rows more than ``AWAY_SECONDS`` away from any covered lips."""
    times = judged.track.times
    touched = times[judged.covered > 0]
    if not len(touched):
        return np.ones(len(times), bool)
    return np.asarray(np.abs(times[:, None] - touched[None]).min(1) > AWAY_SECONDS)


def sheet(judged: Judged, path: Path) -> None:
    """Twelve faces of a track with the confidence written on each."""
    tiles = []
    for row in np.linspace(0, len(judged.track) - 1, 12).astype(int):
        points = judged.track.landmarks[row][:, :2]
        picture = judged.pictures[row].copy()
        for x, y in points[list(mesh.LIPS_OUTER)]:
            cv2.circle(picture, (int(x), int(y)), max(1, int(np.ptp(points[:, 0]) / 150)), (0, 255, 0), -1)
        x0, y0 = np.maximum(points.min(0).astype(int) - 15, 0)
        x1, y1 = points.max(0).astype(int) + 15
        tile = cv2.resize(picture[y0:y1, x0:x1], (160, 190))
        value = float(judged.confidence[row])
        colour = (0, 255, 0) if value > 0.9 else (0, 0, 255) if value < 0.3 else (0, 200, 255)
        cv2.putText(tile, f"{value:.2f} ({judged.covered[row]:.2f})", (3, 16), 0, 0.5, colour, 1, cv2.LINE_AA)
        tiles.append(tile)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.vstack([np.hstack(tiles[:6]), np.hstack(tiles[6:])]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge every clip of a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, required=True, help="folder of clips")
    parser.add_argument("--contains", default="", help="only clips whose names contain this")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each clip")
    parser.add_argument("--occluded", type=int, default=30, help="number of clips that objects are drawn into")
    parser.add_argument("--sheet", type=Path, help="folder for contact sheets")
    options = parser.parse_args(arguments)
    reference = MouthShapeModel.load().reference
    paths = sorted(p for p in options.clips.glob("*.mp4") if options.contains in p.name)
    alarms: dict[str, list[int]] = {}
    found: dict[str, list[int]] = {}
    chosen = {paths[int(n)] for n in np.linspace(0, len(paths) - 1, min(options.occluded, len(paths)))}
    for path in paths:
        clean = [j for j in judge(path, options.seconds, None, None, False) if len(j.track) >= 10]
        for judged in clean:
            plain = plain_rows(judged.track, reference)
            row = alarms.setdefault(path.stem.split("_")[0], [0, 0, 0, 0])
            fallen = judged.confidence < 0.9
            for at, value in enumerate((1, len(plain), int(fallen.sum()), int((fallen & plain).sum()))):
                row[at] += value
        if path not in chosen or not clean:
            continue
        dice = random.Random(path.stem)
        duration = float(clean[0].track.times[-1])
        for kind in dice.sample(list(PAINTERS), 4):
            occluder = random_occluder(kind, duration, dice)
            results = judge(path, options.seconds, occluder, clean[0].track, options.sheet is not None)
            # before anything came in front of it, or after, the plain clip's own verdict is not the object's fault
            usual = dict(zip(clean[0].track.frames.tolist(), clean[0].confidence.tolist(), strict=True))
            for judged in (j for j in results if j.covered.any() or len(j.track) >= 10):
                covered = judged.covered > COVERED
                was_sure = np.array([usual.get(int(f), 0.0) >= 0.9 for f in judged.track.frames])
                far = far_rows(judged) & was_sure
                row = found.setdefault(kind, [0, 0, 0, 0, 0])
                counts = (judged.confidence < 0.3) & covered, covered, (judged.confidence < 0.9) & far, far
                for at, value in enumerate((1, *(int(c.sum()) for c in counts))):
                    row[at] += value
                if options.sheet is not None:
                    sheet(judged, options.sheet / f"{path.stem}-{kind}-{judged.track.number}.png")
    print(
        "| clips | tracks | frames | below 0.9 | of them plain | plain share |\n| --- | --- | --- | --- | --- | --- |"
    )
    total = np.sum(list(alarms.values()), 0)
    for name, row in [*sorted(alarms.items()), ("**all**", total)]:
        print(f"| {name} | {row[0]} | {row[1]} | {row[2]} | {row[3]} | {row[3] / row[1]:.2%} |")
    if found:
        print(
            "\n| object | tracks | covered frames | below 0.3 | far frames | of them below 0.9 |\n" + "| --- " * 6 + "|"
        )
        total = np.sum(list(found.values()), 0)
        for name, row in [*sorted(found.items()), ("**all**", total)]:
            print(
                f"| {name} | {row[0]} | {row[2]} | {row[1] / max(1, row[2]):.1%} | {row[4]} "
                f"| {row[3]} ({row[3] / max(1, row[4]):.2%}) |"
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
