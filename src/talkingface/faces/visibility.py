"""How sure we may be, frame by frame, that the mouth of a tracked face is visible and its landmarks are right.

Four things take confidence away: the mesh network's own doubt, a head turned far to the side, a mouth cut by the
picture's border, and something in front of the mouth (``occlusion``). What covers the mouth all the time, or nearly,
cannot be told from a face that looks so: a mask worn throughout is not noticed. What covers it for more than half of a
track is told from it by the pattern of a mouth, which can go wrong.
"""

from __future__ import annotations

from array import array
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import align, interocular_distance, smoothstep
from talkingface.faces.occlusion import (
    BLOCK,
    CODE_NOISE,
    SAMPLED_FRAMES,
    LookComparer,
    LowerFaceLooks,
    occluded_frames,
    runs,
    strangeness,
    usual_looks,
)
from talkingface.media.planes import Plane, PlaneLayout
from talkingface.media.row_file import RowFile, Rows
from talkingface.weights.embedded import asset_path

SAMPLE_INTEROCULAR = 28  # pixels: larger faces are averaged down to this before they are sampled
PRESENCE_FADE = (0.5, 0.9)
YAW_FADE = (45.0, 60.0)  # degrees
OUTSIDE_FADE = (0.05, 0.28)  # share of the lips' grown box that lies outside of the picture
HOLD_SECONDS = 0.06  # a thing that arrives is blurred and covers a little before it is noticed
RAMP_SECONDS = 0.2
BRIDGE_SECONDS = 0.3  # shorter glimpses of the mouth between two occlusions do not count
BATCH = 64


def sample_points(reference: NDArray[np.floating]) -> tuple[list[int], list[int]]:
    """Mesh points to sample: those round the mouth without the inner lips' edge, and quiet ones of the upper face.

    Args:
        reference: (478, 3) generic face, canonical coordinates.
    """
    across, down = np.abs(reference[: mesh.SURFACE_POINTS, 0]), reference[: mesh.SURFACE_POINTS, 1]
    lower = (down > reference[mesh.NOSE_BASE, 1] - 0.02) & (across < 0.62)
    lower[list(mesh.LIPS_INNER)] = False
    upper = (down > -0.75) & (down < reference[mesh.NOSE_TIP, 1] + 0.1) & (across < 0.75)
    upper &= ~((down > -0.45) & (down < 0) & (across > 0.2))  # brows
    upper[list(mesh.REFINED_LEFT_EYE + mesh.REFINED_RIGHT_EYE)] = False
    return [int(v) for v in np.flatnonzero(lower)], [int(v) for v in np.flatnonzero(upper)]


