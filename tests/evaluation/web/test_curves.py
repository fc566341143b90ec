from __future__ import annotations

from pathlib import Path

import numpy as np

from talkingface.evaluation.web.curves import (
    envelope,
    gaps,
    numbers,
    offset_figure,
    offset_words,
    opening_figure,
    sync_figure,
    with_breaks,
)
from talkingface.media.audio import AudioTrack

LATE = list(range(-15, 16))


def sync(best: int) -> dict[str, list[float]]:
    return {"lips_late_by": LATE, "distance": [1.0 - 0.5 * (late == best) for late in LATE]}


def sound(samples: np.ndarray, rate: int = 1000) -> AudioTrack:
    return AudioTrack(samples[:, None].astype(np.float32), rate, Path("a.wav"), 0.0, "mono")


def test_the_best_offset_is_named() -> None:
    assert "lips 3 frames (120 ms) late" in offset_figure({"sync": sync(3)})
    assert offset_words(-1.0) == "lips 1 frame (40 ms) early"
    assert offset_words(0.0) == "in sync, 0 frames"


def test_each_expert_has_its_own_curve() -> None:
    both = offset_figure({"sync": sync(3), "syncnet": sync(-2)})
    assert both.count("<svg") == 2 and "distance, SyncNet" in both and "(80 ms) early" in both


def test_what_is_missing_is_said() -> None:
    for figure in (offset_figure({}), sync_figure({}, None), opening_figure({}, None, None, None)):
        assert "<svg" not in figure and "Left out: " in figure
    broken = {"sync": {"lips_late_by": LATE, "distance": [1.0]}}
    assert "Left out: " in offset_figure(broken)


def test_syncnet_is_drawn_over_time_too() -> None:
    details = {
        "curves": {"sync_time": [0.5, 0.54], "sync_confidence": [0.2, 0.3], "sync_distance": [0.8, 0.9]},
        "syncnet": {"window_times": [0.1, 0.14], "frame_confidence": [4.0, 5.0]},
    }
    figure = sync_figure(details, (0.0, 2.0))
    assert figure.count("<svg") == 3
    assert "confidence, SyncNet over time: from 4.00 to 5.00" in figure


def test_the_opening_says_whether_there_is_a_truth() -> None:
    curves = {"time": [0.0, 0.04, 0.08], "opening": [0.1, None, 0.2]}
    alone = opening_figure({"curves": curves}, None, None, "no such file")
    assert "There is no truth to compare with; no waveform: no such file." in alone
    assert "at most 20 % of the eye distance" in alone and "face not seen" in alone
    both = opening_figure({"curves": {**curves, "true_opening": [0.1, 0.1, 0.3]}}, None, sound(np.ones(80)), None)
    assert "line truth" in both and "loudness of the sound" in both and "no truth" not in both


def test_the_envelope_is_loud_where_the_sound_is() -> None:
    samples = np.zeros(2000)
    samples[1500] = -0.5
    found = envelope(sound(samples), (0.0, 2.0), steps=20)
    loud = [time for time, size in found if size == 1.0]
    assert len(found) == 20 and loud == [1.55]
    assert envelope(sound(np.zeros(2000)), (0.0, 2.0)) == []


def test_a_sound_that_ends_early_is_silent_after() -> None:
    found = envelope(sound(np.ones(1000)), (0.0, 2.0), steps=10)
    assert [size for _, size in found] == [1.0] * 5 + [0.0] * 5


def test_gaps_and_breaks() -> None:
    assert gaps([0, 1, 2, 3, 4], [1, None, None, 1, None]) == [(0, 3), (3, 4)]
    assert with_breaks([0.0, 1.0, 2.0, 9.0], [1, 2, 3, 4]) == ([0.0, 1.0, 2.0, 5.5, 9.0], [1, 2, 3, None, 4])


def test_numbers_of_a_report_may_be_missing_or_wrong() -> None:
    assert numbers([1, None, float("nan"), "x", np.float32(2)]) == [1.0, None, None, None, 2.0]
    assert numbers(None) == [] and numbers("12") == []
