"""Stage 2b, speak: the person's own mouths, kept from pass one."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.errors import OutputError
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import interocular_distance
from talkingface.media.planes import Plane, PlaneLayout
from talkingface.models.video_retalking.landmark.donor_look import FloatArray, MouthLook, mouth_look

CAPACITY = 400  # crops of one face; more than that repeat themselves
MEMORY_BYTES = 32 << 20  # crops of all faces of a job held in memory; the rest lies on disk
_LIPS = list(mesh.LIPS_OUTER + mesh.LIPS_INNER)


@dataclass(frozen=True)
class Donor:
    """One mouth crop in native resolution.

    Attributes:
        frame: Index of the frame it was taken from.
        x0: Left edge in luma pixels, even.
        y0: Upper edge in luma pixels, even.
        planes: Y, U, V crops (Y alone for gray), copies.
    """

    frame: int
    x0: int
    y0: int
    planes: list[Plane]


class Donors(Protocol):
    """Kept mouths, however they are kept."""

    def __len__(self) -> int: ...

    @property
    def frames(self) -> NDArray[np.int64]: ...  # noqa: D102 - indices of the frames kept, increasing

    def sharpness(self, frames: NDArray[np.int64]) -> NDArray[np.float64]: ...  # noqa: D102

    def looks(self, frames: NDArray[np.int64]) -> FloatArray: ...  # noqa: D102

    def seam(self, frame: int) -> FloatArray: ...  # noqa: D102

    def get(self, frame: int) -> Donor: ...  # noqa: D102


class MemoryBudget:
    """Bytes that several banks may hold in memory together."""

    def __init__(self, size: int = MEMORY_BYTES) -> None:
        self._left = size

    def take(self, size: int) -> bool:
        """Take so many bytes; False when they are not left."""
        if size > self._left:
            return False
        self._left -= size
        return True

    def give(self, size: int) -> None:
        """Give bytes back."""
        self._left += size


@dataclass(frozen=True)
class _Entry:
    x0: int
    y0: int
    shapes: list[tuple[int, int]]
    cell: tuple[int, int, int, int]
    sharpness: float
    look: MouthLook


class DonorBank:
    """A bounded store of mouth crops, one for each frame kept: a few MB in memory, the rest on disk.

    When it overflows, frames go whose mouth shape and head pose others share most, the least sharp first.
    """

    def __init__(
        self, folder: Path, layout: PlaneLayout, capacity: int = CAPACITY, budget: MemoryBudget | None = None
    ) -> None:
        """Make the folder.

        Args:
            folder: For crops that do not fit in memory.
            layout: Of the clip's frames.
            capacity: Crops kept, a few more for a while.
            budget: Memory, shared with other banks; one of its own when None.

        Raises:
            OutputError: the folder cannot be made.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _not_written(folder, error) from error
        self.folder = folder
        self.layout = layout
        self.capacity = capacity
        self._budget = budget or MemoryBudget()
        self._held: dict[int, list[Plane]] = {}
        self._entries: dict[int, _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def frames(self) -> NDArray[np.int64]:
        """Indices of the frames kept, increasing."""
        return np.array(sorted(self._entries), np.int64)

    def sharpness(self, frames: NDArray[np.int64]) -> NDArray[np.float64]:
        """Sharpness of each kept frame's mouth: deviation of the Laplacian of luma, in 8-bit codes."""
        return np.array([self._entries[int(frame)].sharpness for frame in frames])

    def looks(self, frames: NDArray[np.int64]) -> FloatArray:
        """(K, ROWS, COLUMNS) of kept frames' mouths; see ``MouthLook``."""
        return np.stack([self._entries[int(frame)].look.cells for frame in frames])

    def seam(self, frame: int) -> FloatArray:
        """(11,) where upper and lower teeth meet; see ``MouthLook``."""
        return self._entries[frame].look.seam

    def add(self, frame: int, landmarks: NDArray[np.float32], planes: list[Plane]) -> None:
        """Keep the mouth of a frame.

        Args:
            frame: The frame's index.
            landmarks: (478, 3) pixels.
            planes: The frame's planes.

        Raises:
            OutputError: the crop cannot be written.
        """
        unit = float(interocular_distance(landmarks[:, :2]))
        lips = landmarks[_LIPS, :2]
        low = lips.min(0) - unit * np.array([0.42, 0.34])
        high = lips.max(0) + unit * np.array([0.42, 0.50])
        height, width = planes[0].shape
        x0, y0 = (max(0, int(v)) // 2 * 2 for v in low)
        x1, y1 = min(width, int(high[0]) // 2 * 2 + 2), min(height, int(high[1]) // 2 * 2 + 2)
        if x1 - x0 < 8 or y1 - y0 < 8:
            return
        crops = []
        for number, plane in enumerate(planes):
            sx, sy = (self.layout.chroma_shift_x, self.layout.chroma_shift_y) if number else (0, 0)
            crops.append(plane[y0 >> sy : -(-y1 >> sy), x0 >> sx : -(-x1 >> sx)])
        white = float((1 << self.layout.bits) - 1)
        inner = lips - [x0, y0]
        a, b = inner.min(0).astype(int), inner.max(0).astype(int) + 1
        part = crops[0][max(0, a[1]) : b[1], max(0, a[0]) : b[0]]
        sharp = float(cv2.Laplacian(part.astype(np.float32), cv2.CV_32F).std()) * 255 / white if part.size else 0.0
        look = mouth_look(crops[0], x0, y0, landmarks, white)
        if self._budget.take(sum(crop.nbytes for crop in crops)):
            self._held[frame] = [crop.copy() for crop in crops]
        else:
            try:
                with self._path(frame).open("wb") as file:
                    for crop in crops:
                        file.write(crop.tobytes())
            except OSError as error:
                raise _not_written(self.folder, error) from error
        self._entries[frame] = _Entry(x0, y0, [c.shape for c in crops], self._cell(landmarks, unit), sharp, look)
        if len(self._entries) > self.capacity + 64:
            self._shrink(self.capacity)

    def get(self, frame: int) -> Donor:
        """Read a crop back."""
        entry = self._entries[frame]
        if frame in self._held:
            return Donor(frame, entry.x0, entry.y0, self._held[frame])
        raw = np.fromfile(self._path(frame), sample_kind(self.layout))
        return Donor(frame, entry.x0, entry.y0, cut_planes(raw, entry.shapes))

    def pack(self, path: Path, most: int | None = None) -> int:
        """Write every crop into one file, and what is known of them beside it; let go of memory and single files.

        Args:
            path: The file; ``path.npz`` is made with it.
            most: Keep no more crops than this; None for the bank's capacity.

        Returns:
            Bytes of the crops.

        Raises:
            OutputError: they cannot be written.
        """
        if most is not None:
            self._shrink(most)
        frames = sorted(self._entries)
        entries = [self._entries[frame] for frame in frames]
        try:
            with path.open("wb") as file:
                for frame in frames:
                    for plane in self.get(frame).planes:
                        file.write(plane.tobytes())
            with packed_index(path).open("wb") as index:
                np.savez(
                    index,
                    frames=np.array(frames, np.int64),
                    corners=np.array([(entry.x0, entry.y0) for entry in entries], np.int64).reshape(-1, 2),
                    shapes=np.array([entry.shapes for entry in entries], np.int64),
                    sharpness=np.array([entry.sharpness for entry in entries], np.float64),
                    looks=np.array([entry.look.cells for entry in entries], np.float32),
                    seams=np.array([entry.look.seam for entry in entries], np.float32),
                )
        except OSError as error:
            raise _not_written(path.parent, error) from error
        self.drop()
        return path.stat().st_size

    def drop(self) -> None:
        """Let go of every crop, in memory and on disk."""
        for frame in list(self._entries):
            self._forget(frame)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, frame: int) -> Path:
        return self.folder / f"donor-{frame:08d}.planes"

    @staticmethod
    def _cell(landmarks: NDArray[np.float32], unit: float) -> tuple[int, int, int, int]:
        """Mouth shape and head pose, coarsely."""
        gap = landmarks[list(mesh.INNER_LOWER_MIDDLE), 1].mean() - landmarks[list(mesh.INNER_UPPER_MIDDLE), 1].mean()
        width = np.linalg.norm(landmarks[mesh.MOUTH_RIGHT_CORNER, :2] - landmarks[mesh.MOUTH_LEFT_CORNER, :2])
        left, right = landmarks[234], landmarks[454]
        turn = (landmarks[mesh.NOSE_TIP, 0] - (left[0] + right[0]) / 2) / max(right[0] - left[0], 1)
        nod = (landmarks[mesh.NOSE_TIP, 1] - (left[1] + right[1]) / 2) / unit
        return int(gap / unit / 0.02), int(width / unit / 0.04), int(turn / 0.05), int(nod / 0.08)

    def _shrink(self, most: int) -> None:
        cells: dict[tuple[int, int, int, int], list[int]] = {}
        for frame, entry in self._entries.items():
            cells.setdefault(entry.cell, []).append(frame)
        while len(self._entries) > most:
            crowd = max(cells.values(), key=len)
            worst = min(crowd, key=lambda frame: self._entries[frame].sharpness)
            crowd.remove(worst)
            self._forget(worst)

    def _forget(self, frame: int) -> None:
        del self._entries[frame]
        if frame in self._held:
            self._budget.give(sum(plane.nbytes for plane in self._held.pop(frame)))
        else:
            self._path(frame).unlink(missing_ok=True)


def kept_rows(frames: NDArray[np.int64], donors: Donors) -> NDArray[np.int64]:
    """Rows of a track, whose frames are given, of which mouths are kept."""
    rows = np.searchsorted(frames, donors.frames)
    there = rows < len(frames)
    there[there] = frames[rows[there]] == donors.frames[there]
    return np.asarray(rows[there], np.int64)


def packed_index(path: Path) -> Path:
    """The file beside packed mouths that says what is known of them."""
    return path.with_name(f"{path.name}.npz")


def sample_kind(layout: PlaneLayout) -> np.dtype[Any]:
    """The type of one sample."""
    return np.dtype(np.uint8 if layout.bits == 8 else np.uint16)


def cut_planes(raw: NDArray[Any], shapes: list[tuple[int, int]]) -> list[Plane]:
    """Cut samples that lie one after another into planes of these rows and columns."""
    planes: list[Plane] = []
    start = 0
    for rows, columns in shapes:
        planes.append(raw[start : start + rows * columns].reshape(rows, columns))
        start += rows * columns
    return planes


def _not_written(folder: Path, error: OSError) -> OutputError:
    return OutputError(f"{folder}: cannot be written in ({error.strerror or error})")
