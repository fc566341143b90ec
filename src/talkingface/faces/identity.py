"""Who is who: a face's appearance as 128 numbers that lie close together for one person (dlib's network, CC0).

The network (Davis King, 2017) takes a picture of a face that is turned, scaled and moved so that the corners of the
eyes and the base of the nose lie at fixed places. Its vectors are compared by their Euclidean distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import NoFaceError
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.detect import FaceDetector, overlap
from talkingface.faces.landmarks import FaceMesh, region_of
from talkingface.faces.sampling import BgrSampler, OrientedSquare, PictureSampler
from talkingface.faces.track import MIN_PRESENCE, boxes_of
from talkingface.media.planes import picture_bgr
from talkingface.media.reader import VideoReader
from talkingface.weights.embedded import create_session

CHIP_SIDE = 150  # pixels
SAME_PERSON = 0.5  # of two means over a few frames, or of a frame and a mean; docs/landmark_backend.md has the figures
SEARCH_FRAMES = 250  # of a video, for the first face
PICTURE_SIDE = 1920  # pixels; a larger reference picture is made smaller

# where dlib's alignment puts them in a face's own square, 0..1, before a quarter of the square is added on every side
CHIP_PADDING = 0.25
CHIP_POINTS = {
    mesh.EYE_LEFT_CORNERS[0]: (0.1205750620789, 0.2137274526848),
    mesh.EYE_LEFT_CORNERS[1]: (0.3340850613712, 0.2290642403242),
    mesh.EYE_RIGHT_CORNERS[0]: (0.6460604764104, 0.2289674387677),
    mesh.EYE_RIGHT_CORNERS[1]: (0.8595674595992, 0.2134981538014),
    mesh.NOSE_BASE: (0.4901123135679, 0.6277975316475),
}


def chip_region(landmarks: NDArray[np.floating]) -> OrientedSquare:
    """The square the network wants to see, from landmarks (478, >=2): a least-squares similarity of five points."""
    points = np.asarray(landmarks, np.float64)[list(CHIP_POINTS), :2] @ np.array([1, 1j])
    places = (np.array(list(CHIP_POINTS.values())) + CHIP_PADDING) / (1 + 2 * CHIP_PADDING) @ np.array([1, 1j])
    # a similarity without mirroring is z -> factor * z + shift in the complex plane
    from_middle = places - places.mean()
    factor = complex((np.conj(from_middle) * (points - points.mean())).sum() / (np.abs(from_middle) ** 2).sum())
    centre = factor * (0.5 + 0.5j - places.mean()) + points.mean()
    return OrientedSquare(centre.real, centre.imag, max(abs(factor), 1.0), float(np.angle(factor)))


def distance(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Euclidean distance of two embeddings; below ``SAME_PERSON`` they are taken for one person's."""
    return float(np.linalg.norm(np.asarray(a, np.float64) - np.asarray(b, np.float64)))


class FaceEmbedder:
    """The appearance network. One call costs about 8 ms on one CPU core."""

    def __init__(self) -> None:
        """Open the network.

        Raises:
            WeightsMissingError: when the installation lacks ``face_identity.onnx``.
        """
        self.session = create_session("face_identity.onnx")

    def embed(self, sampler: PictureSampler, landmarks: NDArray[np.floating]) -> NDArray[np.float32]:
        """Describe a face.

        Args:
            sampler: The picture.
            landmarks: (478, >=2) pixels of that picture.

        Returns:
            (128,) float32, about 1.4 long; compare with ``distance``.
        """
        chip = sampler.crop_rgb(chip_region(landmarks), CHIP_SIDE)
        (embedding,) = self.session.run(None, {"image": chip[None].astype(np.float32)})
        return np.asarray(embedding[0], np.float32)


@dataclass(frozen=True)
class PictureFace:
    """The face of a reference picture.

    Attributes:
        embedding: (128,) float32.
        faces: How many faces the picture shows; the embedding is the largest one's.
        width: Of that face, in pixels of the upright picture, whose longer side is at most ``PICTURE_SIDE``.
        time: Seconds from the file's start, of the frame it was taken from.
    """

    embedding: NDArray[np.float32]
    faces: int
    width: float
    time: float


def embed_picture(path: str | Path, embedder: FaceEmbedder | None = None) -> PictureFace:
    """Describe the largest face of a still picture, or of the first frame of a video that shows one.

    Args:
        path: A picture or a video, of which the first ``SEARCH_FRAMES`` frames are looked at.
        embedder: A network that is open already.

    Raises:
        MediaError: the file cannot be read.
        NoFaceError: no face is in it.
        WeightsMissingError: the installation lacks a network.
    """
    embedder = embedder or FaceEmbedder()
    detector, face_mesh = FaceDetector(), FaceMesh()
    with VideoReader(path) as reader:
        for decoded in reader.frames():
            picture = picture_bgr(decoded.frame, PICTURE_SIDE, reader.stream.rotation)
            found = _faces_of(picture, detector, face_mesh)
            if found:
                widths = [float(np.ptp(landmarks[:, 0])) for landmarks in found]
                largest = int(np.argmax(widths))
                embedding = embedder.embed(BgrSampler(picture), found[largest])
                return PictureFace(embedding, len(found), widths[largest], decoded.time)
            if decoded.index + 1 == SEARCH_FRAMES:
                break
    where = "the picture" if reader.info.is_still else f"its first {decoded.index + 1} frames"
    raise NoFaceError(f"{path}: no face found in {where}; give a picture with a large face that looks at the camera")


def _faces_of(picture: NDArray[np.uint8], detector: FaceDetector, face_mesh: FaceMesh) -> list[NDArray[np.float32]]:
    """Landmarks (478, 3) of every face of an upright BGR picture."""
    sampler = BgrSampler(picture)
    found: list[NDArray[np.float32]] = []
    boxes: list[tuple[float, float, float, float]] = []
    for detection in detector.detect(picture):
        landmarks, presence = face_mesh.locate(sampler, detection.region())
        if presence >= MIN_PRESENCE:
            landmarks, presence = face_mesh.locate(sampler, region_of(landmarks))
        x0, y0, x1, y1 = (float(value) for value in boxes_of(landmarks[None])[0])
        # two detections can lead to one face
        if presence >= MIN_PRESENCE and all(overlap((x0, y0, x1, y1), other) < 0.5 for other in boxes):
            found.append(landmarks)
            boxes.append((x0, y0, x1, y1))
    return found
