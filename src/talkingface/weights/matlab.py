"""MATLAB files of version 5: which variables they hold, and their plain arrays of numbers.

After the format's document, "MAT-File Format", level 5.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import WeightsUnusableError

_HEADER = 128  # bytes
_MATRIX, _COMPRESSED = 14, 15  # kinds of elements
_ENOUGH = 4096  # bytes of an element in which its name is found
_LARGEST = 64 << 20  # bytes
_LARGEST_READ = 16 << 20  # bytes of a file whose numbers are read: those wanted here have some hundred
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_NUMERIC_CLASSES = range(6, 16)  # double, single and the integers


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
    """A matrix's name, which follows its flags and its dimensions; what comes after it need not be there."""
    parts = list(islice(_elements(element, order), 3))
    if len(parts) < 3:
        raise ValueError("it is damaged: a variable has no name")
    return parts[2][1].decode("ascii")


def read_mat(path: Path) -> dict[str, NDArray[np.float64]]:
    """All real arrays of numbers in a file, by name; cells, structures and texts are passed over.

    Raises:
        WeightsUnusableError: it cannot be read, or is not such a file.
    """
    try:
        if path.stat().st_size > _LARGEST_READ:
            raise ValueError("it is too large")
        content = path.read_bytes()
        order = {b"IM": "<", b"MI": ">"}.get(content[126:_HEADER])
        if order is None:
            raise ValueError("it is no MATLAB 5 file")
        found = {}
        for kind, body in _elements(content[_HEADER:], order):
            if kind == _COMPRESSED:
                unpacked = zlib.decompressobj().decompress(body, _LARGEST_READ)
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
