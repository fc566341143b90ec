"""How a video is encoded: what of the source is kept, which encoder, and the frame in the format it wants."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av
import cv2
import numpy as np

from talkingface.errors import OptionError, nearest_names
from talkingface.media.colour import (
    MATRICES,
    PRIMARIES,
    RANGES,
    TRANSFERS,
    UNKNOWN,
    is_full_range,
    matrix_of,
    tag_number,
)
from talkingface.media.planes import PLANAR_FORMATS, copy_colour, copy_planes, is_rgb_format, working_format

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

    from talkingface.media.probe import VideoStreamInfo

ENCODERS = {"h264": "libx264", "hevc": "libx265", "ffv1": "ffv1"}
"""Codec names users write, and FFmpeg's encoder for each."""

REORDER_DEPTH = {"h264": 2, "hevc": 2, "ffv1": 0}
"""How many frames each encoder, at most, codes before one that is shown earlier."""

DEFAULT_CRF = {"h264": 18, "hevc": 20, "ffv1": 0}

_FALLBACK_RATE = Fraction(25)
_MOST_RATE_DENOMINATOR = 100_000  # an average over a variable rate can have terms encoders do not take
_OPENCV_ID_OF_AVX512 = 13  # CV_CPU_AVX_512F, a name OpenCV 5 no longer exports


@dataclass(frozen=True)
class EncodeSpec:
    """Everything that decides the bytes of an encoded video.

    Attributes:
        codec: ``"h264"``, ``"hevc"`` or ``"ffv1"``.
        crf: Constant rate factor, 0 (best) .. 51; ffv1 is lossless and ignores it.
        pixel_format: FFmpeg's name of the encoded format.
        width: Columns of the coded picture.
        height: Lines of the coded picture.
        time_base: Seconds per tick; the source stream's own, so that every timestamp is exact.
        rate: Average frames per second, None when unknown; informs rate control only.
        threads: Encoder threads. x264's frames depend on it, so the same number gives the same frames.
        color_range: ``"limited"``, ``"full"`` or ``"unknown"``.
        color_space: Name in ``colour.MATRICES`` or ``"unknown"``.
        color_primaries: Name in ``colour.PRIMARIES`` or ``"unknown"``.
        color_transfer: Name in ``colour.TRANSFERS`` or ``"unknown"``.
        sample_aspect_ratio: Width to height of one pixel, None for square.
        rotation: Degrees clockwise that players turn the picture: 0, 90, 180 or 270.
        preset: Speed preset of x264 and x265.
        display_matrix: The source's own 9 numbers, which say more than ``rotation`` (mirrored pictures); None to
            write a plain turn.
    """

    codec: str
    crf: int
    pixel_format: str
    width: int
    height: int
    time_base: Fraction
    rate: Fraction | None
    threads: int
    color_range: str
    color_space: str
    color_primaries: str
    color_transfer: str
    sample_aspect_ratio: Fraction | None
    rotation: int
    preset: str = "medium"
    display_matrix: tuple[int, ...] | None = None


def encode_spec(stream: VideoStreamInfo, codec: str, crf: int | None, threads: int) -> tuple[EncodeSpec, list[str]]:
    """Decide how a source stream is encoded so that as much of it as possible stays as it is.

    Args:
        stream: The source.
        codec: ``"h264"``, ``"hevc"`` or ``"ffv1"``.
        crf: Constant rate factor 0..51, None for the codec's usual one.
        threads: Encoder threads, at least 1.

    Returns:
        The decision, and a line for each thing that could not stay or had to be guessed.

    Raises:
        OptionError: unknown codec.
        MediaError: the source's pixel format cannot be worked on.
    """
    if codec not in ENCODERS:
        raise OptionError(f"unknown video codec {codec!r}: {nearest_names(codec, ENCODERS)}")
    notes: list[str] = []
    working = working_format(stream.pixel_format)
    if stream.bits > 8 and codec == "h264":
        codec = "hevc"
        notes.append(f"the video has {stream.bits} bits a sample: written as HEVC, which players take in that depth")
    pixel_format = _encoded_format(working, codec, stream)
    if pixel_format != stream.pixel_format.replace("yuvj", "yuv"):
        notes.append(_format_note(stream, pixel_format))
    if stream.interlaced:
        notes.append("the video is interlaced: its fields stay woven, the output is marked progressive")
    range_, space = stream.color_range, stream.color_space
    if is_rgb_format(stream.pixel_format):
        # What ``planes.to_working_format`` makes of RGB pictures.
        range_, space = "limited", {"bt601": "smpte170m", "bt709": "bt709"}[matrix_of(2, stream.height)]
    elif space == UNKNOWN and not working.startswith("gray"):
        guess = {"bt601": "BT.601", "bt709": "BT.709"}[matrix_of(2, stream.height)]
        notes.append(f"the video does not say its colour matrix: read as {guess}, as usual for {stream.height} lines")
    spec = EncodeSpec(
        codec=codec,
        crf=DEFAULT_CRF[codec] if crf is None else crf,
        pixel_format=pixel_format,
        width=stream.width,
        height=stream.height,
        time_base=stream.time_base,
        rate=stream.average_rate,
        threads=max(1, threads),
        color_range=range_,
        color_space=space,
        color_primaries=stream.color_primaries,
        color_transfer=stream.color_transfer,
        sample_aspect_ratio=stream.sample_aspect_ratio,
        rotation=stream.rotation,
        display_matrix=stream.display_matrix,
    )
    return spec, notes


