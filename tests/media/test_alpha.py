from __future__ import annotations

import av
import numpy as np
import pytest

from talkingface.media.alpha import has_alpha, over_neutral
from talkingface.media.planes import picture_bgr, plane_views, to_working_format


@pytest.mark.parametrize(
    ("name", "expected"),
    [("rgba", True), ("yuva420p10le", True), ("ya8", True), ("pal8", True), ("rgb24", False), ("yuv420p", False)],
)
def test_formats_with_transparency_are_known(name: str, expected: bool) -> None:
    assert has_alpha(name) == expected


def half_seen(pixel_format: str, level: int = 200) -> av.VideoFrame:
    """Light everywhere; the left half is opaque, the right half not there."""
    pixels = np.full((32, 64, 4), level, np.uint8)
    pixels[..., 3] = 255
    pixels[:, 32:, 3] = 0
    frame = av.VideoFrame.from_ndarray(pixels, "rgba")
    frame = frame.reformat(format=pixel_format) if pixel_format != "rgba" else frame
    frame.pts = 5
    return frame


@pytest.mark.parametrize(
    "pixel_format",
    ["rgba", "bgra", "argb", "gbrap", "gbrap12le", "rgba64be", "ya8", "ya16be", "yuva420p", "yuva422p10le",
     "yuva444p", "yuva444p12be", "yuva444p16le", "vuya", "ayuv64le"],
)  # fmt: skip
def test_what_is_not_there_is_gray(pixel_format: str) -> None:
    frame = half_seen(pixel_format)
    plain = over_neutral(frame)
    assert not has_alpha(plain.format.name)
    assert plain.pts == 5
    picture = picture_bgr(to_working_format(frame), None).astype(int)
    assert np.abs(picture[:, :30] - 200).max() < 5
    assert np.abs(picture[:, 34:] - 128).max() < 5


@pytest.mark.parametrize("pixel_format", ["rgba", "ya8", "yuva420p", "yuva444p10le"])
def test_opaque_pictures_stay_as_they_are(pixel_format: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 64, 4), np.uint8)
    pixels[..., 3] = 255
    frame = av.VideoFrame.from_ndarray(pixels, "rgba").reformat(format=pixel_format)
    assert over_neutral(frame) is frame


def test_opaque_planes_keep_every_sample() -> None:
    frame = half_seen("yuva444p")
    before = np.frombuffer(frame.planes[0], np.uint8).reshape(32, -1)[:, :32]  # type: ignore[call-overload]
    np.testing.assert_array_equal(plane_views(to_working_format(frame))[0][:, :32], before)
