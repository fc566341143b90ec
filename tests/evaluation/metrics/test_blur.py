from __future__ import annotations

import cv2
import numpy as np
import pytest

from talkingface.evaluation.controls import FROZEN, NEW_SOUND, OWN_SOUND
from talkingface.evaluation.face_picture import Box
from talkingface.evaluation.metrics.blur import Sharpness, block_aligned, cpbd, face_cpbd

from . import pairs


def ramp(width: int, low: float = 40, high: float = 200, falling: bool = False) -> np.ndarray:
    """A picture (128, 128) that changes from one level to another over ``width`` pixels, twice."""
    line = np.full(128, low, np.float64)
    for start in (20, 84):
        line[start : start + 24] = high
        line[start - width + 1 : start + 1] = np.linspace(low, high, width + 1)[1:]
        line[start + 24 : start + 24 + width] = np.linspace(high, low, width + 1)[:-1]
    picture = np.tile(line, (128, 1))
    return picture[:, ::-1] if falling else picture


@pytest.mark.parametrize("falling", [False, True])
@pytest.mark.parametrize(
    ("width", "contrast", "wanted"),
    [
        # just noticeable in high contrast are 3 pixels: 1 - exp(-1) is 63.2 %, which rounds to 63
        (1, 160, 1.0),
        (2, 160, 1.0),
        (3, 160, 1.0),
        (4, 160, 0.0),
        (8, 160, 0.0),
        # and 5 where the block's contrast is at most 50
        (4, 50, 1.0),
        (5, 50, 1.0),
        (6, 50, 0.0),
        (4, 52, 0.0),
    ],
)
def test_edges_of_a_known_width(width: int, contrast: float, wanted: float, falling: bool) -> None:
    assert cpbd(ramp(width, 60, 60 + contrast, falling)) == wanted


def test_it_is_the_share_of_edges() -> None:
    picture = ramp(3)
    picture[64:] = ramp(4)[64:]
    assert cpbd(picture) == pytest.approx(0.5, abs=0.03)


def test_blocks_without_edges_are_left_out() -> None:
    picture = np.full((128, 128), 100.0)
    assert cpbd(picture) is None
    picture[:, :64] = ramp(2)[:, :64]
    assert cpbd(picture) == 1
    # a speck of two pixels is less than 0.2 % of its block
    speck = np.full((128, 128), 100.0)
    speck[30:32, 30] = 200
    assert cpbd(speck) is None


def test_lying_edges_are_not_measured() -> None:
    assert cpbd(ramp(2).T) is None


def test_more_blur_is_less_sharp() -> None:
    rng = np.random.default_rng(0)
    # upright bars of many widths and heights of step
    picture = np.repeat(np.repeat(rng.uniform(0, 255, (8, 32)), 32, 0), 8, 1)
    found = [
        cpbd(picture if not sigma else cv2.GaussianBlur(picture, (0, 0), sigma)) for sigma in (0, 0.7, 1, 1.5, 2.5)
    ]
    assert None not in found
    values = [float(value) for value in found if value is not None]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.95 and values[-1] < 0.1


def test_contrast_of_the_picture_does_not_choose_the_edges() -> None:
    picture = pairs.noise(128, 128, blur=1).astype(np.float64)
    value = cpbd(picture)
    assert value is not None and 0.1 < value < 0.9
    assert cpbd(128 + (picture - 128) * 0.7) == pytest.approx(value, abs=1e-9)


def test_the_face_is_measured_in_whole_blocks() -> None:
    assert block_aligned(Box(10, 20, 116)) == Box(4, 14, 128)
    assert block_aligned(Box(0, 0, 128)) == Box(0, 0, 128)
    assert face_cpbd(pairs.picture(pairs.noise(200, 200))) is None  # no face
    assert face_cpbd(pairs.picture(pairs.noise(60, 60), 30, 20, eyes=12)) is None  # smaller than a block
    assert face_cpbd(pairs.picture(pairs.noise(200, 200), 100, 80)) is not None


def test_the_chosen_frames_and_the_control_rows() -> None:
    sharp, soft = (pairs.picture(pairs.noise(200, 200, blur=blur), 100, 80) for blur in (0.7, 3.0))
    meter = Sharpness(frozenset({0, 2, 4, 5, 6}), with_original=True)
    for number in range(8):
        meter.feed(pairs.pair(number, soft if number % 2 == 0 else sharp, original=sharp))
    result = meter.result()
    values = {face_cpbd(sharp) or 0.0, face_cpbd(soft) or 0.0}
    assert result.details == {"cpbd": {"frames": 5}}
    assert result.scores["cpbd"].value == pytest.approx(0.8 * min(values) + 0.2 * max(values))
    assert result.controls[FROZEN]["cpbd"].value == pytest.approx(min(values))
    assert result.controls[OWN_SOUND]["cpbd"].value == pytest.approx(max(values))
    assert result.controls[NEW_SOUND] == result.controls[OWN_SOUND]


def test_without_edges_there_is_a_reason() -> None:
    meter = Sharpness(frozenset(range(8)), with_original=False)
    for number in range(8):
        meter.feed(pairs.pair(number, pairs.picture(np.full((200, 200), 90.0), 100, 80)))
    result = meter.result()
    assert result.scores["cpbd"].reason == "n/a: only 0 frames show edges in a face of at least 64 pixels"
    assert result.controls[FROZEN]["cpbd"].reason == "n/a: no edge in the face"
