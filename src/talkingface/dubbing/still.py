"""A still picture as the face: it becomes a short clip first, and the clip is dubbed."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.errors import NoFaceError
from talkingface.media.encoding import EncodeSpec
from talkingface.media.planes import picture_bgr
from talkingface.media.probe import MediaInfo
from talkingface.media.reader import VideoReader
from talkingface.media.segments import SegmentWriter
from talkingface.progress import Cancellation, Progress

RATE = 25
TICKS = 512  # per frame; the clip's time base is 1 / (RATE * TICKS)
LONGEST_SECONDS = 12.0  # longer speech plays the clip to and fro
LARGEST_SIDE = 3840


def animate_picture(
    info: MediaInfo, folder: Path, seconds: float, seed: int, progress: Progress, cancel: Cancellation
) -> Path:
    """Make a lossless clip of a picture's person sitting for the camera.

    Args:
        info: Of the picture.
        folder: Where the clip goes.
        seconds: How long the speech is.
        seed: Of the motion.
        progress: Told about every frame.
        cancel: Checked at every frame.

    Returns:
        The clip.

    Raises:
        MediaError: the picture cannot be read.
        NoFaceError: there is no face in it.
    """
    from talkingface.still.animate import animate_still, locate_face  # scenes of a picture are not needed by clips

    with VideoReader(info.path) as reader:
        picture = picture_bgr(next(iter(reader.frames())).frame, LARGEST_SIDE, reader.stream.rotation)
    try:
        landmarks = locate_face(picture)
    except NoFaceError as error:
        raise NoFaceError(f"{info.path}: {error}") from error
    height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    if height < 32 or width < 32:
        picture = cv2.copyMakeBorder(picture, 0, max(0, 32 - height), 0, max(0, 32 - width), cv2.BORDER_REPLICATE)
        height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    count = max(2, round(min(seconds, LONGEST_SECONDS) * RATE))
    progress.stage("animate the picture", count)
    spec = EncodeSpec(
        codec="ffv1", crf=0, pixel_format="yuv420p", width=width, height=height, time_base=Fraction(1, RATE * TICKS),
        rate=Fraction(RATE), threads=1, color_range="limited", color_space="bt709", color_primaries="bt709",
        color_transfer="bt709", sample_aspect_ratio=None, rotation=0,
    )  # fmt: skip
    pictures: Iterator[NDArray[np.uint8]] = animate_still(picture, count, RATE, seed, landmarks=landmarks)
    with SegmentWriter(folder / "picture", spec, segment_frames=count) as writer:
        for number, shown in enumerate(pictures):
            cancel.check()
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(shown[:height, :width]), format="bgr24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709")
            writer.write(frame, number * TICKS)
            progress.advance()
        return writer.close()[0].path
