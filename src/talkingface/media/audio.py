"""Sound of any file as samples, complete from the first to the last and on the clock of its file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from talkingface.errors import MediaError
from talkingface.media.probe import open_media
from talkingface.media.row_file import RowFile
from talkingface.media.sound import AudioTrack, Sound, SoundRecorder, StoredSound
from talkingface.media.sound_decoder import SoundDecoder

__all__ = [
    "SPEECH_RATE",
    "AudioTrack",
    "Sound",
    "StoredSound",
    "read_audio",
    "resampled_blocks",
    "resampled_frames",
    "store_audio",
    "store_speech",
    "store_speech_integers",
    "to_mono_16k",
]

SPEECH_RATE = 16_000


def store_audio(
    path: str | Path, file: Path, *, stream: int | None = None, start: float | None = None, end: float | None = None,
    check: Callable[[], None] | None = None,
) -> StoredSound:  # fmt: skip
    """Decode the sound of a file once, at its own rate and with its own channels, onto the disk.

    Memory does not grow with its length. The first sample lies at second 0 of the file's clock (where its earliest
    stream begins), or at ``start``. When the sound begins later than that, or has gaps, silence fills the place.

    Args:
        path: A sound file, or a video whose sound is taken.
        file: Where the samples go; what it held before is gone.
        stream: Which of the file's audio streams, counted from 0; None for the first.
        start: Leave out what is before this second of the file's clock.
        end: Leave out what comes at and after this second.
        check: Called every now and then; what it raises ends the work.

    Returns:
        The sound; ``loss`` says what damage took.

    Raises:
        MediaError: the file cannot be read, has no such audio stream, claims absurd sizes, or no sample of it can be
            decoded.
        OutputError: the samples cannot be written.
    """
    path = Path(path)
    recorder: SoundRecorder | None = None
    with open_media(path) as container:
        decoder = SoundDecoder(path, container, stream)
        for piece in _between(decoder, start, end):
            if check is not None:
                check()
            recorder = recorder or SoundRecorder(file, piece.shape[1])
            recorder.extend(piece)
        loss = decoder.loss(end)
    if recorder is None:
        raise _without_samples(path, decoder, start, end)
    first = 0 if start is None else max(0, round(start * decoder.sample_rate))
    rate = decoder.sample_rate
    return recorder.finish(rate, decoder.layout, path, first / rate, loss)


def read_audio(
    path: str | Path, *, stream: int | None = None, start: float | None = None, end: float | None = None
) -> AudioTrack:
    """Read the sound of a file into memory; ``store_audio`` says what the arguments mean.

    Raises:
        MediaError: as ``store_audio``.
    """
    path = Path(path)
    with open_media(path) as container:
        decoder = SoundDecoder(path, container, stream)
        pieces = list(_between(decoder, start, end))
    if not pieces:
        raise _without_samples(path, decoder, start, end)
    first = 0 if start is None else max(0, round(start * decoder.sample_rate))
    rate = decoder.sample_rate
    return AudioTrack(np.concatenate(pieces), rate, path, first / rate, decoder.layout)


def _between(decoder: SoundDecoder, start: float | None, end: float | None) -> Iterator[NDArray[np.float32]]:
    """The pieces between two seconds of the file's clock, none of them empty."""
    place = 0
    for piece in decoder.pieces(end):
        first = 0 if start is None else max(0, round(start * decoder.sample_rate))
        last = None if end is None else max(0, round(end * decoder.sample_rate))
        low, high = max(0, first - place), len(piece) if last is None else min(len(piece), last - place)
        place += len(piece)
        if low < high:
            yield piece[low:high]


def _without_samples(path: Path, decoder: SoundDecoder, start: float | None, end: float | None) -> MediaError:
    if not decoder.written:
        return MediaError(f"{path}: its audio stream holds no samples that can be decoded")
    whole = decoder.written / decoder.sample_rate
    return MediaError(
        f"{path}: its sound has no samples between {start or 0:g} s and {whole if end is None else end:g} s"
    )


