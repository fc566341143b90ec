"""Names of the colour tags a video carries, and what they mean when frames leave or enter the YUV planes.

Tags are kept as FFmpeg's own numbers inside files and frames, and as their usual short names everywhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import av

UNKNOWN = "unknown"
UNSPECIFIED_TAG = 2  # the "nobody said" number of primaries, transfer and matrix alike (ITU-T H.273)

RANGES = {"limited": 1, "full": 2}
MATRICES = {
    "rgb": 0,
    "bt709": 1,
    "fcc": 4,
    "bt470bg": 5,
    "smpte170m": 6,
    "smpte240m": 7,
    "ycgco": 8,
    "bt2020nc": 9,
    "bt2020c": 10,
    "ictcp": 14,
}
PRIMARIES = {
    "bt709": 1,
    "bt470m": 4,
    "bt470bg": 5,
    "smpte170m": 6,
    "smpte240m": 7,
    "film": 8,
    "bt2020": 9,
    "smpte428": 10,
    "smpte431": 11,
    "smpte432": 12,
    "ebu3213": 22,
}
TRANSFERS = {
    "bt709": 1,
    "gamma22": 4,
    "gamma28": 5,
    "smpte170m": 6,
    "smpte240m": 7,
    "linear": 8,
    "log": 9,
    "log_sqrt": 10,
    "iec61966-2-4": 11,
    "bt1361e": 12,
    "iec61966-2-1": 13,
    "bt2020-10": 14,
    "bt2020-12": 15,
    "smpte2084": 16,
    "smpte428": 17,
    "arib-std-b67": 18,
}

_LUMA_WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}  # of red, of blue
_BT601_TAGS = {4, 5, 6, 7}
_BT2020_TAGS = {9, 10}


def tag_name(table: dict[str, int], tag: int) -> str:
    """Return the short name of a tag's number, ``"unknown"`` when it is unspecified or not in the table."""
    return next((name for name, number in table.items() if number == tag), UNKNOWN)


def tag_number(table: dict[str, int], name: str) -> int:
    """Return the number of a tag's short name; unknown names give the number that says "unspecified"."""
    return table.get(name, 0 if table is RANGES else UNSPECIFIED_TAG)


def matrix_of(tag: int, height: int) -> str:
    """Return which YUV matrix a picture uses: ``"bt601"``, ``"bt709"`` or ``"bt2020"``.

    Args:
        tag: The matrix tag as a number (``MATRICES``).
        height: Lines of the picture. Untagged pictures below 720 lines are taken as BT.601, others as BT.709, which
            is what cameras and players do.
    """
    if tag in _BT601_TAGS:
        return "bt601"
    if tag in _BT2020_TAGS:
        return "bt2020"
    if tag == MATRICES["bt709"]:
        return "bt709"
    return "bt601" if height < 720 else "bt709"


def is_full_range(frame: av.VideoFrame) -> bool:
    """Tell whether luma uses every code (0..255) instead of the studio range (16..235).

    Gray pictures do unless they say otherwise: FFmpeg takes them so, and players with it.
    """
    name, tag = frame.format.name, int(frame.color_range)
    if name.startswith("gray"):
        return tag != RANGES["limited"]
    return name.startswith("yuvj") or tag == RANGES["full"]


def yuv_from_bgr(matrix: str, bits: int, full_range: bool) -> NDArray[np.float64]:
    """Return the 3 x 4 matrix that turns (B, G, R, 1) of 0..255 into Y, U, V codes.

    Args:
        matrix: ``"bt601"``, ``"bt709"`` or ``"bt2020"``.
        bits: Bits of a Y, U or V sample.
        full_range: True for samples that use every code, False for the studio range.
    """
    red, blue = _LUMA_WEIGHTS[matrix]
    luma = np.array([blue, 1.0 - red - blue, red])
    blue_difference = (np.array([1.0, 0.0, 0.0]) - luma) / (2.0 * (1.0 - blue))
    red_difference = (np.array([0.0, 0.0, 1.0]) - luma) / (2.0 * (1.0 - red))
    step = 2.0 ** (bits - 8)
    if full_range:
        top = 2.0**bits - 1.0
        spans, offsets = np.array([top, top, top]), np.array([0.0, 128.0 * step, 128.0 * step])
    else:
        spans, offsets = np.array([219.0, 224.0, 224.0]) * step, np.array([16.0, 128.0, 128.0]) * step
    rows = np.stack([luma, blue_difference, red_difference])
    return np.column_stack([rows * (spans / 255.0)[:, None], offsets])
