"""LPIPS of mouth and face against the truth: how different two pictures look to a network that sees (optional).

Zhang et al. 2018, by the library ``lpips``, version 0.1 with AlexNet: the distance of its activations, weighted as
people judged. The weights of the comparison come with the library, AlexNet's own from torchvision.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from talkingface.evaluation.controls import FROZEN, NEW_SOUND
from talkingface.evaluation.face_picture import Box, FacePicture
from talkingface.evaluation.family import FamilyScores
from talkingface.evaluation.frame_pairs import FramePair
from talkingface.evaluation.metrics.reconstruction import GENERATED, REGIONS
from talkingface.evaluation.optional_networks import (
    check_holds_weights,
    hub_file,
    library,
    opening,
    torch_device,
    weights_file,
)
from talkingface.evaluation.result import Score

METRICS = ("mouth_lpips", "face_lpips")
MOST_FRAMES = 100  # of a clip, evenly spread
FEWEST_FRAMES = 5
ALEXNET = "alexnet-owt-7be5be79.pth"
ALEXNET_URL = f"https://download.pytorch.org/models/{ALEXNET}"
ALEXNET_SHA256 = "7be5be79"  # its beginning


class PerceptualDistance(Protocol):
    """A distance of two pictures."""

    def distances(self, pictures: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Of each of N pictures (N, side, side, 3) RGB from its counterpart: (N,)."""


class Lpips:
    """The network of the library ``lpips``."""

    def __init__(self, device: str = "auto") -> None:
        """Open it.

        Raises:
            NotAvailable: a library or AlexNet's weights are not there.
        """
        self._torch, _, lpips = library("torch", "torchvision", "lpips")
        path = weights_file([hub_file(self._torch, "checkpoints", ALEXNET)], ALEXNET_URL, ALEXNET_SHA256)
        check_holds_weights(self._torch, path)
        self._device = torch_device(self._torch, device)
        with opening("lpips"):
            self._network: Any = lpips.LPIPS(net="alex", verbose=False).to(self._device).eval()

    def distances(self, pictures: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Of each of N pictures (N, side, side, 3) RGB from its counterpart: (N,)."""
        with self._torch.no_grad():
            found = self._network(self._tensor(pictures), self._tensor(other))
        return np.asarray(found.reshape(-1).cpu().numpy(), np.float64)

    def _tensor(self, pictures: NDArray[np.uint8]) -> Any:
        """(N, 3, side, side) of -1..1."""
        scaled = pictures.astype(np.float32).transpose(0, 3, 1, 2) / 127.5 - 1
        return self._torch.from_numpy(np.ascontiguousarray(scaled)).to(self._device)


@dataclass
class PerceptualComparison:
    """Compares some generated pictures with the true ones; also the first one held, and the original.

    Attributes:
        network: The distance.
        regions: ``mouth``, ``face`` or both.
        chosen: Numbers of the pairs to look at.
        no_undubbed: Why the original is not compared with the truth, too; None when it is.
    """

    network: PerceptualDistance
    regions: tuple[str, ...]
    chosen: frozenset[int]
    no_undubbed: str | None
    _found: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def feed(self, pair: FramePair) -> None:
        """Take the next pair."""
        truth = pair.truth
        if truth is None or pair.number not in self.chosen:
            return
        shown = {GENERATED: pair.generated, FROZEN: pair.first}
        if self.no_undubbed is None and pair.original is not None:
            shown[NEW_SOUND] = pair.original
        for region in self.regions:
            box = truth.mouth_box() if region == "mouth" else truth.face_box()
            if box is not None and box.inside(truth.width, truth.height) is not None:
                self._compare(region, box, truth, shown)

    def result(self) -> FamilyScores:
        """Scores, control rows and what they were made from."""
        frames = {region: len(self._found.get((GENERATED, region), [])) for region in self.regions}
        return FamilyScores(
            self._scores(GENERATED),
            {FROZEN: self._scores(FROZEN), NEW_SOUND: self._scores(NEW_SOUND)},
            {"lpips": {"network": "AlexNet, LPIPS 0.1", "frames": frames}},
        )

    def _scores(self, of: str) -> dict[str, Score]:
        if of == NEW_SOUND and self.no_undubbed is not None:
            return dict.fromkeys(METRICS, Score(None, self.no_undubbed))
        found: dict[str, Score] = {}
        for region in self.regions:
            values = self._found.get((of, region), [])
            if len(values) < FEWEST_FRAMES:
                reason = f"n/a: only {len(values)} frames can be compared with the truth"
                found[f"{region}_lpips"] = Score(None, reason)
            else:
                found[f"{region}_lpips"] = Score(float(np.mean(values)))
        return found

    def _compare(self, region: str, box: Box, truth: FacePicture, shown: dict[str, FacePicture]) -> None:
        side = REGIONS[region]
        pictures = np.stack([picture.rgb(box, side) for picture in shown.values()])
        true = np.broadcast_to(truth.rgb(box, side), pictures.shape)
        for name, distance in zip(shown, self.network.distances(pictures, true), strict=True):
            self._found.setdefault((name, region), []).append(float(distance))
