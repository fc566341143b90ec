"""Where to look next, and what the mesh network says where there is no face."""

from __future__ import annotations

import numpy as np
import pytest

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.landmarks import REGION_SCALE, FaceMesh, region_of
from talkingface.faces.sampling import BgrSampler, OrientedSquare
from talkingface.models.video_retalking.landmark.canonicalize import MouthShapeModel


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    points = MouthShapeModel.load().reference.astype(np.float64) * 100
    points[list(mesh.EYE_LEFT_CORNERS + mesh.EYE_RIGHT_CORNERS), 1] = 0  # eyes level
    return points


def test_region_holds_the_face_with_room(face: np.ndarray) -> None:
    region = region_of((face + np.array([300, 200, 0])).astype(np.float32))
    low, high = face[:, :2].min(0), face[:, :2].max(0)
    assert region.angle == pytest.approx(0, abs=1e-6)
    assert region.size == pytest.approx((high - low).max() * REGION_SCALE, rel=1e-4)
    np.testing.assert_allclose([region.centre_x, region.centre_y], (low + high) / 2 + [300, 200], atol=1e-2)


@pytest.mark.parametrize("degrees", [-120, -35, 20, 90, 179])
def test_region_turns_with_the_face(face: np.ndarray, degrees: float) -> None:
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = face.copy()
    turned[:, :2] = face[:, :2] @ turn.T
    upright, region = region_of(face.astype(np.float32)), region_of(turned.astype(np.float32))
    assert np.degrees(region.angle) == pytest.approx(degrees, abs=1e-2)
    assert region.size == pytest.approx(upright.size, rel=1e-4)
    np.testing.assert_allclose(
        [region.centre_x, region.centre_y], turn @ [upright.centre_x, upright.centre_y], atol=1e-2
    )


def test_no_face_has_no_presence() -> None:
    network = FaceMesh()
    random = np.random.default_rng(0)
    noise = random.integers(0, 255, (200, 200, 3)).astype(np.uint8)
    for picture in (np.zeros((200, 200, 3), np.uint8), noise):
        landmarks, presence = network.locate(BgrSampler(picture), OrientedSquare(100, 100, 150, 0.2))
        assert landmarks.shape == (478, 3)
        assert landmarks.dtype == np.float32
        assert np.isfinite(landmarks).all()
        assert presence < 0.2
