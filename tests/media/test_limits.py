from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from talkingface.errors import MediaError
from talkingface.media.limits import (
    MAX_STILL_PIXELS,
    MAX_VIDEO_PIXELS,
    check_picture_size,
    check_sound,
    pixel_limit,
)


@pytest.mark.parametrize(("width", "height"), [(7680, 4320), (4320, 7680), (8192, 8192), (16_384, 4096), (176, 144)])
def test_videos_up_to_8k_pass(width: int, height: int) -> None:
    check_picture_size(width, height, "v.mp4")


@pytest.mark.parametrize(
    ("width", "height", "still"),
    [(8193, 8192, False), (60_000, 60_000, True), (40_000, 10, True), (15_000, 15_000, True)],
)
def test_larger_ones_are_refused_with_size_and_limit(width: int, height: int, still: bool) -> None:
    with pytest.raises(MediaError, match=rf"v\.mp4: claims pictures of {width}x{height}; at most 32767 a side and"):
        check_picture_size(width, height, "v.mp4", still)


def test_stills_may_be_larger_than_videos(tmp_path: Path) -> None:
    check_picture_size(16_000, 13_000, "p.png", still=True)
    cv2.imwrite(str(tmp_path / "p.png"), np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "v.mp4").write_bytes(b"\0\0\0\x18ftypisom")
    assert pixel_limit(tmp_path / "p.png") == MAX_STILL_PIXELS
    assert pixel_limit(tmp_path / "v.mp4") == pixel_limit(tmp_path / "none.mp4") == MAX_VIDEO_PIXELS


@pytest.mark.parametrize(
    ("rate", "channels", "seconds"), [(0, 0, None), (2_000, 1, 0.0), (768_000, 64, 86_400.0), (48_000, 2, 3600.0)]
)
def test_sound_that_files_really_hold_passes(rate: int, channels: int, seconds: float | None) -> None:
    check_sound(rate, channels, "a.wav", seconds)


@pytest.mark.parametrize(
    ("rate", "channels", "seconds", "says"),
    [
        (768_001, 2, None, "768001 samples of sound a second; 2000 to 768000"),
        (8, 2, None, "8 samples of sound a second"),
        (-1, 2, None, "-1 samples"),
        (48_000, 65, None, "65 channels of sound; at most 64"),
        (48_000, 2, 90_000.0, "25.0 hours; at most 24"),
    ],
)
def test_sound_that_claims_too_much_is_refused(rate: int, channels: int, seconds: float | None, says: str) -> None:
    with pytest.raises(MediaError, match=rf"a\.wav: claims .*{says}"):
        check_sound(rate, channels, "a.wav", seconds)
