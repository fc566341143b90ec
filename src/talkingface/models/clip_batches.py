"""Clips as batches of frames: what networks that see one frame at a time do with five axes."""

from __future__ import annotations

from torch import Tensor


def frames_of(clip: Tensor) -> Tensor:
    """(N, C, T, H, W) pictures of clips -> (T N, C, H, W), all clips' first frames first."""
    return clip.movedim(2, 0).flatten(0, 1)


def speech_of(windows: Tensor) -> Tensor:
    """(N, T, 1, 80, 16) mel windows of clips -> (T N, 1, 80, 16), all clips' first windows first."""
    return windows.transpose(0, 1).flatten(0, 1)


def clip_of(frames: Tensor, clips: int) -> Tensor:
    """(T N, C, H, W) pictures, as ``frames_of`` puts them -> (N, C, T, H, W)."""
    return frames.unflatten(0, (-1, clips)).movedim(0, 2)
