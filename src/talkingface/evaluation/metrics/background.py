"""What changed where nothing should have: luma outside the face, generated against original.

A method that edits a mouth has no business in the background. What remains is what encoding does; the control row of
the frozen frame says what a camera, or the person's own movement, changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from talkingface.evaluation.controls import FROZEN, NEW_SOUND
from talkingface.evaluation.face_picture import Box, FacePicture, luma_codes
from talkingface.evaluation.family import FamilyScores
from talkingface.evaluation.frame_pairs import FramePair
from talkingface.evaluation.result import Score
from talkingface.media.planes import Plane

KEPT_OUT = 1.5  # times the face box: hair, neck and the seam of a paste are not background
LEAST_BACKGROUND = 0.1  # of the picture
FEWEST_FRAMES = 5
PERCENTILE_FRAMES = 5  # a percentile of every fifth frame
FINENESS = 16  # steps of an 8-bit code, where depth or range of the files differ


@dataclass(frozen=True)
class Change:
    """How much luma of one frame's background differs, in 8-bit codes.

    Attributes:
        mean: Mean absolute difference.
        high: 99.9th percentile of it; nan where it was not asked for.
        largest: The largest.
    """

    mean: float
    high: float
    largest: float


class Background:
    """Compares the surroundings of the face with the original's, frame for frame."""

    def __init__(self) -> None:
        self._generated: list[Change] = []
        self._frozen: list[float] = []
        self._too_little = 0

    def feed(self, pair: FramePair) -> None:
        """Take the next pair."""
        original = pair.original
        boxes = [box for box in (pair.generated.face_box(), original.face_box() if original else None) if box]
        if original is None or not boxes:
            return
        kept_out = [box.enlarged(KEPT_OUT) for box in boxes]
        change = background_change(pair.generated, original, kept_out, percentile=pair.number % PERCENTILE_FRAMES == 0)
        if change is None:
            self._too_little += 1
            return
        self._generated.append(change)
        first_box = pair.first.face_box()
        held = background_change(
            pair.first, original, [*kept_out, first_box.enlarged(KEPT_OUT)] if first_box else kept_out, percentile=False
        )
        if held is not None:
            self._frozen.append(held.mean)

    def result(self) -> FamilyScores:
        """Score, control rows and what they were made from."""
        frozen = Score(float(np.median(self._frozen))) if len(self._frozen) >= FEWEST_FRAMES else Score(None, "n/a")
        details: dict[str, float | int] = {"frames": len(self._generated)}
        if self._generated:
            details["largest"] = round(max(change.largest for change in self._generated), 3)
        high = [change.high for change in self._generated if np.isfinite(change.high)]
        if high:
            details["percentile_99.9"] = round(float(np.median(high)), 3)
        return FamilyScores(
            {"background_change": self._score()},
            # doing nothing: every frame is its own original
            {NEW_SOUND: {"background_change": Score(0.0)}, FROZEN: {"background_change": frozen}},
            {"background": details},
        )

    def _score(self) -> Score:
        if len(self._generated) < FEWEST_FRAMES:
            if self._too_little:
                return Score(None, "n/a: the face fills the picture")
            return Score(None, f"n/a: only {len(self._generated)} frames can be compared with the original")
        return Score(float(np.median([change.mean for change in self._generated])))


def background_change(
    shown: FacePicture, original: FacePicture, kept_out: list[Box], *, percentile: bool = True
) -> Change | None:
    """Compare two pictures of one size outside some boxes; None when hardly anything lies outside.

    Args:
        shown: One picture.
        original: The other.
        kept_out: Boxes to leave out.
        percentile: Work it out, too; it costs as much as all the rest.
    """
    difference, unit = _absolute_difference(shown, original)
    mask = np.full(difference.shape, 255, np.uint8)
    for box in kept_out:
        mask[max(0, box.y) : max(0, box.y + box.side), max(0, box.x) : max(0, box.x + box.side)] = 0
    total = cv2.countNonZero(mask)
    if total < LEAST_BACKGROUND * mask.size:
        return None
    mean = float(cv2.mean(difference, mask)[0]) * unit
    largest = float(cv2.minMaxLoc(difference, mask)[1]) * unit
    if not percentile:
        return Change(mean, float("nan"), largest)
    codes = 256 if difference.dtype == np.uint8 else 1 << 16
    counts = cv2.calcHist([difference], [0], mask, [codes], [0, codes]).ravel()
    high = int(np.searchsorted(np.cumsum(counts), 0.999 * total))
    return Change(mean, high * unit, largest)


def _absolute_difference(shown: FacePicture, original: FacePicture) -> tuple[Plane, float]:
    """Absolute difference of luma, and what one of its steps is in 8-bit codes of the full range."""
    a, b = shown.sampler.layout, original.sampler.layout
    if (a.bits, a.full_range) == (b.bits, b.full_range):
        # in the files' own codes: no need to turn millions of samples into floats
        unit = 255.0 / ((1 << a.bits) - 1) if a.full_range else 255.0 / (219 << (a.bits - 8))
        return np.asarray(cv2.absdiff(shown.whole_luma(), original.whole_luma())), unit
    difference = cv2.absdiff(luma_codes(shown.whole_luma(), a), luma_codes(original.whole_luma(), b))
    return np.rint(np.asarray(difference) * FINENESS).astype(np.uint16), 1 / FINENESS
