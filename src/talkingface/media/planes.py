"""Frames in the decoder's own YUV planes: looked at without a copy, altered only in a copy, turned to BGR only in part.

Whatever is not altered in the planes stays bit for bit what the decoder gave.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import av
import cv2
import numpy as np
from av.video.plane import VideoPlane
from numpy.typing import NDArray

from talkingface.errors import MediaError
from talkingface.media.alpha import has_alpha, over_neutral
from talkingface.media.colour import RANGES, is_full_range, matrix_of, yuv_from_bgr
from talkingface.media.side_data import filtered, has_side_data

Plane = NDArray[np.uint8] | NDArray[np.uint16]

PLANAR_FORMATS: dict[str, tuple[int, int, int]] = {
    "yuv420p": (8, 1, 1),
    "yuvj420p": (8, 1, 1),
    "yuv422p": (8, 1, 0),
    "yuvj422p": (8, 1, 0),
    "yuv444p": (8, 0, 0),
    "yuvj444p": (8, 0, 0),
    "yuv420p10le": (10, 1, 1),
    "yuv422p10le": (10, 1, 0),
    "yuv444p10le": (10, 0, 0),
    "yuv420p12le": (12, 1, 1),
    "yuv422p12le": (12, 1, 0),
    "yuv444p12le": (12, 0, 0),
    "gray": (8, 0, 0),
    "gray10le": (10, 0, 0),
    "gray12le": (12, 0, 0),
}
"""Formats frames are worked in: name to (bits of a sample, halvings of chroma across, halvings of chroma down)."""

# Decoders say of each frame whether it is an I, P or B picture. A copy of ours says nothing of the kind: that marks it
# as free to be written, and leaves the choice to the encoder.
_NO_PICTURE_TYPE = 0

_SWS_MATRIX = {"bt601": "ITU601", "bt709": "ITU709", "bt2020": "BT2020"}
_TAG_OF_MATRIX = {"bt601": 6, "bt709": 1, "bt2020": 9}


@dataclass(frozen=True)
class PlaneLayout:
    """How a frame's planes are to be read.

    Attributes:
        pixel_format: A name in ``PLANAR_FORMATS``.
        width: Columns of luma.
        height: Lines of luma.
        bits: Bits of a sample: 8 (uint8), 10 or 12 (uint16).
        chroma_shift_x: Halvings of chroma across: 0 or 1.
        chroma_shift_y: Halvings of chroma down: 0 or 1.
        full_range: True when samples use every code, False for the studio range (16..235 and 16..240 in 8 bits).
        matrix: ``"bt601"``, ``"bt709"`` or ``"bt2020"``; guessed from the height when the frame is untagged.
    """

    pixel_format: str
    width: int
    height: int
    bits: int
    chroma_shift_x: int
    chroma_shift_y: int
    full_range: bool
    matrix: str


def working_format(pixel_format: str) -> str:
    """Return the planar format that holds a pixel format: itself when planar, else the nearest that loses least.

    Args:
        pixel_format: FFmpeg's name of any pixel format.

    Returns:
        A name in ``PLANAR_FORMATS``. Transparency has no place in it; more than 12 bits become 12.

    Raises:
        MediaError: FFmpeg does not know the format, or it holds no pictures a program can reach.
    """
    if pixel_format in PLANAR_FORMATS:
        return pixel_format
    try:
        form = av.VideoFormat(pixel_format, 64, 64)
        components = form.components
    except ValueError as error:
        raise MediaError(f"unknown pixel format {pixel_format!r}") from error
    if not components or pixel_format.startswith("xyz"):
        raise MediaError(f"pixel format {pixel_format!r} cannot be worked on; convert the file first")
    deepest = max(component.bits for component in components)
    bits = 8 if deepest <= 8 else 10 if deepest <= 10 else 12
    depth = "" if bits == 8 else f"{bits}le"
    if is_rgb_format(pixel_format):
        return f"yuv444p{depth}"
    if len(components) <= 2:
        return f"gray{depth}"
    across, down = form.chroma_width(64) < 64, form.chroma_height(64) < 64
    sampling = "420" if across and down else "422" if across else "444"
    return f"yuv{sampling}p{depth}"


def layout_of(frame: av.VideoFrame) -> PlaneLayout:
    """Return how the planes of a frame in a planar format are to be read.

    Raises:
        MediaError: the frame is in no planar format; see ``to_working_format``.
    """
    name = frame.format.name
    if name not in PLANAR_FORMATS:
        raise MediaError(f"frames in {name!r} have no planes to work on; expected one of {', '.join(PLANAR_FORMATS)}")
    bits, across, down = PLANAR_FORMATS[name]
    return PlaneLayout(
        pixel_format=name,
        width=frame.width,
        height=frame.height,
        bits=bits,
        chroma_shift_x=across,
        chroma_shift_y=down,
        full_range=is_full_range(frame),
        matrix=matrix_of(int(frame.colorspace), frame.height),
    )


def to_working_format(frame: av.VideoFrame, width: int | None = None, height: int | None = None) -> av.VideoFrame:
    """Return the frame in its working format; the same object when nothing has to change.

    RGB pictures become studio-range YUV with the matrix usual for their height, and carry that in their tags.
    Transparent parts are laid over a neutral gray.

    Args:
        frame: Any decoded frame.
        width: Columns wanted, None for the frame's own.
        height: Lines wanted, None for the frame's own.
    """
    wanted = working_format(frame.format.name)
    if has_alpha(frame.format.name):
        frame = over_neutral(frame)
    width, height = width or frame.width, height or frame.height
    if wanted == frame.format.name and (width, height) == (frame.width, frame.height):
        return frame
    if not is_rgb_format(frame.format.name):
        # Range named on both sides, or swscale would stretch full-range pictures on the way.
        level = RANGES["full" if is_full_range(frame) else "limited"]
        return frame.reformat(width, height, wanted, src_color_range=level, dst_color_range=level)
    matrix = matrix_of(2, height)
    converted = frame.reformat(
        width,
        height,
        wanted,
        dst_colorspace=_SWS_MATRIX[matrix],
        src_color_range=RANGES["full"],
        dst_color_range=RANGES["limited"],
    )
    converted.colorspace = _TAG_OF_MATRIX[matrix]
    converted.color_range = RANGES["limited"]
    return converted


def is_rgb_format(pixel_format: str) -> bool:
    """Tell whether a pixel format holds red, green and blue, directly or through a palette or a sensor's mosaic."""
    form = av.VideoFormat(pixel_format)
    return form.is_rgb or form.has_palette or form.is_bayer


