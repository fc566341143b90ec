"""Scenes made of real clips: people side by side, crossing, far away, cut away. Who is where is known.

The clips are not part of the repository; tests that need them are skipped where they are absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from talkingface.faces.detect import FaceDetector

Picture = NDArray[np.uint8]
Box = tuple[float, float, float, float]
CLIPS = Path(__file__).parents[2].parent / "shared/data/clips/test"
RATE = 25

needs_clips = pytest.mark.skipif(not CLIPS.is_dir(), reason="the test clips are not here")


@dataclass(frozen=True)
class SceneFrame:
    """One frame.

    Attributes:
        picture: (height, width, 3) RGB.
        people: Name to the box x0, y0, x1, y1 of the face, pixels; only who is to be seen.
    """

    picture: Picture
    people: dict[str, Box]


def pictures(clip: Path) -> Iterator[Picture]:
    """RGB frames of a clip, back and forth without end."""
    forth = []
    with av.open(str(clip)) as container:
        for frame in container.decode(video=0):
            forth.append(frame.to_ndarray(format="rgb24"))
            yield forth[-1]
    turn = forth[::-1] + forth
    while True:
        yield from turn


@cache
def face_box(clip: Path) -> Box:
    """Where the detectors see the face in the first frame: what the truth of a scene is made of."""
    found = FaceDetector().detect(np.ascontiguousarray(next(pictures(clip))[..., ::-1]))
    return found[0].box


class Cutout:
    """A head cut out of a clip, its face so many pixels wide, with a soft edge."""

    def __init__(self, clip: Path, face_width: float) -> None:
        self.name = clip.stem
        x0, y0, x1, y1 = face_box(clip)
        side = max(x1 - x0, y1 - y0)
        middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2 - 0.1 * side
        scale = face_width / (x1 - x0)
        self.half = int(np.ceil(1.05 * side * scale))
        place = self.half - np.array([middle_x, middle_y]) * scale
        self.matrix = np.array([[scale, 0, place[0]], [0, scale, place[1]]])
        self.box = tuple(float(v * scale + place[n % 2] - self.half) for n, v in enumerate((x0, y0, x1, y1)))
        y, x = np.mgrid[: 2 * self.half, : 2 * self.half] / self.half - 1
        radius = np.hypot(x * 1.15, y)
        self.alpha = np.clip((1 - radius) / 0.15, 0, 1).astype(np.float32)[..., None]
        self.pictures = pictures(clip)

    def paste(self, target: Picture, x: float, y: float) -> Box:
        """Put the next picture's head with its middle at (x, y); gives the face's box."""
        source = next(self.pictures)
        shrink = self.matrix[0, 0]
        if shrink < 0.5:  # averaged first: a plain warp would skip pixels
            source = cv2.resize(source, None, fx=2 * shrink, fy=2 * shrink, interpolation=cv2.INTER_AREA)
        own = self.matrix.copy()
        own[:, :2] *= 1 if shrink >= 0.5 else 1 / (2 * shrink)
        head = cv2.warpAffine(source, own, (2 * self.half,) * 2, borderMode=cv2.BORDER_REPLICATE)
        left, top = round(x) - self.half, round(y) - self.half
        height, width = target.shape[:2]
        x0, y0, x1, y1 = max(0, left), max(0, top), min(width, left + 2 * self.half), min(height, top + 2 * self.half)
        if x0 < x1 and y0 < y1:
            part = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
            alpha = self.alpha[part]
            target[y0:y1, x0:x1] = (target[y0:y1, x0:x1] * (1 - alpha) + head[part] * alpha).astype(np.uint8)
        middle = (round(x), round(y))
        a, b, c, d = (float(v + middle[n % 2]) for n, v in enumerate(self.box))
        return a, b, c, d


def room(width: int, height: int, seed: int = 7) -> Picture:
    """A background with forms but no face, RGB."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(60, 150, (9, 16, 3)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)).clip(0, 255).astype(np.uint8)


def whole(clip: Path, count: int, size: tuple[int, int]) -> Iterator[SceneFrame]:
    """A clip as it is, its middle cut to (width, height)."""
    source = pictures(clip)
    width, height = size
    x0, y0, x1, y1 = face_box(clip)
    for _ in range(count):
        picture = next(source)
        scale = max(width / picture.shape[1], height / picture.shape[0])
        shift = np.array([width - picture.shape[1] * scale, height - picture.shape[0] * scale]) / 2
        shown = cv2.warpAffine(picture, np.array([[scale, 0, shift[0]], [0, scale, shift[1]]]), size)
        box = (x0 * scale + shift[0], y0 * scale + shift[1], x1 * scale + shift[0], y1 * scale + shift[1])
        yield SceneFrame(np.asarray(shown, np.uint8), {clip.stem: box})


