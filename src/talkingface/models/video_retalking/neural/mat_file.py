"""Reading the plain number arrays of a MATLAB 5 file (the format's document: "MAT-File Format", level 5)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import WeightsUnusableError

LARGEST = 16 << 20  # the files read here have some hundred numbers
HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_NUMERIC_CLASSES = range(6, 16)  # double, single and the integers


def read_mat(path: Path) -> dict[str, NDArray[np.float64]]:
    """All real arrays of numbers in a file, by name; cells, structures and texts are passed over.

    Raises:
        WeightsUnusableError: it cannot be read, or is not such a file.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError("it is too large")
        content = path.read_bytes()
        order = {b"IM": "<", b"MI": ">"}.get(content[126:HEADER])
        if order is None:
            raise ValueError("it is no MATLAB 5 file")
        found = {}
        for kind, body in _elements(content[HEADER:], order):
            if kind == _COMPRESSED:
                unpacked = zlib.decompressobj().decompress(body, LARGEST)
                kind, body = next(_elements(unpacked, order))
            if kind == _MATRIX:
                found.update(_matrix(body, order))
        return found
    except (OSError, ValueError, struct.error, zlib.error, StopIteration) as error:
        raise WeightsUnusableError(f"{path}: cannot be read ({error or 'it is cut short'}); get it again") from error


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place + 8 <= len(data):
        kind, size = struct.unpack_from(order + "II", data, place)
        if kind >> 16:  # small: its size and up to four bytes lie in the tag
            yield kind & 0xFFFF, data[place + 4 : place + 4 + (kind >> 16)]
            place += 8
            continue
        body = data[place + 8 : place + 8 + size]
        if len(body) < size:
            raise ValueError("it is cut short")
        yield kind, body
        place += 8 + size if kind == _COMPRESSED else 8 + (size + 7) // 8 * 8


def _matrix(body: bytes, order: str) -> dict[str, NDArray[np.float64]]:
    parts = list(_elements(body, order))
    if len(parts) < 4 or len(parts[0][1]) < 4:
        return {}
    array_class = struct.unpack_from(order + "I", parts[0][1])[0] & 0xFF
    (kind, values) = parts[3]
    if array_class not in _NUMERIC_CLASSES or kind not in _NUMBERS:
        return {}
    shape = tuple(np.frombuffer(parts[1][1], order + "i4").tolist())
    numbers = np.frombuffer(values, order + _NUMBERS[kind]).astype(np.float64)
    name = parts[2][1].decode("ascii", "replace")
    return {name: numbers.reshape(shape, order="F")}
