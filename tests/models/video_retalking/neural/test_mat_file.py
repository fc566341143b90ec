from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from talkingface.errors import WeightsUnusableError
from talkingface.models.video_retalking.neural.expression_template import released_template
from talkingface.models.video_retalking.neural.standard_points import STANDARD_FIVE, standard_five
from talkingface.weights.matlab import read_mat


def element(kind: int, body: bytes, order: str = "<") -> bytes:
    if 0 < len(body) <= 4:
        return struct.pack(order + "HH" if order == ">" else order + "I", *_small(kind, body, order)) + body.ljust(
            4, b"\0"
        )
    return struct.pack(order + "II", kind, len(body)) + body.ljust((len(body) + 7) // 8 * 8, b"\0")


def _small(kind: int, body: bytes, order: str) -> tuple[int, ...]:
    return (len(body), kind) if order == ">" else (len(body) << 16 | kind,)


def matrix(name: str, values: np.ndarray, order: str = "<") -> bytes:
    kind = {"f8": 9, "f4": 7, "i2": 3}[values.dtype.str[1:]]
    body = element(6, struct.pack(order + "II", 6, 0), order)
    body += element(5, struct.pack(order + "ii", *values.shape), order)
    body += element(1, name.encode(), order)
    body += element(kind, values.astype(values.dtype.newbyteorder(order)).tobytes(order="F"), order)
    return element(14, body, order)


def mat_file(path: Path, *elements: bytes, order: str = "<") -> Path:
    head = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(order + "H", 0x0100) + (b"IM" if order == "<" else b"MI")
    path.write_bytes(head + b"".join(elements))
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["f8", "f4", "i2"])
def test_arrays_come_back(tmp_path: Path, order: str, kind: str) -> None:
    values = np.arange(15).reshape(5, 3).astype(kind)
    found = read_mat(mat_file(tmp_path / "a.mat", matrix("lm", values, order), order=order))
    np.testing.assert_array_equal(found["lm"], values)


def test_packed_and_several(tmp_path: Path) -> None:
    one, two = np.random.default_rng(0).normal(size=(1, 70)), np.ones((2, 2))
    packed = zlib.compress(matrix("expression_center", one))
    path = mat_file(tmp_path / "a.mat", struct.pack("<II", 15, len(packed)) + packed, matrix("x", two))
    assert list(read_mat(path)) == ["expression_center", "x"]
    np.testing.assert_array_equal(released_template(path, "neutral"), one[0, :64])
    with pytest.raises(WeightsUnusableError, match="expression_mouth"):
        released_template(path, "happy")


@pytest.mark.parametrize("content", [b"", b"no such file", b"x" * 400, None])
def test_other_files_are_refused(tmp_path: Path, content: bytes | None) -> None:
    path = mat_file(tmp_path / "a.mat", matrix("lm", np.zeros((68, 3))))
    path.write_bytes(path.read_bytes()[:600] if content is None else content)
    with pytest.raises(WeightsUnusableError, match=r"a\.mat"):
        standard_five(path)


def test_the_standard_face(tmp_path: Path) -> None:
    points = np.random.default_rng(1).normal(size=(68, 3))
    five = standard_five(mat_file(tmp_path / "a.mat", matrix("lm", points)))
    np.testing.assert_allclose(five[0], (points[36] + points[39]) / 2)
    np.testing.assert_allclose(five[1:], [(points[42] + points[45]) / 2, points[30], points[48], points[54]])
    assert standard_five(None) is STANDARD_FIVE
    with pytest.raises(WeightsUnusableError, match="68 points"):
        standard_five(mat_file(tmp_path / "b.mat", matrix("lm", points[:5])))
