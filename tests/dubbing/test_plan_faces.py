"""Which frames of the result show whom."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from talkingface.dubbing.plan import Schedule
from talkingface.dubbing.plan_faces import shots_of
from talkingface.faces.people import Person
from talkingface.faces.track import FaceTrack


def track(number: int, frames: list[int]) -> FaceTrack:
    count = len(frames)
    points = np.zeros((count, 478, 3), np.float32)
    return FaceTrack(
        np.array(frames, np.int64), np.array(frames) / 25, points, np.ones(count, np.float32), 64, 48, number
    )


def planned(order: list[int]) -> Schedule:
    pts = np.arange(len(order), dtype=np.int64)
    return Schedule(np.array(order, np.int64), pts, Fraction(1, 25), 1, len(order) / 25)


def analysis(kept: dict[int, list[int]], frames: int = 10) -> Any:
    donors = {number: SimpleNamespace(frames=np.array(found, np.int64)) for number, found in kept.items()}
    return SimpleNamespace(clip=SimpleNamespace(frames=frames), donors=donors)


def test_a_shot_is_every_frame_of_the_result_that_shows_the_track() -> None:
    person = Person(0, (track(0, [0, 1, 2]), track(1, [6, 7])))
    one, other = shots_of(person, analysis({0: [1], 1: [6, 7]}), planned([0, 1, 2, 3, 6, 3, 2, 1]))
    assert one.numbers.tolist() == [0, 1, 2, 6, 7]
    assert one.rows.tolist() == [0, 1, 2, 2, 1]
    assert (other.numbers.tolist(), other.rows.tolist()) == ([4], [0])


@pytest.mark.parametrize("kept", [[], [5, 6]], ids=["none", "of frames that were taken back"])
def test_without_a_mouth_of_the_track_there_is_no_shot(kept: list[int]) -> None:
    assert shots_of(Person(0, (track(0, [0, 1, 2]),)), analysis({0: kept}), planned([0, 1, 2])) == []


def test_a_track_that_the_result_does_not_reach_has_no_shot() -> None:
    assert shots_of(Person(0, (track(0, [8, 9]),)), analysis({0: [8]}), planned([0, 1, 2])) == []
