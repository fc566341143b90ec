"""Pairs of pictures made by hand, for the tests of picture metrics."""

from __future__ import annotations

import av
import cv2
import numpy as np

from talkingface.evaluation.face_picture import FacePicture, face_picture
from talkingface.evaluation.frame_pairs import FramePair
from talkingface.evaluation.observation import generic_face
from talkingface.faces import mesh_topology as mesh

EYES = 40.0


def face_points(x: float, y: float, eyes: float = EYES) -> np.ndarray:
    """Landmarks (478, 3) of the generic face."""
    points = generic_face() * eyes
    points[:, :2] += (x, y)
    assert len(points) == mesh.MESH_POINTS
    return points.astype(np.float32)


def picture(gray: np.ndarray, x: float | None = None, y: float | None = None, eyes: float = EYES) -> FacePicture:
    """A gray picture (height, width), 0..255, with a face whose eyes' middle is at (x, y); none without a place."""
    points = None if x is None or y is None else face_points(x, y, eyes)
    codes = np.clip(np.rint(gray), 0, 255).astype(np.uint8)
    return face_picture(av.VideoFrame.from_ndarray(codes, "gray"), points, generic_face())


def noise(height: int, width: int, seed: int = 0, blur: float = 1.5, low: float = 40, high: float = 215) -> np.ndarray:
    """A gray texture (height, width), float32."""
    values = np.random.default_rng(seed).uniform(0, 1, (height, width)).astype(np.float32)
    if blur:
        values = cv2.GaussianBlur(values, (0, 0), blur)
    values = (values - values.min()) / np.ptp(values)
    return np.asarray(low + (high - low) * values, np.float32)


def pair(
    number: int,
    generated: FacePicture,
    truth: FacePicture | None = None,
    original: FacePicture | None = None,
    first: FacePicture | None = None,
    index: int | None = None,
) -> FramePair:
    """A pair; ``first`` is the generated picture itself unless given."""
    return FramePair(number, number if index is None else index, generated, first or generated, truth, original)
