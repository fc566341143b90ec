"""Which clips of a set are the same recording: by their sound, or by their pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import MediaError, TalkingFaceError
from talkingface.media.audio import read_audio, to_mono_16k
from talkingface.media.planes import picture_bgr
from talkingface.media.reader import VideoReader

SAME_SOUND = 0.7  # correlation of the samples where two sounds overlap best; different recordings stay far below
LEAST_OVERLAP = 8000  # samples of 1/16000 s
SAME_PICTURE = 6.0  # 99.5th percentile of the difference of small grey pictures, of 255 levels: a moved lip is more
FRAMES = (0, 10, 20, 30, 40)
SIDE = 96  # pixels


@dataclass(frozen=True)
class Print:
    """What a clip is recognised by.

    Attributes:
        sound: (n,) samples at 16 kHz; empty without a sound.
        pictures: Grey pictures of the first frame and every tenth after it, up to five, (height, width) each.
    """

    sound: NDArray[np.float32]
    pictures: tuple[NDArray[np.float32], ...]


@dataclass(frozen=True)
class Duplicate:
    """A clip that repeats another one.

    Attributes:
        path: The clip.
        first: The one that is kept.
        why: In words.
    """

    path: Path
    first: Path
    why: str


def print_of(path: Path) -> Print:
    """Read a clip's sound and its first frames."""
    pictures = []
    with VideoReader(path) as reader:
        for decoded in reader.frames():
            if decoded.index in FRAMES:
                pictures.append(picture_bgr(decoded.frame, SIDE).mean(2, dtype=np.float32))
            if decoded.index >= FRAMES[-1]:
                break
    if not pictures:
        raise MediaError(f"{path}: no frame in it")
    try:
        sound = to_mono_16k(read_audio(path))
    except TalkingFaceError:
        sound = np.zeros(0, np.float32)  # a silent clip can still be told by its pictures
    return Print(sound, tuple(pictures))


def sound_likeness(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Correlation of the samples at the lag where two sounds fit best, over what overlaps there; 0 to 1."""
    if min(len(a), len(b)) < LEAST_OVERLAP:
        return 0.0
    length = 1 << int(np.ceil(np.log2(len(a) + len(b))))
    product = np.fft.irfft(np.fft.rfft(a, length) * np.conj(np.fft.rfft(b, length)), length)
    lags = np.r_[0 : len(a) - LEAST_OVERLAP + 1, LEAST_OVERLAP - len(b) : 0]
    lag = int(lags[np.abs(product[lags]).argmax()])
    one, other = a[max(0, lag) : len(b) + lag], b[max(0, -lag) : len(a) - lag]
    size = float(np.sqrt((one.astype(np.float64) ** 2).sum() * (other.astype(np.float64) ** 2).sum()))
    return abs(float(np.dot(one, other))) / size if size > 1e-6 else 0.0


def picture_difference(a: Sequence[NDArray[np.float32]], b: Sequence[NDArray[np.float32]]) -> float:
    """How much the most different of the first pictures differ; 255 when they are not of one shape and number."""
    if len(a) != len(b) or a[0].shape != b[0].shape:
        return 255.0
    return max(float(np.percentile(np.abs(one - other), 99.5)) for one, other in zip(a, b, strict=True))


def duplicates(paths: Sequence[Path]) -> list[Duplicate]:
    """Clips that repeat an earlier one of the sequence."""
    found: list[Duplicate] = []
    kept: list[tuple[Path, Print]] = []
    for path in paths:
        mark = print_of(path)
        for first, other in kept:
            sound = sound_likeness(other.sound, mark.sound)
            difference = picture_difference(other.pictures, mark.pictures)
            if sound >= SAME_SOUND:
                why = f"same sound (correlation {sound:.2f})"
            elif difference <= SAME_PICTURE:
                why = f"same pictures (they differ by {difference:.1f} of 255)"
            else:
                continue
            found.append(Duplicate(path, first, why))
            break
        else:
            kept.append((path, mark))
    return found
