"""Does a file end as its own format says it must? Read from its bytes, without a decoder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from talkingface.media.decoder import StreamDecoder

_TAIL = 64
_ROUNDING = 0.5
_TRANSPORT_PACKETS = ((188, 0), (192, 4), (204, 0))  # bytes of a packet, and where in it its mark stands
_MARK = 0x47
_ATOMS = 10_000
_SEGMENT = 0x18538067
_EBML = 0x1A45DFA3


def describe_break(path: Path, decoder: StreamDecoder, end: int) -> str | None:
    """Say whether a stream that was read to its end breaks off before the end it claims.

    A file that certainly breaks off may lack no more than half a frame. Without such a proof the claim must be missed
    by half a second and more, because containers round.

    Args:
        path: The file.
        decoder: What read it.
        end: Where the last frame that was decoded ends, in ticks of the stream.

    Returns:
        ``"breaks off after 2.10 s of 5.00 s"``, or None when nothing is missing.
    """
    tick, step = decoder.info.time_base, decoder.usual_step
    proven = decoder.broke_off or breaks_off(path)
    claimed = decoder.end_pts if decoder.tells_end else None
    if decoder.is_picture:
        return "a part of the picture is missing" if proven else None
    after = f"breaks off after {float(end * tick):.2f} s"
    if claimed is not None and not decoder.shares_end:
        missing = claimed - end
        tolerance = step / 2 if proven else max(5 * step, round(_ROUNDING / tick))
        return f"{after} of {float(claimed * tick):.2f} s" if missing > tolerance else None
    if decoder.file_end is not None and decoder.tells_end:
        missing_seconds = decoder.file_end - max(decoder.read_until, float(end * tick))
        tolerance_seconds = float(step * tick) / 2 if proven else 2 * _ROUNDING
        return f"{after} of {decoder.file_end:.2f} s" if missing_seconds > tolerance_seconds else None
    return after if proven else None


def breaks_off(path: Path) -> bool:
    """Tell whether a file ends before its own format says it does.

    Known are the formats that say so at all: MP4 and MOV (a box reaches past the end), Matroska and WebM (the segment
    does), AVI, WAV and WebP (the first RIFF chunk does), MPEG transport streams (a packet is cut), GIF (its blocks do
    not lead to its end mark), PNG and JPEG (no end mark).

    Args:
        path: The file.

    Returns:
        True when it certainly breaks off; False when it is whole or its format does not tell.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            return _cut(file, size)
    except (OSError, IndexError):
        return False


def _cut(file: BinaryIO, size: int) -> bool:
    head = file.read(16)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"):
        return _atoms_cut(file, size)
    if head[:4] == b"RIFF":
        claimed = int.from_bytes(head[4:8], "little")
        return 0 < claimed < 0xFFFFFFFF and claimed + 8 > size
    if head[:4] == _EBML.to_bytes(4, "big"):
        return _segment_cut(file, size)
    tail = _tail(file, size)
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return not _gif_ends(file, size)
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return b"IEND" not in tail
    if head[:3] == b"\xff\xd8\xff":
        return not _jpeg_ends(file, size)
    return _transport_cut(file, size)


def _tail(file: BinaryIO, size: int, length: int = _TAIL) -> bytes:
    file.seek(max(0, size - length), os.SEEK_SET)
    return file.read(length)


def _atoms_cut(file: BinaryIO, size: int) -> bool:
    place = 0
    for _ in range(_ATOMS):
        file.seek(place)
        head = file.read(16)
        if len(head) < 8:
            return False  # some leave a few bytes behind the last box
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length == 0:  # up to the end, however far that is
            return False
        if length < 8 or not head[4:8].isascii():
            return False  # no box any more
        place += length
        if place >= size:
            return place > size
    return False


def _segment_cut(file: BinaryIO, size: int) -> bool:
    place = 0
    for _ in range(4):
        file.seek(place)
        head = file.read(12)
        identity_bytes = _length_of_number(head[0])
        length_bytes = _length_of_number(head[identity_bytes])
        identity = int.from_bytes(head[:identity_bytes], "big")
        number = head[identity_bytes : identity_bytes + length_bytes]
        mask = (1 << 7 * length_bytes) - 1
        length = int.from_bytes(number, "big") & mask
        if length == mask:  # unknown, as in a live recording
            return False
        place += identity_bytes + length_bytes + length
        if identity == _SEGMENT:
            return place > size
    return False


def _length_of_number(first: int) -> int:
    return 9 - first.bit_length() if first else 8


def _transport_cut(file: BinaryIO, size: int) -> bool:
    for length, place in _TRANSPORT_PACKETS:
        file.seek(0)
        packets = file.read(5 * length)
        if len(packets) >= 2 * length and all(byte == _MARK for byte in packets[place::length]):
            return size % length != 0
    return False


def _gif_ends(file: BinaryIO, size: int) -> bool:
    """Go from block to block: a decoder stops at what is no block, and says nothing."""
    file.seek(10)
    flags = file.read(3)[0]
    file.seek(_colour_table_bytes(flags), os.SEEK_CUR)
    while file.tell() < size:
        kind = file.read(1)
        if kind == b";":
            return True
        if kind == b",":
            place = file.read(9)
            file.seek(_colour_table_bytes(place[8]) + 1 if len(place) == 9 else 0, os.SEEK_CUR)
        elif kind == b"!":
            file.seek(1, os.SEEK_CUR)
        else:
            return False
        while length := file.read(1):
            if length == b"\0":
                break
            file.seek(length[0], os.SEEK_CUR)
    return False


def _colour_table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _jpeg_ends(file: BinaryIO, size: int) -> bool:
    """The end mark lies at the end or, in pictures with things appended (phones do), anywhere after the middle."""
    return b"\xff\xd9" in _tail(file, size, max(_TAIL, size // 2))