def plane_views(frame: av.VideoFrame) -> list[Plane]:
    """Return the planes of a frame as arrays that share its memory.

    Args:
        frame: A frame in a planar format.

    Returns:
        One array a plane, Y, U, V (Y alone for gray), each (lines, columns) of uint8 or uint16, line padding left
        out. Views of a decoder's frame are read-only; those of a ``writable_copy`` can be written, and what is
        written is in the frame. An array keeps its frame alive.
    """
    bits = PLANAR_FORMATS[frame.format.name][0]
    kind: type[np.uint8] | type[np.uint16] = np.uint8 if bits == 8 else np.uint16
    writable = frame.pict_type == _NO_PICTURE_TYPE
    views: list[Plane] = []
    for plane in frame.planes:
        view = _lines(plane, kind)[:, : plane.width]
        view.flags.writeable = writable
        views.append(view)
    return views


def writable_copy(frame: av.VideoFrame) -> av.VideoFrame:
    """Return a copy of a frame whose planes may be written.

    A decoder goes on predicting from the frames it handed out, so those must never be altered.

    Args:
        frame: A frame in a planar format.

    Returns:
        A frame with its own buffers, the same samples, timestamps, colour tags and side data.
    """
    if has_side_data(frame):
        copy = _cloned(frame)
    else:
        copy = av.VideoFrame(frame.width, frame.height, frame.format.name)
        for source, target in zip(frame.planes, copy.planes, strict=True):
            _copy_plane(source, target)
        copy.pts, copy.dts, copy.duration = frame.pts, frame.dts, frame.duration
        if frame.time_base is not None:
            copy.time_base = frame.time_base
        copy_colour(frame, copy)
    copy.pict_type = _NO_PICTURE_TYPE
    return copy


def copy_colour(source: av.VideoFrame, target: av.VideoFrame) -> None:
    """Give a frame the colour tags of another."""
    target.color_range = source.color_range
    target.colorspace = source.colorspace
    target.color_primaries = source.color_primaries
    target.color_trc = source.color_trc


def copy_planes(source: av.VideoFrame, target: av.VideoFrame) -> None:
    """Copy the samples of a frame into another of the same size and sampling, as far as both have planes."""
    for origin, destination in zip(source.planes, target.planes, strict=False):
        _copy_plane(origin, destination)


def _copy_plane(source: VideoPlane, target: VideoPlane) -> None:
    origin, destination = _lines(source, np.uint8), _lines(target, np.uint8)
    # Lines may be padded differently on both sides; what lies in the padding is nobody's.
    shared = min(origin.shape[1], destination.shape[1])
    np.copyto(destination[:, :shared], origin[:, :shared])


