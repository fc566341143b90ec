"""SSIM and PSNR of the mouth and the face against the real video of the same speech.

Both are measured on luma of the box that the *true* landmarks place, cut out of both pictures, so that a mouth in the
wrong place counts as wrong. Boxes are brought to one size (mouth 96 pixels, face 224), so that clips of any
resolution can be compared. Over the whole picture either says little: most of it was never touched.

SSIM is Wang et al. 2004 (IEEE Transactions on Image Processing 13, 600): a Gaussian window of 11 pixels and sigma 1.5,
K1 0.01, K2 0.03, range 255, the mean over every place where the window fits. PSNR is of the mean squared error over
all frames.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.evaluation.controls import FROZEN, NEW_SOUND
from talkingface.evaluation.face_picture import FACE_SIDE, MOUTH_SIDE, Box, FacePicture
from talkingface.evaluation.family import FamilyScores
from talkingface.evaluation.frame_pairs import FramePair
from talkingface.evaluation.result import Score

WINDOW = 11  # pixels
WINDOW_SIGMA = 1.5
C1 = (0.01 * 255) ** 2
C2 = (0.03 * 255) ** 2
BEST_PSNR = 100.0  # dB; equal pictures have none, and a table needs a number. Rounding to 8 bits alone gives 59
FEWEST_FRAMES = 5
REGIONS = {"mouth": MOUTH_SIDE, "face": FACE_SIDE}
METRICS = ("mouth_ssim", "face_ssim", "mouth_psnr", "face_psnr")

GENERATED = "generated"


class SsimTarget:
    """A picture that others are compared with; what depends on it alone is worked out once."""

    def __init__(self, picture: NDArray[np.floating]) -> None:
        """Take the picture: (height, width) of 0..255, at least ``WINDOW`` either way."""
        self._picture = np.asarray(picture, np.float64)
        self._mean = _window_mean(self._picture)
        self._variance = _window_mean(self._picture**2) - self._mean**2

    def ssim(self, picture: NDArray[np.floating]) -> float:
        """Mean structural similarity with a picture of the same shape: 1 for an equal one."""
        other = np.asarray(picture, np.float64)
        mean = _window_mean(other)
        variance = _window_mean(other**2) - mean**2
        covariance = _window_mean(other * self._picture) - mean * self._mean
        luminance = (2 * mean * self._mean + C1) / (mean**2 + self._mean**2 + C1)
        structure = (2 * covariance + C2) / (variance + self._variance + C2)
        return float((luminance * structure).mean())


def ssim(picture: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Mean structural similarity of two pictures (height, width) of 0..255."""
    return SsimTarget(other).ssim(picture)


def psnr(mean_squared_error: float) -> float:
    """Decibels of a mean squared error of 8-bit codes, at most ``BEST_PSNR``."""
    if mean_squared_error <= 0:
        return BEST_PSNR
    return min(BEST_PSNR, float(10 * np.log10(255.0**2 / mean_squared_error)))


def _window_mean(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    half = WINDOW // 2
    means = cv2.GaussianBlur(picture, (WINDOW, WINDOW), WINDOW_SIGMA)
    return np.asarray(means[half:-half, half:-half], np.float64)


@dataclass
class _Sums:
    frames: int = 0
    ssim: float = 0.0
    squared_error: float = 0.0

    def add(self, target: SsimTarget, true: NDArray[np.float32], shown: NDArray[np.float32]) -> None:
        self.frames += 1
        self.ssim += target.ssim(shown)
        difference = shown - true
        self.squared_error += float((difference * difference).mean(dtype=np.float64))

    def scores(self, region: str) -> dict[str, Score]:
        if self.frames < FEWEST_FRAMES:
            lacking = Score(None, f"n/a: only {self.frames} frames can be compared with the truth")
            return {f"{region}_ssim": lacking, f"{region}_psnr": lacking}
        return {
            f"{region}_ssim": Score(self.ssim / self.frames),
            f"{region}_psnr": Score(psnr(self.squared_error / self.frames)),
        }


@dataclass
class Reconstruction:
    """Compares every generated picture with the true one; also the first one held, and the original.

    Attributes:
        regions: ``mouth``, ``face`` or both.
        no_undubbed: Why the original is not compared with the truth, too, which says what doing nothing scores; None
            when it is.
    """

    regions: tuple[str, ...] = tuple(REGIONS)
    no_undubbed: str | None = None
    _sums: dict[tuple[str, str], _Sums] = field(default_factory=dict)

    def feed(self, pair: FramePair) -> None:
        """Take the next pair."""
        truth = pair.truth
        if truth is None:
            return
        for region in self.regions:
            box = truth.mouth_box() if region == "mouth" else truth.face_box()
            true = None if box is None else _luma(truth, truth, box, region)
            if box is None or true is None:
                continue
            target = SsimTarget(true)
            shown = {GENERATED: pair.generated, FROZEN: pair.first}
            if self.no_undubbed is None and pair.original is not None:
                shown[NEW_SOUND] = pair.original
            for name, picture in shown.items():
                crop = _luma(picture, truth, box, region)
                if crop is not None:
                    self._sums.setdefault((name, region), _Sums()).add(target, true, crop)

    def result(self) -> FamilyScores:
        """Scores, control rows and what they were made from."""
        frames = {region: self._sums.get((GENERATED, region), _Sums()).frames for region in self.regions}
        return FamilyScores(
            self._scores(GENERATED),
            {FROZEN: self._scores(FROZEN), NEW_SOUND: self._scores(NEW_SOUND)},
            {"reconstruction": {"frames": frames}},
        )

    def _scores(self, of: str) -> dict[str, Score]:
        if of == NEW_SOUND and self.no_undubbed is not None:
            return dict.fromkeys(METRICS, Score(None, self.no_undubbed))
        found: dict[str, Score] = {}
        for region in self.regions:
            found |= self._sums.get((of, region), _Sums()).scores(region)
        return found


def _luma(picture: FacePicture, truth: FacePicture, box: Box, region: str) -> NDArray[np.float32] | None:
    return picture.luma(box, REGIONS[region], truth.matrix)
