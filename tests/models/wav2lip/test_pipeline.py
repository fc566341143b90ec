from __future__ import annotations

from typing import Any

import numpy as np

from talkingface.faces.track import FaceTrack
from talkingface.media.decibel_mel import DecibelMel
from talkingface.media.planes import PlaneLayout
from talkingface.models.video_retalking.pipeline import Shot
from talkingface.models.wav2lip.face_crops import FaceCropper
from talkingface.models.wav2lip.pipeline import Wav2LipPipeline
from talkingface.options import Pads

LAYOUT = PlaneLayout("yuv444p", 200, 160, 8, 0, 0, False, "bt709")


class Echo:
    """Stands for the network: remembers what it heard and gives white faces."""

    batch = 4

    def __init__(self) -> None:
        self.heard: list[np.ndarray] = []

    def __call__(self, faces: np.ndarray, mels: np.ndarray) -> np.ndarray:
        self.heard.append(mels)
        return np.full(faces.shape, 255, np.float32)


def shot(first: int, numbers: list[int], confidence: float = 1.0, left: float = 40) -> Shot:
    count = 6
    boxes = np.tile(np.array([left, 30, left + 60, 110], np.float32), (count, 1))
    sure = np.full(count, confidence, np.float32)
    track = FaceTrack(
        np.arange(first, first + count), np.arange(first, first + count) / 25, np.zeros((count, 478, 3), np.float32),
        np.ones(count, np.float32), 200, 160, boxes=boxes, confidence=sure,
    )  # fmt: skip
    return Shot(track, None, np.array(numbers), np.arange(len(numbers)))


def planned(shots: list[Shot], times: np.ndarray, runner: Any) -> tuple[Wav2LipPipeline, DecibelMel]:
    samples = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    pipeline = Wav2LipPipeline(runner, FaceCropper(LAYOUT, 0), 0, Pads(0, 10, 0, 0), True)
    pipeline.plan(shots, times, samples)
    return pipeline, DecibelMel(samples, mirrored=True)


def planes() -> list[Any]:
    return [np.full((160, 200), 100, np.uint8) for _ in range(3)]


def test_every_frame_hears_the_sound_of_its_own_time_in_one_batch() -> None:
    echo, times = Echo(), np.array([0.0, 0.04, 0.11, 0.3, 0.5, 0.9])  # unequal frames
    pipeline, sound = planned([shot(0, [1, 2, 4])], times, echo)
    made = pipeline.frames([0, 1, 2, 3, 4], [planes() for _ in range(5)])
    assert [len(patches) for patches in made] == [0, 1, 1, 0, 1]
    assert pipeline.batch == 4 and len(echo.heard) == 1
    np.testing.assert_array_equal(echo.heard[0], sound.windows(times[[1, 2, 4]]))


def test_each_shot_has_its_own_boxes() -> None:
    pipeline, _ = planned([shot(0, [0]), shot(9, [1], left=100)], np.array([0.0, 0.4]), Echo())
    (one,), (other,) = pipeline.frames([0, 1], [planes(), planes()])
    assert (one.x0, other.x0) == (40, 100)
    assert one.y0 == other.y0 == 30
    assert one.alpha.shape == (90, 60)  # ten pixels below the chin


def test_a_mouth_that_is_not_surely_seen_is_spoken_faintly_or_not_at_all() -> None:
    echo = Echo()
    pipeline, _ = planned([shot(0, [0], 0.5), shot(9, [1], 0.005)], np.array([0.0, 0.4]), echo)
    (half,), nothing = pipeline.frames([0, 1], [planes(), planes()])
    assert nothing == [] and len(echo.heard[0]) == 1
    assert 0.4 < half.alpha.max() <= 0.5


def test_frames_without_a_face_do_not_wake_the_network() -> None:
    echo = Echo()
    pipeline, _ = planned([shot(0, [5])], np.arange(6) / 25, echo)
    assert pipeline.frames([0, 1], [planes(), planes()]) == [[], []]
    assert echo.heard == []
