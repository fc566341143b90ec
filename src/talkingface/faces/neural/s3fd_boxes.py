"""From what S3FD gives to face boxes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from talkingface.faces.neural.s3fd import STRIDES
from talkingface.faces.neural.suppression import FaceBoxes, without_repeats

ANCHOR = 4  # strides across is the box that a place stands for
VARIANCES = (0.1, 0.2)  # of offsets of centres and of sizes
SCORE, OVERLAP = 0.5, 0.3
REACH = 5  # frames of the released program's mean


def faces_of(heads: Sequence[Tensor], score: float = SCORE, overlap: float = OVERLAP) -> list[FaceBoxes]:
    """Read boxes.

    Args:
        heads: Twelve, as ``S3FD`` gives them for N pictures.
        score: Probability above which something is a face.
        overlap: As for ``without_repeats``.

    Returns:
        Of each picture, pixels of it; boxes may reach beyond it. Released programs also decode whatever scores above
        0.05 and drop it afterwards: what is less likely than a face never takes the place of one.
    """
    count = len(heads[0])
    boxes: list[list[Tensor]] = [[] for _ in range(count)]
    scores: list[list[Tensor]] = [[] for _ in range(count)]
    for stride, logits, offsets in zip(STRIDES, heads[::2], heads[1::2], strict=True):
        likely = logits.float().softmax(1)[:, 1]
        which, row, column = (likely > score).nonzero(as_tuple=True)
        offset = offsets[which, :, row, column].float()
        centre = torch.stack([column, row], 1) * stride + stride / 2 + offset[:, :2] * (VARIANCES[0] * ANCHOR * stride)
        half = torch.exp(offset[:, 2:] * VARIANCES[1]) * (ANCHOR * stride / 2)
        decoded = torch.cat([centre - half, centre + half], 1)
        chosen = likely[which, row, column]
        for picture in range(count):
            boxes[picture].append(decoded[which == picture])
            scores[picture].append(chosen[which == picture])
    return [
        without_repeats(FaceBoxes(_array(torch.cat(own)), _array(torch.cat(likely))), overlap)
        for own, likely in zip(boxes, scores, strict=True)
    ]


def whole_pixels(boxes: NDArray[np.floating]) -> NDArray[np.int64]:
    """Boxes (..., 4) as the released program takes them: nothing negative, fractions cut off."""
    return np.asarray(np.maximum(boxes, 0), np.int64)


def released_smoothing(boxes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The released program's steadying of a clip's boxes, for comparing with it: it looks ahead, and lags by that.

    Args:
        boxes: (T, 4) whole pixels, one a frame.

    Returns:
        (T, 4): the mean, fractions cut off, of each box and the four after it; near the end of the last five as they
        then are, that is with those already replaced (of T < 5 frames, of the last 5 - T).
        ``geometry.smooth_in_time`` does it without a lag.
    """
    smooth = np.array(boxes, np.int64)
    for place in range(len(smooth)):
        window = smooth[place : place + REACH] if place + REACH <= len(smooth) else smooth[len(smooth) - REACH :]
        smooth[place] = window.mean(0)
    return smooth


def _array(values: Tensor) -> NDArray[np.float32]:
    return np.asarray(values.cpu().numpy(), np.float32)
