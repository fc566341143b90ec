"""A person made of geometry: the generic face, posed, its mouth opened as asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import inner_lip_gap
from talkingface.faces.track import FaceTrack
from talkingface.media.planes import PlaneLayout
from talkingface.models.video_retalking.landmark.canonicalize import MouthShapeModel

WIDTH, HEIGHT = 480, 400
UNIT = 90.0  # pixels between the eyes
MOUTH = list(mesh.MOUTH_POINTS)

MakeTrack = Callable[..., FaceTrack]


@pytest.fixture(scope="session")
def mouths() -> MouthShapeModel:
    return MouthShapeModel.load()


@pytest.fixture(scope="session")
def make_track(mouths: MouthShapeModel) -> MakeTrack:
    """``make_track(gaps, yaw=..., roll=..., middle=..., unit=..., presence=...)``: a track with these lip gaps."""
    face = mouths.reference.astype(np.float64)
    eyes = (face[list(mesh.EYE_LEFT_CORNERS)].mean(0) + face[list(mesh.EYE_RIGHT_CORNERS)].mean(0)) / 2
    face = face - eyes
    face[MOUTH, :2] -= mouths.closing_direction * float(inner_lip_gap(face))

    def build(
        gaps: Sequence[float],
        *,
        yaw: Sequence[float] | float = 0.0,
        roll: float = 0.0,
        middle: tuple[float, float] = (240.0, 150.0),
        unit: float = UNIT,
        presence: Sequence[float] | float = 1.0,
        frames: Sequence[int] | None = None,
        rate: float = 25.0,
    ) -> FaceTrack:
        count = len(gaps)
        indices = np.arange(count) if frames is None else np.asarray(frames)
        yaws, c = np.radians(np.broadcast_to(yaw, count)), np.radians(roll)
        about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
        landmarks = []
        for gap, a in zip(gaps, yaws, strict=True):
            shape = face.copy()
            shape[MOUTH, :2] += mouths.closing_direction * gap
            about_y = np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
            landmarks.append(shape @ (about_z @ about_y).T * unit + [*middle, 0])
        return FaceTrack(
            indices.astype(np.int64),
            indices / rate,
            np.array(landmarks, np.float32),
            np.broadcast_to(np.float32(presence), count).astype(np.float32),
            WIDTH,
            HEIGHT,
        )

    return build


@pytest.fixture
def layout() -> PlaneLayout:
    return PlaneLayout("yuv420p", WIDTH, HEIGHT, 8, 1, 1, False, "bt709")


def make_planes(bits: int = 8, shift_x: int = 1, shift_y: int = 1, seed: int = 0) -> list[np.ndarray]:
    """Planes with soft forms and grain, so that every place looks its own."""
    random = np.random.default_rng(seed)
    planes = []
    for number in range(3):
        width, height = (WIDTH >> shift_x, HEIGHT >> shift_y) if number else (WIDTH, HEIGHT)
        y, x = np.mgrid[:height, :width]
        forms = 120 + 40 * np.sin(x / 23 + number) * np.cos(y / 31) + random.normal(size=(height, width)) * 4
        planes.append(
            np.clip(forms * (1 << (bits - 8)), 0, (1 << bits) - 1).astype(np.uint8 if bits == 8 else np.uint16)
        )
    return planes


@pytest.fixture
def planes() -> list[np.ndarray]:
    return make_planes()


@pytest.fixture
def planes_maker() -> Callable[..., list[np.ndarray]]:
    return make_planes
