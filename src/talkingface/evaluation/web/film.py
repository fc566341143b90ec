"""A short film, small enough to be part of a page: H.264 and AAC in MP4."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from talkingface.errors import OutputError
from talkingface.media.audio import Sound, resampled_frames
from talkingface.media.encoding import EncodeSpec, add_video_stream

if TYPE_CHECKING:
    from av.audio.stream import AudioStream

_TICKS = 90_000  # a second
_CRF = 24
_SOUND_RATE = 32_000
_SOUND_BITS_PER_SECOND = 64_000
_BT709, _STUDIO_RANGE, _FULL_RANGE = 1, 1, 2  # FFmpeg's numbers for swscale


class FilmWriter:
    """Writes pictures of one size, with a sound, into a file. Made by ``film_writer``.

    The same pictures and sound give the same bytes on machines with the same FFmpeg: one encoder thread, no dates.
    """

    def __init__(self, path: Path, width: int, height: int, rate: Fraction, sound: Sound | None) -> None:
        self._spec = EncodeSpec(
            codec="h264",
            crf=_CRF,
            pixel_format="yuv420p",
            width=width,
            height=height,
            time_base=Fraction(1, _TICKS),
            rate=rate,
            threads=1,
            color_range="limited",
            color_space="bt709",
            color_primaries="bt709",
            color_transfer="bt709",
            sample_aspect_ratio=None,
            rotation=0,
            preset="fast",
        )
        options = {"movflags": "+faststart", "video_track_timescale": str(_TICKS)}
        self._container = av.open(str(path), "w", format="mp4", container_options=options)
        self._video = add_video_stream(self._container, self._spec)
        self._sound = sound
        self._audio: AudioStream | None = None
        if sound is not None:
            self._audio = self._container.add_stream("aac", rate=_SOUND_RATE, layout="mono")
            self._audio.bit_rate = _SOUND_BITS_PER_SECOND
        self._latest = -1

    def add(self, picture: NDArray[np.uint8], seconds: float) -> None:
        """Take the next picture.

        Args:
            picture: BGR, (height, width, 3) uint8.
            seconds: When it is shown; the sound's first sample lies at 0.
        """
        frame = av.VideoFrame.from_ndarray(picture, "bgr24").reformat(
            format="yuv420p",
            src_color_range=_FULL_RANGE,
            dst_colorspace=_BT709,
            dst_color_range=_STUDIO_RANGE,
        )
        frame.pts, frame.time_base = max(self._latest + 1, round(seconds * _TICKS)), self._spec.time_base
        self._latest = frame.pts
        self._container.mux(self._video.encode(frame))

    def finish(self) -> None:
        """Write what is still on its way, and the sound."""
        self._container.mux(self._video.encode(None))
        if self._audio is not None and self._sound is not None:
            for frame in chain(resampled_frames(self._sound, "fltp", "mono", _SOUND_RATE), [None]):
                self._container.mux(self._audio.encode(frame))

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()


@contextmanager
def film_writer(path: Path, width: int, height: int, rate: Fraction, sound: Sound | None) -> Iterator[FilmWriter]:
    """Write a film while the block runs; it is whole after the block.

    Args:
        path: Ends with .mp4.
        width: Even.
        height: Even.
        rate: Pictures a second on average.
        sound: Its first sample belongs to second 0 of the pictures' clock; None for a silent film.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        writer = FilmWriter(path, width, height, rate, sound)
        try:
            yield writer
            writer.finish()
        finally:
            writer.close()
    except (OSError, av.error.FFmpegError) as error:
        raise OutputError(f"{path}: the film of the web report cannot be written ({error})") from error
