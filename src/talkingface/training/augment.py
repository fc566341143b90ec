"""What may happen to a voice before a network hears it: other speakers, microphones, rooms and gaps."""

from __future__ import annotations

import torch
from torch import Tensor


def augment_mel(mel: Tensor, generator: torch.Generator) -> Tensor:
    """Change normalised log-mel without moving anything in time.

    Args:
        mel: (B, 80, T).
        generator: Source of every random choice.

    Returns:
        A new tensor: level, spectral tilt, vocal-tract length (a shift by up to 5 bands), a noise floor, and masked
        bands and columns (SpecAugment, Park 2019).
    """
    batch, bands, columns = mel.shape

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    level = normal(batch, 1, 1) * 0.3
    tilt = torch.linspace(-1, 1, bands)[None, :, None] * normal(batch, 1, 1) * 0.4
    moved = mel + level + tilt
    shifts = torch.randint(-5, 6, (batch,), generator=generator)
    moved = torch.stack([torch.roll(row, int(shift), 0) for row, shift in zip(moved, shifts, strict=True)])
    floor = uniform(batch, 1, 1) * 2 - 3.5
    moved = torch.logaddexp(moved, floor + normal(batch, bands, columns) * 0.2)
    for row in moved:
        band, width = int(uniform(1) * (bands - 10)), int(uniform(1) * 12)
        if float(uniform(1)) < 0.7:
            row[band : band + width] = 0
        column, length = int(uniform(1) * max(1, columns - 8)), int(uniform(1) * 8)
        row[:, column : column + length] = 0
    return moved
