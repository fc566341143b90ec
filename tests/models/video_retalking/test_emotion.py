"""Expression templates and emotions."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from talkingface import options as schema
from talkingface.errors import MediaError, NoFaceError
from talkingface.models.video_retalking.backends import landmark_look
from talkingface.models.video_retalking.emotion import (
    AVERAGE_FACE,
    EMOTIONS,
    EXPRESSIONS,
    MOST,
    PEOPLE_DIFFER,
    Look,
    expressed,
)
from talkingface.models.video_retalking.face_measures import MEASURES
from talkingface.options import DubOptions
from talkingface.weights.embedded import asset_path

NONE = EMOTIONS["none"]


def value(change: np.ndarray, name: str) -> float:
    return float(change[MEASURES.index(name)])


def test_every_name_of_the_options_has_its_definition() -> None:
    assert set(EMOTIONS) == set(schema.EMOTIONS)
    assert set(EXPRESSIONS) == set(schema.EXPRESSION_NAMES) - {schema.KEEP_EXPRESSION}


def test_nothing_is_changed_by_default() -> None:
    look = landmark_look(DubOptions())
    assert look.changes_nothing
    assert look.described()["template"] is None
    assert not landmark_look(DubOptions(emotion="sad", strength=0.1)).changes_nothing
    assert landmark_look(DubOptions(emotion="sad", strength=0)).changes_nothing
    assert not landmark_look(DubOptions(expression="neutral")).changes_nothing


def test_emotions_move_faces_the_way_people_do() -> None:
    happy, sad, angry, surprise = (EMOTIONS[name] for name in ("happy", "sad", "angry", "surprise"))
    assert value(happy, "corner_height") > 0 > value(sad, "corner_height")
    assert value(happy, "lower_lid") < 0
    assert value(sad, "brow_inner") > 0 > value(sad, "brow_outer")
    assert value(angry, "brow_inner") < 0
    assert value(angry, "brow_distance") < 0
    assert value(surprise, "brow_outer") > 0
    assert value(surprise, "upper_lid") > 0
    for change in (*EMOTIONS.values(), *EXPRESSIONS.values()):
        assert np.all(np.abs(change) <= MOST)


def test_strength_scales_the_emotion() -> None:
    half = landmark_look(DubOptions(emotion="angry", strength=0.5))
    np.testing.assert_allclose(half.change(NONE), 0.5 * EMOTIONS["angry"])


def test_small_differences_are_the_person_and_large_ones_expression() -> None:
    np.testing.assert_allclose(expressed(AVERAGE_FACE), 0)
    small, large = (expressed(AVERAGE_FACE + times * PEOPLE_DIFFER) / PEOPLE_DIFFER for times in (0.3, 4))
    assert np.all(small < 0.05)
    assert np.all(large > 3.7)


def test_a_template_takes_a_smile_off_and_does_not_smile_twice() -> None:
    smiling = EXPRESSIONS["happy"]
    neutral = Look(EXPRESSIONS["neutral"], NONE).change(smiling)
    assert value(neutral, "corner_height") == pytest.approx(-value(smiling, "corner_height"))
    happy = Look(EXPRESSIONS["happy"], NONE).change(smiling)
    assert value(happy, "corner_height") == pytest.approx(0)
    # an emotion is added to what the clip shows
    assert value(Look(None, EMOTIONS["happy"]).change(smiling), "corner_height") > 0.03


def test_no_face_is_changed_beyond_what_skin_bears() -> None:
    look = Look(EXPRESSIONS["sad"], EMOTIONS["sad"])
    assert np.all(np.abs(look.change(-MOST)) <= MOST)


def test_brows_behind_glasses_are_held_back_and_the_mouth_is_not() -> None:
    plain = Look(None, EMOTIONS["sad"])
    held = plain.behind_glasses(1.0)
    assert value(held.change(NONE), "brow_inner") < 0.4 * value(plain.change(NONE), "brow_inner")
    assert value(held.change(NONE), "corner_height") == value(plain.change(NONE), "corner_height")
    np.testing.assert_allclose(plain.behind_glasses(0.0).change(NONE), plain.change(NONE))


def test_the_expression_of_a_picture(tmp_path: Path) -> None:
    look = landmark_look(DubOptions(expression=str(asset_path("sample/portrait.png"))))
    assert look.template is not None
    assert np.all(np.abs(look.template) <= MOST)
    # the person of the sample smiles broadly
    assert value(look.template, "corner_height") > 0.04
    assert value(look.template, "mouth_width") > 0.05
    assert set(look.described()["template"]) == set(MEASURES)


def test_a_picture_without_a_face_and_no_picture_at_all(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((200, 200, 3), 120, np.uint8))
    with pytest.raises(NoFaceError, match=r"wall\.png.*--expression"):
        landmark_look(DubOptions(expression=str(tmp_path / "wall.png")))
    with pytest.raises(MediaError, match=r"missing\.png"):
        landmark_look(DubOptions(expression=str(tmp_path / "missing.png")))
