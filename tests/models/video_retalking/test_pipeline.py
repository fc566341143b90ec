"""Three stages, whichever backend they come from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from talkingface.media.planes import PlaneLayout
from talkingface.models.video_retalking.pipeline import Pipeline
from talkingface.models.video_retalking.stages import RegionPatch

LAYOUT = PlaneLayout("gray", 8, 8, 8, 0, 0, False, "bt601")


class Recorder:
    """All three stages: says what it was asked, in order."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def canonicalise(self, track: Any) -> str:
        self.calls.append(f"canonicalise {track}")
        return "face"

    def plan(self, face: Any, rows: Any, times: Any, samples: Any) -> str:
        self.calls.append(f"plan {face} for {len(rows)}")
        return "planned"

    def speak(self, plan: Any, number: int, planes: list[Any]) -> RegionPatch | None:
        self.calls.append(f"speak {plan} {number}")
        if number == 1:
            return None
        return RegionPatch(0, 0, [np.full((4, 4), number, np.float32)], np.ones((4, 4), np.float32))

    def refine(self, patch: RegionPatch, planes: list[Any], layout: PlaneLayout) -> RegionPatch:
        self.calls.append("refine")
        return RegionPatch(2, 2, patch.planes, patch.alpha)


@pytest.fixture
def stages() -> Recorder:
    return Recorder()


def test_stages_follow_each_other(stages: Recorder) -> None:
    pipeline = Pipeline(stages, stages, stages, LAYOUT)
    pipeline.plan("track", np.arange(3), np.zeros(3), np.zeros(10, np.float32))  # type: ignore[arg-type]
    patch = pipeline.frame(2, [])
    assert patch is not None
    assert patch.x0 == 2
    assert stages.calls == ["canonicalise track", "plan face for 3", "speak planned 2", "refine"]


def test_a_frame_without_its_face_is_not_refined(stages: Recorder) -> None:
    assert Pipeline(stages, stages, stages, LAYOUT).frame(1, []) is None
    assert "refine" not in stages.calls


def test_refining_may_be_left_out(stages: Recorder) -> None:
    patch = Pipeline(stages, stages, None, LAYOUT).frame(0, [])
    assert patch is not None
    assert patch.x0 == 0
