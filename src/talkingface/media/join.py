"""Segments and sound into one file, by packet copy, moved into place only when it is whole."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import av.error

from talkingface.errors import OutputError
from talkingface.media.audio import Sound, resampled_frames
from talkingface.media.decoding_clock import DecodingClock
from talkingface.media.encoding import REORDER_DEPTH, EncodeSpec, set_colour
from talkingface.media.placing import move_into_place
from talkingface.media.segments import Segment

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

MUXERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}

_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
_AAC_TOP_RATE = 48_000  # for sound with more samples a second than AAC takes
_AAC_BITS_PER_SECOND = {1: 128_000, 2: 192_000}
_AAC_BITS_PER_SECOND_AND_CHANNEL = 64_000
# Layouts the AAC and FLAC encoders of FFmpeg share; other ones are mixed down to stereo.
_ENCODED_LAYOUTS = {"mono", "stereo", "3.0", "4.0", "5.0", "5.1", "5.1(side)", "7.1"}
_FILM_TICKS_AT_LEAST = 1000  # a second
_MUXER_KEYS = {"major_brand", "minor_version", "compatible_brands", "encoder"}  # about the source file, not the film
_HEVC_TAG = "hvc1"  # the one of HEVC's two names in MP4 that Apple's players accept


def join(
    segments: Sequence[Segment],
    spec: EncodeSpec,
    audio: Sound | None,
    output: Path,
    *,
    metadata: dict[str, str],
    last_duration: int | None = None,
    check: Callable[[], None] | None = None,
    replace: bool = True,
) -> None:
    """Join segments, add the sound, and move the result into place.

    Video packets are copied, not encoded again; every frame keeps its timestamp. A frame with timestamp 0 is shown
    with the first sample of the sound. The sound is written whole, as AAC, or as FLAC beside lossless video.

    Args:
        segments: What ``SegmentWriter.close`` gave.
        spec: What they were encoded with.
        audio: The sound, in memory or on disk; None for a silent film.
        output: Where the result goes. The container follows its suffix: .mp4, .m4v, .mov or .mkv. Matroska rounds
            timestamps to milliseconds.
        metadata: Title, comment and the like.
        last_duration: How long the last frame is shown, in ticks of the spec's time base; None for as long as frames
            are shown on average.
        replace: Whether a file of that name may be replaced.
        check: Called every now and then; what it raises ends the work, and nothing stays of it.

    Raises:
        OutputError: the file cannot be written, or its suffix names no container for it.
        ValueError: there are no segments.
    """
    if not segments:
        raise ValueError("no segments to join")
    suffix = output.suffix.lower()
    if suffix not in MUXERS:
        raise OutputError(f"{output}: unknown suffix {suffix!r}; use one of {', '.join(MUXERS)}")
    joined = segments[0].path.with_name(f"joined{suffix}")
    try:
        try:
            _mux(segments, spec, audio, joined, metadata, last_duration, check)
            move_into_place(joined, output, replace)
        finally:
            joined.unlink(missing_ok=True)
    except FileExistsError as error:
        raise OutputError(f"{output}: is there by now; allow replacing it with --overwrite, or name another") from error
    except (OSError, av.error.FFmpegError) as error:
        raise OutputError(f"{output}: cannot be written ({error.strerror or error})") from error


def _mux(
    segments: Sequence[Segment],
    spec: EncodeSpec,
    audio: Sound | None,
    joined: Path,
    metadata: dict[str, str],
    last_duration: int | None,
    check: Callable[[], None] | None,
) -> None:
    muxer = MUXERS[joined.suffix]
    options = {}
    if muxer in ("mp4", "mov"):
        options["movflags"] = "+faststart"  # the index goes to the front, so that the film plays while it loads
        ticks = spec.time_base.denominator
        options["video_track_timescale"] = str(ticks)
        # The film's own clock, 1 ms unless told, would round the delay of a picture that begins after the sound.
        options["movie_timescale"] = str(ticks * -(-_FILM_TICKS_AT_LEAST // ticks))
    with av.open(str(joined.absolute()), "w", format=muxer, container_options=options) as container:
        container.metadata.update({key: value for key, value in metadata.items() if key not in _MUXER_KEYS})
        video = _add_copied_video(container, segments[0], spec, muxer)
        packets = _copied_packets(segments, spec, video, last_duration)
        if audio is None:
            streams: list[Iterator[tuple[Fraction, Packet[Any]]]] = [packets]
        else:
            streams = [packets, _encoded_sound(audio, _add_sound(container, audio, spec))]
        # Merged here by decoding time, FFmpeg's own interleaving has nothing to hold back.
        for _, packet in heapq.merge(*streams, key=lambda timed: timed[0]):
            if check is not None:
                check()
            container.mux(packet)


def _add_copied_video(container: OutputContainer, first: Segment, spec: EncodeSpec, muxer: str) -> VideoStream:
    with av.open(str(first.path.absolute())) as source:
        template = source.streams.video[0]
        video = container.add_stream_from_template(template, opaque=True)
        video.time_base = spec.time_base
        context = video.codec_context
        set_colour(context, spec)  # ffv1 itself does not carry it
        if spec.rate is not None:
            context.framerate = spec.rate.limit_denominator(100_000)
        if spec.sample_aspect_ratio is not None:
            context.sample_aspect_ratio = spec.sample_aspect_ratio
        if spec.codec == "hevc" and muxer != "matroska":
            context.codec_tag = _HEVC_TAG
    if spec.display_matrix is not None:
        video.set_display_matrix(spec.display_matrix)
    elif spec.rotation:
        video.set_display_rotation(-spec.rotation)
    return video


def _copied_packets(
    segments: Sequence[Segment], spec: EncodeSpec, video: VideoStream, last_duration: int | None
) -> Iterator[tuple[Fraction, Packet[Any]]]:
    """Yield (decoding time in seconds, packet) of all segments in one rising clock.

    Decoding times are made anew for the whole: those of one segment could overlap the next one's.
    """
    total = sum(segment.frames for segment in segments)
    first_pts, final_pts = segments[0].first_pts, segments[-1].last_pts
    step = max(1, (final_pts - first_pts) // max(1, total - 1))
    end = final_pts + (step if last_duration is None else last_duration)
    clock = DecodingClock(REORDER_DEPTH[spec.codec], first_pts, step)
    first_dts = 0
    for number, (pts, packet) in enumerate(_timed_packets(segments, spec)):
        dts = clock.next(pts)
        first_dts = dts if number == 0 else first_dts
        packet.stream = video
        packet.time_base = spec.time_base
        packet.pts, packet.dts = pts, dts
        packet.duration = end - pts if pts == final_pts else 0
        if number == total - 1:
            # The track's length in MP4 is the sum of decoding steps: this one makes it that of the showing.
            packet.duration = max(1, end - first_pts - (dts - first_dts))
        yield dts * spec.time_base, packet


def _timed_packets(segments: Sequence[Segment], spec: EncodeSpec) -> Iterator[tuple[int, Packet[Any]]]:
    """Yield (time in the whole in the spec's ticks, packet) in coding order, and check that nothing is missing."""
    extradata: bytes | None = None
    for segment in segments:
        with av.open(str(segment.path.absolute())) as source:
            stream = source.streams.video[0]
            if extradata is not None and stream.codec_context.extradata != extradata:
                raise OutputError(f"{segment.path}: was encoded in another way than the segments before it")
            extradata = stream.codec_context.extradata
            found = 0
            for packet in source.demux(stream):
                if packet.pts is None or not packet.size:
                    continue
                ticks = packet.pts * packet.time_base / spec.time_base
                yield segment.first_pts + round(ticks), packet
                found += 1
            if found != segment.frames:
                raise OutputError(f"{segment.path}: holds {found} frames instead of {segment.frames}; it was damaged")


def _add_sound(container: OutputContainer, audio: Sound, spec: EncodeSpec) -> AudioStream:
    """Add the sound's encoder: FLAC beside lossless video, AAC beside any other."""
    lossless = spec.codec == "ffv1"
    rate = audio.sample_rate
    if not lossless and rate not in _AAC_RATES:
        rate = next((higher for higher in _AAC_RATES if higher > rate), _AAC_TOP_RATE)
    sound = container.add_stream("flac" if lossless else "aac", rate=rate)
    context = sound.codec_context
    context.layout = _encoded_layout(audio)
    context.format = "s32" if lossless else "fltp"
    if not lossless:
        channels = context.layout.nb_channels
        context.bit_rate = _AAC_BITS_PER_SECOND.get(channels, channels * _AAC_BITS_PER_SECOND_AND_CHANNEL)
    context.time_base = sound.time_base = Fraction(1, rate)
    return sound


def _encoded_layout(audio: Sound) -> str:
    if audio.channels == 1:
        return "mono"
    return audio.layout if audio.layout in _ENCODED_LAYOUTS else "stereo"


def _encoded_sound(audio: Sound, sound: AudioStream) -> Iterator[tuple[Fraction, Packet[Any]]]:
    """Yield (decoding time in seconds, packet) of the whole sound; the first sample is at 0."""
    context = sound.codec_context
    frames = resampled_frames(audio, context.format.name, context.layout.name, context.sample_rate)
    for frame in chain(frames, [None]):
        for packet in sound.encode(frame):
            time = (packet.dts or 0) * packet.time_base
            yield time, packet
