"""Rigid alignment of landmark sequences, and the few numbers that describe a mouth.

Canonical coordinates: x to the viewer's right, y down, z away from the viewer; the origin lies between the eyes and the
distance between the eyes' centres is 1. Every length below that is called "inter-ocular" is in this unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh

FloatArray = NDArray[np.float64]

# places of the inner lips' middle among the mouth points
UPPER = [mesh.MOUTH_POINTS.index(point) for point in mesh.INNER_UPPER_MIDDLE]
CORNERS = (mesh.MOUTH_POINTS.index(mesh.MOUTH_LEFT_CORNER), mesh.MOUTH_POINTS.index(mesh.MOUTH_RIGHT_CORNER))
LOWER = [mesh.MOUTH_POINTS.index(point) for point in mesh.INNER_LOWER_MIDDLE]


@dataclass(frozen=True)
class Pose:
    """Similarity transforms that carry picture coordinates to canonical ones: ``y = scale * R @ x + shift``.

    Attributes:
        scale: (T,) canonical units per pixel.
        rotation: (T, 3, 3) proper rotations.
        shift: (T, 3) canonical units.
    """

    scale: FloatArray
    rotation: FloatArray
    shift: FloatArray

    def __len__(self) -> int:
        return len(self.scale)

    def to_canonical(self, points: NDArray[np.floating]) -> FloatArray:
        """Carry (T, N, 3) pixels to canonical coordinates."""
        turned = np.einsum("tnj,tij->tni", np.asarray(points, np.float64), self.rotation)
        return np.asarray(self.scale[:, None, None] * turned + self.shift[:, None])

    def one_to_canonical(self, index: int, points: NDArray[np.floating]) -> FloatArray:
        """Carry (N, 3) pixels of frame ``index`` to canonical coordinates."""
        turned = np.asarray(points, np.float64) @ self.rotation[index].T
        return np.asarray(self.scale[index] * turned + self.shift[index])

    def to_picture(self, index: int, points: NDArray[np.floating]) -> FloatArray:
        """Carry (N, 3) canonical points of frame ``index`` to pixels."""
        return np.asarray((points - self.shift[index]) @ self.rotation[index] / self.scale[index])

    def yaw_pitch_roll(self) -> FloatArray:
        """(T, 3) degrees, 0 when the face looks along the reference.

        Yaw is positive to the viewer's right and roll against the clock; both are the head's own, whatever the others.
        """
        r = self.rotation
        yaw = np.degrees(np.arctan2(r[:, 0, 2], r[:, 2, 2]))
        pitch = np.degrees(np.arcsin(np.clip(r[:, 1, 2], -1, 1)))
        roll = np.degrees(np.arctan2(r[:, 1, 0], r[:, 1, 1]))
        return np.stack([yaw, pitch, roll], 1)


def interocular_distance(landmarks: NDArray[np.floating]) -> NDArray[np.floating]:
    """Distance between the eyes' centres, over the last two axes (478, >=2); same unit as the landmarks."""
    left = landmarks[..., list(mesh.EYE_LEFT_CORNERS), :].mean(-2)
    right = landmarks[..., list(mesh.EYE_RIGHT_CORNERS), :].mean(-2)
    return np.asarray(np.linalg.norm(right - left, axis=-1))


def canonical_frame(landmarks: NDArray[np.floating]) -> FloatArray:
    """Bring one face (N, 3) of pixels into canonical coordinates by its own eyes, forehead and chin."""
    points = np.asarray(landmarks, np.float64)
    left = points[list(mesh.EYE_LEFT_CORNERS)].mean(0)
    right = points[list(mesh.EYE_RIGHT_CORNERS)].mean(0)
    across = right - left
    distance = np.linalg.norm(across)
    across = across / distance
    down = points[mesh.CHIN] - points[mesh.FOREHEAD]
    down = down - across * (down @ across)
    down = down / np.linalg.norm(down)
    axes = np.stack([across, down, np.cross(across, down)])
    return np.asarray((points - (left + right) / 2) @ axes.T / distance)


def align(landmarks: NDArray[np.floating], reference: NDArray[np.floating]) -> Pose:
    """Least-squares similarity of every frame's stable points onto those of a canonical face (Umeyama 1991).

    Args:
        landmarks: (T, 478, 3) pixels.
        reference: (478, 3) canonical coordinates.
    """
    stable = list(mesh.STABLE_POINTS)
    source = np.asarray(landmarks, np.float64)[:, stable]
    target = np.asarray(reference, np.float64)[stable]
    source_mean, target_mean = source.mean(1), target.mean(0)
    centred, wanted = source - source_mean[:, None], target - target_mean
    u, singular, vt = np.linalg.svd(np.einsum("ni,tnj->tij", wanted, centred))
    signs = np.ones((len(source), 3))
    signs[:, 2] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * signs[:, None, :]) @ vt
    scale = (singular * signs).sum(1) / (centred**2).sum((1, 2))
    shift = target_mean - scale[:, None] * np.einsum("tij,tj->ti", rotation, source_mean)
    return Pose(scale, rotation, shift)


