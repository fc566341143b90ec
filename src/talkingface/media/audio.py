"""Sound of any file as samples, complete from the first to the last and on the clock of its file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import av.error
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from talkingface.errors import MediaError
from talkingface.media.probe import audio_streams, clock_zero, open_media

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

SPEECH_RATE = 16_000
_BLOCK_SECONDS = 10
# Containers round timestamps to a millisecond or so; only a jump larger than this is a gap to be filled.
_GAP_SECONDS = 0.05


@dataclass(frozen=True)
class AudioTrack:
    """Sound.

    Attributes:
        samples: (n, channels) float32, nominally -1..1.
        sample_rate: Samples per second.
        path: The file it came from.
        start: Second of the file's clock at which the first sample lies.
        layout: FFmpeg's name of the channel layout, such as ``"stereo"`` or ``"5.1"``.
    """

    samples: NDArray[np.float32]
    sample_rate: int
    path: Path
    start: float
    layout: str

    @property
    def channels(self) -> int:
        """How many channels."""
        return int(self.samples.shape[1])

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.sample_rate


def read_audio(
    path: str | Path, *, stream: int | None = None, start: float | None = None, end: float | None = None
) -> AudioTrack:
    """Read the sound of a file whole, at its own rate and with its own channels.

    The first sample lies at second 0 of the file's clock (where its earliest stream begins), or at ``start``. When
    the sound begins later than that, or has gaps, silence fills the place.

    Args:
        path: A sound file, or a video whose sound is taken.
        stream: Which of the file's audio streams, counted from 0; None for the first.
        start: Leave out what is before this second of the file's clock.
        end: Leave out what comes at and after this second.

    Returns:
        The sound.

    Raises:
        MediaError: the file cannot be read, has no such audio stream, or no sample of it can be decoded.
    """
    path = Path(path)
    with open_media(path) as container:
        chosen = _choose_stream(path, container, stream)
        pieces = list(_placed_pieces(container, chosen))
        rate = chosen.codec_context.sample_rate
        layout = chosen.codec_context.layout.name
    if not pieces:
        raise MediaError(f"{path}: its audio stream holds no samples that can be decoded")
    samples = np.concatenate(pieces)
    first = 0 if start is None else max(0, round(start * rate))
    last = len(samples) if end is None else max(0, round(end * rate))
    samples = samples[first:last]
    if not len(samples):
        raise MediaError(f"{path}: its sound has no samples between {start or 0:g} s and {end or first / rate:g} s")
    return AudioTrack(np.ascontiguousarray(samples), rate, path, first / rate, layout)


def _choose_stream(path: Path, container: InputContainer, wanted: int | None) -> AudioStream:
    streams = audio_streams(container)
    if not streams:
        raise MediaError(f"{path}: has no audio stream")
    number = 0 if wanted is None else wanted
    if not 0 <= number < len(streams):
        raise MediaError(f"{path}: has no audio stream {number}; it has {len(streams)}, counted from 0")
    return streams[number]


def _placed_pieces(container: InputContainer, stream: AudioStream) -> Iterator[NDArray[np.float32]]:
    """Yield the decoded sound piece by piece, (n, channels) each, with silence wherever its timestamps leave a gap."""
    zero = clock_zero(container)
    rate: int | None = None
    written = 0
    limit = None if container.duration is None else container.duration / av.time_base + 1.0
    for frame, samples in _converted(stream, _decoded(container, stream)):
        rate = rate or frame.sample_rate
        if frame.pts is not None and frame.time_base is not None:
            time = frame.pts * frame.time_base - zero
            gap = round(time * rate) - written
            beyond_the_end = limit is not None and time > limit
            if not beyond_the_end and (gap > _GAP_SECONDS * rate or (gap > 0 and not written)):
                yield np.zeros((gap, samples.shape[1]), np.float32)
                written += gap
        written += len(samples)
        yield samples


def _decoded(container: InputContainer, stream: AudioStream) -> Iterator[av.AudioFrame]:
    packets = container.demux(stream)
    ended = False
    while not ended:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            packet = None  # a file that breaks off: what is whole is used
        ended = packet is None or packet.size == 0
        try:
            yield from stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            continue  # one packet that cannot be decoded; its place is filled with silence


def _converted(
    stream: AudioStream, frames: Iterator[av.AudioFrame]
) -> Iterator[tuple[av.AudioFrame, NDArray[np.float32]]]:
    """Yield each frame with its samples as (n, channels) float32 in the stream's own rate and layout."""
    resampler: AudioResampler | None = None
    shape: tuple[str, str, int] | None = None
    for frame in frames:
        if shape != (frame.format.name, frame.layout.name, frame.sample_rate):
            shape = (frame.format.name, frame.layout.name, frame.sample_rate)
            resampler = AudioResampler("flt", stream.codec_context.layout, stream.codec_context.sample_rate)
        assert resampler is not None
        for converted in resampler.resample(frame):
            # Interleaved, because PyAV reads past the end of planar frames of more than 8 channels.
            yield frame, converted.to_ndarray().astype(np.float32, copy=False).reshape(-1, converted.layout.nb_channels)


def to_mono_16k(track: AudioTrack) -> NDArray[np.float32]:
    """Return a track as the speech networks want it: one channel at 16 kHz, on the same clock.

    Args:
        track: Any sound.

    Returns:
        (n,) float32 with ``n == round(duration * 16000)``.

    Raises:
        MediaError: the sound holds values that are not numbers (NaN or infinite).
    """
    if not np.isfinite(track.samples).all():
        raise MediaError(f"{track.path}: the sound holds NaN or infinite samples; export it again")
    wanted = max(1, round(len(track.samples) * SPEECH_RATE / track.sample_rate))
    resampled = np.concatenate(
        [frame.to_ndarray()[0] for frame in resampled_frames(track, "fltp", "mono", SPEECH_RATE)]
        or [np.zeros(0, np.float32)]
    )
    speech = np.zeros(wanted, np.float32)
    length = min(wanted, len(resampled))
    speech[:length] = resampled[:length]
    return speech


def resampled_frames(track: AudioTrack, sample_format: str, layout: str, rate: int) -> Iterator[av.AudioFrame]:
    """Yield a track through FFmpeg's resampler, in frames of some seconds, with nothing lost at either end.

    Args:
        track: Any sound.
        sample_format: FFmpeg's name of the wanted sample format, such as ``"fltp"``.
        layout: FFmpeg's name of the wanted channel layout.
        rate: Wanted samples per second.
    """
    resampler = AudioResampler(sample_format, layout, rate)
    block = track.sample_rate * _BLOCK_SECONDS
    for begin in range(0, len(track.samples), block):
        part = np.ascontiguousarray(track.samples[begin : begin + block]).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(part, "flt", track.layout)
        frame.sample_rate = track.sample_rate
        frame.pts, frame.time_base = begin, Fraction(1, track.sample_rate)
        yield from resampler.resample(frame)
    yield from resampler.resample(None)
