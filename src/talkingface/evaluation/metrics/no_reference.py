"""NIQE, BRISQUE and MUSIQ of the face, by the library ``pyiqa`` (optional): quality with nothing to compare with.

They were made for photographs and know nothing of faces: differences between two methods on the same clips mean more
than the numbers do. Faces are brought to 384 pixels first, so that clips of any resolution can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from talkingface.evaluation.controls import FROZEN, NEW_SOUND, OWN_SOUND
from talkingface.evaluation.face_picture import FacePicture
from talkingface.evaluation.family import FamilyScores
from talkingface.evaluation.frame_pairs import FramePair
from talkingface.evaluation.optional_networks import (
    PYIQA_URL,
    check_holds_weights,
    hub_file,
    library,
    opening,
    torch_device,
    weights_file,
)
from talkingface.evaluation.result import Score

WEIGHTS = {
    "niqe": "niqe_modelparameters.mat",
    "brisque": "brisque_svm_weights.pth",
    "musiq": "musiq_koniq_ckpt-e95806b9.pth",
}
METRICS = tuple(WEIGHTS)
SIDE = 384  # pixels: NIQE needs blocks of 96, and several of them
MOST_FRAMES = 25  # of a clip, evenly spread
FEWEST_FRAMES = 5


class PictureQuality(Protocol):
    """A quality of one picture."""

    def quality(self, picture: NDArray[np.uint8]) -> float:
        """Of a picture (side, side, 3) RGB."""


class PyiqaQuality:
    """One of ``pyiqa``'s metrics."""

    def __init__(self, name: str, device: str = "auto") -> None:
        """Open it.

        Args:
            name: ``niqe``, ``brisque`` or ``musiq``.
            device: Where it runs.

        Raises:
            NotAvailable: a library or the weights are not there.
        """
        self._torch, _, pyiqa = library("torch", "torchvision", "pyiqa")
        path = weights_file([hub_file(self._torch, "pyiqa", WEIGHTS[name])], PYIQA_URL + WEIGHTS[name])
        if path.suffix == ".pth":
            check_holds_weights(self._torch, path)
        self._device = torch_device(self._torch, device)
        with opening(f"pyiqa's {name}"):
            self._metric: Any = pyiqa.create_metric(name, device=self._torch.device(self._device))
            # weights of another version show when they are used
            self.quality(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8))

    def quality(self, picture: NDArray[np.uint8]) -> float:
        """Of a picture (side, side, 3) RGB."""
        scaled = np.ascontiguousarray(picture.astype(np.float32).transpose(2, 0, 1)[None] / 255)
        with self._torch.no_grad():
            return float(self._metric(self._torch.from_numpy(scaled).to(self._device)).item())


@dataclass
class Quality:
    """The quality of the face in some frames of a clip, of its first frame, and of its original.

    Attributes:
        networks: Metric name -> network.
        chosen: Numbers of the pairs to look at.
        with_original: Measure the original, too.
    """

    networks: dict[str, PictureQuality]
    chosen: frozenset[int]
    with_original: bool

    def __post_init__(self) -> None:
        self._generated: dict[str, list[float]] = {name: [] for name in self.networks}
        self._original: dict[str, list[float]] = {name: [] for name in self.networks}

    def feed(self, pair: FramePair) -> None:
        """Take the next pair."""
        if pair.number not in self.chosen:
            return
        self._measure(pair.generated, self._generated)
        if self.with_original and pair.original is not None:
            self._measure(pair.original, self._original)

    def result(self) -> FamilyScores:
        """Scores, control rows and what they were made from."""
        original = {name: _mean(values) for name, values in self._original.items()} if self.with_original else {}
        return FamilyScores(
            {name: _mean(values) for name, values in self._generated.items()},
            {
                # another sound does not change the original's pictures
                OWN_SOUND: original,
                NEW_SOUND: original,
                FROZEN: {name: Score(values[0]) for name, values in self._generated.items() if values},
            },
            {name: {"frames": len(values), "weights": WEIGHTS[name]} for name, values in self._generated.items()},
        )

    def _measure(self, picture: FacePicture, values: dict[str, list[float]]) -> None:
        box = picture.face_box()
        if box is None or box.inside(picture.width, picture.height) is None:
            return
        face = picture.rgb(box, SIDE)
        for name, network in self.networks.items():
            value = network.quality(face)
            if np.isfinite(value):
                values[name].append(value)


def _mean(values: list[float]) -> Score:
    if len(values) < FEWEST_FRAMES:
        return Score(None, f"n/a: only {len(values)} frames show a face that can be judged")
    return Score(float(np.mean(values)))