class VisibilityRecorder:
    """Collects what is needed to judge one track's mouth, frame by frame, and judges at the end. One a track."""

    def __init__(self, layout: PlaneLayout, folder: Path | None = None) -> None:
        """Begin a track.

        Args:
            layout: How the frames' planes are to be read.
            folder: Where samples are kept (about 580 bytes a frame); None keeps them in memory.
        """
        with np.load(asset_path("mouth_shape.npz"), allow_pickle=False) as packed:
            self._reference = np.asarray(packed["reference"], np.float64)
        self._lower, self._upper = sample_points(self._reference)
        self._points = np.array(self._lower + self._upper)
        self._layout = layout
        self._file: RowFile | None = None
        self._kept: list[NDArray[np.uint8]] = []
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / "visibility.rows"
            path.unlink(missing_ok=True)  # of a run that was broken off
            self._file = RowFile(path, (len(self._points), 3), np.uint8)
        self._presence, self._outside = array("d"), array("d")
        self._yaw: list[NDArray[np.float32]] = []
        self._waiting: list[NDArray[np.float32]] = []

    def __len__(self) -> int:
        return len(self._presence)

    def add(self, landmarks: NDArray[np.float32], presence: float, planes: list[Plane]) -> None:
        """Look at the next frame the face is seen in.

        Args:
            landmarks: (478, 3) pixels.
            presence: Probability 0..1 that a face is there.
            planes: The frame's planes, Y first, as ``media.planes.plane_views`` gives them.

        Raises:
            OutputError: the folder cannot be written in.
        """
        samples = self._sample(landmarks, planes)
        if self._file is not None:
            self._file.append(samples)
        else:
            self._kept.append(samples)
        self._presence.append(float(presence))
        self._outside.append(share_outside(landmarks, self._layout.width, self._layout.height))
        self._waiting.append(np.array(landmarks, np.float32))
        if len(self._waiting) >= BATCH:
            self._settle()

    def finish(
        self,
        frames: NDArray[np.int64],
        times: NDArray[np.float64],
        *,
        ramp_in: bool = False,
        ramp_out: bool = False,
    ) -> NDArray[np.float32]:
        """Judge the whole track.

        Args:
            frames: (T,) index of each added frame in the clip; where indices are left out the face was lost, and
                confidence falls to 0 at both sides.
            times: (T,) their times in seconds.
            ramp_in: The track begins where the face was found in the middle of a shot, so its effect must fade in.
            ramp_out: The track ends in the middle of a shot.

        Returns:
            (T,) float32 confidence, 0..1.

        Raises:
            ValueError: T is not the number of frames that were added.
        """
        if not len(frames) == len(times) == len(self):
            raise ValueError(f"{len(self)} frames were added, but {len(frames)} indices and {len(times)} times given")
        if not len(self):
            return np.zeros(0, np.float32)
        self._settle()
        yaw = np.concatenate(self._yaw)
        sure = smoothstep(*PRESENCE_FADE, np.array(self._presence))
        sure *= 1 - smoothstep(*YAW_FADE, np.abs(yaw))
        sure *= 1 - smoothstep(*OUTSIDE_FADE, np.array(self._outside))
        sure = without_lone_dips(sure)
        sure[occluded_frames(self._strangeness(yaw))] = 0
        return shaped_in_time(held_low(sure, times), frames, times, ramp_in=ramp_in, ramp_out=ramp_out).astype(
            np.float32
        )

    def rest(self) -> None:
        """Let go of memory, as when no more frames are expected.

        Raises:
            OutputError: the folder cannot be written in.
        """
        self._settle()
        if self._file is not None:
            self._file.flush()

    def _settle(self) -> None:
        if self._waiting:
            yaw = align(np.stack(self._waiting), self._reference).yaw_pitch_roll()[:, 0]
            self._yaw.append(yaw.astype(np.float32))
            self._waiting = []

    def _sample(self, landmarks: NDArray[np.float32], planes: list[Plane]) -> NDArray[np.uint8]:
        """Y, U and V at the sample points, 8 bits, (points, 3)."""
        unit = float(interocular_distance(landmarks))
        samples = np.full((len(self._points), 3), 128, np.uint8)
        for number, plane in enumerate(planes[:3]):
            across = 1 << self._layout.chroma_shift_x if number else 1
            down = 1 << self._layout.chroma_shift_y if number else 1
            x = (landmarks[self._points, 0] + 0.5) / across - 0.5
            y = (landmarks[self._points, 1] + 0.5) / down - 0.5
            factor = max(1, int(unit / min(across, down) / SAMPLE_INTEROCULAR))
            skip = max(1, factor // 4)  # 16 pixels of each are plenty
            factor = skip * min(factor, 4)
            height, width = plane.shape
            x0, y0 = int(max(0, x.min() - 2 * factor)), int(max(0, y.min() - 2 * factor))
            x1, y1 = int(min(width, x.max() + 2 * factor + 2)), int(min(height, y.max() + 2 * factor + 2))
            if x1 - x0 < factor or y1 - y0 < factor:
                continue
            columns, rows = (x1 - x0) // factor, (y1 - y0) // factor
            part = plane[y0 : y0 + rows * factor : skip, x0 : x0 + columns * factor : skip]
            if factor > 1:
                part = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
            places_x = ((x - x0 + 0.5) / factor - 0.5).astype(np.float32)[None]
            places_y = ((y - y0 + 0.5) / factor - 0.5).astype(np.float32)[None]
            values = cv2.remap(part, places_x, places_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
            samples[:, number] = values >> (self._layout.bits - 8)
        return samples

    def _looks(self, samples: NDArray[np.uint8], yaw: NDArray[np.float32]) -> LowerFaceLooks:
        values = samples.astype(np.float32)
        if not self._layout.full_range:
            values[..., 0] -= 16
        count = len(self._lower)
        upper = np.median(values[:, count:], 1)
        bright = np.maximum(upper[:, 0], 4)
        lower = values[:, :count].copy()
        lower[..., 1:] -= upper[:, None, 1:]
        lower *= (100 / bright)[:, None, None]
        return LowerFaceLooks(lower, (CODE_NOISE * 100 / bright).astype(np.float32), yaw)

    def _strangeness(self, yaw: NDArray[np.float32]) -> NDArray[np.float32]:
        """How strange every frame's lower face is, in blocks, so that memory stays flat."""
        comparer = LookComparer(self._reference, self._lower)
        stored: Rows = self._file if self._file is not None else np.stack(self._kept)

        def spread_over(low: int, high: int) -> LowerFaceLooks:
            rows = np.unique(np.linspace(low, high - 1, min(high - low, SAMPLED_FRAMES)).astype(int))
            return self._looks(np.stack([stored[int(row)] for row in rows]), yaw[rows])

        whole = usual_looks(comparer, spread_over(0, len(self)))
        found = []
        for low in range(0, len(self), BLOCK):
            high = min(low + BLOCK, len(self))
            usual = whole
            if len(self) > BLOCK:
                usual = usual.joined(usual_looks(comparer, spread_over(low, high), whole))
            for first in range(low, high, 256):
                end = min(first + 256, high)
                found.append(strangeness(comparer, self._looks(stored[first:end], yaw[first:end]), usual))
        return np.concatenate(found)


def share_outside(landmarks: NDArray[np.floating], width: int, height: int) -> float:
    """Share 0..1 of the lips' bounding box, a quarter of their width larger on all sides, outside of the picture.

    The mesh network draws a cut mouth together so that it fits the picture: what lies beyond the lips must count.
    """
    lips = landmarks[list(mesh.LIPS_OUTER), :2]
    low, high = lips.min(0), lips.max(0)
    margin = 0.25 * float((high - low).max())
    low, high = low - margin, high + margin
    inside = np.clip(np.minimum(high, [width, height]) - np.maximum(low, 0), 0, None)
    return float(np.clip(1 - np.prod(inside) / max(float(np.prod(high - low)), 1e-6), 0, 1))


def without_lone_dips(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lift single frames that lie below both neighbours to the lower one of these; (T,)."""
    lifted = values.copy()
    lifted[1:-1] = np.maximum(values[1:-1], np.minimum(values[:-2], values[2:]))
    return lifted


def held_low(sure: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every frame as low as the lowest one within ``HOLD_SECONDS``; (T,)."""
    held = sure.copy()
    reach = 1
    while reach < len(sure) and bool((near := times[reach:] - times[:-reach] <= HOLD_SECONDS).any()):
        held[reach:] = np.where(near, np.minimum(held[reach:], sure[:-reach]), held[reach:])
        held[:-reach] = np.where(near, np.minimum(held[:-reach], sure[reach:]), held[:-reach])
        reach += 1
    return held


def shaped_in_time(
    sure: NDArray[np.float64],
    frames: NDArray[np.int64],
    times: NDArray[np.float64],
    *,
    ramp_in: bool = False,
    ramp_out: bool = False,
) -> NDArray[np.float64]:
    """Let confidence fall before it must be low and rise after, never faster than in ``RAMP_SECONDS``.

    Doing it twice changes nothing.

    Args:
        sure: (T,) 0..1, frame by frame.
        frames: (T,) indices in the clip; gaps count as 0.
        times: (T,) seconds.
        ramp_in: What comes before the first frame counts as 0.
        ramp_out: What comes after the last frame counts as 0.
    """
    low = sure.copy()
    for first, end in runs(low > 0.3):
        inside = first > 0 and end < len(low) and frames[end] - frames[first - 1] == end - first + 1
        if inside and times[end] - times[first - 1] < BRIDGE_SECONDS:
            low[first:end] = np.minimum(low[first:end], max(low[first - 1], low[end]))
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.04
    gap = np.diff(frames) > 1
    limits = low.tolist()
    waits = np.diff(times)
    # a frame beside a gap is one step away from nothing
    beside_gap = step / RAMP_SECONDS
    before, after = (beside_gap if ramp_in else 1.0), (beside_gap if ramp_out else 1.0)
    limits[0] = min(limits[0], before)
    for row in range(1, len(limits)):
        limits[row] = min(limits[row], beside_gap if gap[row - 1] else limits[row - 1] + waits[row - 1] / RAMP_SECONDS)
    limits[-1] = min(limits[-1], after)
    for row in range(len(limits) - 2, -1, -1):
        limits[row] = min(limits[row], beside_gap if gap[row] else limits[row + 1] + waits[row] / RAMP_SECONDS)
    return np.asarray(np.clip(limits, 0, 1))
