"""FID and FVD of the face: do generated pictures, and stretches of video, look like real ones as a set (optional)?

One value for all clips: the Frechet distance between the features of generated and real face crops, each cut out by its
own landmarks. Real are the truths; where a clip has none, its original.

- ``fid``: Inception v3 of Heusel et al. 2017 as ``torch-fidelity`` ported it, by ``torchmetrics``; one sample a frame.
- ``fvd``: I3D trained on Kinetics-400, by ``cd-fvd``; one sample a stretch of 16 frames in a row.

Both are biased upwards for few samples, strongly: below 2048 a value may only be compared with values from the same
clips.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from talkingface.evaluation.face_picture import FACE_SIDE, FacePicture
from talkingface.evaluation.family import ONE_FOR_ALL, FamilyScores
from talkingface.evaluation.frame_pairs import FramePair
from talkingface.evaluation.optional_networks import (
    check_holds_weights,
    hub_file,
    library,
    opening,
    quiet,
    torch_device,
    weights_file,
)
from talkingface.evaluation.result import Score

METRICS = ("fid", "fvd")
CLIP_LENGTH = 16  # frames of one FVD sample
FEWEST_SAMPLES = 2
ENOUGH_SAMPLES = 2048
BATCH = 16  # pictures
INCEPTION = "weights-inception-2015-12-05-6726825d.pth"
INCEPTION_URL = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{INCEPTION}"
INCEPTION_SHA256 = "6726825d"  # its beginning
I3D = "i3d_pretrained_400.pt"
I3D_URL = f"https://github.com/songweige/TATS/raw/main/tats/fvd/{I3D}"


class SetDistance(Protocol):
    """A distance of two sets of pictures, or of stretches of video, that are added bit by bit.

    Attributes:
        samples: How many generated ones were added.
    """

    samples: int

    def add(self, generated: NDArray[np.uint8], real: NDArray[np.uint8]) -> None:
        """Add N frames in a row of each: (N, side, side, 3) RGB."""

    def end_of_run(self) -> None:
        """What comes next does not follow what came last."""

    def value(self) -> float:
        """The distance."""


class FrechetInceptionDistance:
    """FID by ``torchmetrics``."""

    def __init__(self, checkpoint_dir: Path, device: str = "auto") -> None:
        """Open the network.

        Raises:
            NotAvailable: a library or Inception's weights are not there.
        """
        self._torch, _, _, fid = library("torch", "torchvision", "torch_fidelity", "torchmetrics.image.fid")
        places = [checkpoint_dir / "inception" / INCEPTION, hub_file(self._torch, "checkpoints", INCEPTION)]
        path = weights_file(places, INCEPTION_URL, INCEPTION_SHA256)
        check_holds_weights(self._torch, path)
        self._device = torch_device(self._torch, device)
        with opening(f"torchmetrics' FID with {path}"):
            made = fid.FrechetInceptionDistance(feature=2048, feature_extractor_weights_path=str(path))
            self._metric: Any = made.to(self._device)
        self.samples = 0

    def add(self, generated: NDArray[np.uint8], real: NDArray[np.uint8]) -> None:
        """Add N frames of each: (N, side, side, 3) RGB."""
        for pictures, is_real in ((real, True), (generated, False)):
            tensor = self._torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))
            self._metric.update(tensor.to(self._device), real=is_real)
        self.samples += len(generated)

    def end_of_run(self) -> None:
        """Frames are samples of their own."""

    def value(self) -> float:
        """The distance."""
        return float(self._metric.compute())


class FrechetVideoDistance:
    """FVD by ``cd-fvd``."""

    def __init__(self, checkpoint_dir: Path, device: str = "auto") -> None:
        """Open the network.

        Raises:
            NotAvailable: a library or I3D's weights are not there.
        """
        torch, module = library("torch", "cdfvd.fvd")
        path = weights_file([checkpoint_dir / "i3d" / I3D], I3D_URL)
        check_holds_weights(torch, path)
        with opening(f"cd-fvd with {path}"):
            self._metric: Any = module.cdfvd(
                "i3d", n_real="full", n_fake="full", ckpt_path=str(path), device=torch_device(torch, device)
            )
        self.samples = 0
        self._generated: list[NDArray[np.uint8]] = []
        self._real: list[NDArray[np.uint8]] = []

    def add(self, generated: NDArray[np.uint8], real: NDArray[np.uint8]) -> None:
        """Add N frames in a row of each: (N, side, side, 3) RGB."""
        for shown, true in zip(generated, real, strict=True):
            self._generated.append(shown)
            self._real.append(true)
            if len(self._generated) == CLIP_LENGTH:
                self._metric.add_fake_stats(np.stack(self._generated)[None])
                self._metric.add_real_stats(np.stack(self._real)[None])
                self.samples += 1
                self.end_of_run()

    def end_of_run(self) -> None:
        """What comes next does not follow what came last: a stretch that is not full is left out."""
        self._generated, self._real = [], []

    def value(self) -> float:
        """The distance."""
        with quiet():
            return float(self._metric.compute_fvd_from_stats())


@dataclass
class FaceCrops:
    """Hands the face crops of a clip to the sets.

    Attributes:
        sets: Metric name -> set; they live longer than a clip.
    """

    sets: dict[str, SetDistance]

    def __post_init__(self) -> None:
        self.frames = 0
        self._last = -1
        self._generated: list[NDArray[np.uint8]] = []
        self._real: list[NDArray[np.uint8]] = []

    def feed(self, pair: FramePair) -> None:
        """Take the next pair."""
        real = pair.truth if pair.truth is not None else pair.original
        generated = _face(pair.generated)
        true = None if real is None or generated is None else _face(real)
        if generated is None or true is None:
            return
        if pair.index != self._last + 1:
            self._hand_over()
            self._break()
        self._last = pair.index
        self.frames += 1
        self._generated.append(generated)
        self._real.append(true)
        if len(self._generated) == BATCH:
            self._hand_over()

    def result(self) -> FamilyScores:
        """The clip is at its end: what is left goes to the sets, whose values come when all clips are through."""
        self._hand_over()
        self._break()
        return FamilyScores(dict.fromkeys(self.sets, Score(None, ONE_FOR_ALL)), details={"face_crops": self.frames})

    def _hand_over(self) -> None:
        if self._generated:
            for found in self.sets.values():
                found.add(np.stack(self._generated), np.stack(self._real))
        self._generated, self._real = [], []

    def _break(self) -> None:
        for found in self.sets.values():
            found.end_of_run()


def set_score(found: SetDistance) -> Score:
    """The value of a set."""
    if found.samples < FEWEST_SAMPLES:
        return Score(None, f"n/a: only {found.samples} samples")
    value = found.value()
    return Score(value) if np.isfinite(value) else Score(None, "n/a: too few samples for a distance")


def few_samples_note(name: str, found: SetDistance) -> str | None:
    """What is to be said of a value from few samples; None when there are enough."""
    if found.samples >= ENOUGH_SAMPLES:
        return None
    what = f"stretches of {CLIP_LENGTH} frames" if name == "fvd" else "face crops"
    return (
        f"{name} is of {found.samples} {what}; with fewer than {ENOUGH_SAMPLES} it is far too high, and can only be "
        "compared with values from the same clips"
    )


def _face(picture: FacePicture) -> NDArray[np.uint8] | None:
    box = picture.face_box()
    if box is None or box.inside(picture.width, picture.height) is None:
        return None
    return picture.rgb(box, FACE_SIDE)
