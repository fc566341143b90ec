from pathlib import Path

import numpy as np
import pytest

from talkingface.errors import OutputError
from talkingface.media.row_file import RowFile


def test_rows_come_back_as_they_were_appended(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(700, 478, 3)).astype(np.float32)
    with RowFile(tmp_path / "rows", (478, 3)) as stored:
        for row in rows[:300]:
            stored.append(row)
        assert np.array_equal(stored[299], rows[299])  # also those that are still in memory
        stored.extend(rows[300:])
        assert len(stored) == 700
    assert np.array_equal(stored[-1], rows[-1])
    assert np.array_equal(stored[10:13], rows[10:13])
    assert np.array_equal(np.asarray(stored), rows)
    assert (tmp_path / "rows").stat().st_size == rows.nbytes


def test_an_existing_file_is_read_and_gone_on_with(tmp_path: Path) -> None:
    with RowFile(tmp_path / "rows", (), np.int64) as stored:
        stored.extend(np.arange(5))
    with RowFile(tmp_path / "rows", (), np.int64) as again:
        assert len(again) == 5
        again.append(7)
        assert again[:].tolist() == [0, 1, 2, 3, 4, 7]


def test_rows_that_are_not_there(tmp_path: Path) -> None:
    stored = RowFile(tmp_path / "rows", (2,))
    assert stored[:].shape == (0, 2)
    with pytest.raises(IndexError):
        stored[0]
    with pytest.raises(ValueError, match="shape"):
        stored.append(np.zeros(3))
    stored.append([1, 2])
    with pytest.raises(ValueError, match="order"):
        stored[::2]


def test_a_file_that_shrank_is_an_error(tmp_path: Path) -> None:
    with RowFile(tmp_path / "rows", (2,)) as stored:
        stored.extend(np.zeros((4, 2), np.float32))
    (tmp_path / "rows").write_bytes(b"")
    with pytest.raises(OutputError, match="shorter"):
        stored[3]


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    stored = RowFile(tmp_path / "missing" / "rows", (2,))
    stored.append([1, 2])
    with pytest.raises(OutputError, match="missing"):
        stored.flush()


def test_many_files_are_read_without_staying_open(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    files = []
    for number in range(80):
        with RowFile(tmp_path / f"rows-{number}", (2,)) as stored:
            stored.append([number, 1])
        files.append(stored)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with (tmp_path / "next").open("wb") as file:
        next_number = file.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (next_number + 20, hard))
    try:
        assert [float(stored[0][0]) for stored in files] == list(range(80))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
