"""What may happen to a voice before a network hears it: other speakers, microphones, rooms, noises and gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

MOUTH_UNIT = 2.5  # natural logarithms of power in one unit of normalised log-mel, about
DECADE = float(np.log(10))


@dataclass(frozen=True)
class VoiceChange:
    """How strongly voices are changed.

    Attributes:
        bands: Vocal-tract length and pitch: mel bands that the spectrum's upper end moves by, at most.
        tilt: Standard deviation of the spectral slope from the middle to an end, in units of the mel's deviation.
        babble: Probability that another voice of the batch speaks along, quieter.
        masks: Masked groups of bands and of columns (SpecAugment, Park 2019) in every row.
        mask_bands: Widest group of bands.
        mask_columns: Longest group of columns (10 ms each).
        level: Standard deviation of the loudness.
        unit: Natural logarithms of power in one unit of the spectrogram.
        floor: A noise floor lies so many units above the spectrogram's 0, from and to.
    """

    bands: float = 6.0
    tilt: float = 0.4
    babble: float = 0.15
    masks: int = 2
    mask_bands: int = 14
    mask_columns: int = 10
    level: float = 0.3
    unit: float = MOUTH_UNIT
    floor: tuple[float, float] = (-3.5, -1.5)


# of PHONETIC_MEL, which counts in decades of power and lies about 7
PHONETIC_CHANGE = VoiceChange(bands=2.0, mask_bands=6, level=0.35, unit=DECADE, floor=(2.4, 4.8))


def warp_bands(mel: Tensor, moved: Tensor) -> Tensor:
    """Stretch (B, bands, T) along the bands so that row b's upper end moves by ``moved[b]`` bands."""
    count = mel.shape[1]
    place = torch.arange(count)[None] * (1 + moved[:, None] / count)
    base = place.floor().clamp(0, count - 2).long()
    share = (place - base).clamp(0, 1)[..., None]
    index = base[..., None].expand(-1, -1, mel.shape[2])
    return mel.gather(1, index) * (1 - share) + mel.gather(1, index + 1) * share


def mirror_places(mouth: NDArray[np.floating]) -> NDArray[np.int64]:
    """Which point of a mouth (N, 2) stands where each of its points would in a mirror, (N,).

    Args:
        mouth: About symmetric, such as a mean over people.
    """
    middle = 0.5 * (mouth[:, 0].min() + mouth[:, 0].max())
    reflected = mouth * (-1.0, 1.0) + (2 * middle, 0.0)
    return np.asarray(np.linalg.norm(reflected[:, None] - mouth[None], axis=2).argmin(1), np.int64)


def mirror_some(points: Tensor, places: NDArray[np.int64], generator: torch.Generator) -> Tensor:
    """Mirror about half of the rows of (B, T, 2 N) displacements, x and y of each point in turn."""
    batch, frames, _ = points.shape
    mirrored = points.view(batch, frames, -1, 2)[:, :, places] * torch.tensor([-1.0, 1.0])
    chosen = torch.rand(batch, 1, 1, generator=generator) < 0.5
    return torch.where(chosen, mirrored.reshape(points.shape), points)


def augment_mel(mel: Tensor, generator: torch.Generator, change: VoiceChange | None = None) -> Tensor:
    """Change normalised log-mel without moving anything in time.

    Args:
        mel: (B, 80, T).
        generator: Source of every random choice.
        change: How strongly.

    Returns:
        A new tensor: level, spectral tilt, vocal-tract length, a second voice, a noise floor, masked bands and columns.
    """
    change = change or VoiceChange()
    batch, bands, columns = mel.shape

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    moved = warp_bands(mel, (uniform(batch) * 2 - 1) * change.bands)
    level = normal(batch, 1, 1) * change.level
    tilt = torch.linspace(-1, 1, bands)[None, :, None] * normal(batch, 1, 1) * change.tilt
    moved = moved + level + tilt
    # of the mouth's spectrogram, 1 to 2.5 units quieter is about 11 to 27 dB
    quieter = 1.0 + 1.5 * uniform(batch, 1, 1)
    quieter = torch.where(uniform(batch, 1, 1) < change.babble, quieter, torch.full_like(quieter, 20.0))
    other = torch.roll(mel, 1, 0).roll(int(uniform(1) * columns), 2)
    moved = torch.logaddexp(moved * change.unit, (other - quieter) * change.unit) / change.unit
    low, high = change.floor
    floor = low + (high - low) * uniform(batch, 1, 1) + normal(batch, bands, columns) * 0.2
    moved = torch.logaddexp(moved * change.unit, floor * change.unit) / change.unit
    hidden = moved.mean((1, 2))
    for row, value in zip(moved, hidden, strict=True):
        for _ in range(change.masks):
            width, length = int(uniform(1) * change.mask_bands), int(uniform(1) * change.mask_columns)
            band, column = int(uniform(1) * (bands - width)), int(uniform(1) * max(1, columns - length))
            row[band : band + width] = value
            row[:, column : column + length] = value
    return moved
