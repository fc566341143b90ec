from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from talkingface.dubbing.still import LARGEST_SIDE, RATE, TICKS, animate_picture, read_picture
from talkingface.errors import MediaError
from talkingface.media.probe import probe
from talkingface.media.reader import VideoReader
from talkingface.progress import Cancellation, SilentProgress

from ..media import stills

FORMATS: list[str] = list(stills.FORMATS)


def silent(text: str) -> None:
    raise AssertionError(f"nothing was expected to be said, but: {text}")


def distance(bgr: np.ndarray, rgb: np.ndarray) -> float:
    """Mean difference, away from the borders of colours."""
    assert bgr.shape == rgb.shape
    difference = np.abs(bgr[..., ::-1].astype(float) - rgb).max(-1)
    return float(np.median(difference))


@pytest.mark.parametrize("name", FORMATS)
def test_every_kind_of_picture_is_read(name: str, tmp_path: Path) -> None:
    if stills.missing(name):
        pytest.skip(stills.missing(name))
    info = probe(stills.write_still(name, tmp_path))
    assert info.is_still
    picture = read_picture(info, silent)
    wanted = stills.blocks()
    if "gray" in name:
        wanted = np.repeat(cv2.cvtColor(wanted, cv2.COLOR_RGB2GRAY)[..., None], 3, -1)
    assert distance(picture, wanted) < (40 if "gif" in name else 4)  # GIF here has 256 fixed colours


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["jpeg-444", "png", "webp", "tiff"])
def test_pictures_are_held_as_exif_says(name: str, orientation: int, tmp_path: Path) -> None:
    if stills.missing(name):
        pytest.skip(stills.missing(name))
    info = probe(stills.held(stills.write_still(name, tmp_path), orientation))
    picture = read_picture(info, silent)
    assert distance(picture, stills.seen(stills.blocks(), orientation)) < 4


@pytest.mark.parametrize("name", ["a.png", "a.webp"])
def test_transparent_parts_are_gray(name: str, tmp_path: Path) -> None:
    picture, alpha = stills.blocks(), np.full((64, 96), 255, np.uint8)
    alpha[:, 48:] = 0
    encoder = "png" if name.endswith("png") else "libwebp"
    info = probe(stills.write_with_alpha(tmp_path / name, picture, alpha, encoder))
    read = read_picture(info, silent)
    assert distance(read[:, :46], picture[:, :46]) < 6
    assert np.abs(read[:, 50:].astype(int) - 128).max() < 6


def test_transparent_colours_of_a_palette_are_gray(tmp_path: Path) -> None:
    places = np.repeat(np.arange(3, dtype=np.uint8), 32)[None].repeat(64, 0)
    colours = np.array([[200, 30, 40], [20, 190, 60], [10, 20, 30]], np.uint8)
    info = probe(stills.write_palette_png(tmp_path / "p.png", places, colours, alpha=b"\xff\x00\xff"))
    read = read_picture(info, silent)
    assert distance(read[:, :32], np.broadcast_to(colours[0], (64, 32, 3))) < 4
    assert np.abs(read[:, 33:63].astype(int) - 128).max() < 4


def test_a_large_picture_is_made_smaller_and_said(tmp_path: Path) -> None:
    large = cv2.resize(stills.blocks(), (4800, 2400), interpolation=cv2.INTER_NEAREST)
    path = stills.held(stills.write_still("jpeg-420", tmp_path, large), 6)
    said: list[str] = []
    picture = read_picture(probe(path), said.append)
    assert picture.shape == (LARGEST_SIDE, LARGEST_SIDE // 2, 3)
    assert said == ["jpeg-420.jpg: is 4800x2400, made 1920x3840; more is not used"]


def test_pixels_are_made_square(tmp_path: Path) -> None:
    path = stills.write_still("jpeg-444", tmp_path)
    data = path.read_bytes()
    jfif = b"\xff\xe0" + struct.pack(">H5sHBHHBB", 16, b"JFIF\0", 0x0102, 0, 1, 2, 0, 0)  # half as wide as high
    body = data[2:]
    if body[:2] == b"\xff\xe0":
        body = body[2 + struct.unpack_from(">H", body, 2)[0] :]
    path.write_bytes(data[:2] + jfif + body)
    info = probe(path)
    assert info.video[0].sample_aspect_ratio in (Fraction(1, 2), Fraction(2))
    assert read_picture(info, silent).shape[:2] in ((64, 48), (32, 96))


def test_odd_and_tiny_pictures_get_their_border_once_more(tmp_path: Path) -> None:
    info = probe(stills.write_still("png", tmp_path, stills.blocks(45, 21)))
    picture = read_picture(info, silent)
    assert picture.shape == (32, 46, 3)
    np.testing.assert_array_equal(picture[:21, 45], picture[:21, 44])
    np.testing.assert_array_equal(picture[31], picture[20])


def test_a_still_picture_is_one_frame(tmp_path: Path, pictures: list[np.ndarray]) -> None:
    path = tmp_path / "face.png"
    assert cv2.imwrite(str(path), pictures[0])
    clip = animate_picture(probe(path), tmp_path, 60.0, 0, SilentProgress(), Cancellation(), still=True)
    with VideoReader(clip) as reader:
        (only,) = list(reader.frames())
        assert (only.pts, reader.last_duration) == (0, TICKS)
        assert reader.stream.average_rate == RATE
        assert (reader.stream.width, reader.stream.height) == (512, 288)


def test_a_cut_short_picture_is_refused_unless_allowed(tmp_path: Path, pictures) -> None:
    whole = tmp_path / "whole.jpg"
    assert cv2.imwrite(str(whole), pictures[0])
    part = tmp_path / "part.jpg"
    part.write_bytes(whole.read_bytes()[: whole.stat().st_size * 3 // 5])
    with pytest.raises(MediaError, match=r"part\.jpg: .*--allow-damaged"):
        read_picture(probe(part), print)
    said: list[str] = []
    assert read_picture(probe(part), said.append, allow_damaged=True).shape == pictures[0].shape
    assert "the rest is used" in said[0]
