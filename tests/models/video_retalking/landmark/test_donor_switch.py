"""The change from one donor to the next."""

from __future__ import annotations

import cv2
import numpy as np

from talkingface.models.video_retalking.landmark.donor_switch import SMALLEST, AlignedMix, plan_switches


def test_two_frames_are_mixed_at_25_frames_a_second() -> None:
    donors = np.array([4, 5, 6, 6, 30, 31, 30])
    switches = plan_switches(donors, np.arange(7) / 25)
    np.testing.assert_allclose(switches.share, [0, 0, 0, 1 / 3, 1 / 3, 0, 0], atol=1e-6)
    assert switches.other[3] == 30
    assert switches.other[4] == 6


def test_more_frames_are_mixed_at_60_and_shares_rise_to_the_change() -> None:
    donors = np.concatenate([np.arange(10), np.arange(40, 50)])
    share = plan_switches(donors, np.arange(20) / 60).share
    mixed = np.flatnonzero(share)
    assert 4 <= len(mixed) <= 8
    assert set(mixed) == set(range(10 - len(mixed) // 2, 10 + len(mixed) // 2))
    np.testing.assert_allclose(share, share[::-1], atol=1e-6)
    assert np.all(np.diff(share[:10]) >= 0)
    assert share.max() < 0.5


def test_donors_that_run_on_or_stay_are_not_mixed_nor_are_frames_far_apart() -> None:
    assert not plan_switches(np.array([3, 3, 4, 5, 4, 4]), np.arange(6) / 25).share.any()
    assert not plan_switches(np.array([3, 40, 3]), np.arange(3) / 2.0).share.any()
    assert plan_switches(np.zeros(0, np.int64), np.zeros(0)).share.shape == (0,)


def textured(shift: float) -> np.ndarray:
    random = np.random.default_rng(0)
    picture = cv2.GaussianBlur(random.normal(size=(96, 128)).astype(np.float32), (0, 0), 3) * 300 + 120
    moved = cv2.warpAffine(
        picture, np.array([[1, 0, shift], [0, 1, 0]], float), (128, 96), borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(moved, np.float32)


def test_what_both_show_moves_over_instead_of_being_seen_twice() -> None:
    one, other = textured(0), textured(3)
    between = textured(1)  # a third of the way
    mix = AlignedMix(1 / 3, 100, 255)
    inner = (slice(16, -16), slice(16, -16))
    mixed = np.abs(mix(one, other, True) - between)[inner].mean()
    plain = np.abs(mix.evenly(one, other) - between)[inner].mean()
    assert mixed < 0.35 * plain
    half = [cv2.resize(layer, (64, 48), interpolation=cv2.INTER_AREA) for layer in (one, other, between)]
    assert np.abs(mix(half[0], half[1], False) - half[2])[8:-8, 8:-8].mean() < 0.5 * plain


def test_nothing_is_moved_far_and_small_layers_are_mixed_evenly() -> None:
    one, other = textured(0), textured(10)
    mix = AlignedMix(0.5, 20, 255)
    mix(one, other, True)
    assert mix._flow is not None
    assert np.linalg.norm(mix._flow, axis=-1).max() <= 0.06 * 20 + 1e-4
    small = np.ascontiguousarray(one[: SMALLEST - 2])
    np.testing.assert_array_equal(mix(small, small + 10, True), mix.evenly(small, small + 10))


def test_the_same_layers_give_the_same_mix() -> None:
    one, other = textured(0), textured(2)
    np.testing.assert_array_equal(
        AlignedMix(0.3, 90, 255)(one, other, True), AlignedMix(0.3, 90, 255)(one, other, True)
    )
