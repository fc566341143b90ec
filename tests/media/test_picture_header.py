from __future__ import annotations

import struct
import zlib
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from talkingface.errors import MediaError
from talkingface.media.picture_header import PictureHeader, read_picture_header


@pytest.mark.parametrize(
    ("name", "kind"),
    [("p.png", "png"), ("p.jpg", "jpeg"), ("p.bmp", "bmp"), ("p.webp", "webp"), ("p.tif", "tiff")],
)
def test_sizes_of_written_pictures(tmp_path: Path, name: str, kind: str) -> None:
    cv2.imwrite(str(tmp_path / name), np.full((46, 70, 3), 99, np.uint8))
    assert read_picture_header(tmp_path / name) == PictureHeader(kind, 70, 46)


@pytest.mark.parametrize("quality", [50, 101])
def test_webp_with_and_without_loss(tmp_path: Path, quality: int) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (46, 70, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "p.webp"), noise, [cv2.IMWRITE_WEBP_QUALITY, quality])
    assert read_picture_header(tmp_path / "p.webp") == PictureHeader("webp", 70, 46)


def test_gif(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "p.gif"), "w") as output:
        stream = output.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = 70, 46, "rgb8"
        output.mux(stream.encode(av.VideoFrame(70, 46, "rgb8")))
        output.mux(stream.encode(None))
    assert read_picture_header(tmp_path / "p.gif") == PictureHeader("gif", 70, 46)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xc0\x00",
        b"\xff\xd8" + b"\xff" * 50,
        b"GIF89a",
        b"BM",
        b"RIFF\0\0\0\0WEBP",
        b"II*\0\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\xff\xff",
        b"text",
    ],
)
def test_headers_that_end_early_are_for_the_decoder_to_judge(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "p").write_bytes(data)
    header = read_picture_header(tmp_path / "p")
    assert header is None or (header.width, header.height) == (0, 0)


def test_avif_is_a_still(tmp_path: Path) -> None:
    (tmp_path / "p.avif").write_bytes(b"\0\0\0\x20ftypavif" + bytes(40))
    assert read_picture_header(tmp_path / "p.avif") == PictureHeader("heif", 0, 0)


@pytest.mark.parametrize(("kind", "lead"), [(b"zTXt", b"k\0\0"), (b"iTXt", b"k\0\1\0en\0k\0"), (b"iCCP", b"k\0\0")])
def test_packed_text_is_measured(tmp_path: Path, kind: bytes, lead: bytes) -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
    for size, fails in ((1000, False), (65 << 20, True)):
        (tmp_path / "p.png").write_bytes(head + chunk(kind, lead + zlib.compress(bytes(size), 1)) + chunk(b"IDAT", b""))
        if fails:
            with pytest.raises(MediaError, match="unpacks to more than 64 MB"):
                read_picture_header(tmp_path / "p.png")
        else:
            assert read_picture_header(tmp_path / "p.png") == PictureHeader("png", 8, 8)
