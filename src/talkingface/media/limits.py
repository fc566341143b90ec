"""How large pictures and sound may be, asked before anything of them is decoded."""

from __future__ import annotations

from pathlib import Path

from talkingface.errors import MediaError
from talkingface.media.picture_header import read_picture_header

MAX_VIDEO_PIXELS = 8192 * 8192
"""Samples of one frame of a video: room for 8K in any shape."""

MAX_STILL_PIXELS = 220_000_000
"""Samples of a still picture."""

MAX_SIDE = 32_767
"""Columns and lines of any picture; what warps pictures counts in 16 bits."""

MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 2_000, 768_000
"""Samples of sound a second; a rate of a few would make hours of a small file."""

MAX_CHANNELS = 64
"""Channels of sound."""

MAX_SECONDS = 24 * 3600.0
"""Length of sound."""

_MOVING = {"gif"}


def check_picture_size(width: int, height: int, path: Path | str, still: bool = False) -> None:
    """Refuse a picture too large to be worked on.

    Args:
        width: Columns claimed.
        height: Lines claimed.
        path: The file, for the message.
        still: A still picture may be larger than a frame of a video.

    Raises:
        MediaError: it is larger than the limit, which the message names.
    """
    limit = MAX_STILL_PIXELS if still else MAX_VIDEO_PIXELS
    if width * height > limit or max(width, height) > MAX_SIDE:
        raise MediaError(
            f"{path}: claims pictures of {width}x{height}; at most {MAX_SIDE} a side and {limit / 1e6:.0f} megapixels "
            f"({'a still picture' if still else 'a video'}) are read"
        )


def pixel_limit(path: Path) -> int:
    """Return how many samples a decoder of this file may give a picture, by what the file's first bytes say it is.

    Raises:
        MediaError: it is a picture whose header already claims more.
    """
    try:
        header = read_picture_header(path)
    except OSError:
        return MAX_VIDEO_PIXELS  # opening it will tell what is wrong
    if header is None or header.kind in _MOVING:
        if header is not None:
            check_picture_size(header.width, header.height, path)
        return MAX_VIDEO_PIXELS
    check_picture_size(header.width, header.height, path, still=True)
    return MAX_STILL_PIXELS


def check_sound(rate: int, channels: int, path: Path | str, seconds: float | None = None) -> None:
    """Refuse sound that claims more than honest files do.

    Args:
        rate: Samples a second claimed; 0 when not known yet.
        channels: How many claimed; 0 when not known yet.
        path: The file, for the message.
        seconds: How long the file claims to be; None when it does not say.

    Raises:
        MediaError: a claim is beyond its limit, which the message names.
    """
    if rate and not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
        raise MediaError(
            f"{path}: claims {rate} samples of sound a second; {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} are read"
        )
    if not 0 <= channels <= MAX_CHANNELS:
        raise MediaError(f"{path}: claims {channels} channels of sound; at most {MAX_CHANNELS} are read")
    if seconds is not None and seconds > MAX_SECONDS:
        raise MediaError(
            f"{path}: claims to last {seconds / 3600:.1f} hours; at most {MAX_SECONDS / 3600:.0f} are read; cut it in "
            "parts"
        )
