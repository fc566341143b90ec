"""Small files of every kind of video the world makes, written with FFmpeg: for tests that take each through the tool.

``write(KINDS["hevc-hdr10"], folder)`` makes one of a moving pattern, ``write(kind, folder, pictures)`` of any RGB
pictures, such as those of a face.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import av.codec
import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.media.side_data import with_field_order

Picture = NDArray[np.uint8]

MASTERING_DISPLAY = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
CONTENT_LIGHT = (1000, 400)

_HDR = f"log-level=none:master-display={MASTERING_DISPLAY}:max-cll={CONTENT_LIGHT[0]},{CONTENT_LIGHT[1]}"
_QUIET_X265 = {"x265-params": "log-level=none"}
_LARGE = 1000
_QUICK = {"preset": "ultrafast"}
_INTERLACED_DCT_AND_MOTION = 1 << 18 | 1 << 29  # AV_CODEC_FLAG_INTERLACED_DCT, AV_CODEC_FLAG_INTERLACED_ME

UNTAGGED = (0, 2, 2, 2)  # range, matrix, primaries, transfer; FFmpeg's numbers
BT601 = (1, 6, 6, 6)
BT709 = (1, 1, 1, 1)
BT2020 = (1, 9, 9, 14)
PQ = (1, 9, 9, 16)
HLG = (1, 9, 9, 18)
FULL_BT709 = (2, 1, 1, 1)


@dataclass(frozen=True)
class Kind:
    """How to write one kind of file.

    Attributes:
        name: What the file is called without its suffix.
        suffix: Says the container.
        encoder: FFmpeg's name of the encoder.
        pixel_format: FFmpeg's name.
        size: Columns and lines of the coded picture; None for the pictures' own.
        odd: Cut one column and one line off.
        rate: Frames per second.
        time_base: Seconds per tick, 1 / rate when None.
        steps: Ticks between frames, repeated as long as needed; None for one tick each.
        first_pts: Timestamp of the first frame.
        rotation: Degrees clockwise that players turn the picture; it is written so that it then stands upright.
        sample_aspect_ratio: Width to height of a pixel; pictures are made narrower by it.
        colour: Tags for range, matrix, primaries and transfer.
        field_order: ``"tt"`` or ``"bb"`` for interlaced files.
        sounds: Languages of the audio streams.
        options: Of the encoder.
        frames: How many frames when nobody says.
        container: FFmpeg's name, None to go by the suffix.
    """

    name: str
    suffix: str = ".mp4"
    encoder: str = "libx264"
    pixel_format: str = "yuv420p"
    size: tuple[int, int] | None = None
    odd: bool = False
    rate: Fraction = Fraction(25)
    time_base: Fraction | None = None
    steps: tuple[int, ...] | None = None
    first_pts: int = 0
    rotation: int = 0
    sample_aspect_ratio: Fraction | None = None
    colour: tuple[int, int, int, int] = BT709
    field_order: str | None = None
    sounds: tuple[str, ...] = ()
    options: dict[str, str] = field(default_factory=dict)
    frames: int = 6
    container: str | None = None

    @property
    def missing(self) -> str | None:
        """Why this build of FFmpeg cannot write the kind, None when it can."""
        try:
            formats = av.codec.Codec(self.encoder, "w").video_formats
        except ValueError:
            return f"FFmpeg has no encoder {self.encoder} here"
        if formats is not None and self.pixel_format not in [form.name for form in formats]:
            return f"FFmpeg's encoder {self.encoder} cannot write {self.pixel_format} here"
        return None


def pattern(width: int = 96, height: int = 64) -> Iterator[Picture]:
    """RGB pictures without end that differ from frame to frame everywhere and compress well."""
    y, x = np.mgrid[:height, :width].astype(np.int32)
    number = 0
    while True:
        yield np.stack([x * 3 + number * 5, y * 2 + number * 7, x + y + number * 9], -1).astype(np.uint8)
        number += 1


def write(
    kind: Kind, folder: Path, pictures: Iterable[Picture] | None = None, frames: int | None = None, sound: float = 0.5
) -> Path:
    """Write a file of one kind.

    Args:
        kind: What to write.
        folder: Where.
        pictures: Upright RGB pictures (height, width, 3) uint8, all of one size; a moving pattern when None. Consumed
            one by one.
        frames: How many to take; the kind's own count when None and no pictures are given, else all there are.
        sound: Seconds of tone in each audio stream.

    Returns:
        The file.
    """
    os.environ.setdefault("SVT_LOG", "0")  # SVT-AV1 writes to the terminal by itself
    path = folder / f"{kind.name}{kind.suffix}"
    if pictures is None:
        frames = frames or kind.frames
        # large pictures are made of small ones: a pattern of that size would take longer than to encode it
        small = kind.size is None or max(kind.size) > _LARGE
        pictures = pattern() if small else pattern(*kind.size)  # type: ignore[misc]
    tick = kind.time_base or 1 / kind.rate
    with av.open(str(path), "w", format=kind.container) as output:
        stream: Any = None
        sounds: list[Any] = []
        for number, picture in enumerate(islice(pictures, frames)):
            coded = _coded(kind, picture)
            if stream is None:
                stream = _add_stream(output, kind, coded.shape[1], coded.shape[0], tick)
                sounds = [_add_sound(output, language) for language in kind.sounds]
            output.mux(stream.encode(_frame(kind, coded, _pts(kind, number), tick)))
        output.mux(stream.encode(None))
        for number, track in enumerate(sounds):
            _write_tone(output, track, 300 * (number + 1), sound)
    return path


def times(kind: Kind, frames: int | None = None) -> list[Fraction]:
    """When each frame is shown in seconds, the first at 0."""
    tick = kind.time_base or 1 / kind.rate
    return [(_pts(kind, number) - kind.first_pts) * tick for number in range(frames or kind.frames)]


def _pts(kind: Kind, number: int) -> int:
    steps = kind.steps or (1,)
    rounds, rest = divmod(number, len(steps))
    return kind.first_pts + rounds * sum(steps) + sum(steps[:rest])


def _coded(kind: Kind, picture: Picture) -> Picture:
    """The picture as it is stored: lying, narrowed, of the size wanted."""
    coded = np.rot90(picture, kind.rotation // 90)
    width, height = kind.size or (coded.shape[1], coded.shape[0])
    if kind.sample_aspect_ratio is not None and kind.size is None:
        width = round(width / kind.sample_aspect_ratio / 2) * 2
    if (width, height) != (coded.shape[1], coded.shape[0]):
        how = cv2.INTER_LINEAR if width < _LARGE else cv2.INTER_NEAREST
        coded = cv2.resize(np.ascontiguousarray(coded), (width, height), interpolation=how)  # type: ignore[assignment]
    if kind.odd:
        coded = coded[: (height - 1) | 1, : (width - 1) | 1]
    return np.ascontiguousarray(coded)


def _frame(kind: Kind, coded: Picture, pts: int, tick: Fraction) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(coded, "rgb24")
    matrix = {1: "ITU709", 6: "ITU601", 9: "BT2020"}.get(kind.colour[1])
    frame = frame.reformat(format=kind.pixel_format, dst_colorspace=matrix, dst_color_range=kind.colour[0] or None)
    frame.pts, frame.time_base = pts, tick
    if kind.field_order is not None:
        frame = with_field_order(frame, kind.field_order)
    frame.pict_type = 0  # type: ignore[assignment]
    return frame


def _add_stream(output: Any, kind: Kind, width: int, height: int, tick: Fraction) -> Any:
    options = {**({"crf": "18"} if kind.encoder == "libx264" else {}), **kind.options}
    stream = output.add_stream(kind.encoder, rate=kind.rate, options=options)
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = width, height, kind.pixel_format
    context.time_base = stream.time_base = tick
    context.color_range, context.colorspace, context.color_primaries, context.color_trc = kind.colour
    if kind.sample_aspect_ratio is not None:
        context.sample_aspect_ratio = kind.sample_aspect_ratio
    if kind.rotation:
        stream.set_display_rotation(-kind.rotation)
    if kind.field_order is not None:
        context.field_order = {"tt": 2, "bb": 3}[kind.field_order]
        if kind.encoder in ("mpeg2video", "prores_ks", "dnxhd"):
            context.flags |= _INTERLACED_DCT_AND_MOTION
    return stream


def _add_sound(output: Any, language: str) -> Any:
    track = output.add_stream("aac", rate=48_000)
    track.codec_context.layout = "mono"
    track.metadata["language"] = language
    return track


def _write_tone(output: Any, track: Any, pitch: float, seconds: float) -> None:
    time = np.arange(round(48_000 * seconds)) / 48_000
    samples = (0.3 * np.sin(2 * np.pi * pitch * time)).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(samples[None], "fltp", "mono")
    frame.sample_rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
    output.mux(track.encode(frame))
    output.mux(track.encode(None))


def _rates() -> Iterator[Kind]:
    for name, rate in (
        ("23.976", Fraction(24000, 1001)),
        ("24", Fraction(24)),
        ("25", Fraction(25)),
        ("29.97", Fraction(30000, 1001)),
        ("30", Fraction(30)),
        ("50", Fraction(50)),
        ("59.94", Fraction(60000, 1001)),
        ("60", Fraction(60)),
    ):
        yield Kind(f"rate-{name}", rate=rate)
    steps = (3000, 1501, 4507, 3003, 6000, 100)
    yield Kind("rate-variable", time_base=Fraction(1, 90_000), steps=steps, frames=9)
    yield Kind("rate-variable-mkv", ".mkv", time_base=Fraction(1, 1000), steps=(33, 17, 50, 34, 66), frames=9)
    yield Kind("starts-late", time_base=Fraction(1, 12_800), steps=(512,), first_pts=5120)
    yield Kind("starts-late-ts", ".ts", time_base=Fraction(1, 90_000), steps=(3600,), first_pts=900_000)


def _shapes() -> Iterator[Kind]:
    for rotation in (90, 180, 270):
        yield Kind(f"rotated-{rotation}", rotation=rotation)
    yield Kind("rotated-90-odd", rotation=90, odd=True, pixel_format="yuv444p")
    yield Kind("pixels-4-3", sample_aspect_ratio=Fraction(4, 3))
    yield Kind("pixels-64-45-ts", ".ts", "mpeg2video", sample_aspect_ratio=Fraction(64, 45), size=(720, 576))
    yield Kind("odd-size-444", odd=True, pixel_format="yuv444p")
    yield Kind("odd-size-420", ".mkv", "ffv1", odd=True)
    yield Kind("144p", size=(256, 144))
    yield Kind("8k", size=(7680, 4320), frames=2, options=_QUICK)


def _samples() -> Iterator[Kind]:
    deep = {"encoder": "libx265", "options": _QUIET_X265}
    yield Kind("10-bit", pixel_format="yuv420p10le", **deep)  # type: ignore[arg-type]
    yield Kind("10-bit-h264", pixel_format="yuv420p10le")
    yield Kind("12-bit", pixel_format="yuv420p12le", **deep)  # type: ignore[arg-type]
    yield Kind("422", pixel_format="yuv422p")
    yield Kind("422-10-bit", pixel_format="yuv422p10le", **deep)  # type: ignore[arg-type]
    yield Kind("444", pixel_format="yuv444p")
    yield Kind("gray", ".mkv", "ffv1", pixel_format="gray", colour=(1, 2, 2, 2))
    yield Kind("rgb", ".mov", "png", pixel_format="rgb24", colour=(2, 0, 1, 13))
    yield Kind("rgb-16-bit", ".mkv", "ffv1", pixel_format="gbrp16le", colour=(2, 0, 1, 13))
    yield Kind("alpha-png", ".mov", "png", pixel_format="rgba", colour=(2, 0, 1, 13))
    yield Kind("bt601", colour=BT601)
    yield Kind("bt709", colour=BT709)
    yield Kind("bt2020", colour=BT2020, pixel_format="yuv420p10le", **deep)  # type: ignore[arg-type]
    yield Kind("untagged", colour=UNTAGGED)
    yield Kind("full-range", colour=FULL_BT709)
    yield Kind("full-range-j", ".avi", "mjpeg", pixel_format="yuvj420p", colour=(2, 5, 2, 2))
    yield Kind("hdr10", encoder="libx265", pixel_format="yuv420p10le", colour=PQ, options={"x265-params": _HDR})
    yield Kind("hdr10-mkv", ".mkv", "libx265", "yuv420p10le", colour=PQ, options={"x265-params": _HDR})
    yield Kind("hlg", pixel_format="yuv420p10le", colour=HLG, **deep)  # type: ignore[arg-type]
    for order in ("tt", "bb"):
        marked = {"x264-params": "tff=1" if order == "tt" else "bff=1"}
        yield Kind(f"interlaced-{order}", options=marked, field_order=order)
    yield Kind("interlaced-mpeg2-ts", ".ts", "mpeg2video", size=(720, 576), field_order="tt", colour=BT601)
    yield Kind("interlaced-422", pixel_format="yuv422p", options={"x264-params": "tff=1"}, field_order="tt")
    fields = {"x265-params": "log-level=none:interlace=tff"}
    yield Kind("fields-hevc", encoder="libx265", options=fields, size=(96, 32), rate=Fraction(50))
    yield Kind("interlaced-prores", ".mov", "prores_ks", "yuv422p10le", field_order="tt")


def _streams() -> Iterator[Kind]:
    yield Kind("no-sound")
    yield Kind("one-sound", sounds=("eng",))
    yield Kind("three-sounds", sounds=("eng", "deu", "fra"))
    yield Kind("three-sounds-mkv", ".mkv", sounds=("eng", "deu", "fra"))


def _codecs() -> Iterator[Kind]:
    deep_quiet = _QUIET_X265
    yield Kind("h264-mov", ".mov")
    yield Kind("h264-mkv", ".mkv")
    yield Kind("h264-ts", ".ts")
    yield Kind("h264-flv", ".flv")
    yield Kind("hevc-mp4", encoder="libx265", options=deep_quiet)
    yield Kind("hevc-mkv", ".mkv", "libx265", options=deep_quiet)
    yield Kind("hevc-ts", ".ts", "libx265", options=deep_quiet)
    yield Kind("vp8-webm", ".webm", "libvpx", colour=UNTAGGED)
    yield Kind("vp9-webm", ".webm", "libvpx-vp9")
    yield Kind("vp9-10-bit", ".webm", "libvpx-vp9", "yuv420p10le", options={"profile": "2"})
    yield Kind("vp9-444", ".webm", "libvpx-vp9", "yuv444p")
    yield Kind("av1-mp4", encoder="libsvtav1", options={"preset": "12"}, size=(128, 96))
    yield Kind("av1-10-bit-mkv", ".mkv", "libsvtav1", "yuv420p10le", options={"preset": "12"}, size=(128, 96))
    yield Kind("prores-422", ".mov", "prores_ks", "yuv422p10le")
    yield Kind("prores-4444-alpha", ".mov", "prores_ks", "yuva444p10le", options={"profile": "4444"})
    yield Kind("dnxhd", ".mov", "dnxhd", "yuv422p", size=(1280, 720), options={"b": "60M"}, rate=Fraction(25))
    yield Kind("dnxhr-mxf", ".mxf", "dnxhd", "yuv422p", size=(256, 144), options={"profile": "dnxhr_hq"})
    yield Kind("mpeg2-ts", ".ts", "mpeg2video")
    yield Kind("mpeg2-ps", ".mpg", "mpeg2video", container="mpeg")
    yield Kind("mpeg1", ".mpg", "mpeg1video", container="mpeg", colour=UNTAGGED)
    yield Kind("mpeg4-avi", ".avi", "mpeg4", colour=UNTAGGED)
    yield Kind("wmv", ".wmv", "wmv2", colour=UNTAGGED)
    yield Kind("mjpeg-avi", ".avi", "mjpeg", "yuvj422p", colour=(2, 5, 2, 2))
    yield Kind("mjpeg-mov", ".mov", "mjpeg", "yuvj420p", colour=(2, 5, 2, 2))
    yield Kind("gif", ".gif", "gif", "rgb8", rate=Fraction(10), time_base=Fraction(1, 100), steps=(10, 4, 20))
    yield Kind("apng", ".apng", "apng", "rgb24", colour=(2, 0, 1, 13), container="apng")
    yield Kind("ffv1-mkv", ".mkv", "ffv1")
    yield Kind("huffyuv-avi", ".avi", "huffyuv", "yuv422p", colour=UNTAGGED)
    yield Kind("raw-y4m", ".y4m", "rawvideo", colour=UNTAGGED, container="yuv4mpegpipe")
    yield Kind("raw-nut-nv12", ".nut", "rawvideo", "nv12")
    yield Kind("dv-avi", ".avi", "dvvideo", "yuv420p", size=(720, 576), colour=UNTAGGED)


KINDS: dict[str, Kind] = {
    kind.name: kind for group in (_rates, _shapes, _samples, _streams, _codecs) for kind in group()
}
"""Every kind by its name."""
