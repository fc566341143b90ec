"""Measure what expressions and emotions do to faces: dub without and with them, track both, and compare.

    python benchmarks/expression.py OUT SOUND CLIP... [--seconds 3] [--threads 2] [--picture FACE.jpg]

Every clip is dubbed with the same sound, once as it is and once for each expression, and each emotion at strength 1 and
0.5. Both results are tracked again. Lengths are inter-ocular distances:

- moved: change of each measure of ``face_measures``, median over frames; mean (least .. most) over people, and how many
  people moved in the direction asked for, of those asked to move by at least 0.005; and what the picture moved at the
  plain dub's landmarks, by optical flow, mean over people;
- elsewhere: how far points that shall stay moved (mean over frames of their displacement, its length averaged over the
  points; mean and most over people): nose, temples and ears, jaw, hairline, irises against the eye's corners; in
  brackets what the picture itself moved there, by optical flow, as the tracker guesses much of a face from its brows;
- blinks: people whose number of blinks stayed; shake: root mean square of the second difference in time of brows and
  lids against the plain dub's; identity: distance of the appearance embedding to the source (and that of the plain
  dub), of which 0.5 tells people apart.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import talkingface
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import align, interocular_distance
from talkingface.faces.identity import FaceEmbedder, distance
from talkingface.faces.track import FaceTrack
from talkingface.faces.video import track_video
from talkingface.media.planes import plane_views
from talkingface.media.reader import VideoReader
from talkingface.models.video_retalking.emotion import EMOTIONS, EXPRESSIONS, Look
from talkingface.models.video_retalking.face_measures import (
    BROWS,
    LOWER_LIDS,
    MEASURES,
    UPPER_LIDS,
    closed,
    measure,
)
from talkingface.models.video_retalking.landmark.canonicalize import MouthShapeModel, TemplateCanonicalizer
from talkingface.models.video_retalking.landmark.eyelids import openings

ELSEWHERE = {
    "nose": (1, 2, 4, 5, 6, 195, 197, 98, 327),
    "temples and ears": (21, 162, 127, 234, 93, 251, 389, 356, 454, 323),
    "jaw": (132, 58, 172, 136, 150, 361, 288, 397, 365, 379),
    "hairline": (54, 103, 67, 109, 10, 338, 297, 332, 284),
}
LUMA_EVERY = 6  # frames
BLINK, OPEN_AGAIN = 0.45, 0.6  # of the usual opening
LEAST_ASKED = 0.005


@dataclass(frozen=True)
class Seen:
    """One result, tracked: the face most present in it, and the luma of some frames."""

    track: FaceTrack
    luma: dict[int, np.ndarray]

    @property
    def points(self) -> np.ndarray:
        return np.asarray(self.track.landmarks[:], np.float64)


def variants(picture: Path | None) -> dict[str, dict[str, Any]]:
    """Names of what is measured, and the options."""
    made: dict[str, dict[str, Any]] = {f"expression {name}": {"expression": name} for name in EXPRESSIONS}
    if picture is not None:
        made[f"expression {picture.name}"] = {"expression": str(picture)}
    for name in EMOTIONS:
        if name != "none":
            for strength in (1.0, 0.5):
                made[f"emotion {name} {strength:g}"] = {"emotion": name, "strength": strength}
    return made


def blinks(points: np.ndarray, usual: np.ndarray) -> int:
    """How often both eyes close: fall below a share of the usual opening, (2,), of the plain dub."""
    open_share = (openings(points) / usual).mean(1)
    count, shut = 0, False
    for value in open_share:
        if not shut and value < BLINK:
            count, shut = count + 1, True
        elif shut and value > OPEN_AGAIN:
            shut = False
    return count


def flow(plain: Seen, changed: Seen, points: list[int]) -> dict[int, np.ndarray]:
    """How the picture itself moved at some points of the plain dub's mesh, by optical flow (Lucas and Kanade).

    Returns:
        By frame, (N, 2) pixels; NaN where it cannot be told.
    """
    found = {}
    for index in plain.luma.keys() & changed.luma.keys() & set(plain.track.frames.tolist()):
        landmarks = plain.track.landmarks[int(np.searchsorted(plain.track.frames, index))]
        unit = float(interocular_distance(landmarks[:, :2]))
        where = np.ascontiguousarray(landmarks[points, None, :2], np.float32)
        side = max(9, round(0.12 * unit)) | 1
        there, status, _ = cv2.calcOpticalFlowPyrLK(
            plain.luma[index], changed.luma[index], where, None, winSize=(side, side)
        )
        found[index] = np.where(status > 0, (there - where)[:, 0], np.nan)
    return found


def compare(plain: Seen, changed: Seen, model: MouthShapeModel) -> dict[str, Any]:
    """What became of one person."""
    common, first, second = np.intersect1d(plain.track.frames, changed.track.frames, return_indices=True)
    before, after = plain.points[first], changed.points[second]
    unit = interocular_distance(before[..., :2])
    # the head has not moved: both are posed as the plain dub is, against its own mean face
    shape = align(before, model.reference).to_canonical(before).mean(0)
    pose = align(before, shape)
    measures = [
        np.median(measure(closed(pose.to_canonical(points), model.closing_direction)), axis=0)
        for points in (before, after)
    ]
    result: dict[str, Any] = {
        "moved": dict(zip(MEASURES, measures[1] - measures[0], strict=True)),
        "frames": len(common),
    }
    flown = flow(plain, changed, list(range(mesh.MESH_POINTS)))
    units = {index: float(unit[common.tolist().index(index)]) for index in flown if index in common}
    differences = []
    for index in units:
        row = common.tolist().index(index)
        there = before[row].copy()
        there[:, :2] += flown[index]
        pair = [measure(pose.one_to_canonical(row, points)) for points in (before[row], there)]
        differences.append(pair[1] - pair[0])
    result["moved, pixels"] = dict(zip(MEASURES, np.nanmedian(differences, axis=0), strict=True))
    shift = ((after - before)[..., :2] / unit[:, None, None]).mean(0)
    for name, group in ELSEWHERE.items():
        result[name] = float(np.linalg.norm(shift[list(group)], axis=-1).mean())
        moved = [np.linalg.norm(flown[index][list(group)], axis=-1) / size for index, size in units.items()]
        result[f"{name}, pixels"] = float(np.nanmean(moved))
    eyes = (mesh.EYE_LEFT_CORNERS, mesh.EYE_RIGHT_CORNERS)
    gaze = [
        np.linalg.norm(shift[iris[0]] - shift[list(corners)].mean(0))
        for iris, corners in zip((mesh.LEFT_IRIS, mesh.RIGHT_IRIS), eyes, strict=True)
    ]
    result["irises"] = float(np.mean(gaze))
    usual = np.quantile(openings(before), 0.7, axis=0)
    result["blinks"] = [blinks(before, usual), blinks(after, usual)]
    upper = [point for side in (*BROWS[0], *BROWS[1], *UPPER_LIDS, *LOWER_LIDS) for point in side]
    shakes = [np.diff(points[:, upper, :2] / unit[:, None, None], 2, axis=0) for points in (before, after)]
    result["shake"] = float(np.sqrt((shakes[1] ** 2).mean() / (shakes[0] ** 2).mean()))
    result["shift"] = shift.round(4).tolist()
    return result


def asked_of(plain: Seen, options: dict[str, Any], model: MouthShapeModel) -> np.ndarray:
    """The change of the measures a variant asks of a face with a name, (7,)."""
    template = EXPRESSIONS.get(options.get("expression", "keep"))
    emotion = options.get("strength", 1.0) * EMOTIONS[options.get("emotion", "none")]
    if template is None:
        return np.asarray(emotion)
    face = TemplateCanonicalizer(model, look=Look(template, emotion)).canonicalise(plain.track)
    assert face.change is not None
    return face.change


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("sound", type=Path)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    model, embedder = MouthShapeModel.load(), FaceEmbedder()
    found: dict[str, dict[str, Any]] = {}

    def seen(path: Path) -> Seen:
        tracks = track_video(path, end=arguments.seconds, threads=arguments.threads, embedder=embedder).tracks
        with VideoReader(path, end=arguments.seconds) as reader:
            luma = {
                decoded.index: plane_views(decoded.frame)[0].copy()
                for decoded in reader.frames()
                if decoded.index % LUMA_EVERY == 0
            }
        return Seen(max(tracks, key=lambda track: track.prominence), luma)

    for clip in arguments.clips:
        source = seen(clip)

        def dubbed(name: str, options: dict[str, Any], clip: Path = clip) -> Seen:
            target = arguments.output / f"{clip.stem} {name}.mp4"
            talkingface.dub(
                clip, arguments.sound, target, preview=arguments.seconds, overwrite=True, crf=12,
                threads=arguments.threads, **options,
            )  # fmt: skip
            return seen(target)

        plain = dubbed("plain", {})
        for name, options in variants(arguments.picture).items():
            changed = dubbed(name, options)
            entry = compare(plain, changed, model)
            if "expression" not in options or options["expression"] in EXPRESSIONS:
                entry["asked"] = dict(zip(MEASURES, asked_of(source, options, model), strict=True))
            if source.track.identity is not None and changed.track.identity is not None:
                entry["identity"] = distance(source.track.identity, changed.track.identity)
            if source.track.identity is not None and plain.track.identity is not None:
                entry["identity_plain"] = distance(source.track.identity, plain.track.identity)
            found.setdefault(name, {})[clip.stem] = entry
        (arguments.output / "expression.json").write_text(json.dumps(found, indent=1, default=float))
        print(clip.stem, flush=True)
    show(found)


def show(found: dict[str, dict[str, Any]]) -> None:
    """Print both tables."""
    print("\nmoved: mean (least .. most) over people; in the direction asked / asked to move by 0.005 or more\n")
    print("| |", " | ".join(MEASURES), "|\n|", " --- |" * (len(MEASURES) + 1))
    for name, people in found.items():
        cells = []
        for measured in MEASURES:
            moved = np.array([entry["moved"][measured] for entry in people.values()])
            seen = np.mean([entry["moved, pixels"][measured] for entry in people.values()])
            text = f"{moved.mean():+.3f} ({moved.min():+.3f} .. {moved.max():+.3f}), picture {seen:+.3f}"
            if all("asked" in entry for entry in people.values()):
                asked = np.array([entry["asked"][measured] for entry in people.values()])
                strong = np.abs(asked) >= LEAST_ASKED
                if strong.any():
                    right = int((np.sign(moved) == np.sign(asked))[strong].sum())
                    text += f" {right}/{int(strong.sum())} of {asked.mean():+.3f}"
            cells.append(text)
        print("|", name, "|", " | ".join(cells), "|")
    print("\nelsewhere: mean, most over people\n")
    print("| |", " | ".join([*ELSEWHERE, "irises", "same blinks", "shake", "identity", "plain dub"]), "|")
    print("|", " --- |" * (len(ELSEWHERE) + 6))
    for name, people in found.items():
        cells = []
        for group in (*ELSEWHERE, "irises"):
            values = [entry[group] for entry in people.values()]
            cells.append(f"{np.mean(values):.3f}, {max(values):.3f}")
            if group in ELSEWHERE:
                values = [entry[f"{group}, pixels"] for entry in people.values()]
                cells[-1] += f" ({np.mean(values):.3f}, {max(values):.3f})"
        same = sum(entry["blinks"][0] == entry["blinks"][1] for entry in people.values())
        total = sum(entry["blinks"][0] for entry in people.values())
        cells.append(f"{same} of {len(people)} ({total} blinks)")
        for group in ("shake", "identity", "identity_plain"):
            values = [entry[group] for entry in people.values() if group in entry]
            cells.append(f"{np.mean(values):.3f}, {max(values):.3f}" if values else "-")
        print("|", name, "|", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
