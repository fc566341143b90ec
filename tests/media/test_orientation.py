from __future__ import annotations

import numpy as np
import pytest

from talkingface.media.orientation import display_matrix, is_on_its_side, rotation, upright

ONE = 1 << 16
MATRICES = {  # what FFmpeg makes of EXIF's orientations
    1: (1, 0, 0, 1),
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, 1, -1, 0),
    7: (0, -1, -1, 0),
    8: (0, -1, 1, 0),
}


@pytest.mark.parametrize(("orientation", "corner"), [(1, 0), (2, 1), (3, 3), (4, 2), (5, 0), (6, 2), (7, 3), (8, 1)])
def test_the_right_corner_comes_to_the_upper_left(orientation: int, corner: int) -> None:
    picture = np.zeros((4, 6, 3), np.uint8)
    for number, place in enumerate([(0, 0), (0, -1), (-1, 0), (-1, -1)]):
        picture[place] = 10 + number
    a, b, c, d = MATRICES[orientation]
    matrix = (a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30)
    turned = upright(picture, matrix)
    assert turned.shape == ((6, 4, 3) if orientation >= 5 else (4, 6, 3))
    assert is_on_its_side(matrix) == (orientation >= 5)
    assert turned[0, 0, 0] == 10 + corner
    assert turned.flags.c_contiguous


def test_no_matrix_means_upright() -> None:
    picture = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    np.testing.assert_array_equal(upright(picture, None), picture)
    assert not is_on_its_side(None)


@pytest.mark.parametrize(("orientation", "degrees"), [(1, 0), (3, 180), (6, 90), (8, 270)])
def test_plain_turns_in_degrees(orientation: int, degrees: int) -> None:
    a, b, c, d = MATRICES[orientation]
    matrix = (a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30)
    assert rotation(matrix) == degrees
    assert display_matrix(np.array(matrix, np.int32).tobytes()) == matrix


def test_half_a_matrix_is_none() -> None:
    assert display_matrix(b"") is None
    assert display_matrix(b"\0" * 35) is None
    assert rotation(None) == 0