def to_mono_16k(sound: Sound) -> NDArray[np.float32]:
    """Return a sound as the speech networks want it: one channel at 16 kHz, on the same clock.

    Args:
        sound: Any sound.

    Returns:
        (n,) float32 with ``n == round(duration * 16000)``.

    Raises:
        MediaError: the sound holds values that are not numbers (NaN or infinite).
    """
    return np.concatenate([np.zeros(0, np.float32), *_speech_pieces(sound)])


def store_speech(sound: StoredSound, file: Path, check: Callable[[], None] | None = None) -> RowFile:
    """Do as ``to_mono_16k`` does, from disk to disk.

    Args:
        sound: Any sound.
        file: Where the samples go; what it held before is gone.
        check: Called every now and then; what it raises ends the work.

    Returns:
        Plain float32 numbers, ``round(duration * 16000)`` of them.

    Raises:
        MediaError: the sound holds values that are not numbers (NaN or infinite).
        OutputError: the samples cannot be written.
    """
    return _store(_speech_pieces(sound), file, np.float32, check)


def store_speech_integers(sound: StoredSound, file: Path, check: Callable[[], None] | None = None) -> RowFile:
    """Do as ``store_speech`` does, but write the int16 that ``ffmpeg -ac 1 -ar 16000`` makes a sound file of.

    Channels are averaged there, so nothing exceeds full scale; of floats FFmpeg makes a stereo sound 3 dB louder. It
    matters to networks that hear absolute levels.
    """
    return _store(_speech_pieces(sound, "s16p", np.int16), file, np.int16, check)


def _store(pieces: Iterator[NDArray[Any]], file: Path, kind: Any, check: Callable[[], None] | None) -> RowFile:
    file.unlink(missing_ok=True)
    rows = RowFile(file, (), kind)
    for piece in pieces:
        if check is not None:
            check()
        rows.extend(piece)
    rows.flush()
    return rows


def _speech_pieces(sound: Sound, sample_format: str = "fltp", kind: Any = np.float32) -> Iterator[NDArray[Any]]:
    """Pieces at 16 kHz in one channel that are together exactly as long as the sound."""
    left = max(1, round(sound.length * SPEECH_RATE / sound.sample_rate))
    # The resampler gives a few samples more or less at the very end.
    for frame in resampled_blocks(_finite_blocks(sound), sound, sample_format, "mono", SPEECH_RATE):
        piece = frame.to_ndarray()[0][:left]
        left -= len(piece)
        yield piece
    yield np.zeros(left, kind)


def _finite_blocks(sound: Sound) -> Iterator[NDArray[np.float32]]:
    for block in sound.blocks():
        if not np.isfinite(block).all():
            raise MediaError(f"{sound.path}: the sound holds NaN or infinite samples; export it again")
        yield block


def resampled_frames(sound: Sound, sample_format: str, layout: str, rate: int) -> Iterator[av.AudioFrame]:
    """Yield a sound through FFmpeg's resampler, in frames of some seconds, with nothing lost at either end.

    Args:
        sound: Any sound.
        sample_format: FFmpeg's name of the wanted sample format, such as ``"fltp"``.
        layout: FFmpeg's name of the wanted channel layout.
        rate: Wanted samples per second.
    """
    yield from resampled_blocks(sound.blocks(), sound, sample_format, layout, rate)


def resampled_blocks(
    blocks: Iterator[NDArray[np.float32]], sound: Sound, sample_format: str, layout: str, rate: int
) -> Iterator[av.AudioFrame]:
    """Do as ``resampled_frames`` does with blocks that have the rate and the layout of a sound."""
    resampler = AudioResampler(sample_format, layout, rate)
    place = 0
    for block in blocks:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block).reshape(1, -1), "flt", sound.layout)
        frame.sample_rate = sound.sample_rate
        frame.pts, frame.time_base = place, Fraction(1, sound.sample_rate)
        place += len(block)
        yield from resampler.resample(frame)
    yield from resampler.resample(None)
