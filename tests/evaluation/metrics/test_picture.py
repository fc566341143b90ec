from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import av
import cv2
import numpy as np
import pytest

from talkingface.evaluation.metrics.picture import (
    MouthPictureMeter,
    flicker_ratio,
    match_frames,
    same_frame_rate,
    sharpness_ratio,
)
from talkingface.evaluation.observation import generic_face


def measure(
    pictures: Sequence[np.ndarray], faces: Sequence[np.ndarray], width: int | None = None, form: str = "gray"
) -> tuple[np.ndarray, np.ndarray]:
    meter = MouthPictureMeter(generic_face(), width)
    for index, (picture, face) in enumerate(zip(pictures, faces, strict=True)):
        frame = av.VideoFrame.from_ndarray(picture, form)
        meter.feed(index, frame, [(3, face)])
    return meter.of_face(np.arange(len(pictures)), 3)[:2]


@pytest.fixture
def clip(make: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    openings = make.speech_like(0.8)
    return [make.texture(o, n) for n, o in enumerate(openings)], [make.face_points(o) for o in openings]


def test_identical_pictures_have_ratios_of_one(clip: Any) -> None:
    pictures, faces = clip
    sharpness, change = measure(pictures, faces)
    assert np.isfinite(sharpness).all()
    assert np.isnan(change[[0, -1]]).all() and np.isfinite(change[1:-1]).all()
    assert sharpness_ratio(sharpness, sharpness).value == 1
    assert flicker_ratio(change, change).value == 1


def test_blur_noise_and_standstill_are_told_apart(clip: Any, make: Any) -> None:
    pictures, faces = clip
    sharpness, change = measure(pictures, faces)
    blurred, _ = measure([cv2.GaussianBlur(p, (0, 0), 2) for p in pictures], faces)
    assert (sharpness_ratio(blurred, sharpness).value or 1) < 0.5
    rng = np.random.default_rng(0)
    shaking = [np.clip(p + rng.normal(0, 8, p.shape), 0, 255).astype(np.uint8) for p in pictures]
    noisy, flickering = measure(shaking, faces)
    assert (sharpness_ratio(noisy, sharpness).value or 0) > 1.1
    assert (flicker_ratio(flickering, change).value or 0) > 1.3
    _, frozen = measure([pictures[0]] * len(pictures), faces)
    assert flicker_ratio(frozen, change).value == 0
    assert flicker_ratio(change, frozen).reason == "n/a: the source does not move"


def test_the_box_follows_the_face_and_not_the_opening(clip: Any, make: Any) -> None:
    pictures, faces = clip
    sharpness, _ = measure(pictures, faces)
    shifted, _ = measure([np.roll(p, 7, axis=1) for p in pictures], [f + np.float32([7, 0, 0]) for f in faces])
    assert shifted == pytest.approx(sharpness, rel=1e-3)
    wide_open, _ = measure(pictures, [make.face_points(0.3)] * len(faces))
    assert wide_open == pytest.approx(sharpness, rel=1e-6)


def test_a_box_that_leaves_the_picture_is_not_measured(clip: Any, make: Any) -> None:
    pictures, _ = clip
    sharpness, change = measure(pictures, [make.face_points(0.1, centre=(10, 60))] * len(pictures))
    assert np.isnan(sharpness).all() and np.isnan(change).all()
    tiny, _ = measure(pictures, [make.face_points(0.1, eyes=5)] * len(pictures))
    assert np.isnan(tiny).all()


def test_another_size_is_brought_to_the_sources(clip: Any) -> None:
    pictures, faces = clip
    sharpness, _ = measure(pictures, faces)
    twice = [cv2.resize(p, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC) for p in pictures]
    large = [f * np.float32(2) for f in faces]
    brought, _ = measure(twice, large, width=pictures[0].shape[1])
    assert sharpness_ratio(brought, sharpness).value == pytest.approx(1, abs=0.25)
    as_it_is, _ = measure(twice, large)
    assert (sharpness_ratio(as_it_is, sharpness).value or 1) < 0.5


def test_bit_depth_does_not_matter(clip: Any) -> None:
    pictures, faces = clip
    sharpness, change = measure(pictures, faces)
    deep = [(p.astype(np.uint16) << 2) for p in pictures]
    deep_sharpness, deep_change = measure(deep, faces, form="gray10le")
    assert sharpness_ratio(deep_sharpness, sharpness).value == pytest.approx(1, abs=0.01)
    assert flicker_ratio(deep_change, change).value == pytest.approx(1, abs=0.01)


def test_frames_are_matched_by_time_while_the_source_plays_forward() -> None:
    source = np.array([0.5, 0.54, 0.60, 0.64])
    generated = np.arange(8) * 0.02  # twice the rate, and longer than the source
    assert list(match_frames(np.array([0.0, 0.04, 0.10, 0.14]), source, False)) == [0, 1, 2, 3]
    assert list(match_frames(generated, source, False)) == [0, 0, 1, 1, 2, 2, 2, 3]
    assert list(match_frames(np.array([0.0, 0.5]), source, False)) == [0, -1]
    assert list(match_frames(np.array([0.0, 0.5]), np.array([0.0]), True)) == [0, 0]
    assert list(match_frames(np.array([0.0, 0.5]), np.array([0.0]), False)) == [0, -1]
    assert list(match_frames(np.array([0.0, 0.5]), np.zeros(0), False)) == [-1, -1]


def test_too_few_frames_give_a_reason() -> None:
    some = np.array([1.0, 2.0, np.nan, np.nan, np.nan, np.nan])
    assert sharpness_ratio(some, some).reason == "n/a: only 2 frames can be compared with the source"
    assert flicker_ratio(some, some).reason == "n/a: only 2 frames can be compared with the source"


def test_rates_are_compared_by_the_usual_step() -> None:
    even = np.arange(20) / 25
    assert same_frame_rate(even, np.delete(even, 7))
    assert not same_frame_rate(even, np.arange(20) / 30)
    assert not same_frame_rate(even, np.zeros(1))


def test_a_held_frame_has_no_step(clip: Any) -> None:
    pictures, faces = clip
    meter = MouthPictureMeter(generic_face())
    shown = [0, 0, 1, 2, 2]
    for index, number in enumerate(shown):
        meter.feed(index, av.VideoFrame.from_ndarray(pictures[number], "gray"), [(3, faces[number])])
    step = meter.of_face(np.arange(len(shown)), 3)[2]
    assert np.isnan(step[0]) and step[1] == step[4] == 0
    assert step[2] > 0.001 and step[3] > 0.001
