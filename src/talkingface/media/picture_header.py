"""The size a still picture claims in its first bytes, read without a decoder."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from talkingface.errors import MediaError

_PNG = b"\x89PNG\r\n\x1a\n"
_STILL_BRANDS = {b"avif", b"heic", b"heix", b"mif1"}
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
_PNG_CHUNKS = 256
_UNPACKED_BYTES = 64 << 20  # what text or a colour profile inside a picture may unpack to


@dataclass(frozen=True)
class PictureHeader:
    """What the first bytes of a picture say.

    Attributes:
        kind: ``"png"``, ``"jpeg"``, ``"gif"``, ``"bmp"``, ``"webp"``, ``"tiff"`` or ``"heif"`` (AVIF, HEIC).
        width: Columns claimed, 0 when they are not told at the beginning.
        height: Lines claimed, 0 when they are not told at the beginning.
    """

    kind: str
    width: int
    height: int


def read_picture_header(path: Path) -> PictureHeader | None:
    """Return what a file claims to be when its first bytes are those of a picture, else None.

    Raises:
        MediaError: text or a colour profile in it is packed so that it would fill the memory.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(32)
        try:
            if head.startswith(_PNG):
                _check_packed_text(path, file)
                return PictureHeader("png", *struct.unpack_from(">II", head, 16))
            if head.startswith(b"\xff\xd8\xff"):
                return PictureHeader("jpeg", *_jpeg_size(file))
            if head[:6] in (b"GIF87a", b"GIF89a"):
                return PictureHeader("gif", *struct.unpack_from("<HH", head, 6))
            if head.startswith(b"BM"):
                width, height = struct.unpack_from("<ii", head, 18)
                return PictureHeader("bmp", abs(width), abs(height))
            if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
                return PictureHeader("webp", *_webp_size(head))
            if head[:4] in (b"II*\0", b"MM\0*"):
                return PictureHeader("tiff", *_tiff_size(file, "<" if head.startswith(b"II") else ">"))
        except struct.error:  # ends within its header; the decoder will say so
            return None
        if head[4:8] == b"ftyp" and head[8:12] in _STILL_BRANDS:
            return PictureHeader("heif", 0, 0)
    return None


def _jpeg_size(file: BinaryIO) -> tuple[int, int]:
    """Largest frame header before the picture's data begins."""
    file.seek(2)
    width = height = 0
    while True:
        marker = file.read(2)
        if len(marker) < 2 or marker[0] != 0xFF or marker[1] in (0xD9, 0xDA):
            return width, height
        if marker[1] == 0xFF:  # padding
            file.seek(-1, 1)
            continue
        length = int.from_bytes(file.read(2), "big")
        if 0xC0 <= marker[1] <= 0xCF and marker[1] not in (0xC4, 0xC8, 0xCC):
            lines, columns = struct.unpack_from(">HH", file.read(5), 1)
            width, height = max(width, columns), max(height, lines)
            length -= 5
        file.seek(max(0, length - 2), 1)


def _webp_size(head: bytes) -> tuple[int, int]:
    if head[12:16] == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if head[12:16] == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", head, 26)
    return width & 0x3FFF, height & 0x3FFF


def _tiff_size(file: BinaryIO, order: str) -> tuple[int, int]:
    file.seek(4)
    file.seek(struct.unpack(order + "I", file.read(4))[0])
    (count,) = struct.unpack(order + "H", file.read(2))
    found = {_TIFF_WIDTH: 0, _TIFF_HEIGHT: 0}
    for _ in range(count):
        tag, kind, _, value = struct.unpack(order + "HHI4s", file.read(12))
        if tag in found:
            (found[tag],) = struct.unpack(order + "H", value[:2]) if kind == 3 else struct.unpack(order + "I", value)
    return found[_TIFF_WIDTH], found[_TIFF_HEIGHT]


def _check_packed_text(path: Path, file: BinaryIO) -> None:
    """FFmpeg unpacks a PNG's text and profile whole, whatever comes out."""
    file.seek(len(_PNG))
    for _ in range(_PNG_CHUNKS):
        length, kind = struct.unpack(">I4s", file.read(8))
        if kind in (b"IDAT", b"IEND") or length > 0x7FFFFFFF:
            return
        if kind not in (b"zTXt", b"iTXt", b"iCCP"):
            file.seek(length + 4, 1)
            continue
        packed = file.read(length)
        file.seek(4, 1)
        for begin in _packed_beginnings(packed):
            unpacker = zlib.decompressobj()
            try:
                unpacked = len(unpacker.decompress(packed[begin:], _UNPACKED_BYTES))
            except zlib.error:
                continue
            if unpacked == _UNPACKED_BYTES:
                raise MediaError(
                    f"{path}: the {kind.decode()} text in it unpacks to more than {_UNPACKED_BYTES >> 20} MB; "
                    "save the picture without it"
                )


def _packed_beginnings(packed: bytes) -> list[int]:
    """Where packed data may begin: after a name and some short fields, each closed by a zero byte."""
    begin, places = 0, []
    for _ in range(4):
        begin = packed.find(b"\0", begin) + 1
        if not begin:
            break
        places += [begin, begin + 1]
    return places
