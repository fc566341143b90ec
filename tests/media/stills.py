"""Still pictures of every kind, and the EXIF tag that says how they are to be held."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.codec
import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

FORMATS: dict[str, tuple[str, str, str]] = {
    "png": (".png", "png", "rgb24"),
    "png-16-bit": (".png", "png", "rgb48be"),
    "png-gray": (".png", "png", "gray"),
    "png-gray-16-bit": (".png", "png", "gray16be"),
    "png-palette": (".png", "png", "pal8"),
    "jpeg-420": (".jpg", "mjpeg", "yuvj420p"),
    "jpeg-444": (".jpg", "mjpeg", "yuvj444p"),
    "jpeg-gray": (".jpg", "mjpeg", "gray"),
    "webp": (".webp", "libwebp", "yuv420p"),
    "bmp": (".bmp", "bmp", "bgr24"),
    "tiff": (".tif", "tiff", "rgb24"),
    "tiff-16-bit": (".tif", "tiff", "rgb48le"),
    "gif-of-one-frame": (".gif", "gif", "rgb8"),
    "avif": (".avif", "libsvtav1", "yuv420p"),
    "video-of-one-frame": (".mp4", "libx264", "yuv420p"),
}
"""Name to suffix, FFmpeg's encoder and pixel format."""

IN_CONTAINERS = {".gif", ".avif", ".mp4"}


def blocks(width: int = 96, height: int = 64) -> Picture:
    """An RGB picture of four soft colours with no symmetry."""
    y, x = np.mgrid[:height, :width]
    left, top = (x < width * 0.4)[..., None], (y < height * 0.3)[..., None]
    upper = np.where(left, [220, 60, 50], [60, 200, 70])
    lower = np.where(left, [50, 70, 210], [210, 205, 190])
    return np.where(top, upper, lower).astype(np.uint8)


def missing(name: str) -> str | None:
    """Why this build of FFmpeg cannot write the kind, None when it can."""
    try:
        av.codec.Codec(FORMATS[name][1], "w")
    except ValueError:
        return f"FFmpeg has no encoder {FORMATS[name][1]} here"
    return None


def write_still(name: str, folder: Path, picture: Picture | None = None) -> Path:
    """Write an RGB picture as one of ``FORMATS``."""
    suffix, encoder, pixel_format = FORMATS[name]
    picture = blocks() if picture is None else picture
    path = folder / f"{name}{suffix}"
    if suffix in IN_CONTAINERS:
        return _write_container(path, encoder, pixel_format, picture)
    if pixel_format == "pal8":
        colours, places = np.unique(picture.reshape(-1, 3), axis=0, return_inverse=True)
        return write_palette_png(path, places.reshape(picture.shape[:2]).astype(np.uint8), colours.astype(np.uint8))
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
    full = pixel_format.startswith("yuvj") or pixel_format.startswith("gray")
    if encoder == "mjpeg" and pixel_format == "gray":  # FFmpeg's encoder has no gray
        gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        path.write_bytes(cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, 98])[1].tobytes())
        return path
    path.write_bytes(encoded(frame.reformat(format=pixel_format, dst_color_range=2 if full else None), encoder))
    return path


def encoded(frame: av.VideoFrame, encoder: str) -> bytes:
    """One frame through an encoder of pictures."""
    context: Any = av.codec.CodecContext.create(encoder, "w")
    context.width, context.height, context.pix_fmt = frame.width, frame.height, frame.format.name
    context.time_base = Fraction(1, 25)
    if frame.format.name.startswith(("yuvj", "gray")):
        context.color_range = 2
    if encoder == "mjpeg":
        context.options = {"qmin": "1", "qmax": "2"}
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])


def write_with_alpha(path: Path, picture: Picture, alpha: NDArray[np.uint8], encoder: str = "png") -> Path:
    """Write an RGB picture with its transparency (0: not seen) as PNG or WebP."""
    frame = av.VideoFrame.from_ndarray(np.dstack([picture, alpha]), "rgba")
    path.write_bytes(encoded(frame if encoder == "png" else frame.reformat(format="bgra"), encoder))
    return path


def write_palette_png(path: Path, places: Picture, colours: Picture, alpha: bytes = b"") -> Path:
    """Write a PNG with a palette: (height, width) places in (n, 3) colours, and the alpha of the first of these."""
    height, width = places.shape
    lines = b"".join(b"\0" + line.tobytes() for line in places)
    chunks = [
        _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        _chunk(b"PLTE", colours.tobytes()),
    ]
    if alpha:
        chunks.append(_chunk(b"tRNS", alpha))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join([*chunks, _chunk(b"IDAT", zlib.compress(lines)), _chunk(b"IEND")]))
    return path


def held(path: Path, orientation: int) -> Path:
    """Put the EXIF orientation 1..8 into a JPEG, PNG, WebP or TIFF, and return the file."""
    data = path.read_bytes()
    exif = struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    if path.suffix == ".jpg":
        segment = b"Exif\0\0" + exif
        data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:]
    elif path.suffix == ".png":
        data = data[:33] + _chunk(b"eXIf", exif) + data[33:]
    elif path.suffix == ".webp":
        with av.open(str(path)) as picture:
            width, height = picture.streams.video[0].width, picture.streams.video[0].height
        size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
        body = b"WEBP" + _riff(b"VP8X", b"\x08\0\0\0" + size) + data[12:] + _riff(b"EXIF", exif)
        data = _riff(b"RIFF", body)
    elif path.suffix == ".tif":
        data = _tiff_with_tag(data, orientation)
    path.write_bytes(data)
    return path


def seen(stored: NDArray[Any], orientation: int) -> NDArray[Any]:
    """A stored picture as EXIF's orientation 1..8 says it is to be looked at."""
    return {
        1: lambda: stored,
        2: lambda: stored[:, ::-1],
        3: lambda: stored[::-1, ::-1],
        4: lambda: stored[::-1],
        5: lambda: stored.swapaxes(0, 1),
        6: lambda: np.rot90(stored, -1),
        7: lambda: stored[::-1, ::-1].swapaxes(0, 1),
        8: lambda: np.rot90(stored, 1),
    }[orientation]()


def _write_container(path: Path, encoder: str, pixel_format: str, picture: Picture) -> Path:
    options = {"preset": "8"} if encoder == "libsvtav1" else {"crf": "10"} if encoder == "libx264" else {}
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream(encoder, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = picture.shape[1], picture.shape[0], pixel_format
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24").reformat(format=pixel_format)
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def _chunk(name: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _riff(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _tiff_with_tag(data: bytes, orientation: int) -> bytes:
    """Copy the first directory of a little-endian TIFF to its end, the orientation added in the order of tags."""
    (offset,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, offset)
    entries = [data[offset + 2 + 12 * number : offset + 14 + 12 * number] for number in range(count)]
    entries = [entry for entry in entries if entry[:2] != struct.pack("<H", 0x0112)]
    entries.append(struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0))
    entries.sort(key=lambda entry: struct.unpack_from("<H", entry)[0])
    data += b"\0" * (len(data) % 2)
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", 0)
    return data[:4] + struct.pack("<I", len(data)) + data[8:] + directory
