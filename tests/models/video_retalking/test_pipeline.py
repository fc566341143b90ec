"""Three stages, whichever backend they come from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from talkingface.media.planes import PlaneLayout
from talkingface.models.video_retalking.pipeline import Pipeline, Shot
from talkingface.models.video_retalking.stages import RegionPatch

LAYOUT = PlaneLayout("gray", 8, 8, 8, 0, 0, False, "bt601")


class Recorder:
    """All three stages: says what it was asked, in order."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def canonicalise(self, track: Any) -> str:
        self.calls.append(f"canonicalise {track}")
        return "face"

    def voice(self, faces: Any, speech: Any) -> str:
        self.calls.append(f"{len(faces)} face(s) speak {speech}")
        return "voice"

    def plan(self, face: Any, kept: Any, rows: Any, times: Any, voice: Any) -> str:
        self.calls.append(f"plan {face} from {kept} for rows {rows.tolist()} at {times.tolist()}")
        return f"plan of {kept}"

    def speak(self, plan: Any, number: int, planes: list[Any]) -> RegionPatch | None:
        self.calls.append(f"speak {plan} {number}")
        if number == 7:
            return None
        return RegionPatch(0, 0, [np.full((4, 4), number, np.float32)], np.ones((4, 4), np.float32))

    def refine(self, patch: RegionPatch, planes: list[Any], layout: PlaneLayout) -> RegionPatch:
        self.calls.append("refine")
        return RegionPatch(2, 2, patch.planes, patch.alpha)


@pytest.fixture
def stages() -> Recorder:
    return Recorder()


def shot(name: str, numbers: list[int], rows: list[int]) -> Any:
    return Shot(name, f"mouths of {name}", np.array(numbers, np.int64), np.array(rows, np.int64))  # type: ignore[arg-type]


def test_stages_follow_each_other(stages: Recorder) -> None:
    pipeline = Pipeline(stages, stages, stages, LAYOUT)
    pipeline.plan([shot("a", [0, 2], [5, 6]), shot("b", [3], [0])], np.arange(5) / 10, "sound")
    (patch,) = pipeline.frame(2, [])
    assert patch.x0 == 2
    assert len(pipeline.frame(3, [])) == 1
    assert stages.calls == [
        "canonicalise a",
        "canonicalise b",
        "2 face(s) speak sound",
        "plan face from mouths of a for rows [5, 6] at [0.0, 0.2]",
        "plan face from mouths of b for rows [0] at [0.3]",
        "speak plan of mouths of a 1",
        "refine",
        "speak plan of mouths of b 0",
        "refine",
    ]


def test_a_frame_of_no_shot_stays_as_it_is(stages: Recorder) -> None:
    pipeline = Pipeline(stages, stages, stages, LAYOUT)
    pipeline.plan([shot("a", [0, 2], [5, 6])], np.arange(5) / 10, "sound")
    before = len(stages.calls)
    assert pipeline.frame(1, []) == []
    assert pipeline.frame(4, []) == []
    assert len(stages.calls) == before


def test_a_frame_without_its_face_is_not_refined(stages: Recorder) -> None:
    pipeline = Pipeline(stages, stages, stages, LAYOUT)
    pipeline.plan([shot("a", list(range(8)), list(range(8)))], np.arange(8) / 10, "sound")
    assert pipeline.frame(7, []) == []
    assert "refine" not in stages.calls


def test_refining_may_be_left_out(stages: Recorder) -> None:
    pipeline = Pipeline(stages, stages, None, LAYOUT)
    pipeline.plan([shot("a", [0], [0])], np.zeros(1), "sound")
    (patch,) = pipeline.frame(0, [])
    assert patch.x0 == 0


class Brows:
    """An editor of every other shot: says what it was asked."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def plan(self, face: Any, rows: Any) -> str | None:
        self.calls.append(f"plan {face} for rows {rows.tolist()}")
        return "brows" if rows[0] == 5 else None

    def edit(self, plan: Any, number: int, planes: list[Any]) -> RegionPatch | None:
        self.calls.append(f"edit {plan} {number}")
        return RegionPatch(4, 0, [np.zeros((4, 4), np.float32)], np.ones((4, 4), np.float32))


def test_an_edited_face_comes_after_the_mouth_and_without_it(stages: Recorder) -> None:
    brows = Brows()
    pipeline = Pipeline(stages, stages, stages, LAYOUT, brows)
    numbers = list(range(8))
    pipeline.plan([shot("a", numbers, [5] * 8), shot("b", [8], [0])], np.arange(9) / 10, "sound")
    assert [patch.x0 for patch in pipeline.frame(2, [])] == [2, 4]
    # the mouth of frame 7 stays as it is
    assert [patch.x0 for patch in pipeline.frame(7, [])] == [4]
    assert [patch.x0 for patch in pipeline.frame(8, [])] == [2]
    assert brows.calls[-2:] == ["edit brows 2", "edit brows 7"]
