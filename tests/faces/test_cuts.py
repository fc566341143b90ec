"""Where shots end."""

from __future__ import annotations

import numpy as np
import pytest

from talkingface.faces.cuts import CutDetector


def shot(seed: int, size: tuple[int, int] = (180, 320)) -> np.ndarray:
    """A picture with large forms, luma 16..235."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(16, 235, (7, 11))
    return np.kron(coarse, np.ones((size[0] // 6, size[1] // 10)))[: size[0], : size[1]]


def cuts(pictures: list[np.ndarray], bits: int = 8) -> list[int]:
    detector = CutDetector()
    kind = np.uint8 if bits == 8 else np.uint16
    return [
        n for n, picture in enumerate(pictures) if detector.is_cut((picture * (1 << (bits - 8))).astype(kind), bits)
    ]


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_another_shot_is_a_cut(bits: int) -> None:
    pictures = [shot(1)] * 10 + [shot(2)] * 10 + [shot(3)] * 5
    assert cuts(pictures, bits) == [10, 20]


def test_motion_and_light_are_no_cuts() -> None:
    wide = np.tile(shot(1, (180, 640)), (1, 1))
    pan = [wide[:, 6 * n : 6 * n + 320] for n in range(40)]
    assert cuts(pan) == []
    flicker = [shot(1) * (0.6 if n % 7 == 3 else 1) for n in range(30)]
    assert cuts(flicker) == []
    fade = [shot(1) * (1 - n / 30) + shot(2) * (n / 30) for n in range(31)]
    assert cuts(fade) == []


def test_dark_deep_pictures_are_compared_at_one_scale() -> None:
    """12-bit pictures whose brightest sample passes 1023: nothing changes but one bright spot."""
    dark, spot = np.full((120, 200), 60.0), np.full((120, 200), 60.0)
    spot[50:60, 50:60] = 70
    detector = CutDetector()
    for number in range(12):
        picture = (dark if number % 2 else spot) * 16
        assert not detector.is_cut(picture.astype(np.uint16), 12)
    assert detector.usual < 4


def test_two_pictures_that_are_much_alike_are_doubtful() -> None:
    """The same set, another person: a cut that cannot be told from motion by the picture alone."""
    before = shot(1) * 0.3 + 60
    after = before.copy()
    after[40:140, 110:210] += 60 * (np.indices((100, 100)).sum(0) // 25 % 2)
    detector = CutDetector()
    said = []
    for number in range(30):
        assert not detector.is_cut((before if number < 20 else after).astype(np.uint8))
        said.append(detector.doubtful)
    assert np.flatnonzero(said).tolist() == [20]


def test_a_cut_in_a_lively_clip_is_still_one() -> None:
    wide = np.tile(shot(5, (180, 640)), (1, 2))
    lively = [wide[:, 9 * n : 9 * n + 320] for n in range(20)]
    assert cuts([*lively, *[shot(9)] * 5]) == [20]


def test_a_whip_pan_is_a_few_cuts_at_most() -> None:
    wide = np.tile(shot(5, (180, 640)), (1, 2))
    assert len(cuts([*[shot(1)] * 10, *[wide[:, 30 * n : 30 * n + 320] for n in range(30)]])) <= 8
