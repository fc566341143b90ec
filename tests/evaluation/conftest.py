"""Faces and videos made for the tests of evaluation.

The videos show a textured square instead of a face; how far the mouth is open is painted as the brightness of a block
in the corner, and a tracker that reads it stands for the networks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import cv2
import numpy as np
import pytest

from talkingface.evaluation import observation
from talkingface.evaluation.observation import generic_face
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.track import FaceTrack
from talkingface.faces.video import ClipTracks
from talkingface.media.planes import plane_views
from talkingface.media.probe import MediaInfo
from talkingface.media.reader import DecodedFrame

SIZE = 160
EYES = 40.0  # pixels between the eyes
NO_FACE = 8  # a corner darker than this shows no face
MakeClip = Callable[..., Path]


def face_points(opening: float, centre: tuple[float, float] = (80.0, 60.0), eyes: float = EYES) -> np.ndarray:
    """Landmarks (478, 3) of the generic face with its lips ``opening`` apart, in pixels."""
    points = generic_face().copy()
    lower = list({*mesh.LIPS_INNER, *mesh.LIPS_OUTER} - {*mesh.LIPS_INNER[:11], *mesh.LIPS_OUTER[:11]})
    points[lower, 1] += opening
    points *= eyes
    points[:, :2] += centre
    return points.astype(np.float32)


def track_of(openings: Sequence[float], times: Sequence[float] | None = None, **how: Any) -> FaceTrack:
    """A face track of the generic face."""
    times = np.arange(len(openings)) / 25 if times is None else times
    return FaceTrack(
        np.arange(len(openings)),
        np.asarray(times, np.float64),
        np.stack([face_points(opening, **how) for opening in openings]),
        np.ones(len(openings), np.float32),
        SIZE,
        SIZE,
    )


def speech_like(seconds: float, seed: int = 0, rate: int = 25) -> np.ndarray:
    """Openings 0..0.25 that come and go some four times a second."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 0.25, int(seconds * 8) + 2)
    return np.interp(np.arange(int(seconds * rate)) / rate * 8, np.arange(len(coarse)), coarse)


def texture(opening: float, number: int, blur: float = 0.0, noise: float = 0.0) -> np.ndarray:
    """A gray picture (160, 160): fixed texture, a moving bar where the mouth is, and the opening in the corner."""
    fixed = np.random.default_rng(1).uniform(60, 190, (SIZE, SIZE))
    y = 90 + int(60 * opening)
    fixed[y : y + 6, 60:100] = 230
    if noise:
        fixed += np.random.default_rng(100 + number).normal(0, noise, fixed.shape)
    picture = cv2.GaussianBlur(fixed, (0, 0), 0.8 + blur)
    picture[:16, :16] = 20 + opening * 800 if opening >= 0 else 0
    return np.clip(picture, 0, 255).astype(np.uint8)


def write_clip(
    path: Path,
    openings: Sequence[float],
    *,
    rate: int = 25,
    samples: np.ndarray | None = None,
    size: int = SIZE,
    blur: float = 0.0,
    noise: float = 0.0,
) -> Path:
    """Write an almost lossless clip; a negative opening is a frame without a face."""
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=rate, options={"crf": "1", "preset": "ultrafast"})
        video.width = video.height = size
        video.pix_fmt = "yuv420p"
        audio = None if samples is None else output.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for number, opening in enumerate(openings):
            picture = texture(opening, number, blur, noise)
            if size != SIZE:
                picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_CUBIC)
            frame = av.VideoFrame.from_ndarray(picture, "gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        if audio is not None:
            sound = av.AudioFrame.from_ndarray((samples[None] * 32767).astype(np.int16), "s16", "mono")
            sound.sample_rate, sound.pts, sound.time_base = 16_000, 0, Fraction(1, 16_000)
            output.mux(audio.encode(sound))
            output.mux(audio.encode(None))
    return path


def voice(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise that comes and goes like syllables: (n,) float32 at 16 kHz."""
    rng = np.random.default_rng(seed)
    loudness = np.interp(np.arange(int(seconds * 16_000)) / 16_000, np.arange(int(seconds * 25)) / 25,
                         speech_like(seconds, seed))  # fmt: skip
    return (rng.normal(0, 1, len(loudness)) * loudness).clip(-1, 1).astype(np.float32)


class PaintedFaceTracker:
    """Stands for ``ClipTracker``: reads the mouth's opening from the corner of the picture."""

    decoded: list[int]

    def __init__(self, rotation: int = 0, embedder: object = None) -> None:
        self.frames: list[DecodedFrame] = []
        self.rows: list[tuple[int, float, np.ndarray]] = []
        self.latest: list[tuple[int, np.ndarray]] = []
        self.tracker = SimpleNamespace(current=lambda: self.latest)
        self.size = (0, 0)
        type(self).decoded.append(0)

    def feed(self, decoded: DecodedFrame) -> None:
        type(self).decoded[-1] += 1
        luma = plane_views(decoded.frame)[0]
        self.size = (luma.shape[1], luma.shape[0])
        scale = luma.shape[1] / SIZE
        corner = float(luma[2 : int(12 * scale), 2 : int(12 * scale)].mean())
        bright = (corner - 16) * 255 / 219
        self.latest = []
        self.frames.append(decoded)
        if bright > NO_FACE:
            points = face_points((bright - 20) / 800) * np.float32(scale)
            self.latest = [(0, points)]
            self.rows.append((decoded.index, decoded.time, points))

    def finish(self, info: MediaInfo, damaged: int = 0) -> ClipTracks:
        tracks = []
        if self.rows:
            index, time, points = zip(*self.rows, strict=True)
            tracks.append(
                FaceTrack(
                    np.array(index), np.array(time), np.stack(points), np.ones(len(index), np.float32), *self.size
                )
            )
        times = np.array([decoded.time for decoded in self.frames])
        return ClipTracks(info, times, np.array([decoded.pts for decoded in self.frames]), tracks, [], damaged)


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Videos are tracked by what is painted in them; gives how many frames each decoding run saw."""
    PaintedFaceTracker.decoded = []
    monkeypatch.setattr(observation, "ClipTracker", PaintedFaceTracker)
    return PaintedFaceTracker.decoded


@pytest.fixture
def make_clip(tmp_path: Path) -> MakeClip:
    """Write a clip into the test's folder; ``make_clip("a.mkv", openings, samples=..., blur=1.0)``."""
    return lambda name, openings, **how: write_clip(tmp_path / name, openings, **how)


@pytest.fixture
def make() -> Any:
    """The other makers of this file, for tests that cannot import it."""
    return SimpleNamespace(
        face_points=face_points, track_of=track_of, speech_like=speech_like, texture=texture, voice=voice, size=SIZE
    )
