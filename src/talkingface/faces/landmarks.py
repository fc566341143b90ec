"""The face mesh with attention (MediaPipe, Apache-2.0): 478 landmarks of one face.

Lips, eyes and irises come from attention heads that look at the feature map again where the first guess put them:
they alone tell closed lips from open ones.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.sampling import OrientedSquare, PictureSampler
from talkingface.weights.embedded import create_session

CROP_SIDE = 192
REGION_SCALE = 1.5  # the region is this much larger than the landmarks' own bounding box


def region_of(landmarks: NDArray[np.float32]) -> OrientedSquare:
    """The square to look in next, from landmarks (478, >=2): turned with the eyes, 1.5 times their bounding box."""
    across = landmarks[mesh.EYE_RIGHT_CORNERS[1], :2] - landmarks[mesh.EYE_LEFT_CORNERS[0], :2]
    angle = float(np.arctan2(across[1], across[0]))
    cosine, sine = np.cos(angle), np.sin(angle)
    upright = landmarks[:, :2] @ np.array([[cosine, -sine], [sine, cosine]])
    low, high = upright.min(0), upright.max(0)
    middle = np.array([[cosine, -sine], [sine, cosine]]) @ ((low + high) / 2)
    return OrientedSquare(float(middle[0]), float(middle[1]), float((high - low).max()) * REGION_SCALE, angle)


class FaceMesh:
    """The landmark network. One call costs about 3 ms on one CPU core."""

    def __init__(self) -> None:
        self.session = create_session("face_mesh_attention.onnx")
        self.outputs = [o.name for o in self.session.get_outputs()]

    def locate(self, sampler: PictureSampler, region: OrientedSquare) -> tuple[NDArray[np.float32], float]:
        """Landmarks of the face in a region.

        Args:
            sampler: The picture.
            region: Where to look (``region_of`` of the frame before, or a detection's region).

        Returns:
            Landmarks (478, 3) float32 in pixels of the picture (x right, y down, z away from the viewer, same scale),
            and the probability 0..1 that a face is there.
        """
        crop = sampler.crop_rgb(region, CROP_SIDE)
        image = crop[None].astype(np.float32) / 255
        values = dict(zip(self.outputs, self.session.run(None, {"image": image}), strict=True))
        points = np.empty((mesh.MESH_POINTS, 3), np.float32)
        points[: mesh.SURFACE_POINTS] = values["output_mesh_identity"].reshape(-1, 3)
        refined: tuple[tuple[str, tuple[int, ...]], ...] = (
            ("output_lips", mesh.REFINED_LIPS),
            ("output_left_eye", mesh.REFINED_LEFT_EYE),
            ("output_right_eye", mesh.REFINED_RIGHT_EYE),
        )
        for name, indices in refined:
            points[list(indices), :2] = values[name].reshape(-1, 2)
        for name, indices, lids in (
            ("output_left_iris", mesh.LEFT_IRIS, mesh.EYE_LEFT_UPPER + mesh.EYE_LEFT_LOWER),
            ("output_right_iris", mesh.RIGHT_IRIS, mesh.EYE_RIGHT_UPPER + mesh.EYE_RIGHT_LOWER),
        ):
            points[list(indices), :2] = values[name].reshape(-1, 2)
            points[list(indices), 2] = points[list(lids), 2].mean()
        logit = float(values["conv_faceflag"].ravel()[0])
        presence = 1 / (1 + np.exp(-np.clip(logit, -50.0, 50.0)))
        inverse = cv2.invertAffineTransform(region.to_square(CROP_SIDE))
        placed = points.copy()
        placed[:, :2] = points[:, :2] @ inverse[:, :2].T + inverse[:, 2]
        placed[:, 2] = points[:, 2] * (region.size / CROP_SIDE)
        return placed, float(presence)
