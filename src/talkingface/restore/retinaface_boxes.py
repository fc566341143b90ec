"""From what RetinaFace gives to faces with five points."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from talkingface.faces.neural.suppression import FaceBoxes, without_repeats

STRIDES = (8, 16, 32)
SIZES = ((16, 32), (64, 128), (256, 512))  # pixels across of the anchors at every place, by stride
VARIANCES = (0.1, 0.2)  # of offsets of centres and of sizes
SCORE, OVERLAP = 0.9, 0.4


@lru_cache(maxsize=8)  # a clip's pictures are all of one size
def anchors(height: int, width: int) -> Tensor:
    """(A, 4) centre x, centre y, width, height of every anchor, as shares of a picture of this size; not to change."""
    levels = []
    for stride, sizes in zip(STRIDES, SIZES, strict=True):
        rows, columns = -(-height // stride), -(-width // stride)
        y, x, size = torch.meshgrid(
            (torch.arange(rows, dtype=torch.float64) + 0.5) * stride / height,
            (torch.arange(columns, dtype=torch.float64) + 0.5) * stride / width,
            torch.tensor(sizes, dtype=torch.float64),
            indexing="ij",
        )
        levels.append(torch.stack([x, y, size / width, size / height], -1).reshape(-1, 4))
    return torch.cat(levels).float()


def decoded(offsets: Tensor, at: Tensor) -> Tensor:
    """Boxes.

    Args:
        offsets: (..., A, 4) as the network gives them.
        at: (A, 4) their anchors.

    Returns:
        (..., A, 4) left, top, right, bottom as shares of the picture.
    """
    centre = at[:, :2] + offsets[..., :2] * VARIANCES[0] * at[:, 2:]
    half = at[:, 2:] * torch.exp(offsets[..., 2:] * VARIANCES[1]) / 2
    return torch.cat([centre - half, centre + half], -1)


def decoded_points(offsets: Tensor, at: Tensor) -> Tensor:
    """Offsets (..., A, 10) and their anchors (A, 4) -> points (..., A, 5, 2), x and y as shares of the picture."""
    return at[:, None, :2] + offsets.unflatten(-1, (5, 2)) * VARIANCES[0] * at[:, None, 2:]


def faces_of(
    boxes: Tensor,
    classes: Tensor,
    points: Tensor,
    size: tuple[int, int],
    score: float = SCORE,
    overlap: float = OVERLAP,
) -> list[FaceBoxes]:
    """Read faces.

    Args:
        boxes: (N, A, 4) offsets, as ``RetinaFace`` gives them.
        classes: (N, A, 2) probabilities of no face and a face.
        points: (N, A, 10) offsets.
        size: Height and width of the pictures.
        score: Probability above which something is a face.
        overlap: As for ``without_repeats``.

    Returns:
        Of each picture, pixels of it; boxes may reach beyond it.
    """
    height, width = size
    scale = torch.tensor([width, height], dtype=torch.float32)
    every = anchors(height, width)
    found = []
    for own_boxes, own_classes, own_points in zip(boxes, classes, points, strict=True):
        likely = own_classes[:, 1] > score
        chosen = likely.cpu()
        at = every[chosen]
        pixels = decoded(own_boxes[likely].cpu().float(), at) * scale.repeat(2)
        places = decoded_points(own_points[likely].cpu().float(), at) * scale
        scores = own_classes[likely, 1].cpu().float()
        values = (np.asarray(value.numpy(), np.float32) for value in (pixels, scores, places))
        found.append(without_repeats(FaceBoxes(*values), overlap))
    return found
