from __future__ import annotations

import av
import numpy as np
import pytest

from talkingface.evaluation.controls import FROZEN, NEW_SOUND
from talkingface.evaluation.face_picture import Box, FacePicture, face_picture
from talkingface.evaluation.metrics.background import Background, background_change
from talkingface.evaluation.observation import generic_face
from talkingface.media.colour import RANGES

from . import pairs

NOWHERE: list[Box] = []


def wide(change: float = 0, where: tuple[slice, slice] | None = None, shift: int = 0) -> FacePicture:
    """A face of 116 pixels in the middle of a picture of 480 x 320."""
    gray = np.roll(pairs.noise(320, 480), shift, axis=1)
    if where:
        gray[where] += change
    return pairs.picture(gray, 240, 140)


def studio(gray: np.ndarray, form: str) -> FacePicture:
    """A gray picture in the studio range, with as many bits as ``form`` has."""
    frame = av.VideoFrame.from_ndarray(gray, "gray").reformat(
        format=form, src_color_range=RANGES["full"], dst_color_range=RANGES["limited"]
    )
    frame.color_range = RANGES["limited"]
    return face_picture(frame, None, generic_face())


def test_differences_are_in_8_bit_codes_of_the_full_range() -> None:
    dark, bright = (np.full((64, 64), value, np.uint8) for value in (50, 150))
    full = [pairs.picture(dark.astype(np.float32)), pairs.picture(bright.astype(np.float32))]
    found = background_change(*full, NOWHERE)
    assert found is not None and (found.mean, found.high, found.largest) == (100, 100, 100)
    for first in ("yuv420p", "yuv420p10le"):
        for second in ("yuv420p", "yuv420p10le"):
            change = background_change(studio(dark, first), studio(bright, second), NOWHERE)
            assert change is not None and change.mean == pytest.approx(100, abs=1)
    mixed = background_change(studio(dark, "yuv420p"), full[1], NOWHERE)
    assert mixed is not None and mixed.mean == pytest.approx(100, abs=1)


def test_mean_percentile_and_largest() -> None:
    a, b = np.full((100, 100), 50.0), np.full((100, 100), 50.0)
    b[0, :20] = 150
    b[0, 0] = 250
    found = background_change(pairs.picture(a), pairs.picture(b), NOWHERE)
    assert found is not None
    assert found.mean == pytest.approx((19 * 100 + 200) / 10_000)
    assert (found.high, found.largest) == (100, 200)
    kept_out = background_change(pairs.picture(a), pairs.picture(b), [Box(-5, -5, 40)])
    assert kept_out is not None and kept_out.largest == 0
    assert background_change(pairs.picture(a), pairs.picture(b), [Box(0, 0, 98)]) is None


def feed(shown: list[FacePicture], original: list[FacePicture]) -> Background:
    meter = Background()
    for number, (a, b) in enumerate(zip(shown, original, strict=True)):
        meter.feed(pairs.pair(number, a, original=b, first=shown[0]))
    return meter


def test_a_face_may_change_and_the_rest_may_not() -> None:
    clean = [wide() for _ in range(6)]
    mouth = (slice(160, 200), slice(220, 260))
    corner = (slice(0, 40), slice(0, 40))
    untouched = feed([wide(60, mouth) for _ in range(6)], clean).result()
    assert untouched.scores["background_change"].value == 0
    assert untouched.details["background"] == {"frames": 6, "percentile_99.9": 0.0, "largest": 0.0}
    touched = feed([wide(30, corner) for _ in range(6)], clean).result()
    assert 0 < (touched.scores["background_change"].value or 0) < 1
    assert touched.details["background"]["largest"] == pytest.approx(30, abs=1)
    assert touched.controls[NEW_SOUND]["background_change"].value == 0


def test_a_moving_background_shows_in_the_frozen_frame() -> None:
    moving = [wide(shift=number) for number in range(6)]
    result = feed(moving, moving).result()
    assert result.scores["background_change"].value == 0
    assert (result.controls[FROZEN]["background_change"].value or 0) > 2


def test_where_nothing_can_be_compared_there_is_a_reason() -> None:
    tight = [pairs.picture(pairs.noise(160, 160), 80, 60) for _ in range(6)]
    assert feed(tight, tight).result().scores["background_change"].reason == "n/a: the face fills the picture"
    few = [wide()] * 3
    reason = feed(few, few).result().scores["background_change"].reason
    assert reason == "n/a: only 3 frames can be compared with the original"
    alone = Background()
    alone.feed(pairs.pair(0, wide()))
    assert alone.result().details["background"] == {"frames": 0}
