from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from talkingface.media.first_frame import first_frame
from talkingface.media.probe import open_media


@pytest.mark.parametrize(("frames", "alone"), [(1, True), (3, False), (30, False)])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_one_frame_is_told_from_several(make_video: Callable[..., Path], suffix: str, frames: int, alone: bool) -> None:
    with open_media(make_video(f"v{suffix}", frames=frames)) as container:
        stream = container.streams.video[0]
        frame, only = first_frame(container, stream)
    assert frame is not None
    assert (frame.width, only) == (96, alone)


def test_the_file_is_rewound(make_video: Callable[..., Path]) -> None:
    with open_media(make_video("v.mp4", frames=3)) as container:
        for _ in container.demux(container.streams.video[0]):
            pass
        assert first_frame(container, container.streams.video[0])[0] is not None
