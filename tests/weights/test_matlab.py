from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from talkingface.weights.matlab import is_matlab, matlab_names

HEADER = b"MATLAB 5.0 MAT-file, made by a test".ljust(124) + b"\x00\x01IM"


def part(kind: int, content: bytes) -> bytes:
    return struct.pack("<II", kind, len(content)) + content.ljust((len(content) + 7) // 8 * 8, b"\0")


def matrix(name: str, count: int = 3) -> bytes:
    raw = name.encode()
    short = struct.pack("<HH", 1, len(raw)) + raw.ljust(4, b"\0")
    return part(14, part(6, bytes(8)) + part(5, struct.pack("<ii", 1, count))
                + (short if len(raw) <= 4 else part(1, raw)) + part(9, bytes(8 * count)))  # fmt: skip


def packed(name: str, count: int = 3) -> bytes:
    content = zlib.compress(matrix(name, count))
    return struct.pack("<II", 15, len(content)) + content


def test_names_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.mat"
    path.write_bytes(HEADER + matrix("lm") + matrix("expression_center") + packed("expression_mouth", 50_000))
    assert is_matlab(path)
    assert matlab_names(path) == ["lm", "expression_center", "expression_mouth"]


@pytest.mark.parametrize(
    "content",
    [
        b"no matlab at all",
        HEADER + matrix("lm")[:-20],
        HEADER + part(9, bytes(16)),
        HEADER + struct.pack("<II", 15, 8) + b"notzlib!",
        HEADER + struct.pack("<II", 14, 8) + bytes(8),
        HEADER + b"\1",
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.mat").write_bytes(content)
    with pytest.raises(ValueError, match="it "):
        matlab_names(tmp_path / "x.mat")


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "x.mat").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(ValueError, match="1074 MB"):
        matlab_names(tmp_path / "x.mat")
    assert not is_matlab(tmp_path / "x.mat")