def _lines(plane: VideoPlane, kind: type[np.uint8] | type[np.uint16]) -> Plane:
    """Return a plane's memory as (lines, samples with the padding of a line), shared with the frame."""
    memory: Any = plane  # planes speak the buffer protocol, which their type stubs do not say
    return cast("Plane", np.frombuffer(memory, kind).reshape(plane.height, -1))


def _cloned(frame: av.VideoFrame) -> av.VideoFrame:
    """Copy a frame with its side data (captions, HDR ...), which only FFmpeg can copy: send it through a graph."""
    clone = filtered(frame, [])
    clone.make_writable()  # the clone still shared the buffers
    clone.pts, clone.time_base = frame.pts, frame.time_base or Fraction(1, 1000)
    return clone


def picture_bgr(frame: av.VideoFrame, max_side: int | None, rotation: int = 0) -> NDArray[np.uint8]:
    """Return a frame as a small upright picture, for looking at and for detectors.

    Args:
        frame: Any frame.
        max_side: The longer side is made at most this many pixels; None keeps the size.
        rotation: Degrees clockwise to turn the picture: 0, 90, 180 or 270.

    Returns:
        BGR, (height, width, 3) uint8, contiguous, after the turn.
    """
    width, height = frame.width, frame.height
    if max_side is not None and max(width, height) > max_side:
        scale = max_side / max(width, height)
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
    matrix = None if is_rgb_format(frame.format.name) else _SWS_MATRIX[matrix_of(int(frame.colorspace), frame.height)]
    small = frame.reformat(
        width,
        height,
        "bgr24",
        src_colorspace=matrix,
        src_color_range=RANGES["full" if is_full_range(frame) or is_rgb_format(frame.format.name) else "limited"],
        dst_color_range=RANGES["full"],
        interpolation="AREA",
        threads=1,
    )
    picture = _lines(small.planes[0], np.uint8)[:, : width * 3].reshape(height, width, 3)
    turns = rotation // 90 % 4
    return np.ascontiguousarray(np.rot90(picture, -turns) if turns else picture)


def yuv_to_bgr_matrix(layout: PlaneLayout) -> NDArray[np.float64]:
    """Return the 3 x 4 matrix that turns (Y, U, V, 1) in the layout's own codes into B, G, R of 0..255."""
    matrix = bgr_to_yuv_matrix(layout)
    inverse = np.linalg.inv(matrix[:, :3])
    return np.column_stack([inverse, -inverse @ matrix[:, 3]])


def bgr_to_yuv_matrix(layout: PlaneLayout) -> NDArray[np.float64]:
    """Return the 3 x 4 matrix that turns (B, G, R, 1) of 0..255 into Y, U, V in the layout's own codes."""
    return yuv_from_bgr(layout.matrix, layout.bits, layout.full_range)


def bgr_from_planes(y: Plane, u: Plane | None, v: Plane | None, layout: PlaneLayout) -> NDArray[np.uint8]:
    """Turn plane crops of the same size (4:4:4) into a picture.

    Args:
        y: Luma, (height, width), uint8 or uint16.
        u: Blue difference of the same shape; None for gray.
        v: Red difference of the same shape; None for gray.
        layout: Says bits, range and matrix. Its size and chroma shifts are not used.

    Returns:
        BGR, (height, width, 3) uint8.
    """
    matrix = yuv_to_bgr_matrix(layout)
    if u is None or v is None:
        u = v = np.full_like(y, 128 << (layout.bits - 8))
    picture = cv2.transform(cv2.merge([y, u, v]), matrix)
    if picture.dtype != np.uint8:
        picture = np.minimum(picture, 255).astype(np.uint8)
    return np.asarray(picture)


def planes_from_bgr(picture: NDArray[np.uint8] | NDArray[np.float32], layout: PlaneLayout) -> list[Plane]:
    """Turn a picture into planes of the same size (4:4:4) in the layout's own codes.

    Args:
        picture: BGR, (height, width, 3), 0..255, uint8 or float32.
        layout: Says bits, range and matrix. Its size and chroma shifts are not used.

    Returns:
        Y, U, V, each (height, width) of uint8 (8 bits) or uint16; the inverse of ``bgr_from_planes``.
    """
    samples: Any = cv2.transform(picture.astype(np.float32, copy=False), bgr_to_yuv_matrix(layout))
    top = (1 << layout.bits) - 1
    kind = np.uint8 if layout.bits == 8 else np.uint16
    codes = np.clip(np.rint(samples), 0, top).astype(kind)
    return [np.ascontiguousarray(codes[..., channel]) for channel in range(3)]
