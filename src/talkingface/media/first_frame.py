"""A stream's first frame, which knows more than its container: turns, colour tags, HDR; and whether it is alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

import av
import av.error

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

_PACKETS_TO_FIRST_FRAME = 200


def first_frame(
    container: InputContainer, stream: VideoStream, rewind: bool = True
) -> tuple[av.VideoFrame | None, bool]:
    """Decode one frame: only frames carry the display matrix, and their colour tags are the ones that count.

    Args:
        container: An open file; its place is anywhere afterwards.
        stream: One of its video streams.
        rewind: Begin at the file's start, since several streams share one place in the file. False for pictures:
            FFmpeg takes those for read to their end after any seek.

    Returns:
        The frame, None when nothing decodes, and whether the stream holds nothing else.
    """
    if rewind:
        with suppress(av.error.FFmpegError):  # pipes cannot be rewound, nor need to be
            container.seek(0)
    packets = container.demux(stream)
    for count, packet in enumerate(packets):
        try:
            frames = stream.decode(packet)
        except av.error.FFmpegError:
            frames = []  # a damaged beginning; a later packet may do
        if frames:
            return frames[0], len(frames) == 1 and count <= 1 and _is_over(packet, packets)
        if count >= _PACKETS_TO_FIRST_FRAME:
            break
    return None, False


def _is_over(packet: Packet[VideoStream], following: Iterator[Packet[VideoStream]]) -> bool:
    """Tell whether a stream's first packet was its only one. Streams end with a packet of no size."""
    if not packet.size:
        return True
    try:
        return not any(later.size for later in islice(following, 1))
    except av.error.FFmpegError:
        return False  # it goes on, or did once
