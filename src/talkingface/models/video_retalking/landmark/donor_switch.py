"""The change from one donor to the next: for an instant both are shown, what they show brought to the same place first.

Both are already brought to the same lips by their landmarks. What is left, teeth and texture, is aligned by dense
optical flow, so that edges move over instead of being seen twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

SWITCH_SECONDS = 0.06  # to either side; at 25 frames a second two frames are mixed, one third to two
LEAST_SHARE = 0.04
FARTHEST = 0.06  # inter-ocular distances that flow may move something; the mouths' contours agree already
SMALLEST = 48  # pixels of a layer's shorter side, below which there is nothing to align


@dataclass(frozen=True)
class Switches:
    """Which other donor shines through in which frame.

    Attributes:
        other: (N,) row of the track; the frame's own donor where nothing else is shown.
        share: (N,) weight of the other, 0 to 0.5.
    """

    other: NDArray[np.int64]
    share: NDArray[np.float32]


def plan_switches(donors: NDArray[np.int64], times: NDArray[np.float64]) -> Switches:
    """Find the changes of donors and lay a short transition round each.

    Args:
        donors: (N,) row of the track each frame's mouth is taken from.
        times: (N,) seconds, rising.
    """
    other, share = donors.copy(), np.zeros(len(donors), np.float32)
    for after in np.flatnonzero(np.abs(np.diff(donors)) > 1) + 1:
        middle = 0.5 * (times[after - 1] + times[after])
        low = int(np.searchsorted(times, middle - SWITCH_SECONDS))
        high = int(np.searchsorted(times, middle + SWITCH_SECONDS, side="right"))
        for number in range(low, high):
            weight = 0.5 * (1 - abs(times[number] - middle) / SWITCH_SECONDS)
            # the nearest change counts; only a donor that runs on to the change meets the other one there
            if weight <= max(LEAST_SHARE, share[number]) or abs(times[after] - times[after - 1]) > 2 * SWITCH_SECONDS:
                continue
            other[number] = donors[after] if number < after else donors[after - 1]
            share[number] = weight
    return Switches(other, share)


class AlignedMix:
    """Mixes the layers of two donors in one frame; luma comes first, chroma follows its flow."""

    def __init__(self, share: float, unit: float, white: float) -> None:
        """Nothing is mixed yet.

        Args:
            share: Weight of the second layer.
            unit: Inter-ocular distance, pixels.
            white: The code of white.
        """
        self._share = np.float32(share)
        self._farthest = np.float32(FARTHEST * unit)
        self._white = np.float32(white)
        self._flow: FloatArray | None = None

    def __call__(self, one: FloatArray, other: FloatArray, first: bool) -> FloatArray:
        """Mix one plane of the two layers, of the same size.

        Args:
            one: (height, width).
            other: (height, width).
            first: True for luma: the flow is found.
        """
        if first:
            self._flow = self._found(one, other)
        if self._flow is None:
            return self.evenly(one, other)
        flow = self._flow
        if flow.shape[:2] != one.shape:
            ratio = np.array([one.shape[1] / flow.shape[1], one.shape[0] / flow.shape[0]], np.float32)
            flow = cv2.resize(flow, (one.shape[1], one.shape[0]), interpolation=cv2.INTER_AREA) * ratio
        rows = np.arange(one.shape[0], dtype=np.float32)[:, None]
        columns = np.arange(one.shape[1], dtype=np.float32)[None]

        def moved(picture: FloatArray, by: np.float32) -> FloatArray:
            across, down = columns + by * flow[..., 0], rows + by * flow[..., 1]
            found = cv2.remap(picture, across, down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
            return np.asarray(found, np.float32)

        begin = moved(one, -self._share)
        return np.asarray(begin + self._share * (moved(other, 1 - self._share) - begin))

    def evenly(self, one: FloatArray, other: FloatArray) -> FloatArray:
        """Mix what needs no alignment."""
        return np.asarray(one + self._share * (other - one), np.float32)

    def _found(self, one: FloatArray, other: FloatArray) -> FloatArray | None:
        """Where in the second layer what the first shows is, relative; None when too small to tell."""
        if min(one.shape) < SMALLEST:
            return None
        pictures = [np.clip(layer * (255 / self._white), 0, 255).astype(np.uint8) for layer in (one, other)]
        flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST).calc(pictures[0], pictures[1], None)
        length = np.linalg.norm(flow, axis=-1, keepdims=True)
        return np.asarray(flow * np.minimum(1, self._farthest / np.maximum(length, 1e-6)), np.float32)
