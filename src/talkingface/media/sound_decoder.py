"""One audio stream of a file, decoded piece by piece onto the file's clock; what is missing in it is told."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import av.error
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from talkingface.errors import MediaError
from talkingface.media.limits import MAX_SECONDS, check_sound
from talkingface.media.probe import audio_streams, clock_zero
from talkingface.media.sound_claim import sound_claim

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

# Containers round timestamps to a millisecond or so; only a jump larger than this is a gap to be filled.
GAP_SECONDS = 0.05
# A jump larger than this is believed only when the next timestamp agrees with it: a single wrong one is common.
DOUBTED_GAP_SECONDS = 1.0
LONGEST_GAP_SECONDS = 600.0
LONGEST_SILENCE_SECONDS = 3600.0  # of all gaps together: a broken timestamp must never fill a disk
LONGEST_SILENCE_BYTES = 4 << 30

# Sound ends well before what its container claims when it misses more than both of these.
MISSING_SECONDS = 0.25
MISSING_SHARE = 0.01
# Demuxers of sound that has no holes by nature: one in its timestamps is sound that got lost.
_WITHOUT_HOLES = {"flac", "ogg", "mp3", "wv", "tta"}


class SoundDecoder:
    """Decodes one audio stream of an open file, at its own rate and with its own channels.

    Attributes:
        sample_rate: Samples per second.
        layout: FFmpeg's name of the channel layout.
        channels: How many channels.
        damaged: Packets that could not be decoded, with sound before and behind them.
        written: Samples given out so far.
    """

    def __init__(self, path: Path, container: InputContainer, number: int | None = None) -> None:
        """Choose the stream and check what it claims.

        Args:
            path: The file, for messages.
            container: It, open.
            number: Which of its audio streams, counted from 0; None for the first.

        Raises:
            MediaError: there is no such stream, or its header claims absurd sizes.
        """
        self._path = path
        self._container = container
        self._stream = choose_stream(path, container, number)
        context = self._stream.codec_context
        length = None if container.duration is None else container.duration / av.time_base
        check_sound(context.sample_rate, context.layout.nb_channels, path, length)
        self._zero = clock_zero(container)
        # A Vorbis decoder makes nothing of the first packet; in a short Ogg file the clock runs on through it.
        self._counts_first_packet = container.format.name == "ogg" and context.codec.canonical_name == "vorbis"
        self._last_second = MAX_SECONDS if length is None else length + 1.0
        self.sample_rate = context.sample_rate
        self.layout = context.layout.name
        self.channels = context.layout.nb_channels
        self.damaged = 0
        self.written = 0
        self._claim = sound_claim(path, container, self._stream, self._zero)
        self._doubtful = 0  # packets that failed since something was last decoded
        self._holes: list[float] = []
        self._silence = 0
        self._left_out = 0.0

    def pieces(self, end: float | None = None) -> Iterator[NDArray[np.float32]]:
        """Yield the sound from second 0 of the file's clock on, (n, channels) each, with silence in its gaps.

        ``sample_rate``, ``layout`` and ``channels`` are what the first decoded frame has, once that was given.

        Args:
            end: Nothing at or after this second is needed.

        Raises:
            MediaError: it never ends.
        """
        rate: int | None = None
        for time, rate_of_frame, samples, agrees in self._timed():
            rate = rate or rate_of_frame
            if time is not None:
                gap = round((time - self._zero) * rate) - self.written
                if self._believed(gap, time - self._zero, rate, samples.shape[1], agrees):
                    if self.written:
                        self._holes.append(gap / rate)
                    yield from self._silent(gap, samples.shape[1])
            self.written += len(samples)
            yield samples
            if end is not None and self.written >= end * rate:
                return
            if self.written > MAX_SECONDS * rate:
                raise MediaError(f"{self._path}: its sound lasts longer than {MAX_SECONDS / 3600:.0f} hours")

    def loss(self, end: float | None = None) -> str | None:
        """Say in one clause what is missing, once ``pieces`` gave all; None when the sound is whole.

        Args:
            end: Where the caller stopped.
        """
        seconds = self.written / self.sample_rate if self.sample_rate else 0.0
        clauses = []
        if self.damaged:
            clauses.append(f"{self.damaged} damaged packet{'s' if self.damaged > 1 else ''}")
        elif self._holes and self._container.format.name in _WITHOUT_HOLES:
            clauses.append(f"{sum(self._holes):.2f} s missing on the way")
        if self._left_out:
            clauses.append(f"a jump of {self._left_out:.0f} s in its timestamps, left out")
        if end is None or seconds < end:
            wanted = self._claim.end_when(seconds)
            if wanted is not None and end is not None:
                wanted = min(wanted, end)
            if wanted is not None and wanted - seconds > max(MISSING_SECONDS, MISSING_SHARE * wanted):
                clauses.append(f"breaks off after {seconds:.2f} s of {wanted:.2f} s")
            elif self._claim.breaks_off:
                clauses.append(f"breaks off after {seconds:.2f} s")
        return ", ".join(clauses) or None

    def _believed(self, gap: int, time: Fraction, rate: int, channels: int, agrees: bool) -> bool:
        """Whether silence shall fill what lies between the sound so far and a timestamp."""
        ignored = GAP_SECONDS if self.written or self._counts_first_packet else 0
        if gap <= ignored * rate or time > self._last_second:
            return False
        if gap > DOUBTED_GAP_SECONDS * rate and not agrees:
            return False
        whole = self._silence + gap
        too_much = whole > LONGEST_SILENCE_SECONDS * rate or whole * channels * 4 > LONGEST_SILENCE_BYTES
        if gap > LONGEST_GAP_SECONDS * rate or too_much:
            self._left_out = max(self._left_out, gap / rate)
            return False
        return True

    def _silent(self, count: int, channels: int) -> Iterator[NDArray[np.float32]]:
        self._silence += count
        self.written += count
        block = max(1, (1 << 18) // channels)
        for begin in range(0, count, block):
            yield np.zeros((min(block, count - begin), channels), np.float32)

    def _timed(self) -> Iterator[tuple[Fraction | None, int, NDArray[np.float32], bool]]:
        """Yield (raw time, rate, samples, whether the next frame's time agrees with this one's)."""
        before: tuple[Fraction | None, int, NDArray[np.float32]] | None = None
        for frame, samples in self._converted():
            time = None if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base
            if before is not None:
                agrees = True
                if before[0] is not None and time is not None:
                    away = float(time - before[0]) - len(before[2]) / before[1]
                    agrees = abs(away) < DOUBTED_GAP_SECONDS
                yield *before, agrees
            before = time, self.sample_rate, samples
        if before is not None:
            yield *before, not self.written  # a jump before the very last frame leads nowhere

    def _converted(self) -> Iterator[tuple[av.AudioFrame, NDArray[np.float32]]]:
        """Yield each frame with its samples as (n, channels) float32 in the first frame's rate and layout."""
        resampler: AudioResampler | None = None
        shape: tuple[str, str, int] | None = None
        for frame in self._decoded():
            if frame.sample_rate <= 0:
                continue
            found = (frame.format.name, frame.layout.name, frame.sample_rate)
            if shape is None:
                # Only decoding tells: the header of HE-AAC names half of the rate.
                check_sound(frame.sample_rate, frame.layout.nb_channels, self._path)
                context = self._stream.codec_context
                same = context.layout.nb_channels == frame.layout.nb_channels
                self.layout = context.layout.name if same else frame.layout.name
                self.sample_rate, self.channels = frame.sample_rate, frame.layout.nb_channels
            if found != shape:
                shape = found
                resampler = AudioResampler("flt", self.layout, self.sample_rate)
            assert resampler is not None
            for converted in resampler.resample(frame):
                # Interleaved, because PyAV reads past the end of planar frames of more than 8 channels.
                samples = converted.to_ndarray().astype(np.float32, copy=False)
                yield frame, samples.reshape(-1, converted.layout.nb_channels)

    def _decoded(self) -> Iterator[av.AudioFrame]:
        context = self._stream.codec_context
        transport = self._container.format.name == "mpegts"  # elsewhere the mark means a short last packet
        packets = self._container.demux(self._stream)
        ended = False
        begun = False
        while not ended:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError:
                packet = None  # a file that breaks off: what is whole is used
            ended = packet is None or packet.size == 0
            try:
                frames = list(context.decode(packet))
            except av.error.FFmpegError:
                # One packet that cannot be decoded; its place is filled with silence. At either end of a file such
                # packets are but other things than sound: tags, or the rest of what was cut away.
                self._doubtful += begun and not ended
                continue
            if transport and packet is not None and packet.is_corrupt and begun:
                self._doubtful += 1
            if frames:
                begun = True
                self.damaged += self._doubtful
                self._doubtful = 0
            yield from frames


def choose_stream(path: Path, container: InputContainer, wanted: int | None) -> AudioStream:
    """Return an audio stream of an open file by its number.

    Raises:
        MediaError: there is none; the message names those there are.
    """
    streams = audio_streams(container)
    if not streams:
        raise MediaError(f"{path}: has no audio stream")
    number = 0 if wanted is None else wanted
    if not 0 <= number < len(streams):
        listed = ", ".join(
            f"{index} ({stream.language})" if stream.language not in (None, "und") else str(index)
            for index, stream in enumerate(streams)
        )
        raise MediaError(f"{path}: has no audio stream {number}; it has {len(streams)}, counted from 0: {listed}")
    return streams[number]
