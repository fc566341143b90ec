from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from talkingface.media.wholeness import breaks_off

NAMES = ["v.mp4", "v.mov", "v.mkv", "v.avi", "v.ts", "v.gif", "v.webm", "p.png", "p.jpg", "p.webp", "a.wav"]


@pytest.fixture
def make(
    make_video: Callable[..., Path], make_sound: Callable[..., Path], click: Callable[..., np.ndarray], tmp_path: Path
) -> Callable[[str], Path]:
    def build(name: str) -> Path:
        suffix = name.split(".")[1]
        if suffix == "wav":
            return make_sound(name, click(8000), rate=8000)
        if suffix in ("png", "jpg", "webp"):
            cv2.imwrite(str(tmp_path / name), np.random.default_rng(0).integers(0, 255, (46, 70, 3), np.uint8))
            return tmp_path / name
        codec = {"avi": "mpeg4", "gif": "gif", "webm": "libvpx"}.get(suffix, "libx264")
        flags = {"movflags": "faststart"} if suffix in ("mp4", "mov") else {}
        form = "rgb8" if codec == "gif" else "yuv420p"
        return make_video(name, codec=codec, pixel_format=form, container_options=flags)

    return build


@pytest.mark.parametrize("name", NAMES)
def test_whole_files_are_whole_and_cut_ones_are_not(make: Callable[[str], Path], name: str) -> None:
    path = make(name)
    data = path.read_bytes()
    assert not breaks_off(path)
    for share in (0.5, 0.75, 0.95):
        path.write_bytes(data[: round(len(data) * share) | 1])
        assert breaks_off(path), share


def test_a_gif_with_a_hole_breaks_off(make: Callable[[str], Path]) -> None:
    path = make("v.gif")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + data[len(data) // 2 + 301 :])
    assert breaks_off(path)


@pytest.mark.parametrize("name", ["v.mp4", "v.gif", "p.jpg"])
def test_zeros_behind_the_end_do_no_harm(make: Callable[[str], Path], name: str) -> None:
    path = make(name)
    path.write_bytes(path.read_bytes() + bytes(30))
    assert not breaks_off(path)


def test_packets_with_times_in_front(make: Callable[[str], Path]) -> None:
    path = make("v.ts")
    data = path.read_bytes()
    stamped = b"".join(bytes(4) + data[place : place + 188] for place in range(0, len(data), 188))
    path.write_bytes(stamped)
    assert not breaks_off(path)
    path.write_bytes(stamped[:-50])
    assert breaks_off(path)


def test_unknown_and_missing_files_are_not_said_to_break_off(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("text")
    assert not breaks_off(tmp_path / "t.txt")
    assert not breaks_off(tmp_path / "none")