def joined_poses(parts: Sequence[Pose]) -> Pose:
    """The poses of consecutive stretches of frames as one."""
    return Pose(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("scale", "rotation", "shift")))


def align_to_own_mean(landmarks: NDArray[np.floating], reference: NDArray[np.floating]) -> tuple[Pose, FloatArray]:
    """Align to a generic face, then again to the clip's own mean face, so that identity does not disturb the pose.

    Returns:
        The poses, and the aligned landmarks (T, 478, 3) in canonical coordinates.
    """
    first = align(landmarks, reference).to_canonical(landmarks)
    pose = align(landmarks, first.mean(0))
    return pose, pose.to_canonical(landmarks)


def inner_lip_gap(shape: NDArray[np.floating]) -> NDArray[np.floating]:
    """Mean vertical opening of the middle of the inner lips; (..., 478, >=2) -> (...). 0 is closed."""
    lower = shape[..., list(mesh.INNER_LOWER_MIDDLE), 1].mean(-1)
    return np.asarray(lower - shape[..., list(mesh.INNER_UPPER_MIDDLE), 1].mean(-1))


def gap_of(points: NDArray[np.floating]) -> NDArray[np.floating]:
    """``inner_lip_gap`` of mouth points, (..., 80, >=2) or the 40 of the lips alone, as ``MOUTH_POINTS``."""
    return np.asarray(points[..., LOWER, 1].mean(-1) - points[..., UPPER, 1].mean(-1))


def width_of(points: NDArray[np.floating]) -> NDArray[np.floating]:
    """Horizontal distance of the corners of mouth points, (..., 80, >=2) or the 40 of the lips alone -> (...)."""
    return np.asarray(points[..., CORNERS[1], 0] - points[..., CORNERS[0], 0])


def mouth_width(shape: NDArray[np.floating]) -> NDArray[np.floating]:
    """Horizontal distance of the mouth's corners; (..., 478, >=2) -> (...)."""
    return np.asarray(shape[..., mesh.MOUTH_RIGHT_CORNER, 0] - shape[..., mesh.MOUTH_LEFT_CORNER, 0])


def smooth_in_time(values: NDArray[np.floating], times: NDArray[np.floating], sigma: float) -> FloatArray:
    """Gaussian smoothing that does not lag, on real frame times.

    At every frame a straight line is fitted to its neighbours: so steady motion stays where it is, at the ends of a
    track and between unequal frame times too, where a plain average would be drawn to the side that has more frames.

    Args:
        values: (T, ...) one row a frame.
        times: (T,) seconds, increasing.
        sigma: Seconds. Frames further than four sigma apart do not touch each other.
    """
    data = np.asarray(values, np.float64)
    flat = data.reshape(len(data), -1)
    if len(flat) < 2 or sigma <= 0:
        return data
    clock = np.asarray(times, np.float64) / sigma
    reach = int((np.searchsorted(clock, clock + 4, side="right") - np.arange(len(clock))).max()) - 1
    total, slope = np.zeros_like(flat), np.zeros_like(flat)
    moments = np.zeros((3, len(flat), 1))
    for shift in range(-reach, reach + 1):
        low, high = max(0, -shift), min(len(flat), len(flat) - shift)
        distance = (clock[low + shift : high + shift] - clock[low:high])[:, None]
        weight = np.exp(-0.5 * distance**2) * (np.abs(distance) <= 4)
        total[low:high] += flat[low + shift : high + shift] * weight
        slope[low:high] += flat[low + shift : high + shift] * (weight * distance)
        for power in range(3):
            moments[power, low:high] += weight * distance**power
    mass, lean, spread = moments
    scatter = mass * spread - lean**2
    fitted = (spread * total - lean * slope) / np.maximum(scatter, 1e-12)
    return np.where(scatter > 1e-6, fitted, total / mass).reshape(data.shape)


def smoothstep(low: float, high: float, values: NDArray[np.floating]) -> FloatArray:
    """Hermite step from 0 at ``low`` to 1 at ``high``."""
    t = np.clip((np.asarray(values, np.float64) - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))
