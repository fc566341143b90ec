"""Smooth displacement fields through scattered points: thin-plate splines (Bookstein 1989)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


def _kernel(squared: NDArray[np.floating]) -> NDArray[np.floating]:
    """r^2 log r^2, with 0 at 0."""
    return np.asarray(squared * np.log(squared + 1e-12))


class ThinPlateSpline:
    """A displacement of the plane that takes given values at given points and bends as little as possible."""

    def __init__(
        self, points: NDArray[np.floating], values: NDArray[np.floating], unit: float, stiffness: float = 1e-3
    ) -> None:
        """Fit the spline.

        Args:
            points: (N, 2) pixels.
            values: (N, 2) displacement wanted there, pixels.
            unit: A length in pixels that is about 1 for the problem (the inter-ocular distance), for conditioning.
            stiffness: 0 passes through every point; more smooths landmark jitter away.
        """
        self.unit = float(unit)
        self.origin = points.mean(0)
        self.points = ((points - self.origin) / unit).astype(np.float64)
        count = len(points)
        system = np.zeros((count + 3, count + 3))
        squared = ((self.points[:, None] - self.points[None]) ** 2).sum(-1)
        system[:count, :count] = _kernel(squared)
        system[np.arange(count), np.arange(count)] += stiffness
        system[:count, count] = system[count, :count] = 1
        system[:count, count + 1 :] = self.points
        system[count + 1 :, :count] = self.points.T
        wanted = np.zeros((count + 3, 2))
        wanted[:count] = values
        self.weights = np.linalg.solve(system, wanted).astype(np.float32)
        self.centres = self.points.astype(np.float32)

    def __call__(self, where: NDArray[np.floating]) -> FloatArray:
        """Displacement (..., 2) in pixels at positions (..., 2) in pixels."""
        shape = where.shape
        flat = ((where.reshape(-1, 2) - self.origin) / self.unit).astype(np.float32)
        count = len(self.centres)
        squared = (flat * flat).sum(1)[:, None] + (self.centres * self.centres).sum(1)[None] - 2 * flat @ self.centres.T
        np.maximum(squared, 0, out=squared)
        squared *= np.log(squared + np.float32(1e-12))
        result = squared @ self.weights[:count] + self.weights[count] + flat @ self.weights[count + 1 :]
        return np.asarray(result.reshape(shape), np.float32)


class Box:
    """An even-aligned rectangle of a picture with a coarse lattice on it, where fields are evaluated."""

    def __init__(self, x0: int, y0: int, width: int, height: int, step: int) -> None:
        self.x0, self.y0, self.width, self.height, self.step = x0, y0, width, height, step

    @classmethod
    def around(
        cls, low: NDArray[np.floating], high: NDArray[np.floating], step: int, picture_width: int, picture_height: int
    ) -> Box:
        """The smallest box that holds two corners, its sides multiples of an even ``step``, clipped to the picture.

        At the picture's right and lower border the box may be cut to an even size that is no multiple of the step.
        """
        x0 = max(0, int(np.floor(low[0])) // 2 * 2)
        y0 = max(0, int(np.floor(low[1])) // 2 * 2)
        width = max(step, -(-(int(np.ceil(high[0])) - x0) // step) * step)
        height = max(step, -(-(int(np.ceil(high[1])) - y0) // step) * step)
        return cls(x0, y0, min(width, (picture_width - x0) // 2 * 2), min(height, (picture_height - y0) // 2 * 2), step)

    @property
    def empty(self) -> bool:
        """True when nothing of it lies in the picture."""
        return self.width < 4 or self.height < 4

    def lattice(self) -> FloatArray:
        """(rows, columns, 2) positions in pixels of the picture at which to evaluate a field."""
        columns, rows = max(2, self.width // self.step), max(2, self.height // self.step)
        xs = self.x0 + (np.arange(columns) + 0.5) * (self.width / columns) - 0.5
        ys = self.y0 + (np.arange(rows) + 0.5) * (self.height / rows) - 0.5
        return np.stack(np.meshgrid(xs, ys), -1).astype(np.float32)

    def dense(self, field: FloatArray, shift_x: int = 0, shift_y: int = 0) -> tuple[FloatArray, FloatArray]:
        """Turn displacements on the lattice into sampling maps for one plane of the picture.

        Args:
            field: (rows, columns, 2) displacement in luma pixels.
            shift_x: Halvings of the plane across.
            shift_y: Halvings of the plane down.

        Returns:
            Two (height, width) float32 maps: for every sample of the box in that plane, the plane's own coordinates
            to read from.
        """
        width, height = self.width >> shift_x, self.height >> shift_y
        smooth = cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC)
        across = smooth[..., 0] / (1 << shift_x) + np.arange(width, dtype=np.float32)[None] + (self.x0 >> shift_x)
        down = smooth[..., 1] / (1 << shift_y) + np.arange(height, dtype=np.float32)[:, None] + (self.y0 >> shift_y)
        return across.astype(np.float32, copy=False), down.astype(np.float32, copy=False)
