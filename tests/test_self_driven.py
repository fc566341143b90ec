"""The benchmark that dubs clips with their own sound: what it counts, on made-up lips."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from talkingface.faces.geometry import LOWER

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def figures() -> Iterator[ModuleType]:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        yield importlib.import_module("self_driven_figures")
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def duplicate_clips() -> Iterator[ModuleType]:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        yield importlib.import_module("duplicate_clips")
    finally:
        sys.path.remove(str(BENCHMARKS))


def lips(figures: ModuleType, opening: np.ndarray, rate: float = 25.0) -> Any:
    points = np.zeros((len(opening), 40, 2))
    points[:, LOWER, 1] = opening[:, None]
    return figures.Lips(np.arange(len(opening)) / rate, points)


def opening(count: int, seed: int = 0) -> np.ndarray:
    raw = np.random.default_rng(seed).normal(size=count + 10)
    return np.convolve(raw, np.hanning(7), mode="same")[5:-5] * 0.05 + 0.1


def test_late_lips_are_looked_at_later(figures: ModuleType) -> None:
    dub = opening(100)
    truth = np.concatenate([np.full(3, 0.1), dub])
    raw, moved = (figures.paired(lips(figures, dub), lips(figures, truth), late) for late in (0, 3))
    assert figures.aperture(moved) == pytest.approx(1.0)
    assert figures.aperture(raw) < 0.7
    assert len(moved.rows) == 100 and figures.lip_distance(moved)[0] == pytest.approx(0, abs=1e-12)
    assert figures.lip_distance(raw)[0] > 0


def test_other_frame_rates_land_on_the_grid(figures: ModuleType) -> None:
    fine = np.sin(np.arange(240) / 60 * 6) * 0.05 + 0.1
    pair = figures.paired(lips(figures, fine[::2], 30.0), lips(figures, fine, 60.0))
    assert list(pair.rows) == list(range(100))
    assert figures.aperture(pair) > 0.999


def test_frames_without_a_face_do_not_count(figures: ModuleType) -> None:
    whole = lips(figures, opening(100))
    kept = np.r_[0:40, 60:100]
    pair = figures.paired(figures.Lips(whole.times[kept], whole.points[kept]), whole)
    assert set(range(43, 58)).isdisjoint(pair.rows) and len(pair.rows) >= 80


def test_closures_within_one_frame_and_false_ones(figures: ModuleType) -> None:
    truth, dub = np.full(60, 0.1), np.full(60, 0.1)
    truth[10], dub[11] = 0.0, 0.0  # a frame late: met, and not false: the truth was closed beside it
    truth[20], dub[22] = 0.0, 0.0  # two frames late: missed, and false
    truth[29:32], dub[30] = 0.02, 0.0  # all but closed: no closure, and no false one
    found = figures.closures(figures.paired(lips(figures, dub), lips(figures, truth)))
    assert (found.frames, found.closed, found.met, found.false, found.dub_closed) == (60, 2, 1, 1, 3)


def test_rest_is_looked_at_away_from_speech_only(figures: ModuleType) -> None:
    rng = np.random.default_rng(0)
    sound = rng.normal(size=16_000 * 4) * 0.1
    sound[16_000 : 3 * 16_000] = 0
    quiet = figures.quiet_rows(sound.astype(np.float32), 100)
    assert quiet[40:60].all() and not quiet[:33].any() and not quiet[66:].any()
    moving = np.full(100, 0.01)
    moving[:25] = 0.2
    assert figures.at_rest(lips(figures, moving), quiet).deviation == pytest.approx(0, abs=1e-9)
    moving[50] = 0.05
    rest = figures.at_rest(lips(figures, moving), quiet)
    assert rest.largest == pytest.approx(0.04) and 0.004 < rest.deviation < 0.02
    assert figures.at_rest(lips(figures, moving), np.zeros(100, bool)).frames == 0


def test_loudness_opens_the_mouth(figures: ModuleType) -> None:
    level = np.repeat(np.tile([0.001, 0.2], 10), 16_000 // 5)
    sound = (np.random.default_rng(1).normal(size=len(level)) * level).astype(np.float32)
    loud = figures.loudness(sound)
    truth = lips(figures, np.repeat(np.tile([0.0, 0.2], 10), 5))
    assert figures.aperture(figures.paired(loud, truth)) > 0.8


def test_the_same_recording_is_known_by_its_sound(duplicate_clips: ModuleType) -> None:
    rng = np.random.default_rng(2)
    sound, other = (rng.normal(size=30_000).astype(np.float32) for _ in range(2))
    excerpt = 0.3 * sound[5000:25_000] + 0.1 * rng.normal(size=20_000).astype(np.float32)
    for one, two in ((sound, excerpt), (excerpt, sound)):
        assert duplicate_clips.sound_likeness(one, two) > 0.9
    assert duplicate_clips.sound_likeness(sound, other) < 0.1
    assert duplicate_clips.sound_likeness(sound, sound[:100]) == 0.0
    assert duplicate_clips.sound_likeness(sound, sound * 0) == 0.0


def test_the_same_recording_is_known_by_its_pictures(duplicate_clips: ModuleType) -> None:
    rng = np.random.default_rng(3)
    shown = [rng.uniform(0, 255, (54, 96)).astype(np.float32) for _ in range(5)]
    coded = [picture + rng.normal(size=picture.shape).astype(np.float32) for picture in shown]
    assert duplicate_clips.picture_difference(shown, coded) < duplicate_clips.SAME_PICTURE
    coded[4][20:26, 40:52] += 40  # the same studio, another word
    assert duplicate_clips.picture_difference(shown, coded) > duplicate_clips.SAME_PICTURE
    assert duplicate_clips.picture_difference(shown, shown[:4]) == 255.0
