"""Rows of one shape in a file: what grows with a clip's length lies on disk and is read a window at a time."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, overload

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import OutputError

BUFFER_BYTES = 1 << 20


class Rows(Protocol):
    """Rows that can be read one by one or by slices: a numpy array or a ``RowFile``."""

    def __len__(self) -> int: ...

    @overload
    def __getitem__(self, index: int, /) -> NDArray[Any]: ...

    @overload
    def __getitem__(self, index: slice, /) -> NDArray[Any]: ...


class RowFile:
    """Appends rows to a file and reads them back, with one buffer in memory. A context manager.

    The file is open only while it is read or written: a clip may have thousands of them.

    The file holds nothing but the rows, in native byte order, so its length says how many there are. Not for use from
    several threads at once.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: Any = np.float32) -> None:
        """Name the file; rows that are in it already stay.

        Args:
            path: The file; made when the first rows are written.
            shape: Shape of one row; ``()`` for plain numbers.
            dtype: Of the values.
        """
        self.path = path
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self.row_bytes = int(np.prod(shape, dtype=np.int64)) * self.dtype.itemsize
        self._stored = path.stat().st_size // self.row_bytes if path.exists() else 0
        self._waiting: list[NDArray[Any]] = []
        self._waiting_rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return self._stored + self._waiting_rows

    def append(self, row: Any) -> None:
        """Add one row.

        Raises:
            OutputError: the file cannot be written.
        """
        self.extend(np.asarray(row, self.dtype)[None])

    def extend(self, rows: NDArray[Any]) -> None:
        """Add (n, *shape) rows.

        Raises:
            OutputError: the file cannot be written.
            ValueError: the rows have another shape.
        """
        if rows.shape[1:] != self.shape:
            raise ValueError(f"rows of shape {rows.shape[1:]} do not fit a file of {self.shape}")
        self._waiting.append(np.array(rows, self.dtype))
        self._waiting_rows += len(rows)
        if self._waiting_rows * self.row_bytes >= BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is still in memory.

        Raises:
            OutputError: the file cannot be written.
        """
        if not self._waiting:
            return
        try:
            with self.path.open("ab") as file:
                for rows in self._waiting:
                    file.write(rows.tobytes())
        except OSError as error:
            raise OutputError(f"{self.path.parent}: cannot be written in ({error.strerror or error})") from error
        self._stored += self._waiting_rows
        self._waiting, self._waiting_rows = [], 0

    def close(self) -> None:
        """Write what is still in memory; rows can still be read afterwards."""
        self.flush()

    @overload
    def __getitem__(self, index: int) -> NDArray[Any]: ...

    @overload
    def __getitem__(self, index: slice) -> NDArray[Any]: ...

    def __getitem__(self, index: int | slice) -> NDArray[Any]:
        """Read one row, or the rows of a slice of step 1, as arrays of their own.

        Raises:
            IndexError: there is no such row.
            OutputError: the file cannot be read, or is shorter than what was written to it.
            ValueError: the slice has another step.
        """
        if isinstance(index, slice):
            low, high, step = index.indices(len(self))
            if step != 1:
                raise ValueError("rows are read in their order, one after another")
            return self._read(low, max(low, high))
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"no row {index} of {len(self)}")
        return np.asarray(self._read(place, place + 1)[0])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All rows at once, for callers who know that they fit in memory."""
        return np.asarray(self[:], dtype)

    def _read(self, low: int, high: int) -> NDArray[Any]:
        self.flush()
        if low == high:
            return np.zeros((0, *self.shape), self.dtype)
        rows = np.empty((high - low, *self.shape), self.dtype)
        view = memoryview(rows.reshape(-1).view(np.uint8))  # type: ignore[arg-type]  # arrays have the buffer protocol
        try:
            with self.path.open("rb", buffering=0) as file:
                file.seek(low * self.row_bytes, os.SEEK_SET)
                while len(view) and (count := file.readinto(view)):
                    view = view[count:]
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be read ({error.strerror or error})") from error
        if len(view):
            raise OutputError(f"{self.path}: is shorter than what was written to it; something else changed it")
        return rows
