"""How a video is encoded: what of the source is kept, which encoder, and what is said about the rest."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import cv2

from talkingface.errors import OptionError, nearest_names
from talkingface.media.alpha import has_alpha
from talkingface.media.colour import (
    MATRICES,
    PRIMARIES,
    RANGES,
    TRANSFERS,
    UNKNOWN,
    matrix_of,
    tag_number,
)
from talkingface.media.planes import PLANAR_FORMATS, is_rgb_format, working_format
from talkingface.media.side_data import FIELD_ORDERS

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

PIXEL_FORMAT_RULES = ("auto", "keep")

_MARKS_FIELDS = {"h264", "ffv1"}  # x265 only codes fields as pictures of their own, which decoders do not weave again

_FIELD_ORDER_TAGS = {"tt": 2, "bb": 3}  # AVFieldOrder
_LOOKAHEAD = {"h264": 40, "hevc": 20}  # frames that the preset looks ahead
_LOOKAHEAD_BYTES = 100_000_000
_SHORTEST_LOOKAHEAD = 4
_USUAL_SAMPLES = 1920 * 1088
_FALLBACK_RATE = Fraction(25)
_LARGEST_WIDELY_PLAYED = 4096 * 2304  # what level 5.2 of H.264, the last of its widespread ones, allows
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
        field_order: How the output is marked: ``"tt"``, ``"bb"`` (two woven fields, the top or the bottom one first)
            or ``"progressive"``.
        mastering_display: Static HDR metadata as ``side_data.mastering_display`` writes it, None for none.
        content_light: Brightest pixel and picture average in cd/m2, None for none.
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
    field_order: str = "progressive"
    mastering_display: str | None = None
    content_light: tuple[int, int] | None = None


def encode_spec(
    stream: VideoStreamInfo, codec: str, crf: int | None, threads: int, pixel_format: str = "auto"
) -> tuple[EncodeSpec, list[str]]:
    """Decide how a source stream is encoded.

    By default so that it plays everywhere: 8 bits as H.264, more as HEVC with 10 bits, 4:2:0, an even size; odd
    pictures get their last column or line once more. ``"keep"`` keeps chroma sampling, odd sizes and 12 bits, which
    many players do not take. ffv1 keeps everything in either case.

    Args:
        stream: The source.
        codec: ``"h264"``, ``"hevc"`` or ``"ffv1"``.
        crf: Constant rate factor 0..51, None for the codec's usual one.
        threads: Encoder threads, at least 1.
        pixel_format: ``"auto"`` or ``"keep"``.

    Returns:
        The decision, and a line for each thing that could not stay or had to be guessed.

    Raises:
        OptionError: unknown codec or way to choose the pixel format.
        MediaError: the source's pixel format cannot be worked on.
    """
    if codec not in ENCODERS:
        raise OptionError(f"unknown video codec {codec!r}: {nearest_names(codec, ENCODERS)}")
    if pixel_format not in PIXEL_FORMAT_RULES:
        raise OptionError(
            f"unknown pixel format rule {pixel_format!r}: {nearest_names(pixel_format, PIXEL_FORMAT_RULES)}"
        )
    notes: list[str] = []
    working = working_format(stream.pixel_format)
    bits = PLANAR_FORMATS[working][0]
    if bits > 8 and codec == "h264":
        codec = "hevc"
        notes.append(f"the video has {stream.bits} bits a sample: written as HEVC, which players take in that depth")
    keep = codec == "ffv1" or pixel_format == "keep"
    encoded = _kept_format(working, codec, stream) if keep else "yuv420p" if bits == 8 else "yuv420p10le"
    notes.extend(_format_notes(stream, working, encoded, keep))
    field_order, field_notes = _field_order(stream, codec, encoded, keep)
    notes.extend(field_notes)
    width, height = (stream.width, stream.height) if keep else _even_size(stream, field_order)
    if (width, height) != (stream.width, stream.height):
        notes.append(
            f"its size {stream.width}x{stream.height} does not fit 4:2:0 pictures: written as {width}x{height}, the "
            "last column or line repeated; --pixel-format keep keeps the size"
        )
    range_, space = stream.color_range, stream.color_space
    if is_rgb_format(stream.pixel_format):
        # What ``planes.to_working_format`` makes of RGB pictures.
        range_, space = "limited", {"bt601": "smpte170m", "bt709": "bt709"}[matrix_of(2, stream.height)]
    elif space == UNKNOWN and not working.startswith("gray"):
        guess = {"bt601": "BT.601", "bt709": "BT.709"}[matrix_of(2, stream.height)]
        notes.append(f"the video does not say its colour matrix: read as {guess}, as usual for {stream.height} lines")
    if codec == "ffv1" and stream.sample_aspect_ratio is not None:
        notes.append(f"the shape of its pixels, {_colon(stream.sample_aspect_ratio)}, cannot be written beside ffv1")
    mastering, light, hdr_notes = _static_hdr(stream, codec)
    notes.extend(hdr_notes)
    spec = EncodeSpec(
        codec=codec,
        crf=DEFAULT_CRF[codec] if crf is None else crf,
        pixel_format=encoded,
        width=width,
        height=height,
        time_base=stream.time_base,
        rate=stream.average_rate,
        threads=max(1, threads),
        color_range=range_,
        color_space=space,
        color_primaries=stream.color_primaries,
        color_transfer=stream.color_transfer,
        sample_aspect_ratio=stream.sample_aspect_ratio,
        rotation=stream.rotation,
        display_matrix=_grown_matrix(stream, width, height),
        field_order=field_order,
        mastering_display=mastering,
        content_light=light,
    )
    if codec == "h264" and width * height > _LARGEST_WIDELY_PLAYED:
        notes.append(f"few devices play H.264 as large as {width}x{height}; hevc is for sizes beyond 4096x2304")
    if codec == "h264" and spec.crf == 0 and bits == 8:
        notes.append("crf 0 makes H.264 lossless, in a profile (High 4:4:4 Predictive) that few players take")
    return spec, notes


def _colon(ratio: Fraction) -> str:
    return f"{ratio.numerator}:{ratio.denominator}"


def _kept_format(working: str, codec: str, stream: VideoStreamInfo) -> str:
    plain = working.replace("yuvj", "yuv")
    if codec == "ffv1":
        return plain
    if plain.startswith("gray"):
        plain = plain.replace("gray", "yuv420p", 1)  # monochrome H.264 and HEVC play almost nowhere
    _, across, down = PLANAR_FORMATS[plain]
    if stream.width % (1 << across) or stream.height % (1 << down):
        return plain.replace("420", "444").replace("422", "444")
    return plain


def _format_notes(stream: VideoStreamInfo, working: str, encoded: str, keep: bool) -> list[str]:
    """Say in one line what the encoded format has less of than the source's, and why."""
    name = stream.pixel_format
    if encoded == name.replace("yuvj", "yuv"):
        return []
    odd = "444" in encoded and "444" not in working and (stream.width % 2 or stream.height % 2)
    why = [f"its size {stream.width}x{stream.height} is odd"] if odd and not is_rgb_format(name) else []
    if has_alpha(name):
        why.append("transparent parts are shown over gray")
    deepest = max(stream.bits, PLANAR_FORMATS[working][0])
    if deepest > PLANAR_FORMATS[encoded][0]:
        why.append(f"{deepest} bits a sample become {PLANAR_FORMATS[encoded][0]}")
    lost = f" ({', '.join(why)})" if why else ""
    kept = "" if keep or _sampling(working) in ("gray", "420") else "; --pixel-format keep keeps its chroma sampling"
    return [f"pixel format {name} is written as {encoded}{lost}{kept}"]


