"""Small clips of the sample's portrait, made once, and ways to take results apart."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from talkingface.progress import Cancellation, SilentProgress

FRAMES = 30
RATE = 25
SIZE = (512, 288)
Planes = list[np.ndarray]


@dataclass(frozen=True)
class Decoded:
    """A video taken apart: planes and seconds of every frame."""

    frames: list[Planes]
    times: list[Fraction]
    rotation: int
    pixel_format: str


def planes_of(frame: av.VideoFrame) -> Planes:
    """Copies of a frame's planes without line padding."""
    found = []
    for plane in frame.planes:
        kind = np.uint16 if frame.format.components[0].bits > 8 else np.uint8
        row = np.frombuffer(plane, kind).reshape(plane.height, plane.line_size // np.dtype(kind).itemsize)
        found.append(row[:, : plane.width].copy())
    return found


def decode_video(path: Path) -> Decoded:
    """Every frame of a file."""
    with av.open(str(path)) as source:
        stream = source.streams.video[0]
        stream.thread_type = "AUTO"
        frames, times, rotation, form = [], [], 0, ""
        for frame in source.decode(stream):
            frames.append(planes_of(frame))
            assert frame.pts is not None
            assert stream.time_base is not None
            times.append(frame.pts * stream.time_base)
            rotation, form = int(frame.rotation), frame.format.name
        return Decoded(frames, times, rotation, form)


def decode_sound(path: Path) -> tuple[np.ndarray, int]:
    """All samples (n, channels) as float, and their rate."""
    with av.open(str(path)) as source:
        stream = source.streams.audio[0]
        pieces = []
        for frame in source.decode(stream):
            piece = frame.to_ndarray().astype(np.float64)
            if frame.format.name.startswith("s16"):
                piece /= 32768
            elif frame.format.name.startswith("s32"):
                piece /= 2**31
            if not frame.format.is_planar:
                piece = piece.reshape(-1, frame.layout.nb_channels).T
            pieces.append(piece)
        return np.concatenate(pieces, 1).T, stream.rate


def write_video(
    path: Path,
    pictures: Sequence[np.ndarray],
    *,
    pts: Sequence[int] | None = None,
    tick: Fraction = Fraction(1, RATE * 512),
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    rotation: int = 0,
    sound: Path | None = None,
) -> Path:
    """Encode BGR pictures, at 25 frames a second unless ``pts`` says otherwise."""
    height, width = pictures[0].shape[:2]
    options = {"crf": "12", "preset": "veryfast"} if codec.startswith("libx26") else {}
    if codec == "libx265":
        options["x265-params"] = "log-level=none"
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        stream.codec_context.time_base = stream.time_base = tick
        stream.codec_context.colorspace, stream.codec_context.color_range = 1, 1
        if rotation:
            stream.set_display_rotation(-rotation)
        track = output.add_stream("aac", rate=16_000) if sound is not None else None
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "bgr24").reformat(
                format=pixel_format, dst_colorspace="ITU709", dst_color_range="MPEG"
            )
            frame.pts, frame.time_base = (number * 512 if pts is None else pts[number]), tick
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if sound is not None and track is not None:
            with av.open(str(sound)) as source:
                for part in source.decode(audio=0):
                    output.mux(track.encode(part))
            output.mux(track.encode(None))
    return path


def write_sound(path: Path, samples: np.ndarray, rate: int) -> Path:
    """16-bit mono samples as a WAV file."""
    with path.open("wb") as file, wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(samples.astype("<i2").tobytes())
    return path


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample dataset's folder."""
    module = pytest.importorskip("talkingface.data.sample", reason="the sample is not part of this version yet")
    folder: Path = tmp_path_factory.mktemp("sample")
    module.build_sample(folder, SilentProgress(), Cancellation())
    return folder


