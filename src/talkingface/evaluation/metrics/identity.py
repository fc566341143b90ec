"""CSIM: is it still the same person? The mean cosine of face-recognition embeddings of generated and original frames.

Two networks' cosines cannot be compared; each has its own metric, and ``details`` name it:

- ``csim``: dlib's network (2017, CC0), which ships with the package. Its cosines lie close together: those of two
  people were 0.75 to 0.92 (median 0.82 of 104 pairs), those of one person in two clips 0.995.
- ``csim_arcface``: ArcFace, ResNet-50 trained on WebFace600K, a file the user brings. What papers report.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import TalkingFaceError
from talkingface.evaluation.controls import FROZEN, NEW_SOUND, OWN_SOUND
from talkingface.evaluation.face_picture import FacePicture
from talkingface.evaluation.family import FamilyScores
from talkingface.evaluation.frame_pairs import FramePair
from talkingface.evaluation.optional_networks import NotAvailable
from talkingface.evaluation.result import Score
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.identity import FaceEmbedder
from talkingface.faces.sampling import OrientedSquare, PictureSampler
from talkingface.weights.embedded import onnx_runtime

DLIB_NETWORK = "dlib face recognition ResNet v1 (shipped)"
ARCFACE_NETWORK = "ArcFace w600k_r50"
ARCFACE_FILE = "arcface/w600k_r50.onnx"
ARCFACE_SIDE = 112  # pixels
MOST_FRAMES = 20  # of a clip, evenly spread
FEWEST_FRAMES = 2

# where ArcFace's training pictures have the eyes, the nose's tip and the corners of the mouth, of 112 pixels
ARCFACE_POINTS = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
_ARCFACE_LANDMARKS = (
    mesh.EYE_LEFT_CORNERS,
    mesh.EYE_RIGHT_CORNERS,
    (mesh.NOSE_TIP,),
    (mesh.MOUTH_LEFT_CORNER,),
    (mesh.MOUTH_RIGHT_CORNER,),
)


class Embedder(Protocol):
    """Describes a face's appearance by numbers."""

    def embed(self, sampler: PictureSampler, landmarks: NDArray[np.floating]) -> NDArray[np.float32]:
        """Describe the face with these landmarks (478, >=2)."""


class ArcFaceEmbedder:
    """ArcFace from a user's ONNX file: RGB (1, 3, 112, 112), minus 127.5, over 127.5; 512 numbers come out."""

    def __init__(self, path: Path) -> None:
        """Open the network.

        Raises:
            TalkingFaceError: the file is no such network.
        """
        runtime = onnx_runtime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session: Any = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has a class for every kind of fault, none public
            raise TalkingFaceError(f"{path} cannot be opened as an ONNX network: {error}") from error
        inputs = self._session.get_inputs()
        shape = list(inputs[0].shape)
        if len(inputs) != 1 or len(shape) != 4 or shape[1] != 3 or shape[2:] != [ARCFACE_SIDE, ARCFACE_SIDE]:
            raise TalkingFaceError(f"{path} takes {shape}, not one batch x 3 x {ARCFACE_SIDE} x {ARCFACE_SIDE} picture")
        self._input = inputs[0].name

    def embed(self, sampler: PictureSampler, landmarks: NDArray[np.floating]) -> NDArray[np.float32]:
        """Describe the face with these landmarks (478, >=2)."""
        crop = sampler.crop_rgb(arcface_region(landmarks), ARCFACE_SIDE).astype(np.float32)
        batch = ((crop - 127.5) / 127.5).transpose(2, 0, 1)[None]
        return np.asarray(self._session.run(None, {self._input: np.ascontiguousarray(batch)})[0][0], np.float32)


def arcface_region(landmarks: NDArray[np.floating]) -> OrientedSquare:
    """The square ArcFace wants to see: a least-squares similarity of five points, without mirroring."""
    points = np.asarray(landmarks, np.float64)[:, :2]
    found = np.array([points[list(group)].mean(0) for group in _ARCFACE_LANDMARKS]) @ np.array([1, 1j])
    places = ARCFACE_POINTS / ARCFACE_SIDE @ np.array([1, 1j])
    from_middle = places - places.mean()
    factor = complex((np.conj(from_middle) * (found - found.mean())).sum() / (np.abs(from_middle) ** 2).sum())
    centre = factor * (0.5 + 0.5j - places.mean()) + found.mean()
    return OrientedSquare(centre.real, centre.imag, max(abs(factor), 1.0), float(np.angle(factor)))


def open_dlib() -> Embedder:
    """The network that ships with the package."""
    return FaceEmbedder()


def open_arcface(checkpoint_dir: Path) -> Embedder:
    """ArcFace.

    Raises:
        NotAvailable: the file is not there, or holds something else.
    """
    path = checkpoint_dir / ARCFACE_FILE
    if not path.is_file():
        raise NotAvailable(
            f"n/a: put w600k_r50.onnx (from insightface's buffalo_l.zip; not for commercial use) at {path}"
        )
    try:
        return ArcFaceEmbedder(path)
    except TalkingFaceError as error:
        raise NotAvailable(f"n/a: {error}") from error


def cosine(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Cosine of the angle between two embeddings."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12))


@dataclass
class Likeness:
    """Embeddings of some generated frames and of the original frames they were made from.

    Attributes:
        name: Of the metric.
        network: What is said of the network.
        embedder: The network.
        chosen: Numbers of the pairs to look at.
        still: The original is a picture.
    """

    name: str
    network: str
    embedder: Embedder
    chosen: frozenset[int]
    still: bool = False

    def __post_init__(self) -> None:
        self._generated: list[NDArray[np.float32]] = []
        self._original: list[NDArray[np.float32]] = []

    def feed(self, pair: FramePair) -> None:
        """Take the next pair."""
        if pair.number not in self.chosen or pair.original is None:
            return
        shown, original = self._embed(pair.generated), self._embed(pair.original)
        if shown is not None and original is not None:
            self._generated.append(shown)
            self._original.append(original)

    def result(self) -> FamilyScores:
        """Score, control rows and what they were made from."""
        frozen = self._mean(lambda number: cosine(self._generated[0], self._original[number]))
        return FamilyScores(
            {self.name: self._mean(lambda number: cosine(self._generated[number], self._original[number]))},
            {
                OWN_SOUND: {self.name: self._against_itself()},
                # doing nothing: every frame is its own original
                NEW_SOUND: {self.name: Score(1.0) if self._original else Score(None, "n/a")},
                FROZEN: {self.name: frozen},
            },
            {self.name: {"network": self.network, "frames": len(self._generated)}},
        )

    def _against_itself(self) -> Score:
        """The original half a clip later: what a real video of this person scores."""
        half = len(self._original) // 2
        if self.still:
            return Score(None, "n/a: the original is a picture")
        if half < FEWEST_FRAMES:
            return Score(None, "n/a: too few frames")
        return Score(float(np.mean([cosine(self._original[k], self._original[k + half]) for k in range(half)])))

    def _embed(self, picture: FacePicture) -> NDArray[np.float32] | None:
        if picture.landmarks is None:
            return None
        return self.embedder.embed(picture.sampler, picture.landmarks)

    def _mean(self, value: Callable[[int], float]) -> Score:
        if len(self._generated) < FEWEST_FRAMES:
            return Score(None, f"n/a: only {len(self._generated)} frames show the face in both")
        return Score(float(np.mean([value(number) for number in range(len(self._generated))])))
