"""The new sound: complete for the result, mono 16 kHz for the networks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import MediaError
from talkingface.media.audio import AudioTrack, read_audio, to_mono_16k

SHORTEST_SECONDS = 0.05
CLIPPED_SHARE = 0.001
SILENT_PEAK = 0.0005


@dataclass(frozen=True)
class Speech:
    """A sound, twice.

    Attributes:
        track: All of it at its own rate: what the result carries.
        samples: Mono 16 kHz, -1..1: what the networks hear.
        notes: What a user should know of it (clipped, silent).
    """

    track: AudioTrack
    samples: NDArray[np.float32]
    notes: tuple[str, ...]

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.track.duration


def listen(audio: Path) -> Speech:
    """Read a sound file, or the sound of a video.

    Raises:
        MediaError: no sound in it, not a number in it, or shorter than 50 ms.
    """
    track = read_audio(audio)
    if track.duration < SHORTEST_SECONDS:
        raise MediaError(f"{audio}: its sound lasts {1000 * track.duration:.0f} ms; at least 50 ms are needed")
    samples = to_mono_16k(track)
    notes = []
    peak = float(np.abs(track.samples).max())
    clipped = float((np.abs(track.samples) >= 0.999).mean())
    if clipped > CLIPPED_SHARE:
        notes.append(f"{audio.name}: {100 * clipped:.1f} % of its samples are clipped; lips may open too wide")
    if peak < SILENT_PEAK:
        notes.append(f"{audio.name}: is silent; the mouth stays closed")
    return Speech(track, samples, tuple(notes))
