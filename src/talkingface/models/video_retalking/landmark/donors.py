"""Stage 2b, speak: the person's own mouths, kept from pass one, and the choice of one for every frame to come."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import gap_of, interocular_distance
from talkingface.media.planes import Plane, PlaneLayout
from talkingface.models.video_retalking.landmark.canonicalize import CanonicalFace

CAPACITY = 400  # crops of one face; more than that repeat themselves
MEMORY_BYTES = 32 << 20  # crops of one face held in memory; the rest lies on disk
_LIPS = list(mesh.LIPS_OUTER + mesh.LIPS_INNER)
POSE_WEIGHT = 0.06  # cost of 10 degrees of head turn between donor and frame, inter-ocular units
MISSING_GAP_WEIGHT = 1.0
OPEN_FOR_CLOSED = 0.04  # cost of an open donor for a closed mouth
SWITCH_COST = 0.02
HOLD_COST = 0.002


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


@dataclass(frozen=True)
class _Entry:
    x0: int
    y0: int
    shapes: list[tuple[int, int]]
    cell: tuple[int, int, int, int]
    sharpness: float


class DonorBank:
    """A bounded store of mouth crops, one for each frame kept: a few MB in memory, the rest on disk.

    When it overflows, frames go whose mouth shape and head pose others share most, the least sharp first.
    """

    def __init__(
        self, folder: Path, layout: PlaneLayout, capacity: int = CAPACITY, memory_bytes: int = MEMORY_BYTES
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.layout = layout
        self.capacity = capacity
        self._memory_left = memory_bytes
        self._held: dict[int, list[Plane]] = {}
        self._entries: dict[int, _Entry] = {}
        self._opened: Donor | None = None

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def frames(self) -> NDArray[np.int64]:
        """Indices of the frames kept, increasing."""
        return np.array(sorted(self._entries), np.int64)

    def sharpness(self, frames: NDArray[np.int64]) -> NDArray[np.float64]:
        """Sharpness of each kept frame's mouth: deviation of the Laplacian of luma, in 8-bit codes."""
        return np.array([self._entries[int(frame)].sharpness for frame in frames])

    def add(self, frame: int, landmarks: NDArray[np.float32], planes: list[Plane]) -> None:
        """Keep the mouth of a frame.

        Args:
            frame: The frame's index.
            landmarks: (478, 3) pixels.
            planes: The frame's planes.
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
        scale = 255.0 / ((1 << self.layout.bits) - 1)
        inner = lips - [x0, y0]
        a, b = inner.min(0).astype(int), inner.max(0).astype(int) + 1
        part = crops[0][max(0, a[1]) : b[1], max(0, a[0]) : b[0]]
        sharp = float(cv2.Laplacian(part.astype(np.float32), cv2.CV_32F).std()) * scale if part.size else 0.0
        size = sum(crop.nbytes for crop in crops)
        if size <= self._memory_left:
            self._memory_left -= size
            self._held[frame] = [crop.copy() for crop in crops]
        else:
            with self._path(frame).open("wb") as file:
                for crop in crops:
                    file.write(crop.tobytes())
        self._entries[frame] = _Entry(x0, y0, [c.shape for c in crops], self._cell(landmarks, unit), sharp)
        if len(self._entries) > self.capacity + 64:
            self._shrink()

    def get(self, frame: int) -> Donor:
        """Read a crop back."""
        if frame in self._held:
            entry = self._entries[frame]
            return Donor(frame, entry.x0, entry.y0, self._held[frame])
        if self._opened is None or self._opened.frame != frame:
            entry = self._entries[frame]
            kind = np.uint8 if self.layout.bits == 8 else np.uint16
            raw: NDArray[Any] = np.fromfile(self._path(frame), kind)
            planes: list[Plane] = []
            start = 0
            for rows, columns in entry.shapes:
                planes.append(raw[start : start + rows * columns].reshape(rows, columns))
                start += rows * columns
            self._opened = Donor(frame, entry.x0, entry.y0, planes)
        return self._opened

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

    def _shrink(self) -> None:
        cells: dict[tuple[int, int, int, int], list[int]] = {}
        for frame, entry in self._entries.items():
            cells.setdefault(entry.cell, []).append(frame)
        while len(self._entries) > self.capacity:
            crowd = max(cells.values(), key=len)
            worst = min(crowd, key=lambda frame: self._entries[frame].sharpness)
            crowd.remove(worst)
            del self._entries[worst]
            if worst in self._held:
                self._memory_left += sum(plane.nbytes for plane in self._held.pop(worst))
            else:
                self._path(worst).unlink(missing_ok=True)


def choose_donors(
    face: CanonicalFace, rows: NDArray[np.int64], targets: NDArray[np.floating], bank: DonorBank
) -> NDArray[np.int64]:
    """Choose for every frame of the result the kept mouth that needs the least change, and change seldom.

    A path of least cost (Viterbi): the distance of lip shapes, the opening a donor lacks, the turn of the head between
    them, and a price for every jump; going on with the donor's own next or previous frame is free.

    Args:
        face: The person.
        rows: (N,) row of the track each frame of the result is made on.
        targets: (N, 40, 2) canonical lip points wanted (outer, inner).
        bank: The kept mouths; every kept frame is in the track.

    Returns:
        (N,) rows of the track to take the mouth from.
    """
    row_of = {int(frame): row for row, frame in enumerate(face.track.frames)}
    kept = np.array([row_of[int(frame)] for frame in bank.frames if int(frame) in row_of], np.int64)
    shapes = face.shape[kept][:, _LIPS, :2]
    shapes = (shapes - shapes.mean(1, keepdims=True)).reshape(len(kept), -1).astype(np.float32)
    gaps = face.gap[kept]
    closed_level = float(np.percentile(face.gap, 12)) + 0.01
    wanted_gap = gap_of(targets)
    centred = (targets - targets.mean(1, keepdims=True)).astype(np.float32)
    looks = face.pose.rotation[:, 2]  # where the face looks: enough to compare head poses but for roll
    sharp = bank.sharpness(face.track.frames[kept])
    softness = 0.02 * np.clip(1 - sharp / max(float(np.median(sharp)), 1e-6), 0, 1)
    neighbour_before = np.full(len(kept), -1)
    neighbour_before[1:] = np.where(np.diff(kept) == 1, np.arange(len(kept) - 1), -1)
    neighbour_after = np.full(len(kept), -1)
    neighbour_after[:-1] = np.where(np.diff(kept) == 1, np.arange(1, len(kept)), -1)
    back = np.empty((len(rows), len(kept)), np.int16)
    total = np.zeros(len(kept))
    every = np.arange(len(kept))
    for step in range(len(rows)):
        difference = (shapes - centred[step].ravel()).reshape(len(kept), 40, 2)
        cost = np.sqrt((difference**2).sum(-1)).mean(1).astype(np.float64) + softness
        cost += MISSING_GAP_WEIGHT * np.maximum(wanted_gap[step] - gaps, 0)
        angle = np.degrees(np.arccos(np.clip(looks[kept] @ looks[rows[step]], -1, 1)))
        cost += POSE_WEIGHT * angle / 10
        if wanted_gap[step] < closed_level:
            cost += OPEN_FOR_CLOSED * np.clip((gaps - closed_level) / 0.02, 0, 1)
        if step == 0:
            total = cost
            back[0] = every
            continue
        cheapest = int(total.argmin())
        best = np.full(len(kept), total[cheapest] + SWITCH_COST)
        came_from = np.full(len(kept), cheapest)
        for source, price in ((every, HOLD_COST), (neighbour_before, 0.0), (neighbour_after, 0.0)):
            value = np.where(source >= 0, total[source] + price, np.inf)
            better = value < best
            best[better], came_from[better] = value[better], source[better]
        back[step] = came_from
        total = best + cost
    path = np.empty(len(rows), np.int64)
    if len(rows):
        path[-1] = int(total.argmin())
        for step in range(len(rows) - 1, 0, -1):
            path[step - 1] = back[step, path[step]]
    return np.asarray(kept[path])