def _sampling(planar: str) -> str:
    return next(sampling for sampling in ("gray", "420", "422", "444") if sampling in planar)


def _field_order(stream: VideoStreamInfo, codec: str, encoded: str, keep: bool) -> tuple[str, list[str]]:
    """How the output is marked, and the line that says it."""
    if not stream.interlaced:
        return "progressive", []
    if stream.codec == "hevc":  # FFmpeg does not weave these, and neither do most players
        return "progressive", ["the video's fields are pictures of their own, as in HEVC: the output keeps them single"]
    order = stream.field_order if stream.field_order in FIELD_ORDERS else "tt"
    said = f"the video is interlaced ({FIELD_ORDERS[order]}): its fields stay woven, "
    fits = not keep or "420" not in encoded or stream.height % 4 == 0
    if codec in _MARKS_FIELDS and (codec != "h264" or fits):
        return order, [f"{said}the output is marked interlaced too"]
    return "progressive", [f"{said}the output is marked progressive"]


def _even_size(stream: VideoStreamInfo, field_order: str) -> tuple[int, int]:
    lines = 2 if field_order == "progressive" else 4  # two of each field
    return stream.width + stream.width % 2, stream.height + -stream.height % lines


def _grown_matrix(stream: VideoStreamInfo, width: int, height: int) -> tuple[int, ...] | None:
    """The source's display matrix, moved so that a picture which grew at its right and bottom still begins at 0."""
    matrix = stream.display_matrix
    if matrix is None or (width, height) == (stream.width, stream.height):
        return matrix
    moved = list(matrix)
    for place, (by_column, by_line) in ((6, (matrix[0], matrix[3])), (7, (matrix[1], matrix[4]))):
        if matrix[place]:  # files whose matrix only turns leave the place to the player
            moved[place] -= min(0, by_column) * (width - stream.width) + min(0, by_line) * (height - stream.height)
    return tuple(moved)


