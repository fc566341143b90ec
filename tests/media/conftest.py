"""Media made for the tests: moving patterns and tones, small enough to take no time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

MakeVideo = Callable[..., Path]
MakeSound = Callable[..., Path]


def picture(width: int, height: int, number: int) -> np.ndarray:
    """An RGB picture that differs from frame to frame everywhere and compresses well."""
    y, x = np.mgrid[:height, :width]
    return np.stack([(x * 3 + number * 5), (y * 2 + number * 7), (x + y + number * 9)], -1).astype(np.uint8)


def _write_video(
    path: Path,
    *,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    size: tuple[int, int] = (96, 64),
    frames: int = 12,
    rate: int = 25,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    options: dict[str, str] | None = None,
    container: str | None = None,
    container_options: dict[str, str] | None = None,
    rotation: int = 0,
    colour: tuple[int, int, int, int] = (0, 2, 2, 2),
    sample_aspect_ratio: Fraction | None = None,
    sound: Path | None = None,
    sound_codec: str = "aac",
    sound_delay: float = 0.0,
    metadata: dict[str, str] | None = None,
) -> Path:
    tick = time_base or Fraction(1, rate)
    options = {"crf": "20", **(options or {})} if codec == "libx264" else options or {}
    with av.open(str(path), "w", format=container, container_options=container_options or {}) as output:
        output.metadata.update(metadata or {})
        stream = output.add_stream(codec, rate=rate, options=options)
        context: Any = stream.codec_context
        context.width, context.height, context.pix_fmt = *size, pixel_format
        context.time_base = stream.time_base = tick
        context.color_range, context.colorspace, context.color_primaries, context.color_trc = colour
        if sample_aspect_ratio is not None:
            context.sample_aspect_ratio = sample_aspect_ratio
        if rotation:
            stream.set_display_rotation(-rotation)
        audio = None
        if sound is not None:
            audio = output.add_stream(sound_codec, rate=48_000)
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(*size, number), "rgb24")
            if pixel_format != "rgb24":
                frame = frame.reformat(format=pixel_format, dst_color_range=colour[0] or None)
            frame.pts, frame.time_base = number if pts is None else pts[number], tick
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if audio is not None:
            with av.open(str(sound)) as source:
                for part in source.decode(audio=0):
                    part.pts += round(sound_delay * part.sample_rate)
                    output.mux(audio.encode(part))
            output.mux(audio.encode(None))
    return path


def _write_sound(
    path: Path,
    samples: np.ndarray,
    *,
    rate: int = 48_000,
    layout: str | None = None,
    codec: str = "pcm_f32le",
) -> Path:
    """Samples are (n, channels) float."""
    layout = layout or {1: "mono", 2: "stereo", 6: "5.1"}[samples.shape[1]]
    planes = np.ascontiguousarray(samples.T, np.float32)
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=rate)
        stream.codec_context.layout = layout
        frame = av.AudioFrame.from_ndarray(planes, "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


@pytest.fixture
def make_video(tmp_path: Path) -> MakeVideo:
    """Write a video of a moving pattern into the test's folder; ``make_video("name.mp4", frames=8, ...)``."""
    return lambda name, **how: _write_video(tmp_path / name, **how)


@pytest.fixture
def make_sound(tmp_path: Path) -> MakeSound:
    """Write samples into a sound file in the test's folder; ``make_sound("name.wav", samples, rate=8000)``."""
    return lambda name, samples, **how: _write_sound(tmp_path / name, samples, **how)


@pytest.fixture
def click() -> Callable[..., np.ndarray]:
    """One second of near silence with a tone burst from 0.3 s to 0.5 s and another in the last 0.1 s."""

    def build(rate: int, channels: int = 1, seconds: float = 1.0) -> np.ndarray:
        time = np.arange(round(rate * seconds)) / rate
        loud = ((time >= 0.3) & (time < 0.5)) | (time >= seconds - 0.1)
        tone = 0.5 * np.sin(2 * np.pi * 440 * time) * loud
        return np.repeat(tone[:, None], channels, axis=1).astype(np.float32)

    return build


@pytest.fixture(scope="session")
def clips() -> Path:
    """The folder of real test clips, which lies beside the repository where there is one."""
    folder = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "clips" / "test"
    if not folder.is_dir():
        pytest.skip("the real test clips are not beside this checkout")
    return folder
