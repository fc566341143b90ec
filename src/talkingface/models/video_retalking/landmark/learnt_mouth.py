"""An inner mouth painted by a small network that has seen many (``MODEL_CARD.md``, inner-mouth painter).

The network is a field: it answers for every place between the lips by itself, so it paints in any resolution, and the
same places have the same colours in every frame.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkingface.models.video_retalking.landmark.mouth_colours import MouthColours
from talkingface.models.video_retalking.landmark.mouth_space import MouthSpace
from talkingface.weights.embedded import create_session

BRIGHTEST = 1.15  # shares of the white of teeth


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
        return np.asarray(np.clip(painted, 0, BRIGHTEST), np.float32)