def _static_hdr(stream: VideoStreamInfo, codec: str) -> tuple[str | None, tuple[int, int] | None, list[str]]:
    """What static HDR metadata the output carries, and what is said of the rest."""
    notes = []
    mastering, light = stream.mastering_display, stream.content_light
    if codec == "ffv1" and (mastering or light):
        mastering = light = None
        notes.append(
            "the mastering display's colours and the content's light level cannot be written beside ffv1; use hevc"
        )
    if stream.lost_side_data:
        names = " and ".join(stream.lost_side_data)
        notes.append(f"the video carries {names}, which cannot be kept: the output shows its basic HDR picture")
    return mastering, light, notes


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
    if spec.field_order != "progressive":
        context.field_order = _FIELD_ORDER_TAGS[spec.field_order]
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
        options["x265-params"] = ":".join(
            ["log-level=none", "open-gop=0", f"pools={spec.threads}", f"frame-threads={frame_threads}"]
            + _short_lookahead(spec)
            + ([f"master-display={spec.mastering_display}"] if spec.mastering_display else [])
            + ([f"max-cll={spec.content_light[0]},{spec.content_light[1]}"] if spec.content_light else [])
        )
        return options
    parameters = _short_lookahead(spec)
    if cv2.checkHardwareSupport(_OPENCV_ID_OF_AVX512):
        # x264's AVX-512 code reads memory nobody wrote where a row of macroblocks does not fill a vector: the same
        # frames then give other bytes now and then. Its AVX2 code does not, and is as fast.
        parameters.append("asm=AVX2")
    if spec.field_order != "progressive":
        parameters.append("tff=1" if spec.field_order == "tt" else "bff=1")
    if spec.mastering_display:
        parameters.append(f"mastering-display={spec.mastering_display}")
    if spec.content_light:
        parameters.append(f"cll={spec.content_light[0]},{spec.content_light[1]}")
    if parameters:
        options["x264-params"] = ":".join(parameters)
    return options


def _short_lookahead(spec: EncodeSpec) -> list[str]:
    """Let the encoders look less far ahead in large pictures: each frame they hold takes two or more times its size.

    At its preset's 20 frames x265 alone took more than 2 GB for 2160 lines of 10 bits.
    """
    bits, across, down = PLANAR_FORMATS[spec.pixel_format]
    size = spec.width * spec.height * (1 + 2 / (1 << (across + down))) * (1 if bits <= 8 else 2)
    frames = max(_SHORTEST_LOOKAHEAD, int(_LOOKAHEAD_BYTES / size))
    if spec.width * spec.height <= _USUAL_SAMPLES or frames >= _LOOKAHEAD[spec.codec]:
        return []
    return [f"rc-lookahead={frames}", "bframes=2", "ref=2"]
