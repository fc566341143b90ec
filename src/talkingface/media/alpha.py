"""Pictures with transparency, laid over a neutral gray: what lies under it was never meant to be seen."""

from __future__ import annotations

from typing import Any, cast

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.uint8] | NDArray[np.uint16]


def has_alpha(pixel_format: str) -> bool:
    """Tell whether a pixel format holds transparency; palettes may."""
    form = av.VideoFormat(pixel_format)
    return form.has_palette or any(component.is_alpha for component in form.components)


def over_neutral(frame: av.VideoFrame) -> av.VideoFrame:
    """Return a frame without its transparency, laid over a neutral gray.

    Args:
        frame: A frame in a format with transparency.

    Returns:
        The frame itself when it is opaque everywhere (whoever converts it may then drop its transparency); else a new
        frame in RGB, gray or planar YUV, with the same timestamps and colour tags.
    """
    form = frame.format
    deep = max(component.bits for component in form.components) > 8
    if form.is_rgb or form.has_palette:
        return _interleaved(frame, "rgba64le" if deep else "rgba", "rgb48le" if deep else "rgb24")
    if len(form.components) == 2:
        return _interleaved(frame, "ya16le" if deep else "ya8", "gray16le" if deep else "gray")
    return _planar(frame, deep)


def _interleaved(frame: av.VideoFrame, with_alpha: str, without: str) -> av.VideoFrame:
    plain = frame if frame.format.name == with_alpha else frame.reformat(format=with_alpha)
    kind = np.uint8 if "16le" not in with_alpha and "64le" not in with_alpha else np.uint16
    channels = 4 if with_alpha.startswith("rgba") else 2
    pixels = _plane(plain, 0, kind)[:, : frame.width * channels].reshape(frame.height, frame.width, channels)
    alpha, top = pixels[..., -1:], int(np.iinfo(kind).max)
    if int(alpha.min()) == top:
        return frame
    result = av.VideoFrame(frame.width, frame.height, without)
    target = _plane(result, 0, kind)[:, : frame.width * (channels - 1)]
    blended = _blend(pixels[..., :-1], alpha, top)
    target[:] = blended.reshape(frame.height, -1)
    return _labelled(result, frame)


def _planar(frame: av.VideoFrame, deep: bool) -> av.VideoFrame:
    name = frame.format.name
    if not name.startswith("yuva"):
        name = "yuva444p16le" if deep else "yuva444p"
    elif name.endswith("be"):
        name = name[:-2] + "le"
    planar = frame if name == frame.format.name else frame.reformat(format=name)
    kind = np.uint16 if deep else np.uint8
    top = (1 << planar.format.components[0].bits) - 1
    alpha = _plane(planar, 3, kind)[:, : frame.width]
    if int(alpha.min()) == top:
        return frame
    result = av.VideoFrame(frame.width, frame.height, name.replace("yuva", "yuv", 1))
    for index in range(3):
        width, height = planar.planes[index].width, planar.planes[index].height
        across, down = -(-frame.width // width), -(-frame.height // height)
        samples = _plane(planar, index, kind)[:, :width]
        _plane(result, index, kind)[:, :width] = _blend(samples, alpha[::down, ::across], top)
    return _labelled(result, frame)


def _blend(samples: Samples, alpha: Samples, top: int) -> Samples:
    """Mix samples with the middle code by alpha 0..top."""
    weight = alpha.astype(np.uint32)
    neutral = np.uint32((top + 1) // 2)
    mixed = samples * weight + neutral * (top - weight) + np.uint32(top // 2)
    return cast("Samples", (mixed // np.uint32(top)).astype(samples.dtype))


def _labelled(result: av.VideoFrame, source: av.VideoFrame) -> av.VideoFrame:
    result.pts, result.dts, result.duration = source.pts, source.dts, source.duration
    if source.time_base is not None:
        result.time_base = source.time_base
    result.color_range, result.colorspace = source.color_range, source.colorspace
    result.color_primaries, result.color_trc = source.color_primaries, source.color_trc
    return result


def _plane(frame: av.VideoFrame, index: int, kind: type[np.uint8] | type[np.uint16]) -> Any:
    """A plane's memory as (lines, samples with the padding of a line), shared with the frame."""
    memory: Any = frame.planes[index]
    return np.frombuffer(memory, kind).reshape(memory.height, -1)
