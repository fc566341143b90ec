"""Cutting a face out as the coefficients' network was trained to see it: 224 x 224, fitted to five points in space.

The fit is scaled orthographic (POS: Dementhon and Davis 1995): two rows of an affine camera by least squares, their
mean length is the scale. Points count y upwards from the picture's last row, as the network's makers do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SIZE = 224
STANDARD_SCALE = 102.0  # pixels of the cut that a unit of the points in space takes
REACH = 2.0  # of the bicubic kernel, in pixels
SHARPNESS = -0.5  # its free parameter, as Pillow has it

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class PoseFit:
    """How a picture is scaled and where the face is in it.

    Attributes:
        width: Of the picture, pixels.
        height: Of the picture, pixels.
        scale: What the picture is scaled by before it is cut.
        x: The points' origin, pixels from the left.
        y: The same, pixels from the bottom.
    """

    width: int
    height: int
    scale: float
    x: float
    y: float

    def row(self) -> NDArray[np.float32]:
        """(5,) as the end of a row of coefficients, see ``semantic_window``."""
        return np.array([self.width, self.height, self.scale, self.x, self.y], np.float32)

    def scaled_size(self) -> tuple[int, int]:
        """Width and height of the scaled picture."""
        return int(self.width * self.scale), int(self.height * self.scale)

    def corner(self) -> tuple[int, int]:
        """Where in the scaled picture the cut begins: pixels from the left, and from the top."""
        width, height = self.scaled_size()
        across = width / 2 - SIZE / 2 + (self.x - self.width / 2) * self.scale
        down = height / 2 - SIZE / 2 + (self.height / 2 - self.y) * self.scale
        return int(across), int(down)

    def to_cut(self, points: NDArray[np.floating]) -> FloatArray:
        """Carry points (N, 2) of the picture, y upwards, to the cut, y upwards."""
        width, height = self.scaled_size()
        middle = np.array([self.width / 2 - self.x, self.height / 2 - self.y])
        scaled = (np.asarray(points, np.float64) + middle) * self.scale
        return np.asarray(scaled - (np.array([width, height]) - SIZE) / 2)


def five_points(landmarks: NDArray[np.floating]) -> FloatArray:
    """The points that are fitted, of a picture's landmarks or of a standard face's.

    Args:
        landmarks: (68, 2 or 3) of the iBUG scheme.

    Returns:
        (5, 2 or 3) the eyes' centres by their corners, the nose's tip, the mouth's corners.
    """
    points = np.asarray(landmarks, np.float64)
    left, right = points[[36, 39]].mean(0), points[[42, 45]].mean(0)
    return np.stack([left, right, points[30], points[48], points[54]])


def upwards(points: NDArray[np.floating], height: int) -> NDArray[np.floating]:
    """The same points (..., 2) with y counted from the last row up."""
    return np.stack([points[..., 0], height - 1 - points[..., 1]], -1)


def fit_pose(points: NDArray[np.floating], space: NDArray[np.floating], width: int, height: int) -> PoseFit:
    """Fit points in space to a picture.

    Args:
        points: (N, 2) pixels, y upwards (see ``upwards``), N >= 4.
        space: (N, 3) the same points of a standard face.
        width: Of the picture.
        height: Of the picture.
    """
    known = np.column_stack([np.asarray(space, np.float64), np.ones(len(space))])
    camera = np.linalg.lstsq(known, np.asarray(points, np.float64), rcond=None)[0]  # (4, 2)
    length = np.linalg.norm(camera[:3], axis=0).mean()
    return PoseFit(width, height, float(STANDARD_SCALE / length), float(camera[3, 0]), float(camera[3, 1]))


def cut_faces(pictures: Tensor, fits: list[PoseFit]) -> Tensor:
    """Scale and cut in one step: only what is kept is computed.

    Args:
        pictures: (N, C, H, W) float, all of one size.
        fits: One for each.

    Returns:
        (N, C, 224, 224) bicubic, in the pictures' range but for overshoots of the interpolation; 0 beyond the picture.
    """
    across, down = [], []
    for fit in fits:
        (width, height), (left, top) = fit.scaled_size(), fit.corner()
        across.append(_bicubic(fit.width, width, left))
        down.append(_bicubic(fit.height, height, top))
    rows = torch.from_numpy(np.stack(down)).to(pictures)
    columns = torch.from_numpy(np.stack(across)).to(pictures)
    cut: Tensor = rows[:, None] @ pictures @ columns[:, None].transpose(-1, -2)
    return cut


def _bicubic(size: int, scaled: int, first: int) -> NDArray[np.float32]:
    """(224, size) weights of a row's pixels in 224 pixels of the scaled row; the kernel widens where it shrinks."""
    step = size / scaled
    width = max(step, 1.0)
    places = np.arange(first, first + SIZE)
    distance = np.abs((np.arange(size) + 0.5)[None] - ((places + 0.5) * step)[:, None]) / width
    near = ((SHARPNESS + 2) * distance - (SHARPNESS + 3)) * distance**2 + 1
    far = SHARPNESS * (((distance - 5) * distance + 8) * distance - 4)
    weights = np.where(distance < 1, near, np.where(distance < REACH, far, 0.0))
    weights[(places < 0) | (places >= scaled)] = 0
    total = weights.sum(1, keepdims=True)  # cut-off kernels at the border still sum to 1
    return np.asarray(weights / np.where(total == 0, 1, total), np.float32)
