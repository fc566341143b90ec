"""A still picture as the face: it becomes a short clip first, and the clip is dubbed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.errors import MediaError, NoFaceError
from talkingface.media.encoding import EncodeSpec
from talkingface.media.orientation import is_on_its_side, upright
from talkingface.media.planes import picture_bgr
from talkingface.media.probe import MediaInfo
from talkingface.media.reader import VideoReader
from talkingface.media.segments import SegmentWriter
from talkingface.progress import Cancellation, Progress

RATE = 25
TICKS = 512  # per frame; the clip's time base is 1 / (RATE * TICKS)
LONGEST_SECONDS = 12.0  # longer speech plays the clip to and fro
LARGEST_SIDE = 3840
SMALLEST_SIDE = 32


def animate_picture(
    info: MediaInfo,
    folder: Path,
    seconds: float,
    seed: int,
    progress: Progress,
    cancel: Cancellation,
    *,
    still: bool = False,
    allow_damaged: bool = False,
    say: Callable[[str], None] | None = None,
) -> Path:
    """Make a lossless clip of a picture's person sitting for the camera.

    Args:
        info: Of the picture.
        folder: Where the clip goes.
        seconds: How long the speech is.
        seed: Of the motion.
        progress: Told about every frame.
        cancel: Checked at every frame.
        still: Add no motion: the clip is the picture alone, one frame that is shown as long as the speech lasts.
        allow_damaged: Use what can be decoded of a damaged picture.
        say: Told what of the picture could not be kept; the progress when None.

    Returns:
        The clip.

    Raises:
        MediaError: the picture cannot be read.
        NoFaceError: there is no face in it.
    """
    from talkingface.still.animate import animate_still, locate_face  # scenes of a picture are not needed by clips

    picture = read_picture(info, say or progress.message, allow_damaged)
    try:
        landmarks = locate_face(picture)
    except NoFaceError as error:
        raise NoFaceError(f"{info.path}: {error}") from error
    height, width = picture.shape[:2]
    count = 1 if still else max(2, round(min(seconds, LONGEST_SECONDS) * RATE))
    progress.stage("animate the picture", count)
    spec = EncodeSpec(
        codec="ffv1", crf=0, pixel_format="yuv420p", width=width, height=height, time_base=Fraction(1, RATE * TICKS),
        rate=Fraction(RATE), threads=1, color_range="limited", color_space="bt709", color_primaries="bt709",
        color_transfer="bt709", sample_aspect_ratio=None, rotation=0,
    )  # fmt: skip
    pictures: Iterator[NDArray[np.uint8]]
    pictures = iter([picture]) if still else animate_still(picture, count, RATE, seed, landmarks=landmarks)
    with SegmentWriter(folder / "picture", spec, segment_frames=count) as writer:
        for number, shown in enumerate(pictures):
            cancel.check()
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(shown), format="bgr24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709")
            writer.write(frame, number * TICKS)
            progress.advance()
        return writer.close()[0].path


def read_picture(info: MediaInfo, say: Callable[[str], None], allow_damaged: bool = False) -> NDArray[np.uint8]:
    """Read a picture as it is meant to be seen: upright, not mirrored, its pixels square, transparent parts gray.

    Args:
        info: Of the picture.
        say: Told when the picture is made smaller.
        allow_damaged: Use what can be decoded of a damaged picture.

    Returns:
        BGR (height, width, 3), of an even size of 32 to 3840 pixels a side; the last column and line of other pictures
        are repeated.

    Raises:
        MediaError: the picture cannot be read, or is damaged.
    """
    with VideoReader(info.path) as reader:
        stream = reader.stream
        frames = reader.frames()
        picture = picture_bgr(next(frames).frame, LARGEST_SIDE)
        for _ in frames:  # to the end, where what is missing is known
            pass
        if reader.loss is not None:
            if not allow_damaged:
                raise MediaError(f"{info.path}: {reader.loss}; --allow-damaged uses what can be decoded")
            say(f"{info.path}: {reader.loss}; the rest is used")
    if max(stream.width, stream.height) > LARGEST_SIDE:
        size = picture.shape[:2][::-1] if not is_on_its_side(stream.display_matrix) else picture.shape[:2]
        say(f"{info.path.name}: is {stream.width}x{stream.height}, made {size[0]}x{size[1]}; more is not used")
    if info.metadata.get("major_brand") == "avif" and len(info.video) > 1:
        say(f"{info.path.name}: its transparency is not read; save it as PNG or WebP if it shows")
    if stream.sample_aspect_ratio is not None:
        # narrow pixels make the picture narrower: making it higher instead could exceed the largest size
        across, down = min(Fraction(1), stream.sample_aspect_ratio), min(Fraction(1), 1 / stream.sample_aspect_ratio)
        size = max(1, round(picture.shape[1] * across)), max(1, round(picture.shape[0] * down))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    picture = upright(picture, stream.display_matrix)
    height, width = picture.shape[0], picture.shape[1]
    more = max(height % 2, SMALLEST_SIDE - height), max(width % 2, SMALLEST_SIDE - width)
    if not any(more):
        return picture
    return np.asarray(cv2.copyMakeBorder(picture, 0, more[0], 0, more[1], cv2.BORDER_REPLICATE), np.uint8)
