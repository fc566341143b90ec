"""Which part of an aligned face a restored picture replaces, with a soft edge."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from talkingface.restore.parsenet import FacePart

SIZE = 512  # of the pictures that the following numbers were made for
BORDER = 20  # pixels that never count
SIGMA, TAPS = 11.0, 101  # of the blur
FACE = (
    FacePart.SKIN,
    FacePart.NOSE,
    FacePart.GLASSES,
    FacePart.LEFT_EYE,
    FacePart.RIGHT_EYE,
    FacePart.LEFT_BROW,
    FacePart.RIGHT_BROW,
    FacePart.MOUTH,
    FacePart.UPPER_LIP,
    FacePart.LOWER_LIP,
)
MOUTH = (FacePart.MOUTH, FacePart.UPPER_LIP, FacePart.LOWER_LIP)


def region(logits: Tensor, parts: Iterable[FacePart] = FACE) -> Tensor:
    """Logits of ``ParseNet`` (N, 19, H, W) -> (N, 1, H, W), 1 where the likeliest class is one of ``parts``."""
    chosen = torch.zeros(len(FacePart), dtype=logits.dtype, device=logits.device)
    chosen[[int(part) for part in parts]] = 1
    return chosen[logits.argmax(1, keepdim=True)]


def softened(mask: Tensor) -> Tensor:
    """Zero the border and blur twice, as the released program does; in pictures of other sizes in proportion.

    Args:
        mask: (..., H, W) 0..1.

    Returns:
        (..., H, W). Both blurs and the border are one matrix a side, which is made once a size.
    """
    down, across = (_softening(side, mask.dtype, mask.device) for side in mask.shape[-2:])
    return down @ mask @ across.T


@lru_cache(maxsize=8)
def _softening(side: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    share = side / SIZE
    taps = 2 * round((TAPS // 2) * share) + 1
    once = _blurring(side, SIGMA * share, taps)
    border = round(BORDER * share)
    both = once @ once
    both[:, :border] = 0
    both[:, side - border :] = 0
    with torch.inference_mode(False):  # it may serve training later
        return torch.from_numpy(both).to(device, dtype)


def _blurring(side: int, sigma: float, taps: int) -> NDArray[np.float64]:
    """(side, side) matrix that blurs a line with a Gaussian, mirrored at its ends (without repeating the end)."""
    reach = np.arange(taps) - taps // 2
    weights = np.exp(-(reach**2) / (2 * sigma**2))
    weights /= weights.sum()
    places = np.abs(np.arange(side)[:, None] + reach)
    places = (side - 1) - np.abs((side - 1) - places)
    matrix = np.zeros((side, side))
    np.add.at(matrix, (np.arange(side)[:, None], places), weights)
    return matrix
