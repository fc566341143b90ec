"""What a frame carries beside its samples: turns, static and dynamic HDR, field order."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import Any

import av
import av.filter
from av.sidedata.sidedata import Type

FIELD_ORDERS = {"tt": "top field first", "bb": "bottom field first"}
"""How interlaced pictures are called here, and in words. Everything else is ``"progressive"``."""

DYNAMIC_HDR = {
    "DYNAMIC_HDR_PLUS": "HDR10+",
    "DYNAMIC_HDR_VIVID": "HDR Vivid",
    "DOVI_RPU_BUFFER": "Dolby Vision",
    "DOVI_METADATA": "Dolby Vision",
}
"""Side data that describes each picture for screens, and how it is known. No encoder here can write it."""

# FFmpeg knows kinds that PyAV has no name for (EXIF is one), and PyAV then refuses to list any of a frame's kinds.
_MOST_KINDS = 48

_MASTERING_DISPLAY = struct.Struct("=20iii")  # ten fractions, then whether colours and luminances are there
_CONTENT_LIGHT = struct.Struct("=II")
_CHROMATICITY_STEPS = 50_000
_LUMINANCE_STEPS = 10_000


def side_data(frame: av.VideoFrame) -> dict[str, bytes]:
    """Return a frame's side data by the names of PyAV's ``Type``; of several of one kind the first.

    Kinds that PyAV has no name for are left out.
    """
    try:
        entries: Any = frame.side_data  # a mapping that, unlike its type stubs, goes through the entries, not the keys
    except ValueError:
        named: set[Any] = {kind.value for kind in Type}
        deletions = [("sidedata", f"mode=delete:type={kind}") for kind in range(_MOST_KINDS) if kind not in named]
        entries = filtered(frame, deletions).side_data
    found: dict[str, bytes] = {}
    for entry in entries:
        found.setdefault(entry.type.name, bytes(entry))
    return found


def has_side_data(frame: av.VideoFrame) -> bool:
    """Tell whether a frame carries side data of any kind."""
    try:
        return len(frame.side_data) > 0
    except ValueError:
        return True


def filtered(frame: av.VideoFrame, filters: list[tuple[str, str]]) -> av.VideoFrame:
    """Send one frame through FFmpeg's filters; with filters that touch no samples the result shares its buffers.

    Args:
        frame: Any frame.
        filters: Name and arguments of each filter, in order.

    Raises:
        ValueError: the filters give no video frame back.
    """
    graph = av.filter.Graph()
    time_base = frame.time_base or Fraction(1, 1000)
    last = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=time_base)
    source = last
    for name, arguments in filters:
        following = graph.add(name, arguments)
        last.link_to(following)
        last = following
    sink = graph.add("buffersink")
    last.link_to(sink)
    graph.configure()
    source.push(frame)
    result = sink.pull()
    if not isinstance(result, av.VideoFrame):
        raise ValueError("FFmpeg's filter graph gave no video frame back")
    return result


def field_order(frame: av.VideoFrame) -> str:
    """Return ``"tt"`` or ``"bb"`` for a frame stored as two fields, by the one shown first, else ``"progressive"``."""
    if not frame.interlaced_frame:
        return "progressive"
    # PyAV does not tell which field comes first; FFmpeg's filter that selects by it does.
    graph = av.filter.Graph()
    time_base = frame.time_base or Fraction(1, 1000)
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=time_base)
    select, sink = graph.add("select", r"expr=eq(interlace_type\,TOPFIRST)"), graph.add("buffersink")
    source.link_to(select)
    select.link_to(sink)
    graph.configure()
    source.push(frame)
    source.push(None)
    try:
        sink.pull()
    except (av.error.EOFError, av.error.BlockingIOError):
        return "bb"
    return "tt"


def with_field_order(frame: av.VideoFrame, order: str) -> av.VideoFrame:
    """Return a frame that shares the buffers of another and is marked ``"tt"``, ``"bb"`` or ``"progressive"``."""
    mode = {"tt": "tff", "bb": "bff", "progressive": "prog"}[order]
    marked = filtered(frame, [("setfield", f"mode={mode}")])
    marked.pts = frame.pts
    if frame.time_base is not None:
        marked.time_base = frame.time_base
    return marked


def mastering_display(data: bytes) -> str | None:
    """Return FFmpeg's ``AVMasteringDisplayMetadata`` as x265 and x264 take it.

    That is ``G(x,y)B(x,y)R(x,y)WP(x,y)L(max,min)``, colours in steps of 0.00002 and luminances in steps of 0.0001
    cd/m2, as in the bitstream. None when colours or luminances are missing: encoders take both or nothing.
    """
    if len(data) < _MASTERING_DISPLAY.size:
        return None
    *numbers, has_primaries, has_luminance = _MASTERING_DISPLAY.unpack_from(data)
    fractions = [
        Fraction(top, bottom) if bottom else Fraction(0) for top, bottom in zip(*[iter(numbers)] * 2, strict=True)
    ]
    if not has_primaries or not has_luminance:
        return None
    red, green, blue, white = (
        f"({round(fractions[at] * _CHROMATICITY_STEPS)},{round(fractions[at + 1] * _CHROMATICITY_STEPS)})"
        for at in (0, 2, 4, 6)
    )
    darkest, brightest = (round(value * _LUMINANCE_STEPS) for value in fractions[8:])
    return f"G{green}B{blue}R{red}WP{white}L({brightest},{darkest})"


def content_light(data: bytes) -> tuple[int, int] | None:
    """Return FFmpeg's ``AVContentLightMetadata``: brightest pixel and brightest picture average, both in cd/m2."""
    return None if len(data) < _CONTENT_LIGHT.size else _CONTENT_LIGHT.unpack_from(data)


def lost_side_data(data: dict[str, bytes]) -> tuple[str, ...]:
    """Return what no encoder here can write of a frame's side data, by the names people know."""
    return tuple(dict.fromkeys(name for kind, name in DYNAMIC_HDR.items() if kind in data))
