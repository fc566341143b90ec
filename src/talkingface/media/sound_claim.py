"""What a file says of its sound before it is decoded, as far as that can be trusted."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av

from talkingface.media.probe import video_streams

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

# Demuxers whose length is written down in the file; others guess it from bytes and bit rate.
_LENGTH_WRITTEN = {"mov,mp4,m4a,3gp,3g2,mj2", "flac", "wv", "tta", "aiff", "au"}
_RIFF = {"wav", "avi"}
_RIFF_UNKNOWN_SIZE = 0x7FFF0000  # sizes from here on are those of files written into a pipe
_XING_SEARCH_BYTES = 4096
_OGG_HEADER_BYTES = 27
_OGG_PAGE_BYTES = 65_307


@dataclass(frozen=True)
class SoundClaim:
    """What a file says about a stream's sound.

    Attributes:
        end: Second of the file's clock at which the sound is to end, None when nothing trustworthy says.
        missing_share: 0..1, how much of the file its own header says is cut off.
        breaks_off: True when the file ends in the middle of something.
    """

    end: float | None = None
    missing_share: float = 0.0
    breaks_off: bool = False

    def end_when(self, seconds: float) -> float | None:
        """Where the sound is to end when there are so many seconds of it."""
        if self.end is None and self.missing_share:
            return seconds / max(1e-6, 1 - self.missing_share)
        return self.end


def sound_claim(path: Path, container: InputContainer, stream: AudioStream, zero: Fraction) -> SoundClaim:
    """Find what an open file claims of one of its audio streams.

    Args:
        path: The file.
        container: It, open.
        stream: The stream.
        zero: Raw time at which the file's clock reads 0.
    """
    name = container.format.name
    if name in _RIFF:
        return SoundClaim(missing_share=_riff_missing_share(path))
    if name == "ogg":
        return SoundClaim(breaks_off=_ogg_breaks_off(path))
    seconds: float | None = None
    if name in _LENGTH_WRITTEN or (name == "mp3" and _has_length_tag(path)):
        if stream.duration is not None and stream.time_base is not None:
            seconds = float(stream.duration * stream.time_base)
    elif name.startswith("matroska"):
        seconds = _seconds_of_tag(stream.metadata.get("DURATION", ""))
        if seconds is None and not video_streams(container) and container.duration is not None:
            seconds = container.duration / av.time_base
        return SoundClaim(seconds)  # counted from the file's beginning, whenever the stream begins
    if seconds is None:
        return SoundClaim()
    begin = Fraction(0) if stream.start_time is None or stream.time_base is None else stream.start_time
    return SoundClaim(seconds + max(0.0, float(begin * (stream.time_base or 0) - zero)))


def _seconds_of_tag(text: str) -> float | None:
    """Seconds of Matroska's ``00:00:02.108000000``."""
    parts = text.split(":")
    try:
        hours, minutes, seconds = (float(part) for part in parts)
    except ValueError:
        return None
    return 3600 * hours + 60 * minutes + seconds


def _riff_missing_share(path: Path) -> float:
    """How much of a RIFF file (WAV, AVI) is missing by its own size field; FFmpeg takes the bytes there are."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(8)
    except OSError:
        return 0.0
    if len(head) < 8 or head[:4] != b"RIFF":
        return 0.0
    claimed = int.from_bytes(head[4:], "little")
    if not 0 < claimed < _RIFF_UNKNOWN_SIZE:
        return 0.0
    return max(0.0, 1 - size / (claimed + 8))


def _has_length_tag(path: Path) -> bool:
    """Whether an MP3 tells its number of frames (Xing, Info or VBRI); else its length is guessed from the bit rate."""
    try:
        with path.open("rb") as file:
            head = file.read(10)
            if head[:3] == b"ID3" and len(head) == 10:
                file.seek(10 + sum((byte & 127) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)))
            else:
                file.seek(0)
            frame = file.read(_XING_SEARCH_BYTES)
    except OSError:
        return False
    return any(tag in frame for tag in (b"Xing", b"Info", b"VBRI"))


def _ogg_breaks_off(path: Path) -> bool:
    """Whether the last page of an Ogg file is longer than what there is of it."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 2 * _OGG_PAGE_BYTES))
            tail = file.read()
    except OSError:
        return False
    page = tail[tail.rfind(b"OggS") :] if b"OggS" in tail else b""
    if len(page) < _OGG_HEADER_BYTES:
        return bool(page)
    table = page[_OGG_HEADER_BYTES : _OGG_HEADER_BYTES + page[_OGG_HEADER_BYTES - 1]]
    return len(page) < _OGG_HEADER_BYTES + page[_OGG_HEADER_BYTES - 1] + sum(table)