@pytest.fixture(scope="session")
def pictures(sample: Path) -> list[np.ndarray]:
    """The first pictures of the sample's clip, BGR, small."""
    found = []
    with av.open(str(next((sample / "val" / "face").glob("*.mp4")))) as source:
        for frame in source.decode(video=0):
            found.append(cv2.resize(frame.to_ndarray(format="bgr24"), SIZE, interpolation=cv2.INTER_AREA))
            if len(found) == FRAMES:
                break
    return found


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session")
def face(media: Path, pictures: list[np.ndarray]) -> Path:
    """1.2 s of the portrait, 512x288, H.264."""
    return write_video(media / "face.mp4", pictures)


@pytest.fixture(scope="session")
def speech(media: Path, sample: Path) -> Path:
    """1.2 s of the sample's first recording, where it speaks."""
    with wave.open(str(sample / "val" / "audio" / "hello.wav")) as source:
        rate = source.getframerate()
        samples = np.frombuffer(source.readframes(source.getnframes()), "<i2")
    start = round(0.3 * rate)
    return write_sound(media / "speech.wav", samples[start : start + round(1.2 * rate)], rate)


@pytest.fixture(scope="session")
def faceless(media: Path, pictures: list[np.ndarray]) -> Path:
    """A clip of forms that are no face."""
    random = np.random.default_rng(0)
    wall = cv2.GaussianBlur(random.uniform(0, 255, pictures[0].shape).astype(np.float32), (0, 0), 9)
    wall = np.clip((wall - wall.mean()) * 8 + 120, 0, 255).astype(np.uint8)
    return write_video(media / "faceless.mp4", [np.roll(wall, 2 * n, 1) for n in range(10)])


@pytest.fixture(scope="session")
def real_clips() -> Path:
    """The folder of real test clips, which lies beside the repository where there is one."""
    folder = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "clips" / "test"
    if not folder.is_dir():
        pytest.skip("the real test clips are not beside this checkout")
    return folder


@pytest.fixture
def decode() -> Callable[[Path], Decoded]:
    return decode_video


@pytest.fixture
def decode_samples() -> Callable[[Path], tuple[np.ndarray, int]]:
    return decode_sound


@pytest.fixture
def make_clip(tmp_path: Path) -> Callable[..., Path]:
    """``make_clip("name.mp4", pictures, pts=..., codec=..., pixel_format=..., rotation=..., sound=...)``."""
    return lambda name, pictures, **how: write_video(tmp_path / name, pictures, **how)


@pytest.fixture
def make_speech(tmp_path: Path) -> Callable[..., Path]:
    return lambda name, samples, rate: write_sound(tmp_path / name, samples, rate)


class Watcher(SilentProgress):
    """Progress that remembers its stages and throws a switch after so many steps of one of them."""

    def __init__(self, stage: str = "", steps: int = 0, cancel: Cancellation | None = None) -> None:
        super().__init__()
        self.stages: list[tuple[str, int | None]] = []
        self.steps: dict[str, int] = {}
        self.stop_at = (stage, steps)
        self.cancel = cancel

    def stage(self, name: str, total: int | None) -> None:
        self.stages.append((name, total))
        self.steps[name] = 0

    def advance(self, steps: int = 1) -> None:
        name = self.stages[-1][0]
        self.steps[name] += steps
        if self.cancel is not None and (name, self.steps[name]) == self.stop_at:
            self.cancel.cancel()


@pytest.fixture
def watcher() -> type[Watcher]:
    return Watcher


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Path]:
    """An empty folder for results."""
    folder = tmp_path / "desk"
    folder.mkdir()
    yield folder


def changed(one: Sequence[Planes], other: Sequence[Planes]) -> list[list[Any]]:
    """For every frame and plane a bool array: where samples differ."""
    return [[a != b for a, b in zip(first, second, strict=True)] for first, second in zip(one, other, strict=True)]


@pytest.fixture
def differing() -> Callable[..., list[list[Any]]]:
    return changed
