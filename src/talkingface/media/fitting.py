"""A frame in the format its encoder wants: fewer chroma samples, fewer bits, an even size; luma as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import av
import numpy as np

from talkingface.media.colour import RANGES, is_full_range
from talkingface.media.planes import PLANAR_FORMATS, Plane, copy_colour, copy_planes, plane_views

if TYPE_CHECKING:
    from talkingface.media.encoding import EncodeSpec

_MOST_PADDING = 3  # lines and columns: an interlaced 4:2:0 picture has a multiple of four lines


def fit_frame(frame: av.VideoFrame, spec: EncodeSpec) -> av.VideoFrame:
    """Return a frame in the format a spec encodes.

    Luma samples stay as they are when the depth stays. Chroma is averaged where there are fewer samples of it, at the
    places MPEG-2, H.264 and HEVC put them: beside every other column, between two lines (of the same field, for
    interlaced pictures). A larger size repeats the last column and line.

    Args:
        frame: A frame in a planar format.
        spec: What it will be encoded as.

    Returns:
        The frame itself when nothing has to change.
    """
    name = frame.format.name
    across, down = spec.width - frame.width, spec.height - frame.height
    if not across and not down:
        if name == spec.pixel_format:
            return frame
        if name.replace("yuvj", "yuv") == spec.pixel_format:
            # Only the name differs: the range is in the tags. FFmpeg's scaler would not be needed, nor wanted.
            fitted = av.VideoFrame(frame.width, frame.height, spec.pixel_format)
            copy_planes(frame, fitted)
            copy_colour(frame, fitted)
            return fitted
    if not (0 <= across <= _MOST_PADDING and 0 <= down <= _MOST_PADDING) or _spreads_chroma(name, spec.pixel_format):
        level = RANGES["full" if is_full_range(frame) else "limited"]
        return frame.reformat(spec.width, spec.height, spec.pixel_format, src_color_range=level, dst_color_range=level)
    return _fitted_by_planes(frame, spec)


def _spreads_chroma(source: str, target: str) -> bool:
    if source.startswith("gray"):
        return False
    (bits, across, down), (wanted_bits, wanted_across, wanted_down) = PLANAR_FORMATS[source], PLANAR_FORMATS[target]
    return wanted_bits > bits or wanted_across < across or wanted_down < down


def _fitted_by_planes(frame: av.VideoFrame, spec: EncodeSpec) -> av.VideoFrame:
    interlaced = spec.field_order != "progressive"
    bits, across, down = PLANAR_FORMATS[frame.format.name]
    wanted_bits, wanted_across, wanted_down = PLANAR_FORMATS[spec.pixel_format]
    fitted = av.VideoFrame(spec.width, spec.height, spec.pixel_format)
    copy_colour(frame, fitted)
    sources, targets = plane_views(frame), plane_views(fitted)
    for index, target in enumerate(targets):
        if index >= len(sources):
            target[:] = 1 << (wanted_bits - 1)  # a gray picture has no colour
            continue
        plane = sources[index]
        if index and wanted_across > across:
            plane = halved_across(plane)
        if index and wanted_down > down:
            plane = halved_down_by_field(plane) if interlaced else halved_down(plane)
        if bits != wanted_bits:
            plane = _with_fewer_bits(plane, bits - wanted_bits, wanted_bits)
        _put(plane, target, 2 if interlaced else 1)
    return fitted


def halved_across(plane: Plane) -> Plane:
    """Average columns 1:2:1 round every other one, where 4:2:0 and 4:2:2 have their chroma.

    Args:
        plane: (lines, columns) uint8 or uint16.

    Returns:
        (lines, half the columns, rounded up) of the same type.
    """
    here, right = plane[:, 0::2], plane[:, 1::2]
    mixed = here.astype(np.uint16)  # at most 12 bits a sample: the sum of four fits
    mixed <<= 1
    mixed[:, : right.shape[1]] += right
    mixed[:, right.shape[1] :] += here[:, right.shape[1] :]  # an odd picture's last column stands in for its next
    mixed[:, 1:] += right[:, : mixed.shape[1] - 1]
    mixed[:, 0] += here[:, 0]
    mixed += 2
    mixed >>= 2
    return cast("Plane", mixed.astype(plane.dtype, copy=False))


def halved_down(plane: Plane) -> Plane:
    """Average every two lines: (lines, columns) to (half the lines, rounded up, columns) of the same type."""
    even = np.pad(plane, ((0, plane.shape[0] % 2), (0, 0)), "edge")
    mixed = even[0::2].astype(np.uint16)
    mixed += even[1::2].astype(np.uint16, copy=False)
    mixed += 1
    mixed >>= 1
    return cast("Plane", mixed.astype(plane.dtype, copy=False))


def halved_down_by_field(plane: Plane) -> Plane:
    """Average lines of the same field only: 3:1 in the upper field, 1:3 in the lower, as interlaced 4:2:0 lies.

    Args:
        plane: (lines, columns) uint8 or uint16.

    Returns:
        (half the lines of each field, rounded up, columns) of the same type.
    """
    lines = plane.shape[0]
    missing = -lines % 4
    whole = plane[[*range(lines), *(max(0, lines - 2 + number % 2) for number in range(missing))]]
    halved = cast("Plane", np.empty((whole.shape[0] // 2, plane.shape[1]), plane.dtype))
    for field in (0, 1):
        first, second = whole[field::4].astype(np.uint16), whole[field + 2 :: 4].astype(np.uint16)
        near, far = (first, second) if field == 0 else (second, first)
        halved[field::2] = (3 * near + far + 2) >> 2
    return halved


def _with_fewer_bits(plane: Plane, shift: int, bits: int) -> Plane:
    if shift < 0:
        raise ValueError("samples are never given more bits")
    rounded = plane.astype(np.uint16)  # at most 12 bits: there is room for half a step more
    rounded += np.uint16(1 << (shift - 1))
    rounded >>= shift
    np.minimum(rounded, (1 << bits) - 1, out=rounded)
    return cast("Plane", rounded.astype(np.uint8 if bits == 8 else np.uint16, copy=False))


def _put(plane: Plane, target: Plane, period: int) -> None:
    """Lay a plane at the upper left of a larger one and repeat its last column and its last line (of each field)."""
    height, width = min(plane.shape[0], target.shape[0]), min(plane.shape[1], target.shape[1])
    target[:height, :width] = plane[:height, :width]
    target[:height, width:] = target[:height, width - 1 : width]
    for line in range(height, target.shape[0]):
        target[line] = target[max(0, line - period)]
