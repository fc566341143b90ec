"""What the mouth network is asked for: places, speeds, opening and width of the lips."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from talkingface.faces.geometry import CORNERS, LOWER, UPPER
from talkingface.training.examples import point_weights

NEARLY_CLOSED = 0.02  # inter-ocular distances
CLOSED, CLOSED_WIDTH = 0.012, 0.003


@dataclass(frozen=True)
class LossWeights:
    """Weights of the parts: squared inter-ocular distances, ``likeness`` in 0..2, ``closure`` a cross entropy."""

    position: float = 1000.0
    velocity: float = 1500.0
    gap: float = 1000.0
    width: float = 500.0
    likeness: float = 3.0
    closure: float = 3.0


def gap_tensor(points: Tensor) -> Tensor:
    """Inner-lip gap of (B, T, 160) points."""
    shaped = points.unflatten(-1, (-1, 2))
    return shaped[..., LOWER, 1].mean(-1) - shaped[..., UPPER, 1].mean(-1)


def width_tensor(points: Tensor) -> Tensor:
    """Mouth width of (B, T, 160) points."""
    shaped = points.unflatten(-1, (-1, 2))
    return shaped[..., CORNERS[1], 0] - shaped[..., CORNERS[0], 0]


def unlikeness(a: Tensor, b: Tensor, exists: Tensor) -> Tensor:
    """1 minus the correlation of two signals (B, T) over the frames that exist; 0 for rows in which b does not vary."""
    count = exists.sum(1, keepdim=True).clamp_min(1)
    a = (a - (a * exists).sum(1, keepdim=True) / count) * exists
    b = (b - (b * exists).sum(1, keepdim=True) / count) * exists
    power = b.square().sum(1)
    size = (a.square().sum(1) * power + 1e-8).sqrt()
    varies = (power > 1e-9).to(a)
    return ((1 - (a * b).sum(1) / size) * varies).mean()


def mouth_loss(
    predicted: Tensor,
    closed: Tensor,
    target: Tensor,
    exists: Tensor,
    joined: Tensor,
    weights: LossWeights | None = None,
) -> Tensor:
    """Weighted squared error of positions, velocities, gap and width, how unlike gap and width move, and closures.

    Near-closed frames count threefold in the gap: an eye sees open lips on a "b" at once.

    Args:
        predicted: (B, T, 160).
        closed: (B, T) log odds that the lips are closed.
        target: (B, T, 160).
        exists: (B, T) 1 where a frame exists.
        joined: (B, T - 1) 1 where a frame and the next belong to one clip.
        weights: Of the parts.

    Returns:
        A scalar.
    """
    weights = weights or LossWeights()
    points = torch.from_numpy(point_weights().repeat(2)).to(predicted)
    size = len(points) / 2
    total = exists.sum().clamp_min(1)
    position = ((predicted - target).square() * points * exists[..., None]).sum() / (total * size)
    change = (predicted[:, 1:] - predicted[:, :-1]) - (target[:, 1:] - target[:, :-1])
    velocity = (change.square() * points * joined[..., None]).sum() / (joined.sum().clamp_min(1) * size)
    gap, true_gap = gap_tensor(predicted), gap_tensor(target)
    width, true_width = width_tensor(predicted), width_tensor(target)
    closeness = 1 + 2 * torch.exp(-((true_gap / NEARLY_CLOSED) ** 2))
    gap_error = ((gap - true_gap).square() * closeness * exists).sum() / total
    width_error = ((width - true_width).square() * exists).sum() / total
    unlike = unlikeness(gap, true_gap, exists) + 0.5 * unlikeness(width, true_width, exists)
    # what is closed is not sharp: the tracker trembles by a few thousandths
    truly_closed = torch.sigmoid((CLOSED - true_gap) / CLOSED_WIDTH)
    surprise = functional.binary_cross_entropy_with_logits(closed, truly_closed, reduction="none")
    closure = (surprise * exists).sum() / total
    return (
        weights.closure * closure
        + weights.position * position
        + weights.velocity * velocity
        + weights.gap * gap_error
        + weights.width * width_error
        + weights.likeness * unlike
    )
