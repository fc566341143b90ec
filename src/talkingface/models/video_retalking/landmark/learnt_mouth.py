"""An inner mouth painted by a small network that has seen many (``MODEL_CARD.md``, inner-mouth painter).

The network is a field: it answers for every place between the lips by itself, so it paints in any resolution, and the
same places have the same colours in every frame.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkingface.faces.geometry import smoothstep
from talkingface.models.video_retalking.landmark.mouth_colours import LUMA, MouthColours
from talkingface.models.video_retalking.landmark.mouth_space import MouthSpace
from talkingface.weights.embedded import create_session

BRIGHTEST = 1.0  # shares of the white of teeth
BRIGHTNESS = 0.9  # the mouth that ships has whiter teeth than most
SHADOW_ABOVE, SHADOW_BELOW, SHADOW_REACH = 0.2, 0.45, 0.014  # lips' shadow on teeth; reach in inter-ocular distances
CRISP = (90.0, 220.0)  # places told apart in an inter-ocular distance, from where the network's softness shows
DARK, LIGHT = 0.16, 0.76  # shares of white between which edges are made steeper
EDGE_SHARE = 0.5


class LearntMouth:
    """The shipped inner-mouth painter. A thousand places cost about 1 ms on one CPU core."""

    def __init__(self) -> None:
        self.session = create_session("inner_mouth.onnx")

    def __call__(self, space: MouthSpace, colours: MouthColours) -> NDArray[np.float32]:
        """Colours (n, 3) of places between the lips: B, G, R as shares of the white of teeth.

        Args:
            space: The places.
            colours: Of the person.
        """
        feed = {
            "places": space.places(),
            "opening": space.opening[None],
            "lips": (colours.lips / colours.white)[None].astype(np.float32),
        }
        (painted,) = self.session.run(None, feed)
        shadow = (1 - SHADOW_ABOVE * np.exp(-space.below_upper / SHADOW_REACH)) * (
            1 - SHADOW_BELOW * np.exp(-space.above_lower / SHADOW_REACH)
        )
        painted = np.clip(painted * BRIGHTNESS * shadow[:, None], 0, BRIGHTEST)
        share = float(smoothstep(*CRISP, np.array(colours.detail)))
        return np.asarray(painted * crispness(painted, share)[:, None] if share > 0 else painted, np.float32)


def crispness(painted: NDArray[np.floating], share: float) -> NDArray[np.float64]:
    """Steeper edges, for pictures sharper than those the network learnt from.

    Args:
        painted: (n, 3) colours, shares of white.
        share: 0..1, how much of it.

    Returns:
        (n,) factors.
    """
    luma = np.maximum(painted @ LUMA, 1e-3)
    steep = DARK + (LIGHT - DARK) * smoothstep(DARK, LIGHT, luma)
    edges = np.where((luma > DARK) & (luma < LIGHT), steep / luma, 1.0)
    return np.asarray(1 + EDGE_SHARE * share * (edges - 1))