def side_by_side(
    left: Path, right: Path, count: int, size: tuple[int, int] = (640, 360), face_width: float = 130
) -> Iterator[SceneFrame]:
    """Two people who stay in their places."""
    heads = Cutout(left, face_width), Cutout(right, face_width)
    background = room(*size)
    for _ in range(count):
        picture = background.copy()
        people = {
            head.name: head.paste(picture, size[0] * (0.27 + 0.46 * n), size[1] / 2) for n, head in enumerate(heads)
        }
        yield SceneFrame(picture, people)


def crossing(
    front: Path, behind: Path, count: int, size: tuple[int, int] = (640, 360), face_width: float = 120
) -> Iterator[SceneFrame]:
    """Two people who change places; one passes in front of the other, who is hidden for a while."""
    heads = Cutout(behind, face_width * 0.9), Cutout(front, face_width)
    background = room(*size)
    for number in range(count):
        picture = background.copy()
        way = 0.5 - 0.5 * np.cos(np.pi * np.clip((number / count - 0.2) / 0.6, 0, 1))
        hind = heads[0].paste(picture, size[0] * (0.22 + 0.56 * way), size[1] * 0.48)
        fore = heads[1].paste(picture, size[0] * (0.78 - 0.56 * way), size[1] * 0.54)
        hidden = abs(fore[0] - hind[0]) < 0.9 * face_width
        yield SceneFrame(picture, {heads[1].name: fore, **({} if hidden else {heads[0].name: hind})})


def far_away(
    clips: Iterable[Path], count: int, share: float, size: tuple[int, int] = (1920, 1080)
) -> Iterator[SceneFrame]:
    """Small people in a large picture; ``share`` is the face's width by the picture's."""
    heads = [Cutout(clip, share * size[0]) for clip in clips]
    background = room(*size)
    places = [(0.31, 0.42), (0.72, 0.55), (0.12, 0.7), (0.88, 0.3), (0.5, 0.8)]
    for number in range(count):
        picture = background.copy()
        people = {}
        for head, (x, y) in zip(heads, places, strict=False):
            drift = 4 * np.sin(number / 9) * share * 20
            people[head.name] = head.paste(picture, size[0] * x + drift, size[1] * y)
        yield SceneFrame(picture, people)


def empty(count: int, size: tuple[int, int] = (640, 360)) -> Iterator[SceneFrame]:
    """A slow pan over a room without anybody."""
    wide = room(size[0] * 2, size[1])[:, ::-1]
    for number in range(count):
        yield SceneFrame(np.ascontiguousarray(wide[:, 2 * number : 2 * number + size[0]]), {})


def joined(*shots: Iterable[SceneFrame]) -> Iterator[SceneFrame]:
    """One shot after another, with hard cuts."""
    for shot in shots:
        yield from shot


def dissolved(first: Iterable[SceneFrame], second: Iterable[SceneFrame], frames: int) -> Iterator[SceneFrame]:
    """One shot fades into the next over so many frames; what both show meanwhile is not said."""
    before, after = list(first), list(second)
    yield from before[:-frames]
    for number, (a, b) in enumerate(zip(before[-frames:], after[:frames], strict=True)):
        share = (number + 1) / (frames + 1)
        yield SceneFrame((a.picture * (1 - share) + b.picture * share).astype(np.uint8), {})
    yield from after[frames:]


def write_scene(
    path: Path, scene: Iterable[SceneFrame], rate: int = RATE, sound: NDArray[np.float32] | None = None
) -> list[dict[str, Box]]:
    """Encode a scene as H.264, with a mono 16 kHz sound when given; gives the truth of every frame."""
    truth = []
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=rate, options={"crf": "20", "preset": "veryfast"})
        stream.pix_fmt = "yuv420p"
        audio = None if sound is None else output.add_stream("aac", rate=16_000, layout="mono")
        for number, shown in enumerate(scene):
            if number == 0:
                stream.height, stream.width = shown.picture.shape[:2]
            output.mux(stream.encode(av.VideoFrame.from_ndarray(shown.picture, "rgb24")))
            truth.append(shown.people)
        output.mux(stream.encode(None))
        if audio is not None and sound is not None:
            samples = av.AudioFrame.from_ndarray((sound[None] * 32767).astype(np.int16), "s16", "mono")
            samples.sample_rate, samples.pts, samples.time_base = 16_000, 0, Fraction(1, 16_000)
            output.mux(audio.encode(samples))
            output.mux(audio.encode(None))
    return truth
