"""Glasses are told by the line they draw across the nose."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.glasses import glasses_likelihood, glasses_sign
from talkingface.models.video_retalking.landmark.canonicalize import MouthShapeModel

REFERENCE = MouthShapeModel.load().reference


def face(unit: float, roll: float, bits: int, bridge: bool) -> tuple[np.ndarray, np.ndarray]:
    """Skin with soft shadows and grain, and the landmarks of a face on it; with the bridge of glasses or without."""
    angle = np.radians(roll)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    size = int(4 * unit)
    points = REFERENCE[:, :2] @ turn.T * unit + size / 2
    random = np.random.default_rng(1)
    y, x = np.mgrid[:size, :size]
    luma = (130 + 20 * np.sin(x / unit) * np.cos(y / unit) + random.normal(size=(size, size)) * 2).astype(np.float32)
    if bridge:
        ends = points[[mesh.EYE_LEFT_CORNERS[1], mesh.EYE_RIGHT_CORNERS[0]]]
        start, stop = (tuple(np.round(end).astype(int).tolist()) for end in ends)
        cv2.line(luma, start, stop, 60.0, max(1, round(0.03 * unit)), cv2.LINE_AA)
    depth = np.uint8 if bits == 8 else np.uint16
    return (luma * (1 << (bits - 8))).astype(depth), points


@pytest.mark.parametrize(("unit", "roll", "bits"), [(45, 0, 8), (110, 25, 8), (420, -10, 8), (110, 0, 10)])
def test_a_line_across_the_nose_is_seen(unit: float, roll: float, bits: int) -> None:
    plain = glasses_sign(*face(unit, roll, bits, False), bits)
    worn = glasses_sign(*face(unit, roll, bits, True), bits)
    assert glasses_likelihood(np.array([plain])) == 0
    assert glasses_likelihood(np.array([worn])) == 1


def test_a_face_outside_the_picture_wears_nothing() -> None:
    luma, points = face(100, 0, 8, True)
    assert glasses_sign(luma, points + 5000, 8) == 0
    assert glasses_sign(luma, points - 5000, 8) == 0


def test_most_frames_decide() -> None:
    assert glasses_likelihood(np.array([0.02, 0.01, 0.3])) == 0
    assert glasses_likelihood(np.array([0.2, 0.01, 0.3])) == 1
    assert glasses_likelihood(np.zeros(0)) == 0
