"""The sample dataset: a clip and two recordings, built from a portrait and speech that ship with the package."""

from __future__ import annotations

import tempfile
import wave
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from talkingface.errors import MediaError, OutputError, WeightsMissingError
from talkingface.media.audio import read_audio
from talkingface.media.encoding import EncodeSpec
from talkingface.media.join import join
from talkingface.media.segments import SegmentWriter
from talkingface.progress import Cancellation, Progress
from talkingface.still.animate import animate_still
from talkingface.weights.embedded import asset_path

CLIP_SECONDS = 5
CLIP_RATE = 25
CLIP_CRF = 15
CLIP_SEED = 22
ENLARGEMENT = 2
PORTRAIT = "sample/portrait.png"
RECORDINGS = ("hello", "world")
ABOUT = {
    "title": "Sample clip of talkingface",
    "comment": "NASA's portrait of astronaut Eileen Collins (public domain), set in motion by computation.",
}
_TICKS = 512  # of the clip's clock in a frame


def build_sample(folder: Path, progress: Progress, cancel: Cancellation) -> None:
    """Build ``val/face/portrait.mp4`` and ``val/audio/hello.wav`` and ``world.wav`` in a dataset's folder.

    Everything is made beside its place and moved in when whole; the same machine makes the same files every time.

    Args:
        folder: The dataset's folder, such as ``dataset/video-retalking``; made when missing.
        progress: Told about every frame of the clip.
        cancel: Checked at every frame.

    Raises:
        Cancelled: when asked to stop; nothing is left behind.
        OutputError: when the files cannot be written.
        WeightsMissingError: when the installation lacks the portrait, the recordings or the face networks.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".building-", dir=folder) as building:
            made = []
            for name in RECORDINGS:
                made.append(Path(building) / f"{name}.wav")
                write_recording(asset_path(f"sample/{name}.flac"), made[-1])
            made.append(Path(building) / "portrait.mp4")
            write_clip(made[-1], progress, cancel)
            # The clip comes last: a dataset with a face has its sounds.
            for path in made:
                target = folder / "val" / ("face" if path.suffix == ".mp4" else "audio") / path.name
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)
    except OSError as error:
        raise OutputError(f"{folder}: the sample cannot be written there: {error.strerror or error}") from error


def enlarged_portrait() -> NDArray[np.uint8]:
    """The portrait at the clip's size, BGR (height, width, 3).

    Raises:
        WeightsMissingError: when the installation lacks the file or it is damaged.
    """
    path = asset_path(PORTRAIT)
    small = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if small is None:
        raise WeightsMissingError(f"{path}: this file ships with talkingface and is damaged; install the package again")
    large = cv2.resize(small, None, fx=ENLARGEMENT, fy=ENLARGEMENT, interpolation=cv2.INTER_LANCZOS4)
    soft = cv2.GaussianBlur(large, (0, 0), 0.8 * ENLARGEMENT)
    return np.asarray(cv2.addWeighted(large, 1.5, soft, -0.5, 0), np.uint8)


def write_clip(path: Path, progress: Progress, cancel: Cancellation) -> None:
    """Write the portrait set in motion as H.264 in MP4.

    Args:
        path: The file; the segments of the clip are made beside it.
        progress: Told about every frame.
        cancel: Checked at every frame.

    Raises:
        Cancelled: when asked to stop.
        OutputError: when the file cannot be written.
        WeightsMissingError: when the installation lacks the portrait or the face networks.
    """
    picture = enlarged_portrait()
    height, width = picture.shape[:2]
    spec = EncodeSpec(
        codec="h264",
        crf=CLIP_CRF,
        pixel_format="yuv420p",
        width=width,
        height=height,
        time_base=Fraction(1, CLIP_RATE * _TICKS),
        rate=Fraction(CLIP_RATE),
        threads=1,
        color_range="limited",
        color_space="bt709",
        color_primaries="bt709",
        color_transfer="bt709",
        sample_aspect_ratio=None,
        rotation=0,
    )
    total = CLIP_SECONDS * CLIP_RATE
    progress.stage("build the sample", total)
    pictures: Iterator[NDArray[np.uint8]] = animate_still(picture, total, CLIP_RATE, CLIP_SEED)
    with SegmentWriter(path.parent / "segments", spec) as writer:
        for number, moved in enumerate(pictures):
            cancel.check()
            writer.write(_studio_frame(moved), number * _TICKS)
            progress.advance()
        segments = writer.close()
    join(segments, spec, None, path, metadata=ABOUT, last_duration=_TICKS)


def write_recording(source: Path, path: Path) -> None:
    """Write a mono recording that ships with the package as a 16-bit WAV file.

    Raises:
        WeightsMissingError: when the recording is damaged.
        OSError: when the file cannot be written.
    """
    try:
        track = read_audio(source)
    except MediaError as error:
        raise WeightsMissingError(f"{error}; it ships with talkingface: install the package again") from error
    samples = np.clip(np.rint(track.samples[:, 0] * 32768), -32768, 32767).astype("<i2")
    with path.open("wb") as file, wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(track.sample_rate)
        sound.writeframes(samples.tobytes())


def _studio_frame(picture: NDArray[np.uint8]) -> av.VideoFrame:
    """A BGR picture as a BT.709 studio-range YUV frame."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgr24")
    return frame.reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
    )
