"""Eyes of a still that blink and look: the lid slides over an eyeball that stays, the iris moves behind the lids."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import interocular_distance, smoothstep

FloatArray = NDArray[np.float64]

_BROW_UNDERSIDES = ((46, 53, 52, 65, 55), (276, 283, 282, 295, 285))
_PARTS = (
    (mesh.EYE_LEFT_CORNERS, mesh.EYE_LEFT_UPPER, mesh.EYE_LEFT_LOWER, mesh.LEFT_IRIS),
    (mesh.EYE_RIGHT_CORNERS, mesh.EYE_RIGHT_UPPER, mesh.EYE_RIGHT_LOWER, mesh.RIGHT_IRIS),
)
LID_SHARE = 0.8  # of the skin between lashes and brow, so much unfolds in a blink
LOWER_LID_RISE = 0.12  # of the opening
LID_SAMPLES = 64
SHORTEST = 0.1  # inter-ocular distances, half the width of an eye
LASHES = 0.035  # inter-ocular distances: the dark edge of the lid, which moves without stretching


class Eye:
    """One eye of a still, in coordinates of its own: ``a`` pixels along the line between its corners, ``b`` across."""

    def __init__(self, landmarks: NDArray[np.floating], side: int, width: int, height: int) -> None:
        """Measure the eye.

        Args:
            landmarks: (478, 3) of the face, pixels.
            side: 0 for the viewer's left eye, 1 for the right one.
            width: Of the picture.
            height: Of the picture.
        """
        corners, upper, lower, iris = _PARTS[side]
        points = np.asarray(landmarks[:, :2], np.float64)
        self.unit = float(interocular_distance(points))
        ends = points[list(corners)]
        self.middle = ends.mean(0)
        across = ends[1] - ends[0]
        self.half = float(np.linalg.norm(across)) / 2
        self.across = across / (2 * self.half)
        self.down = np.array([-self.across[1], self.across[0]])
        self.upper = self._curve(points[list(upper)], ends)
        self.lower = self._curve(points[list(lower)], ends)
        brow = self._local(points[list(_BROW_UNDERSIDES[side])])
        lid_height = LID_SHARE * float(np.polyval(self.upper, 0) - brow[1:4, 1].mean())
        self.lid_height = max(lid_height, 2 * LASHES * self.unit)
        self.iris = self._local(points[list(iris)])[0]
        ring = self._local(points[list(iris[1:])])
        self.iris_radius = float(np.linalg.norm(ring - self.iris, axis=1).mean())
        reach = np.array([1.5 * self.half, self.lid_height + self.half])
        extent = np.abs(self.across) * reach[0] + np.abs(self.down) * reach[1]
        low = np.maximum(0, np.floor(self.middle - extent)).astype(int)
        high = np.minimum([width, height], np.ceil(self.middle + extent)).astype(int)
        self.x0, self.y0, self.x1, self.y1 = int(low[0]), int(low[1]), int(high[0]), int(high[1])
        # an eye of a face in profile, or cut by the picture's border, is left as it is
        self.usable = self.half > SHORTEST * self.unit and bool((high - low).min() >= 4)
        if not self.usable:
            return
        grid = np.stack(np.meshgrid(np.arange(self.x0, self.x1), np.arange(self.y0, self.y1)), -1).astype(float)
        local = self._local(grid)
        self.a, self.b = local[..., 0], local[..., 1]
        # beyond the corners nothing opens nor closes
        inside = np.clip(self.a, -self.half, self.half)
        self.top, self.bottom = np.polyval(self.upper, inside), np.polyval(self.lower, inside)
        self.gap = np.maximum(self.bottom - self.top, 0) * (np.abs(self.a) < self.half)

    def _local(self, points: NDArray[np.floating]) -> FloatArray:
        """Pixels (..., 2) along and across the line between the eye's corners, from its middle."""
        shifted = points - self.middle
        return np.stack([shifted @ self.across, shifted @ self.down], -1)

    def _curve(self, lid: FloatArray, ends: FloatArray) -> FloatArray:
        """Polynomial of a lid's edge through both corners."""
        local = self._local(np.concatenate([ends, lid]))
        weights = np.array([4.0, 4.0] + [1.0] * len(lid))
        return np.asarray(np.polyfit(local[:, 0], local[:, 1], 4, w=weights))

    def render(self, picture: NDArray[np.uint8], closure: float, gaze: FloatArray) -> None:
        """Draw the eye into the still.

        Args:
            picture: (height, width, 3), altered round the eye. It must hold the still there.
            closure: 0 as in the still .. 1 closed.
            gaze: (2,) shift of the iris, inter-ocular distances.
        """
        if not self.usable:
            return
        still = picture[self.y0 : self.y1, self.x0 : self.x1].copy()
        eyeball = self._sample(still, *self._iris_source(gaze * self.unit))
        rise = LOWER_LID_RISE * closure * self.gap
        lower_edge = self.bottom - rise
        upper_edge = self.top + closure * (lower_edge - self.top)
        below = np.maximum(self.gap, 1e-3) + self.half * 0.5
        fade = 1 - smoothstep(0, 1, (self.b - lower_edge) / below)
        lower = self._sample(still, self.a, self.b + rise * fade)
        fold = self.top - self.lid_height
        stretch = (self.b - fold) / (upper_edge - fold - LASHES * self.unit)
        upper = self._sample(still, self.a, self.b - (upper_edge - self.top) * smoothstep(0, 1, stretch))
        if closure > 0:
            # Stretched lashes and eye shadow would show as stripes: what unfolds in the middle is plain skin.
            plain = smoothstep(0.15, 0.6, stretch) * (1 - smoothstep(0.97, 1.0, stretch))
            plain *= 1 - smoothstep(0.92, 1.15, np.abs(self.a) / self.half)
            plain *= 0.9 * smoothstep(0.1, 0.6, np.full_like(plain, closure))
            upper += (self._lid_skin(still) - upper) * plain[..., None]
        drawn = _over(eyeball, lower, self.b - lower_edge)
        drawn = _over(drawn, upper, upper_edge - self.b)
        picture[self.y0 : self.y1, self.x0 : self.x1] = np.clip(np.rint(drawn), 0, 255).astype(np.uint8)

    def _lid_skin(self, still: NDArray[np.uint8]) -> FloatArray:
        """The colour of the lid's clean skin between lashes and brow, smooth along the eye; the size of ``still``."""
        along = np.linspace(-self.half, self.half, LID_SAMPLES)
        heights = self.lid_height * np.linspace(0.45, 0.9, 7)[:, None]
        rows = self._sample(still, np.broadcast_to(along, (7, LID_SAMPLES)), np.polyval(self.upper, along) - heights)
        # the brighter part: between two lashes or folds
        colours = np.quantile(rows, 0.7, axis=0)[None]
        colours = cv2.GaussianBlur(colours, (0, 0), LID_SAMPLES / 4, borderType=cv2.BORDER_REFLECT)
        index = ((self.a / self.half + 1) / 2 * (LID_SAMPLES - 1)).astype(np.float32)
        return np.asarray(
            cv2.remap(colours, index, np.zeros_like(index), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        )

    def _iris_source(self, shift: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Where to read the eyeball from when the iris has moved by a few pixels."""
        distance = np.hypot(self.a - self.iris[0], self.b - self.iris[1]) / self.iris_radius
        weight = 1 - smoothstep(1.1, 2.2, distance)
        return self.a - weight * (shift @ self.across), self.b - weight * (shift @ self.down)

    def _sample(self, still: NDArray[np.uint8], a: FloatArray, b: FloatArray) -> FloatArray:
        x = self.middle[0] + a * self.across[0] + b * self.down[0] - self.x0
        y = self.middle[1] + a * self.across[1] + b * self.down[1] - self.y0
        maps = x.astype(np.float32), y.astype(np.float32)
        return np.asarray(cv2.remap(still.astype(np.float32), *maps, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))


def _over(behind: FloatArray, front: FloatArray, inside: FloatArray) -> FloatArray:
    """Lay a picture over another where ``inside`` (pixels) is positive, with an edge one pixel soft."""
    alpha = np.clip(inside + 0.5, 0, 1)[..., None]
    return behind + (front - behind) * alpha
