from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from talkingface.models.clip_batches import clip_of, frames_of, speech_of  # noqa: E402


def test_frames_come_moment_by_moment_and_go_back() -> None:
    clip = torch.rand(2, 3, 4, 5, 6)
    frames = frames_of(clip)
    assert torch.equal(frames[2], clip[0, :, 1]) and torch.equal(frames[3], clip[1, :, 1])
    assert torch.equal(clip_of(frames, 2), clip)


def test_sound_comes_in_the_same_order() -> None:
    windows = torch.rand(2, 4, 1, 80, 16)
    assert torch.equal(speech_of(windows)[5], windows[1, 2])
