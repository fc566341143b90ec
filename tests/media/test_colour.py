from __future__ import annotations

import av
import numpy as np
import pytest

from talkingface.media.colour import (
    MATRICES,
    RANGES,
    TRANSFERS,
    is_full_range,
    matrix_of,
    tag_name,
    tag_number,
    yuv_from_bgr,
)


def test_names_and_numbers_of_tags() -> None:
    assert tag_name(MATRICES, 9) == "bt2020nc"
    assert tag_name(MATRICES, 2) == tag_name(MATRICES, 250) == tag_name(RANGES, 0) == "unknown"
    assert tag_number(TRANSFERS, "smpte2084") == 16
    assert (tag_number(TRANSFERS, "unknown"), tag_number(RANGES, "unknown")) == (2, 0)


@pytest.mark.parametrize(
    ("tag", "height", "matrix"),
    [(2, 719, "bt601"), (2, 720, "bt709"), (1, 480, "bt709"), (6, 1080, "bt601"), (9, 480, "bt2020")],
)
def test_untagged_matrix_follows_the_height(tag: int, height: int, matrix: str) -> None:
    assert matrix_of(tag, height) == matrix


@pytest.mark.parametrize(
    ("pixel_format", "tag", "full"),
    [("yuvj420p", 0, True), ("yuv420p", 0, False), ("yuv420p", 2, True), ("gray", 0, True), ("gray", 1, False)],
)
def test_full_range(pixel_format: str, tag: int, full: bool) -> None:
    frame = av.VideoFrame(16, 16, pixel_format)
    frame.color_range = tag
    assert is_full_range(frame) is full


def test_white_black_and_grey_land_on_their_codes() -> None:
    for matrix in ("bt601", "bt709", "bt2020"):
        for bits, full, black, white, middle in [
            (8, False, 16, 235, 128),
            (8, True, 0, 255, 128),
            (10, False, 64, 940, 512),
            (12, True, 0, 4095, 2048),
        ]:
            affine = yuv_from_bgr(matrix, bits, full)
            np.testing.assert_allclose(affine @ [0, 0, 0, 1], [black, middle, middle], atol=1e-9)
            np.testing.assert_allclose(affine @ [255, 255, 255, 1], [white, middle, middle], atol=1e-9)
