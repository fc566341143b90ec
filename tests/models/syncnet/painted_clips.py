"""Lossless clips of a painted blob that wanders, with frame times of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from talkingface.faces.track import FaceTrack
from talkingface.models.syncnet.lip_crops import LipCrop

SIZE = (160, 120)


def blob(number: int) -> np.ndarray:
    """The centre of picture ``number``'s blob: (2,) pixels."""
    return np.array([80 + 20 * np.sin(number / 9), 60 + 10 * np.cos(number / 7)])


def painted(number: int) -> np.ndarray:
    """(120, 160, 3) RGB: a blob before a fixed texture; no two numbers give the same."""
    noise = np.random.default_rng(3).uniform(0, 255, (15, 20, 3)).astype(np.float32)
    picture = cv2.resize(noise, SIZE, interpolation=cv2.INTER_CUBIC)
    x, y = blob(number)
    cv2.ellipse(picture, (round(x), round(y)), (18, 26), 0, 0, 360, (200.0, 150.0, 90.0 + number % 97), -1)
    cv2.ellipse(picture, (round(x), round(y) + 12), (9, 2 + number % 5), 0, 0, 360, (120.0, 20.0, 30.0), -1)
    return np.clip(picture, 0, 255).astype(np.uint8)


def track_of(numbers: Sequence[int], times: Sequence[float]) -> FaceTrack:
    """The blob's track when these pictures are shown at these times."""
    centres = np.stack([blob(number) for number in numbers])
    corners = np.array([[-18, -26], [18, 26]])
    points = np.zeros((len(numbers), 2, 3), np.float32)
    points[..., :2] = centres[:, None] + corners
    count = len(numbers)
    return FaceTrack(np.arange(count), np.asarray(times, np.float64), points, np.ones(count, np.float32), *SIZE)


def write_pictures(
    path: Path,
    pictures: Sequence[np.ndarray],
    milliseconds: Sequence[int],
    rotation: int = 0,
    samples: np.ndarray | None = None,
) -> Path:
    """Write RGB pictures without loss, each from its time on.

    Args:
        path: An ``.mp4`` file, or ``.mkv`` when there is sound.
        pictures: (height, width, 3).
        milliseconds: When each begins to be shown.
        rotation: Degrees clockwise that a player is to turn them.
        samples: Mono 16 kHz int16 that begins at second 0.
    """
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=1000, options={"qp": "0", "preset": "ultrafast", "bf": "0"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv444p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        if rotation:
            stream.set_display_rotation(-rotation)
        audio = None if samples is None else output.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for picture, time in zip(pictures, milliseconds, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24").reformat(format="yuv444p")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if audio is not None:
            sound = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
            sound.sample_rate, sound.pts, sound.time_base = 16_000, 0, Fraction(1, 16_000)
            output.mux(audio.encode(sound))
            output.mux(audio.encode(None))
    return path


def random_crops(count: int, first: int = 0, seed: int = 0) -> list[LipCrop]:
    """Pictures that begin a track at tick ``first``."""
    random = np.random.default_rng(seed)
    pictures = random.integers(0, 256, (count, 28, 28, 3), np.uint8).repeat(8, 1).repeat(8, 2)
    return [LipCrop(first + k, picture, k == 0) for k, picture in enumerate(pictures)]
