"""What is in a media file: its streams, their clocks, sizes, colours and turns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import av.error
from av.stream import Disposition

from talkingface.errors import MediaError
from talkingface.media.colour import MATRICES, PRIMARIES, RANGES, TRANSFERS, is_full_range, tag_name
from talkingface.media.first_frame import first_frame
from talkingface.media.limits import MAX_VIDEO_PIXELS, check_picture_size, pixel_limit
from talkingface.media.orientation import display_matrix, rotation
from talkingface.media.side_data import content_light, field_order, lost_side_data, mastering_display, side_data
from talkingface.media.wholeness import breaks_off

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

_STILL_CONTAINERS = {"image2"}
_STILL_SUFFIX = "_pipe"  # FFmpeg's demuxers of single pictures: png_pipe, jpeg_pipe, webp_pipe ...
_PICTURE_BRANDS = {"heic", "heix", "heim", "heis", "mif1", "avif"}
_LONGEST_TICK = 10  # seconds; a clock coarser than that tells no frame from the next
_FORMATS_OF_NAMES = {"concat", "hls", "dash", "sdp", "rtsp", "rtp", "sap", "imf"}


@dataclass(frozen=True)
class VideoStreamInfo:
    """One video stream. Sizes are those of the coded picture, before any turn.

    Attributes:
        index: The stream's number in its file.
        codec: FFmpeg's name of the codec, such as ``"h264"``.
        width: Columns of the coded picture.
        height: Lines of the coded picture.
        pixel_format: FFmpeg's name of the pixel format, such as ``"yuv420p"``.
        time_base: Seconds per tick of the stream's timestamps.
        average_rate: Frames per second on average, None when unknown.
        start_time: First timestamp in seconds on the file's raw clock, None when unknown.
        duration: Seconds, None when unknown.
        frames: How many frames the container claims, None when it does not say.
        rotation: Degrees clockwise that a player turns the coded picture: 0, 90, 180 or 270.
        sample_aspect_ratio: Width to height of one pixel, None when unknown or square.
        color_range: ``"limited"``, ``"full"`` or ``"unknown"``.
        color_space: Name of the YUV matrix (``colour.MATRICES``) or ``"unknown"``.
        color_primaries: Name in ``colour.PRIMARIES`` or ``"unknown"``.
        color_transfer: Name in ``colour.TRANSFERS`` or ``"unknown"``.
        bits: Bits of one luma sample.
        interlaced: True when the first frame is stored as two fields.
        display_matrix: The 9 numbers of the container's display matrix, None when it has none.
        field_order: ``"tt"`` or ``"bb"`` (the field shown first) when interlaced, else ``"progressive"``.
        mastering_display: Static HDR metadata of the screen it was graded on, as ``side_data.mastering_display`` writes
            it; None when there is none.
        content_light: Brightest pixel and picture average in cd/m2, None when the file does not say.
        lost_side_data: Names of what describes each picture for HDR screens and cannot be kept: ``"HDR10+"``,
            ``"Dolby Vision"``.
    """

    index: int
    codec: str
    width: int
    height: int
    pixel_format: str
    time_base: Fraction
    average_rate: Fraction | None
    start_time: float | None
    duration: float | None
    frames: int | None
    rotation: int
    sample_aspect_ratio: Fraction | None
    color_range: str
    color_space: str
    color_primaries: str
    color_transfer: str
    bits: int
    interlaced: bool
    display_matrix: tuple[int, ...] | None = None
    field_order: str = "progressive"
    mastering_display: str | None = None
    content_light: tuple[int, int] | None = None
    lost_side_data: tuple[str, ...] = ()


@dataclass(frozen=True)
class AudioStreamInfo:
    """One audio stream: its number in the file, codec, samples per second, channels, seconds and language."""

    index: int
    codec: str
    sample_rate: int
    channels: int
    duration: float | None
    language: str | None


@dataclass(frozen=True)
class MediaInfo:
    """What ``probe`` found in a file.

    Attributes:
        path: The file.
        container: FFmpeg's name of the container format.
        duration: Seconds, None when unknown.
        size_bytes: Size of the file.
        video: Its video streams, cover pictures left out.
        audio: Its audio streams.
        is_still: True for a single picture: PNG, JPEG, WebP ..., and a GIF, AVIF or video of one frame.
        metadata: Title, comment and the like, as the container has them.
    """

    path: Path
    container: str
    duration: float | None
    size_bytes: int
    video: tuple[VideoStreamInfo, ...]
    audio: tuple[AudioStreamInfo, ...]
    is_still: bool
    metadata: dict[str, str] = field(default_factory=dict)


@contextmanager
def open_media(path: Path) -> Iterator[InputContainer]:
    """Open a media file for reading; whatever FFmpeg says against it becomes a ``MediaError``.

    Raises:
        MediaError: the file is missing, a directory, empty, not readable, or no media FFmpeg knows. Faults that FFmpeg
            reports while the file is open become a ``MediaError`` too.
    """
    check_file(path)
    try:
        # Names in metadata are often in no known encoding; a title must not make a film unreadable.
        container = av.open(str(path.absolute()), "r", options=_opening_options(path), metadata_errors="replace")
    except (av.error.FFmpegError, ValueError) as error:
        raise MediaError(f"{path}: not a media file that FFmpeg can read ({_reason(error)})") from error
    with container:
        if container.format.name in _FORMATS_OF_NAMES:
            raise MediaError(f"{path}: is a list of other files ({container.format.name}); give one of those")
        try:
            yield container
        except av.error.FFmpegError as error:
            raise MediaError(f"{path}: cannot be read to its end ({_reason(error)})") from error


def _opening_options(path: Path) -> dict[str, str]:
    """Bounds for what FFmpeg does by itself while it opens a file: it decodes its first frames to know the streams."""
    return {
        "max_pixels": str(pixel_limit(path)),
        "protocol_whitelist": "file",  # a file may name others, on other machines too
        "pattern_type": "none",  # "a%d.png" is one file
    }


def check_file(path: Path) -> None:
    """Make sure that something can be read as a file, before anything waits for it.

    Raises:
        MediaError: it is missing, a directory, a pipe or a device, empty, or cannot be opened.
    """
    try:
        if not path.exists():
            raise MediaError(f"{path}: no such file")
        if path.is_dir():
            raise MediaError(f"{path}: is a directory, not a media file")
        if not path.is_file():
            raise MediaError(f"{path}: is a pipe or a device; save it as a file first, it is read more than once")
        if path.stat().st_size == 0:
            raise MediaError(f"{path}: the file is empty")
        with path.open("rb"):
            pass
    except OSError as error:
        raise MediaError(f"{path}: cannot be opened ({error.strerror or error})") from error


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def video_streams(container: InputContainer) -> list[VideoStream]:
    """Return the video streams that hold moving or still pictures with a known decoder, cover art left out."""
    return [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic
    ]


def audio_streams(container: InputContainer) -> list[AudioStream]:
    """Return the audio streams with a known decoder."""
    return [stream for stream in container.streams.audio if stream.codec_context is not None]


def clock_zero(container: InputContainer) -> Fraction:
    """Return the raw time in seconds at which the file's clock reads 0: the start of its earliest stream.

    Recordings in transport streams begin at an arbitrary hour; what matters is how their streams lie to each other.
    """
    starts = [_start(stream) for stream in video_streams(container)]
    for stream in audio_streams(container):
        start = _start(stream)
        # Sound that begins just before 0 is what its encoder put in front; decoders drop it.
        starts.append(Fraction(0) if start is not None and -1 < start < 0 else start)
    return min((start for start in starts if start is not None), default=Fraction(0))


def _start(stream: VideoStream | AudioStream) -> Fraction | None:
    if stream.start_time is None or stream.time_base is None:
        return None
    return stream.start_time * stream.time_base


def probe(path: str | Path) -> MediaInfo:
    """Read what a media file holds, decoding no more than the first frame of each video stream.

    Args:
        path: Any file FFmpeg reads: video, sound or a still picture.

    Returns:
        The file's streams and what they claim about themselves.

    Raises:
        MediaError: the file is missing, a directory, empty or no media; the message names file and reason.
    """
    path = Path(path)
    with open_media(path) as container:
        if in_tiles(container.metadata.get("major_brand", ""), [stream.disposition for stream in container.streams]):
            raise MediaError(f"{path}: is a picture cut in tiles (HEIC), which cannot be read; save it as JPEG or PNG")
        videos = tuple(_video_info(container, stream) for stream in video_streams(container))
        audios = tuple(_audio_info(stream) for stream in audio_streams(container))
        name = container.format.name
        return MediaInfo(
            path=path,
            container=name,
            duration=None if container.duration is None else container.duration / av.time_base,
            size_bytes=path.stat().st_size,
            video=videos,
            audio=audios,
            is_still=bool(videos) and (is_picture_format(name) or (videos[0].frames == 1 and not breaks_off(path))),
            metadata=dict(container.metadata),
        )


def in_tiles(brand: str, dispositions: Iterable[int]) -> bool:
    """Tell whether a file holds one picture as many, as phones write HEIC: FFmpeg gives only the single tiles.

    Args:
        brand: The file's kind as its first bytes name it.
        dispositions: FFmpeg's flags of its streams.
    """
    return brand in _PICTURE_BRANDS and any(flags & Disposition.dependent for flags in dispositions)


def is_picture_format(name: str) -> bool:
    """Tell whether FFmpeg's name of a container format is one of still pictures."""
    return name in _STILL_CONTAINERS or name.endswith(_STILL_SUFFIX)


