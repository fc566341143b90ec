"""An inner mouth drawn by rule: teeth that stay with the skull, teeth and tongue that go with the jaw, depth between.

It needs no network. Every length is in inter-ocular distances (about 63 mm), every colour a share of the teeth's
brightest white.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkingface.faces.geometry import smoothstep
from talkingface.models.video_retalking.landmark.mouth_colours import MouthColours
from talkingface.models.video_retalking.landmark.mouth_space import MouthSpace

DEPTH = np.array([0.11, 0.10, 0.19])  # B, G, R of what lies in the dark
GUM = np.array([0.36, 0.34, 0.56])
TONGUE = np.array([0.50, 0.47, 0.62])
UPPER_CUT = 0.030  # lower edge of the upper front teeth below the closed lips
UPPER_RISE = 0.9  # how that edge rises to the sides, per squared distance
UPPER_TOP = -0.16  # where the gum begins
LOWER_CUT = 0.020  # upper edge of the lower front teeth below the jaw's own closed lips
LOWER_SINK = 0.9
EDGE = 0.010  # softness of a tooth's edge
UPPER_GAPS = (0.0, 0.135, 0.24, 0.345)  # where neighbouring teeth meet, on both sides of the middle
LOWER_GAPS = (0.0, 0.085, 0.175, 0.275)


def draw_mouth(space: MouthSpace, colours: MouthColours) -> NDArray[np.float32]:
    """Colours (n, 3) of places between the lips: B, G, R as shares of the white of teeth.

    Args:
        space: The places.
        colours: Of the person.
    """
    side = np.abs(space.across)
    # an arch curves away from the light and into the shadow of the cheeks
    round_off = 1 - 0.75 * smoothstep(0.10, 0.34, side)
    corner = 1 - 0.85 * smoothstep(0.34, 0.50, np.abs(space.along))
    shadow_above = 0.42 + 0.58 * (1 - np.exp(-space.below_upper / 0.035))
    shadow_below = 0.72 + 0.28 * (1 - np.exp(-space.above_lower / 0.02))
    colour = np.repeat(DEPTH[None], len(space), 0)
    colour = _lay(colour, *_tongue(space), shadow_above * corner)
    colour = _lay(colour, *_lower_teeth(space, side), round_off * corner * (0.45 + 0.55 * shadow_above) * 0.86)
    colour = _lay(colour, *_upper_teeth(space, side), round_off * corner * shadow_above * shadow_below)
    return np.asarray(colour, np.float32)


def _lay(
    below: NDArray[np.floating], colour: NDArray[np.floating], share: NDArray[np.floating], light: NDArray[np.floating]
) -> NDArray[np.floating]:
    return np.asarray(below + (colour * light[:, None] - below) * share[:, None])


def tooth_gaps(across: NDArray[np.floating], places: tuple[float, ...], width: float) -> NDArray[np.float64]:
    """1 on the lines between teeth, falling to 0 beside them."""
    side = np.abs(across)
    return np.asarray(np.max([np.exp(-(((side - place) / width) ** 2)) for place in places], axis=0))


def _upper_teeth(space: MouthSpace, side: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    gaps = tooth_gaps(space.across, UPPER_GAPS, 0.010)
    edge = UPPER_CUT - UPPER_RISE * side**2 - 0.010 * gaps - 0.006 * smoothstep(0.13, 0.14, side)
    share = 1 - smoothstep(-EDGE, EDGE, space.skull - edge)
    gum = 1 - smoothstep(-0.02, 0.02, space.skull - UPPER_TOP)
    white = np.array([0.97, 1.0, 1.0]) * (1 - 0.16 * gaps[:, None])
    return white + (GUM - white) * gum[:, None], share


def _lower_teeth(space: MouthSpace, side: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    gaps = tooth_gaps(space.across, LOWER_GAPS, 0.008)
    edge = LOWER_CUT + LOWER_SINK * side**2 + 0.006 * gaps
    share = smoothstep(-EDGE, EDGE, space.jaw - edge)
    return np.array([0.94, 0.97, 1.0]) * (1 - 0.15 * gaps[:, None]), share


def _tongue(space: MouthSpace) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """A tongue that lies behind the lower teeth and is seen over them when the jaw is down."""
    top = 0.004 + 1.6 * space.across**2
    share = smoothstep(-0.035, 0.035, space.jaw - top) * smoothstep(0.05, 0.14, space.opening[0] + 0 * top)
    light = 0.72 + 0.28 * np.exp(-((space.across / 0.14) ** 2))
    return TONGUE * light[:, None], share
