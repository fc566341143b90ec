from __future__ import annotations

import gc

import av
import pytest

from talkingface.dubbing.frame_memory import LOOSE_BYTES, collected
from talkingface.media.planes import PlaneLayout

LAYOUT = PlaneLayout("yuv420p", 1920, 1080, 8, 1, 1, False, "bt709")


def frames_alive() -> int:
    return sum(isinstance(item, av.VideoFrame) for item in gc.get_objects())


def test_frames_in_cycles_do_not_pile_up() -> None:
    before, most = frames_alive(), 0
    with collected(LAYOUT) as passed:
        for _ in range(200):
            len(av.VideoFrame(16, 16, "yuv420p").side_data)  # which makes the cycle
            passed()
            most = max(most, frames_alive())
    assert most - before <= LOOSE_BYTES // (1920 * 1080 * 2) + 1
    assert gc.get_freeze_count() == 0


def test_what_was_frozen_is_let_go_of_after_an_error() -> None:
    with pytest.raises(KeyError), collected(LAYOUT):
        raise KeyError
    assert gc.get_freeze_count() == 0
