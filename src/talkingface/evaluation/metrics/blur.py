"""CPBD, a sharpness that needs nothing to compare with: the share of edges that nobody would see to be blurred.

Narvekar and Karam 2011 (IEEE Transactions on Image Processing 20, 2678). Edges are those of Sobel's operator, thinned,
above four times the mean squared gradient. The width of an upright edge is measured along the line (Marziliano et al.
2002): from where luma stops falling on one side to where it stops rising on the other, at least a pixel each way. In
blocks of 64 x 64 pixels of which edges are more than 0.2 %, an edge of width w is seen to be blurred with probability

    1 - exp(-(w / w_jnb) ** 3.6),    w_jnb = 5 where the block's contrast is at most 50 of 255, else 3,

and CPBD is the share of edges with a probability of at most 63 %, rounded to whole percents as its authors do: those of
a width of at most w_jnb. 1 is sharp, 0 is blurred. Noise and blocking make edges, too, and count as sharp.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.evaluation.controls import FROZEN, NEW_SOUND, OWN_SOUND
from talkingface.evaluation.face_picture import Box, FacePicture
from talkingface.evaluation.family import FamilyScores
from talkingface.evaluation.frame_pairs import FramePair
from talkingface.evaluation.result import Score

BLOCK = 64  # pixels
EDGE_SHARE = 0.002  # of a block's pixels
BETA = 3.6
LOW_CONTRAST = 50  # of 255
WIDTH_LOW_CONTRAST = 5.0  # pixels, just noticeable
WIDTH_HIGH_CONTRAST = 3.0
JUST_NOTICEABLE = 0.63
WIDEST = 101  # pixels on either side
MOST_FRAMES = 40  # of a clip, evenly spread: sharpness does not change from one frame to the next
FEWEST_FRAMES = 5


def cpbd(picture: NDArray[np.floating]) -> float | None:
    """Sharpness of a gray picture (height, width) of 0..255; None where it has no edge to judge by."""
    luma = np.asarray(picture, np.float32)
    edges = _edges(luma)
    lines, columns, widths = _edge_widths(luma, edges)
    rows, cols = luma.shape[0] // BLOCK, luma.shape[1] // BLOCK
    whole = (lines < rows * BLOCK) & (columns < cols * BLOCK)
    block = lines[whole] // BLOCK * cols + columns[whole] // BLOCK
    widths = widths[whole]
    blocks = luma[: rows * BLOCK, : cols * BLOCK].reshape(rows, BLOCK, cols, BLOCK)
    contrast = (blocks.max((1, 3)) - blocks.min((1, 3))).ravel()
    edge_pixels = edges[: rows * BLOCK, : cols * BLOCK].reshape(rows, BLOCK, cols, BLOCK).sum((1, 3)).ravel()
    judged = (edge_pixels > EDGE_SHARE * BLOCK * BLOCK)[block]
    if not judged.any():
        return None
    noticeable = np.where(contrast.astype(int) <= LOW_CONTRAST, WIDTH_LOW_CONTRAST, WIDTH_HIGH_CONTRAST)[block]
    seen = 1 - np.exp(-((widths / noticeable) ** BETA))
    return float((np.rint(seen[judged] * 100) <= JUST_NOTICEABLE * 100).mean())


def _edges(luma: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Thinned edges; never in the outermost lines and columns."""
    x = cv2.Sobel(luma, cv2.CV_32F, 1, 0, scale=1 / 8, borderType=cv2.BORDER_REPLICATE)
    y = cv2.Sobel(luma, cv2.CV_32F, 0, 1, scale=1 / 8, borderType=cv2.BORDER_REPLICATE)
    strength = x * x + y * y
    inner = strength[1:-1, 1:-1]
    left, right = strength[1:-1, :-2], strength[1:-1, 2:]
    up, down = strength[:-2, 1:-1], strength[2:, 1:-1]
    steep = np.abs(x[1:-1, 1:-1]) >= np.abs(y[1:-1, 1:-1])
    ridge = (steep & (inner >= left) & (inner > right)) | (~steep & (inner >= up) & (inner > down))
    edges = np.zeros(luma.shape, bool)
    edges[1:-1, 1:-1] = ridge & (inner > 4 * strength.mean(dtype=np.float64))
    return edges


def _edge_widths(
    luma: NDArray[np.float32], edges: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Lines, columns and widths in pixels of the edges that stand within 22.5 degrees of upright, all (N,)."""
    lines, columns = np.nonzero(edges)
    slope = luma[lines, columns + 1] - luma[lines, columns - 1]
    down = luma[lines + 1, columns] - luma[lines - 1, columns]
    upright = np.abs(down) < np.tan(np.pi / 8) * np.abs(slope)
    lines, columns, sign = lines[upright], columns[upright], np.sign(slope[upright])
    width = luma.shape[1]
    widths = np.zeros(len(lines), np.float64)
    for step in (-1, 1):
        # one pixel belongs to the edge in any case; further ones as long as luma goes on the same way
        reach = np.ones(len(lines), np.int64)
        going_on = np.ones(len(lines), bool)
        for _ in range(WIDEST - 1):
            inner = columns + step * reach
            outer = inner + step
            going_on &= (outer >= 0) & (outer < width)
            safe = np.clip(outer, 0, width - 1)
            change = (luma[lines, safe] - luma[lines, np.clip(inner, 0, width - 1)]) * sign * step
            going_on &= change > 0
            if not going_on.any():
                break
            reach += going_on
        widths += reach
    return lines, columns, widths


def block_aligned(box: Box) -> Box:
    """A box about the same centre whose side is the next multiple of a block."""
    side = -(-box.side // BLOCK) * BLOCK
    return Box(box.x - (side - box.side) // 2, box.y - (side - box.side) // 2, side)


@dataclass
class Sharpness:
    """CPBD of the face in some frames of a clip, of its first frame, and of its original.

    Attributes:
        chosen: Numbers of the pairs to look at.
        with_original: Measure the original, too.
    """

    chosen: frozenset[int]
    with_original: bool

    def __post_init__(self) -> None:
        self._generated: list[float] = []
        self._original: list[float] = []
        self._first: float | None = None

    def feed(self, pair: FramePair) -> None:
        """Take the next pair."""
        if pair.number not in self.chosen:
            return
        value = face_cpbd(pair.generated)
        if value is not None:
            self._first = value if self._first is None else self._first
            self._generated.append(value)
        value = face_cpbd(pair.original) if self.with_original and pair.original is not None else None
        if value is not None:
            self._original.append(value)

    def result(self) -> FamilyScores:
        """Score, control rows and what they were made from."""
        original = {"cpbd": _mean(self._original)} if self.with_original else {}
        first = Score(None, "n/a: no edge in the face") if self._first is None else Score(self._first)
        return FamilyScores(
            {"cpbd": _mean(self._generated)},
            # another sound does not change the original's pictures
            {OWN_SOUND: original, NEW_SOUND: original, FROZEN: {"cpbd": first}},
            {"cpbd": {"frames": len(self._generated)}},
        )


def face_cpbd(picture: FacePicture) -> float | None:
    """CPBD of a picture's face in the pixels it is compared in; None without a face or an edge."""
    box = picture.face_box()
    luma = None if box is None else picture.native_luma(block_aligned(box))
    if luma is None or min(luma.shape) < BLOCK:
        return None
    return cpbd(luma)


def _mean(values: list[float]) -> Score:
    if len(values) < FEWEST_FRAMES:
        return Score(None, f"n/a: only {len(values)} frames show edges in a face of at least {BLOCK} pixels")
    return Score(float(np.mean(values)))