def _encoded_format(working: str, codec: str, stream: VideoStreamInfo) -> str:
    plain = working.replace("yuvj", "yuv")
    if codec == "ffv1":
        return plain
    if plain.startswith("gray"):
        plain = plain.replace("gray", "yuv420p", 1)  # monochrome H.264 and HEVC play almost nowhere
    _, across, down = PLANAR_FORMATS[plain]
    if stream.width % (1 << across) or stream.height % (1 << down):
        return plain.replace("420", "444").replace("422", "444")
    return plain


def _format_note(stream: VideoStreamInfo, pixel_format: str) -> str:
    odd = stream.width % 2 or stream.height % 2
    why = f" (its size {stream.width}x{stream.height} is odd)" if odd and "444" in pixel_format else ""
    return f"pixel format {stream.pixel_format} is written as {pixel_format}{why}"


def add_video_stream(container: OutputContainer, spec: EncodeSpec) -> VideoStream:
    """Add the encoder that a spec describes to a container."""
    added = container.add_stream(ENCODERS[spec.codec], rate=_usable_rate(spec), options=_encoder_options(spec))
    stream = cast("VideoStream", added)
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = spec.width, spec.height, spec.pixel_format
    context.time_base = stream.time_base = spec.time_base
    context.thread_count = spec.threads
    # PyAV's default makes x264 cut every picture in slices, which costs bits; ffv1 knows nothing else.
    context.thread_type = "SLICE" if spec.codec == "ffv1" else "FRAME"
    set_colour(context, spec)
    if spec.sample_aspect_ratio is not None:
        context.sample_aspect_ratio = spec.sample_aspect_ratio
    return stream


def set_colour(context: VideoCodecContext, spec: EncodeSpec) -> None:
    """Give an encoder, or a stream that is copied, the colour tags of a spec."""
    context.color_range = tag_number(RANGES, spec.color_range)
    context.colorspace = tag_number(MATRICES, spec.color_space)
    context.color_primaries = tag_number(PRIMARIES, spec.color_primaries)
    context.color_trc = tag_number(TRANSFERS, spec.color_transfer)


def _usable_rate(spec: EncodeSpec) -> Fraction:
    return (spec.rate or _FALLBACK_RATE).limit_denominator(_MOST_RATE_DENOMINATOR)


def _encoder_options(spec: EncodeSpec) -> dict[str, str]:
    if spec.codec == "ffv1":
        return {
            "level": "3",
            "slicecrc": "1",
            "g": "1",
        }  # FFmpeg cuts slices by the size; not all sizes take all counts
    options = {"crf": str(spec.crf), "preset": spec.preset}
    if spec.codec == "hevc":
        # x265 writes to the terminal by itself, and its own thread counts follow the machine unless told.
        frame_threads = 1 if spec.threads < 4 else 2 if spec.threads < 8 else 3
        options["x265-params"] = f"log-level=none:open-gop=0:pools={spec.threads}:frame-threads={frame_threads}"
    elif cv2.checkHardwareSupport(_OPENCV_ID_OF_AVX512):
        # x264's AVX-512 code reads memory nobody wrote where a row of macroblocks does not fill a vector: the same
        # frames then give other bytes now and then. Its AVX2 code does not, and is as fast.
        options["x264-params"] = "asm=AVX2"
    return options


def fit_frame(frame: av.VideoFrame, spec: EncodeSpec) -> av.VideoFrame:
    """Return a frame in the format a spec encodes, samples untouched wherever the format allows it.

    Args:
        frame: A frame in a planar format.
        spec: What it will be encoded as.

    Returns:
        The frame itself when nothing has to change.
    """
    name = frame.format.name
    same_size = (frame.width, frame.height) == (spec.width, spec.height)
    if same_size and name == spec.pixel_format:
        return frame
    if same_size and name.replace("yuvj", "yuv") == spec.pixel_format:
        # Only the name differs: the range is in the tags. FFmpeg's scaler would not be needed, nor wanted.
        fitted = av.VideoFrame(frame.width, frame.height, spec.pixel_format)
        copy_planes(frame, fitted)
        copy_colour(frame, fitted)
        return fitted
    if same_size and name.startswith("gray") and PLANAR_FORMATS[name][0] == PLANAR_FORMATS[spec.pixel_format][0]:
        return _with_neutral_chroma(frame, spec)
    level = RANGES["full" if is_full_range(frame) else "limited"]
    return frame.reformat(spec.width, spec.height, spec.pixel_format, src_color_range=level, dst_color_range=level)


def _with_neutral_chroma(frame: av.VideoFrame, spec: EncodeSpec) -> av.VideoFrame:
    fitted = av.VideoFrame(frame.width, frame.height, spec.pixel_format)
    copy_planes(frame, fitted)
    copy_colour(frame, fitted)
    bits = PLANAR_FORMATS[spec.pixel_format][0]
    middle = np.array([1 << (bits - 1)], np.uint8 if bits == 8 else np.dtype("<u2")).tobytes()
    for plane in fitted.planes[1:]:
        plane.update(middle * (plane.buffer_size // len(middle)))
    return fitted
