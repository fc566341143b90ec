"""The head of a still as a relief that turns: near points move more than far ones, the background stays."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import interocular_distance, smoothstep
from talkingface.still.motion import StillMotion

FloatArray = NDArray[np.float32]

LATTICE_STEP = 0.08  # inter-ocular distances, as all lengths below
DEPTH_SMOOTHING = 0.17
SKULL_CENTRE = -0.55  # below the eyes
SKULL_RADII = (1.66, 1.6)  # hair and all
SKULL_FADE = 1.5  # the background has come to rest at this many radii
JAW_FADE = 0.5
NECK = 1.7  # the head tilts round a point this far below the eyes
EARS_TO_AXIS = 0.1  # the axis of turning lies this far behind the ears
NECK_BEHIND_CHIN = 0.45
CHEST = (2.1, 3.2)  # below the eyes: where breathing begins to show and where it is full
BELLY = (4.5, 6.0)  # where it ends
SHOULDERS = (1.5, 3.0)  # from the middle: where breathing begins to fade and where it is gone
BORDER = 0.35  # nothing moves at the picture's border, all of it this far inside
_JAW = mesh.FACE_OVAL[8:29]  # from ear to ear by the chin
_BROWS = ((70, 63, 105, 66, 107), (336, 296, 334, 293, 300))


class Head:
    """What of a picture moves, and how far for any movement of the head."""

    def __init__(self, landmarks: NDArray[np.floating], width: int, height: int) -> None:
        """Make the relief.

        Args:
            landmarks: (478, 3) of the face, pixels.
            width: Of the picture.
            height: Of the picture.
        """
        self.unit = float(interocular_distance(landmarks[:, :2]))
        corners = list(mesh.EYE_LEFT_CORNERS + mesh.EYE_RIGHT_CORNERS)
        self.origin = landmarks[corners].mean(0)
        across = landmarks[list(mesh.EYE_RIGHT_CORNERS), :2].mean(0) - landmarks[list(mesh.EYE_LEFT_CORNERS), :2].mean(
            0
        )
        self.tilt = across / np.linalg.norm(across)
        reach = self.unit * np.array([[SHOULDERS[1], SHOULDERS[1]], [SHOULDERS[1], BELLY[1]]])
        low = np.maximum(0, np.floor(self.origin[:2] - reach[0])).astype(int)
        high = np.minimum([width, height], np.ceil(self.origin[:2] + reach[1])).astype(int)
        self.x0, self.y0 = int(low[0]), int(low[1])
        self.width, self.height = int(high[0] - low[0]), int(high[1] - low[1])
        step = max(2.0, self.unit * LATTICE_STEP)
        self.columns, self.rows = max(2, round(self.width / step)), max(2, round(self.height / step))
        xs = self.x0 + (np.arange(self.columns) + 0.5) * (self.width / self.columns) - 0.5
        ys = self.y0 + (np.arange(self.rows) + 0.5) * (self.height / self.rows) - 0.5
        self.lattice = np.stack(np.meshgrid(xs, ys), -1)
        face = self._upright(landmarks)
        where = self._upright(np.dstack([self.lattice, np.full(self.lattice.shape[:2], self.origin[2])]))
        self.where = where.astype(np.float32)
        self.axis_depth = float(face[[234, 454], 2].mean()) + EARS_TO_AXIS
        rest = self._rest_at_border(width, height)
        self.depth = relief(where[..., :2], face, self.axis_depth - EARS_TO_AXIS)
        self.head_weight = (head_weight(where[..., :2], face) * rest).astype(np.float32)
        self.chest_weight = (chest_weight(where[..., :2]) * rest).astype(np.float32)
        self.brow_weight = (brow_weight(where[..., :2], face) * rest).astype(np.float32)

    def _upright(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Pixels (..., 3) to inter-ocular distances from between the eyes, x along the eyes."""
        shifted = (points - self.origin) / self.unit
        cosine, sine = self.tilt
        x = shifted[..., 0] * cosine + shifted[..., 1] * sine
        y = shifted[..., 1] * cosine - shifted[..., 0] * sine
        return np.stack([x, y, shifted[..., 2]], -1)

    def _rest_at_border(self, width: int, height: int) -> NDArray[np.float64]:
        inside = np.minimum(self.lattice, [width - 1, height - 1] - self.lattice).min(-1)
        # the outermost two lattice points are 0, and so is what is interpolated between them and the border
        inside -= 1.6 * max(self.width / self.columns, self.height / self.rows)
        return smoothstep(0, BORDER, inside / self.unit)

    def displacement(self, motion: StillMotion, frame: int) -> FloatArray:
        """Where each lattice point of the still goes in a frame: (rows, columns, 2) pixels."""
        yaw, pitch, roll = motion.rotation[frame]
        x, y, z = self.where[..., 0], self.where[..., 1] - NECK, self.depth - self.axis_depth
        # yaw, then pitch, then roll, round the top of the neck; z grows away from the viewer
        turned_x = x * np.cos(yaw) - z * np.sin(yaw)
        turned_z = z * np.cos(yaw) + x * np.sin(yaw)
        turned_y = y * np.cos(pitch) - turned_z * np.sin(pitch)
        growth = 1 + motion.lean[frame]
        moved_x = (turned_x * np.cos(roll) - turned_y * np.sin(roll)) * growth
        moved_y = (turned_y * np.cos(roll) + turned_x * np.sin(roll)) * growth
        # the head rests on the chest and goes a little with it
        across = (moved_x - x + motion.shift[frame, 0]) * self.head_weight
        down = (moved_y - y + motion.shift[frame, 1] + 0.4 * motion.breath[frame]) * self.head_weight
        down = down + motion.breath[frame] * self.chest_weight + motion.brows[frame] * self.brow_weight
        cosine, sine = self.tilt
        moved = np.stack([across * cosine - down * sine, down * cosine + across * sine], -1)
        return np.asarray(moved * self.unit, np.float32)

    def sampling_maps(self, motion: StillMotion, frame: int) -> tuple[FloatArray, FloatArray]:
        """Two (height, width) maps for the moving part: which pixel of the still each pixel of the frame shows."""
        forward = self.displacement(motion, frame)
        scale = np.array([self.columns / self.width, self.rows / self.height])
        source = self.lattice
        for _ in range(4):  # the inverse of a gentle field by fixed-point iteration
            at = ((source - [self.x0, self.y0] + 0.5) * scale - 0.5).astype(np.float32)
            there = cv2.remap(forward, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            source = self.lattice - there
        field = (source - self.lattice).astype(np.float32)
        smooth = cv2.resize(field, (self.width, self.height), interpolation=cv2.INTER_CUBIC)
        map_x = smooth[..., 0] + np.arange(self.x0, self.x0 + self.width, dtype=np.float32)[None]
        map_y = smooth[..., 1] + np.arange(self.y0, self.y0 + self.height, dtype=np.float32)[:, None]
        return map_x, map_y

    def render(self, still: NDArray[np.uint8], motion: StillMotion, frame: int) -> NDArray[np.uint8]:
        """The still (height, width, 3) with the head of one frame; a new picture."""
        map_x, map_y = self.sampling_maps(motion, frame)
        picture = still.copy()
        moved = cv2.remap(still, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        picture[self.y0 : self.y0 + self.height, self.x0 : self.x0 + self.width] = moved
        return picture


def relief(where: NDArray[np.floating], face: NDArray[np.floating], ears: float) -> FloatArray:
    """Depth of the head at positions (..., 2): the mesh's on the face, then round over the hair back to the ears.

    Args:
        where: Upright inter-ocular coordinates.
        face: (478, 3) landmarks in the same.
        ears: Depth of the ears, also that of everything outside the head.
    """
    points = [face[: mesh.SURFACE_POINTS]]
    oval = face[list(mesh.FACE_OVAL)]
    upper = oval[oval[:, 1] < face[mesh.NOSE_TIP, 1]]
    direction = upper[:, :2] - [0, SKULL_CENTRE]
    edge = direction / np.linalg.norm(direction / SKULL_RADII, axis=1, keepdims=True) + [0, SKULL_CENTRE]
    for part in (0.2, 0.4, 0.6, 0.8, 1.0, 1.25):
        depth = upper[:, 2] + (ears - upper[:, 2]) * (1 - np.sqrt(1 - min(part, 1) ** 2))
        points.append(np.column_stack([upper[:, :2] + (edge - upper[:, :2]) * part, depth]))
    jaw = face[list(_JAW)]
    throat = np.minimum(jaw[:, 2] + NECK_BEHIND_CHIN, ears)
    for scale in (1.2, 1.35, 1.5):
        points.append(np.column_stack([jaw[:, :2] * scale, throat]))
    known = np.concatenate(points).astype(np.float32)
    flat = where.reshape(-1, 2).astype(np.float32)
    squared = ((flat[:, None] - known[None, :, :2]) ** 2).sum(-1)
    weights = np.exp(squared / (-2 * DEPTH_SMOOTHING**2))
    nowhere = np.float32(1e-4)  # far from every point: as deep as the ears
    depth = (weights @ known[:, 2] + nowhere * ears) / (weights.sum(1) + nowhere)
    return np.asarray(depth.reshape(where.shape[:-1]), np.float32)


def head_weight(where: NDArray[np.floating], face: NDArray[np.floating]) -> NDArray[np.float64]:
    """1 on face, skull and hair, falling smoothly to 0 on the background and down the neck."""
    skull = np.linalg.norm((where - [0, SKULL_CENTRE]) / SKULL_RADII, axis=-1)
    outline = face[list(mesh.FACE_OVAL), :2].astype(np.float32)
    outside = [-cv2.pointPolygonTest(outline, (float(x), float(y)), True) for x, y in where.reshape(-1, 2)]
    jaw = np.asarray(outside).reshape(where.shape[:-1])
    by_skull = 1 - smoothstep(1.0, SKULL_FADE, skull)
    by_jaw = 1 - smoothstep(0, JAW_FADE, jaw)
    return 1 - (1 - by_skull) * (1 - by_jaw)


def chest_weight(where: NDArray[np.floating]) -> NDArray[np.float64]:
    """1 on the chest, falling smoothly to 0 at the throat and on the shoulders."""
    x, y = np.abs(where[..., 0]), where[..., 1]
    return smoothstep(*CHEST, y) * (1 - smoothstep(*BELLY, y)) * (1 - smoothstep(*SHOULDERS, x))


def brow_weight(where: NDArray[np.floating], face: NDArray[np.floating]) -> NDArray[np.float64]:
    """1 on the brows, falling smoothly to 0 towards eyes, temples and the top of the forehead."""
    weight = np.zeros(where.shape[:-1])
    for brow in _BROWS:
        middle = face[list(brow), :2].mean(0)
        offset = (where - middle) / [0.3, 0.13]
        weight += np.exp(-0.5 * (offset**2).sum(-1))
    return weight
