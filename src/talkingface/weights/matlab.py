"""Which variables a MATLAB file (version 5) holds, without reading their numbers."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

_HEADER = 128  # bytes
_MATRIX, _COMPRESSED = 14, 15  # kinds of elements
_ENOUGH = 4096  # bytes of an element in which its name is found
_LARGEST = 64 << 20  # bytes


def is_matlab(path: Path) -> bool:
    """Whether a file begins as MATLAB's do."""
    with path.open("rb") as file:
        return file.read(19) == b"MATLAB 5.0 MAT-file"


def matlab_names(path: Path) -> list[str]:
    """The names of a file's variables, in its order.

    Raises:
        ValueError: it is damaged, or no such file.
    """
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"{path.stat().st_size / 1e6:.0f} MB are too many")
    content = path.read_bytes()
    if not content.startswith(b"MATLAB 5.0 MAT-file") or len(content) < _HEADER:
        raise ValueError("it is no MATLAB file of version 5")
    order = "<" if content[126:128] == b"IM" else ">"
    names, place = [], _HEADER
    try:
        while place < len(content):
            kind, size = struct.unpack_from(f"{order}II", content, place)
            element = content[place + 8 : place + 8 + size]
            if len(element) < size:
                raise ValueError("it breaks off")
            if kind == _COMPRESSED:
                element = zlib.decompressobj().decompress(element, _ENOUGH)[8:]
            elif kind != _MATRIX:
                raise ValueError(f"it holds an element of the kind {kind}")
            names.append(_name(element, order))
            place += 8 + size
    except (struct.error, zlib.error, UnicodeDecodeError) as error:
        raise ValueError(f"it is damaged: {error}") from error
    return names


def _name(element: bytes, order: str) -> str:
    """A matrix's name, which follows its flags and its dimensions."""
    place = 0
    for _ in range(2):
        place += _length(element, place, order)[1]
    start, _ = _length(element, place, order)
    kind, size = struct.unpack_from(f"{order}II", element, place)
    if start == 4:
        size = kind >> 16
    return element[place + start : place + start + size].decode("ascii")


def _length(element: bytes, place: int, order: str) -> tuple[int, int]:
    """Where a part's content begins after its own place, and how long the part is with its padding."""
    kind, size = struct.unpack_from(f"{order}II", element, place)
    if kind >> 16:  # a small part: both in four bytes, content in the other four
        return 4, 8
    return 8, 8 + (size + 7) // 8 * 8
