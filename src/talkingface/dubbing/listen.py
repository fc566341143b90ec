"""The new sound: complete for the result, mono 16 kHz for the networks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from talkingface.errors import MediaError
from talkingface.media.audio import StoredSound, store_audio, store_speech
from talkingface.media.row_file import RowFile
from talkingface.progress import Cancellation

SHORTEST_SECONDS = 0.05
CLIPPED_SHARE = 0.001
SILENT_PEAK = 0.0005


@dataclass(frozen=True)
class Speech:
    """A sound, twice, on disk.

    Attributes:
        sound: All of it at its own rate: what the result carries.
        speech: Mono 16 kHz float32 numbers, -1..1: what the networks hear.
        notes: What a user should know of it (damaged, clipped, silent).
    """

    sound: StoredSound
    speech: RowFile
    notes: tuple[str, ...]

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.sound.duration


def listen(
    audio: Path,
    folder: Path,
    *,
    stream: int | None = None,
    seconds: float | None = None,
    allow_damaged: bool = False,
    cancel: Cancellation | None = None,
) -> Speech:
    """Read a sound file, or the sound of a video, onto the disk.

    Args:
        audio: The file.
        folder: Where the samples go, as ``sound.rows`` and ``speech.rows``.
        stream: Which of its audio streams, counted from 0; None for the first.
        seconds: Read no more than its first seconds; None for all.
        allow_damaged: Use what can be decoded of a damaged file, and say in the notes what is missing.
        cancel: Checked all the time.

    Raises:
        MediaError: no sound in it, no samples, values that are no numbers, shorter than 50 ms, or damaged.
        OutputError: the samples cannot be written.
        Cancelled: when asked to stop.
    """
    check = None if cancel is None else cancel.check
    end = None if seconds is None else max(seconds, SHORTEST_SECONDS)
    sound = store_audio(audio, folder / "sound.rows", stream=stream, end=end, check=check)
    if sound.loss is not None and not allow_damaged:
        raise MediaError(f"{audio}: its sound is damaged ({sound.loss}); --allow-damaged uses what can be decoded")
    if not sound.finite:
        raise MediaError(f"{audio}: its sound holds NaN or infinite samples; export it again")
    if sound.length < int(SHORTEST_SECONDS * sound.sample_rate):
        raise MediaError(f"{audio}: its sound lasts {1000 * sound.duration:.0f} ms; at least 50 ms are needed")
    notes = []
    if sound.loss is not None:
        notes.append(f"{audio.name}: its sound is damaged ({sound.loss}); what could be decoded is used")
    if sound.clipped_share > CLIPPED_SHARE:
        notes.append(
            f"{audio.name}: {100 * sound.clipped_share:.1f} % of its samples are clipped; lips may open too wide"
        )
    if sound.peak < SILENT_PEAK:
        notes.append(f"{audio.name}: is silent; the mouth stays closed")
    return Speech(sound, store_speech(sound, folder / "speech.rows", check), tuple(notes))
