from __future__ import annotations

from itertools import islice

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from talkingface.errors import NoFaceError
from talkingface.still.animate import animate_still, locate_face


def test_frames_are_the_same_every_time(portrait: NDArray[np.uint8], portrait_landmarks: NDArray[np.float64]) -> None:
    first = list(animate_still(portrait, 4, 4, 7))
    again = list(animate_still(portrait, 4, 4, 7, landmarks=portrait_landmarks))
    other = list(animate_still(portrait, 4, 4, 8, landmarks=portrait_landmarks))
    assert len(first) == 4
    assert all(frame.shape == portrait.shape and frame.dtype == np.uint8 for frame in first)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[3], other[3])


def test_the_still_is_not_altered(portrait: NDArray[np.uint8], portrait_landmarks: NDArray[np.float64]) -> None:
    before = portrait.copy()
    list(animate_still(portrait, 2, 25, 0, landmarks=portrait_landmarks))
    assert np.array_equal(portrait, before)


def test_a_picture_turned_by_its_owner(portrait: NDArray[np.uint8]) -> None:
    matrix = cv2.getRotationMatrix2D((512.0, 288.0), 20, 1.0)
    turned = cv2.warpAffine(portrait, matrix, (1024, 576), borderMode=cv2.BORDER_REFLECT)
    frame = next(islice(animate_still(np.asarray(turned, np.uint8), 30, 25, 1), 29, None))
    change = np.linalg.norm((locate_face(frame) - locate_face(np.asarray(turned, np.uint8)))[:, :2], axis=1)
    assert 0.5 < np.median(change) < 15


def test_a_picture_without_a_face() -> None:
    empty = np.full((120, 160, 3), 128, np.uint8)
    with pytest.raises(NoFaceError, match="no face"):
        next(animate_still(empty, 5, 25, 0))