def _video_info(container: InputContainer, stream: VideoStream) -> VideoStreamInfo:
    context = stream.codec_context
    limit = pixel_limit(Path(container.name))
    still = limit > MAX_VIDEO_PIXELS
    check_picture_size(context.width, context.height, container.name, still)
    context.options = {**context.options, "max_pixels": str(limit)}
    frame, alone = first_frame(container, stream, rewind=not is_picture_format(container.format.name))
    time_base = stream.time_base or Fraction(1, 1000)
    if not 0 < time_base <= _LONGEST_TICK:
        raise MediaError(f"{container.name}: video stream {stream.index} counts its time in steps of {time_base} s")
    pixel_format = frame.format if frame is not None else context.format
    if pixel_format is None or not context.width or not context.height:
        if breaks_off(Path(container.name)):
            raise MediaError(f"{container.name}: breaks off before its first picture is whole")
        raise MediaError(
            f"{container.name}: video stream {stream.index} has no readable picture size or format, or pictures of "
            f"more than {limit / 1e6:.0f} megapixels"
        )
    check_picture_size(*((frame.width, frame.height) if frame is not None else (0, 0)), container.name, still)
    tags = frame if frame is not None else context
    full = is_full_range(frame) if frame is not None else int(context.color_range) == RANGES["full"]
    beside = side_data(frame) if frame is not None else {}
    matrix = display_matrix(beside.get("DISPLAYMATRIX", b""))
    aspect = stream.sample_aspect_ratio
    return VideoStreamInfo(
        index=stream.index,
        codec=context.codec.canonical_name,
        width=frame.width if frame is not None else context.width,
        height=frame.height if frame is not None else context.height,
        pixel_format=pixel_format.name,
        time_base=time_base,
        average_rate=stream.average_rate or stream.guessed_rate or None,
        start_time=None if stream.start_time is None else float(stream.start_time * time_base),
        duration=_duration(container, stream.duration, time_base),
        frames=1 if alone else None if stream.frames <= 1 else stream.frames,
        rotation=rotation(matrix),
        sample_aspect_ratio=aspect if aspect and aspect != 1 else None,
        color_range="full" if full else tag_name(RANGES, int(tags.color_range)),
        color_space=tag_name(MATRICES, int(tags.colorspace)),
        color_primaries=tag_name(PRIMARIES, int(tags.color_primaries)),
        color_transfer=tag_name(TRANSFERS, int(tags.color_trc)),
        bits=pixel_format.components[0].bits,
        interlaced=frame.interlaced_frame if frame is not None else False,
        display_matrix=matrix,
        field_order=field_order(frame) if frame is not None else "progressive",
        mastering_display=mastering_display(beside.get("MASTERING_DISPLAY_METADATA", b"")),
        content_light=content_light(beside.get("CONTENT_LIGHT_LEVEL", b"")),
        lost_side_data=lost_side_data(beside),
    )


def _audio_info(stream: AudioStream) -> AudioStreamInfo:
    duration = None
    if stream.duration is not None and stream.time_base is not None:
        duration = float(stream.duration * stream.time_base)
    return AudioStreamInfo(
        index=stream.index,
        codec=stream.codec_context.codec.canonical_name,
        sample_rate=stream.codec_context.sample_rate,
        channels=stream.codec_context.layout.nb_channels,
        duration=duration,
        language=stream.language,
    )


def _duration(container: InputContainer, ticks: int | None, time_base: Fraction) -> float | None:
    if ticks is not None:
        return float(ticks * time_base)
    return None if container.duration is None else container.duration / av.time_base
