"""Cutting turned squares out of pictures, and putting them back, many at a time on any device.

Pixels count from their outer edges: the first one's centre is at (0.5, 0.5). Squares are given by their corners, as
``FaceSquare.corners`` has them, in the coordinates where that centre is at (0, 0).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional


def square_to_picture(corners: NDArray[np.floating], size: int) -> NDArray[np.float64]:
    """(N, 4, 2) corners -> (N, 2, 3) affine maps from a crop of ``size`` x ``size`` pixels to the picture."""
    shifted = np.asarray(corners, np.float64) + 0.5
    upper_left, lower_left, _, upper_right = shifted.swapaxes(0, 1)
    return np.stack([(upper_right - upper_left) / size, (lower_left - upper_left) / size, upper_left], -1)


def picture_to_square(corners: NDArray[np.floating], size: int) -> NDArray[np.float64]:
    """(N, 4, 2) corners -> (N, 2, 3) affine maps from the picture to a crop of ``size`` x ``size`` pixels."""
    forth = square_to_picture(corners, size)
    back = np.linalg.inv(forth[..., :2])
    return np.concatenate([back, -back @ forth[..., 2:]], -1)


def cut_squares(pictures: Tensor, corners: NDArray[np.floating], size: int) -> Tensor:
    """Cut one square out of each picture.

    Args:
        pictures: (N, C, H, W) float.
        corners: (N, 4, 2).
        size: Of the crops, pixels.

    Returns:
        (N, C, size, size), bilinear; 0 where a square reaches beyond its picture.
    """
    return sampled(pictures, square_to_picture(corners, size), size, size, torch.zeros_like(pictures[:, :, :1, :1]))


def paste_squares(crops: Tensor, corners: NDArray[np.floating], base: Tensor) -> Tensor:
    """Put crops back to where they were cut.

    Args:
        crops: (N, C, S, S) float.
        corners: (N, 4, 2) in the pictures.
        base: (N, C, H, W) the pictures.

    Returns:
        (N, C, H, W) the pictures with the squares' pixels in them, bilinear.
    """
    height, width = base.shape[-2:]
    return sampled(crops, picture_to_square(corners, crops.shape[-1]), height, width, base)


def sampled(source: Tensor, maps: NDArray[np.float64], height: int, width: int, outside: Tensor) -> Tensor:
    """Look every pixel of pictures up in a source.

    Args:
        source: (N, C, h, w) float.
        maps: (N, 2, 3) from places in the pictures to places in the source; pixels count from their outer edges.
        height: Of the pictures.
        width: Of the pictures.
        outside: (N, C, height, width), or what broadcasts to it: shown where a place lies beyond the source.

    Returns:
        (N, C, height, width), bilinear.
    """
    wide = torch.promote_types(source.dtype, torch.float32)  # half precision would be out by a pixel
    map_ = torch.from_numpy(maps).to(wide).to(source.device)  # some devices know no float64
    x = torch.arange(width, device=source.device, dtype=wide) + 0.5
    y = torch.arange(height, device=source.device, dtype=wide) + 0.5
    rows = map_[:, None, None, :, 1] * y[None, :, None, None]
    places = map_[:, None, None, :, 0] * x[None, None, :, None] + rows + map_[:, None, None, :, 2]
    extent = torch.tensor([source.shape[-1], source.shape[-2]], device=source.device, dtype=wide)
    inside = ((places >= 0) & (places < extent)).all(-1)[:, None]
    grid = places / extent * 2 - 1
    found = functional.grid_sample(
        source.to(wide), grid, mode="bilinear", padding_mode="border", align_corners=False
    ).to(source.dtype)
    return torch.where(inside, found, outside)
