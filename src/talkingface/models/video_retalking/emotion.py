"""Expression templates and emotions, for both backends: what a face is to look like besides what it says.

VideoReTalking gives every frame the expression of one template (its ``--exp_img``: ``neutral`` is the middle of the
expressions its 3-D face model knows, ``smile`` another point of that space, or a picture's expression) and changes the
upper face by action units (``--up_face``). Here an expression is a change of seven measures of a face
(``face_measures``). A template says how a face differs from an average person's; what a clip shows of that already is
taken off, so that a smile made to smile hardly changes and one made neutral goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talkingface.models.video_retalking.face_measures import MEASURES, measure, measured_like
from talkingface.options import SynthesisOptions

FloatArray = NDArray[np.float64]


def _change(**measures: float) -> FloatArray:
    return np.array([measures.get(name, 0.0) for name in MEASURES])


# a template's difference from an average person's resting face, inter-ocular distances
EXPRESSIONS: Mapping[str, FloatArray] = MappingProxyType(
    {
        "neutral": _change(),
        "happy": _change(
            brow_outer=0.010,
            upper_lid=-0.008,
            lower_lid=-0.022,
            corner_height=0.055,
            mouth_width=0.09,
        ),
        "sad": _change(
            brow_inner=0.050,
            brow_outer=-0.045,
            brow_distance=-0.020,
            upper_lid=-0.014,
            corner_height=-0.045,
            mouth_width=-0.025,
        ),
    }
)
# what an emotion adds at strength 1. Happy is action units 6 and 12; sad 1, 4 and 15; angry 4, 7 and 23; surprise 1, 2
# and 5: of its 26, the fallen jaw, speech knows better.
EMOTIONS: Mapping[str, FloatArray] = MappingProxyType(
    {
        "none": _change(),
        "happy": _change(
            brow_outer=0.012,
            upper_lid=-0.006,
            lower_lid=-0.022,
            corner_height=0.040,
            mouth_width=0.06,
        ),
        "sad": _change(
            brow_inner=0.055,
            brow_outer=-0.045,
            brow_distance=-0.020,
            upper_lid=-0.012,
            corner_height=-0.035,
            mouth_width=-0.015,
        ),
        "angry": _change(
            brow_inner=-0.055,
            brow_outer=-0.015,
            brow_distance=-0.045,
            lower_lid=-0.012,
            corner_height=-0.012,
            mouth_width=-0.025,
        ),
        "surprise": _change(
            brow_inner=0.080,
            brow_outer=0.080,
            brow_distance=0.005,
            upper_lid=0.022,
            lower_lid=0.004,
            mouth_width=-0.015,
        ),
    }
)
# of the 56 people of the training clips (about 50 of them presenters who smile little): their means' mean and
# standard deviation, mouths closed
AVERAGE_FACE = _change(
    brow_inner=0.347,
    brow_outer=0.289,
    brow_distance=0.399,
    upper_lid=0.090,
    lower_lid=0.041,
    corner_height=-0.013,
    mouth_width=0.781,
)
PEOPLE_DIFFER = _change(
    brow_inner=0.037,
    brow_outer=0.041,
    brow_distance=0.021,
    upper_lid=0.018,
    lower_lid=0.007,
    corner_height=0.022,
    mouth_width=0.058,
)
# how much of a clip's own expression a template takes off: a brow that lies low is more often the person's own than a
# frown (seen on test clips: taken off wholly, people no longer looked like themselves), a smile is always a smile
TAKEN_OFF = _change(
    brow_inner=0.35, brow_outer=0.35, brow_distance=0.35, upper_lid=0.35, lower_lid=0.5, corner_height=1, mouth_width=1
)
# no face is changed further than this, whatever is asked: beyond it skin smears
MOST = _change(
    brow_inner=0.090,
    brow_outer=0.090,
    brow_distance=0.060,
    upper_lid=0.025,
    lower_lid=0.022,
    corner_height=0.070,
    mouth_width=0.120,
)
# brows behind glasses move so much of that
UNDER_GLASSES = np.where([name.startswith("brow") for name in MEASURES], 0.3, 1.0)


def expressed(measures: NDArray[np.floating]) -> FloatArray:
    """The part of a face's measures (..., 7) that is taken for expression, as a difference from an average person's.

    People differ too. What is small beside their differences is taken for the person, what is large for expression.
    """
    away = np.asarray(measures, np.float64) - AVERAGE_FACE
    return np.asarray(away * away**2 / (away**2 + PEOPLE_DIFFER**2))


def expression_of(shape: NDArray[np.floating], reference: NDArray[np.floating]) -> FloatArray:
    """The expression (7,) of a face.

    Args:
        shape: (478, 3) canonical coordinates, its mouth closed.
        reference: (478, 3) generic face.
    """
    return expressed(measure(measured_like(reference, shape)))


@dataclass(frozen=True)
class Look:
    """What a face is to look like besides what it says.

    Attributes:
        template: (7,) whole face, as a difference of the measures from an average person's; None keeps the clip's own.
        emotion: (7,) change on top of it, its strength counted in.
        glasses: 0..1, whether the person wears glasses, whose frame would bend with the brows.
    """

    template: FloatArray | None
    emotion: FloatArray
    glasses: float = 0.0

    @property
    def changes_nothing(self) -> bool:
        """True when every face stays what it is."""
        return self.template is None and not self.emotion.any()

    def change(self, own: NDArray[np.floating]) -> FloatArray:
        """How the measures of one person change, (7,).

        Args:
            own: (7,) the expression the clip shows, from ``expression_of``.
        """
        change = self.emotion if self.template is None else self.template - TAKEN_OFF * own + self.emotion
        held_back = 1 - (1 - UNDER_GLASSES) * self.glasses
        return np.asarray(np.clip(change, -MOST, MOST) * held_back)

    def behind_glasses(self, likely: float) -> Look:
        """The same for a person who wears glasses, with a likelihood of 0..1."""
        return replace(self, glasses=likely)

    def described(self) -> dict[str, Any]:
        """What a report says of it: the measures by name, inter-ocular distances."""

        def named(values: FloatArray) -> dict[str, float]:
            return {name: round(float(value), 4) for name, value in zip(MEASURES, values, strict=True)}

        return {
            "template": None if self.template is None else named(self.template),
            "emotion": named(self.emotion),
        }


def look_of(
    options: SynthesisOptions, reference: NDArray[np.floating], closing_direction: NDArray[np.floating]
) -> Look:
    """What the options ask for.

    Args:
        options: ``expression``, ``emotion`` and ``strength`` are read.
        reference: (478, 3) generic face.
        closing_direction: (80, 2) how each mouth point moves per unit of inner-lip gap.

    Raises:
        MediaError: the reference picture cannot be read.
        NoFaceError: it shows no face.
    """
    template = None
    if options.expression_picture is None:
        template = EXPRESSIONS.get(options.expression)  # none for "keep"
    else:
        # the networks that find faces, which no other expression needs
        from talkingface.models.video_retalking.reference_expression import reference_expression

        template = reference_expression(options.expression_picture, reference, closing_direction)
        template = np.clip(template, -MOST, MOST)
    return Look(template, options.strength * EMOTIONS[options.emotion])
