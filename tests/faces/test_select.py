"""Which face a user means."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from talkingface.errors import NoFaceError
from talkingface.faces.select import point_on, select_track
from talkingface.faces.track import FaceTrack
from talkingface.faces.video import ClipTracks
from talkingface.options import parse_face

WIDTH, HEIGHT = 640, 360


def track(x: float, y: float, size: float, times: np.ndarray, number: int = 0) -> FaceTrack:
    """A square face of coded pixels, its middle at (x, y), wherever it is seen."""
    points = np.zeros((len(times), 478, 3), np.float32)
    points[..., :2] = [x, y]
    points[:, 0, :2], points[:, 1, :2] = [x - size / 2, y - size / 2], [x + size / 2, y + size / 2]
    frames = np.arange(len(times))
    return FaceTrack(frames, times, points, np.ones(len(times), np.float32), WIDTH, HEIGHT, number)


def clip(tracks: list[FaceTrack], rotation: int = 0, aspect: Any = None, frames: int = 50) -> ClipTracks:
    stream = SimpleNamespace(rotation=rotation, width=WIDTH, height=HEIGHT, sample_aspect_ratio=aspect)
    info: Any = SimpleNamespace(path=Path("talk.mp4"), video=(stream,))
    return ClipTracks(info, np.arange(frames) / 25, np.arange(frames), tracks, [], 0)


LEFT = track(150, 180, 120, np.arange(50) / 25, 0)
RIGHT = track(500, 100, 60, np.arange(25, 50) / 25, 1)


def test_auto_takes_the_first() -> None:
    found, why = select_track(clip([LEFT, RIGHT]), parse_face("auto"))
    assert found is LEFT
    assert "most present of 2" in why


def test_index() -> None:
    found, why = select_track(clip([LEFT, RIGHT]), parse_face("index:1"))
    assert found is RIGHT
    assert "index:1 of 2" in why


def test_index_beyond_the_last() -> None:
    with pytest.raises(NoFaceError, match=r"talk\.mp4.*index:2.*only\s2 were found"):
        select_track(clip([LEFT, RIGHT]), parse_face("index:2"))


@pytest.mark.parametrize("choice", ["auto", "index:0", "point:1,5,5"])
def test_no_face_at_all(choice: str) -> None:
    with pytest.raises(NoFaceError, match=r"talk\.mp4: no face was found in its 50 frame") as caught:
        select_track(clip([]), parse_face(choice))
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ("0.5,150,180", LEFT),
        ("1.5,150,180", LEFT),
        ("1.5,500,100", RIGHT),
        ("1.5,470,100", RIGHT),
        ("1.5,540,100", RIGHT),
    ],
)
def test_point(point: str, expected: FaceTrack) -> None:
    found, why = select_track(clip([LEFT, RIGHT]), parse_face(f"point:{point}"))
    assert found is expected
    assert point.split(",")[1] in why


@pytest.mark.parametrize("point", ["0,500,100", "1.5,330,180", "30,150,180"])
def test_nothing_at_the_point(point: str) -> None:
    with pytest.raises(NoFaceError, match=r"talk\.mp4: no face at .* near .* probe"):
        select_track(clip([LEFT, RIGHT]), parse_face(f"point:{point}"))


def test_of_two_the_one_whose_box_holds_the_point_more_deeply() -> None:
    times = np.arange(50) / 25
    one, other = track(200, 200, 200, times, 0), track(320, 200, 160, times, 1)
    assert select_track(clip([one, other]), parse_face("point:1,310,200"))[0] is other
    assert select_track(clip([one, other]), parse_face("point:1,230,200"))[0] is one


@pytest.mark.parametrize(
    ("rotation", "shown"),
    [(0, (500, 100)), (90, (HEIGHT - 100, 500)), (180, (WIDTH - 500, HEIGHT - 100)), (270, (100, WIDTH - 500))],
)
def test_points_are_of_the_picture_as_shown(rotation: int, shown: tuple[int, int]) -> None:
    found, _ = select_track(clip([LEFT, RIGHT], rotation), parse_face(f"point:1.5,{shown[0]},{shown[1]}"))
    assert found is RIGHT


def test_points_of_stretched_pixels() -> None:
    from fractions import Fraction

    wide = clip([LEFT, RIGHT], 0, Fraction(2, 1))
    assert select_track(wide, parse_face("point:1.5,1000,100"))[0] is RIGHT
    upright = clip([LEFT, RIGHT], 90, Fraction(2, 1))
    assert select_track(upright, parse_face(f"point:1.5,{HEIGHT - 100},1000"))[0] is RIGHT


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("aspect", [None, 2])
def test_the_point_told_of_a_face_chooses_it(rotation: int, aspect: Any) -> None:
    shown = clip([LEFT, RIGHT], rotation, aspect)
    for face in (LEFT, RIGHT):
        choice = point_on(shown, face)
        assert select_track(shown, parse_face(str(choice)))[0] is face
    assert str(point_on(clip([LEFT, RIGHT]), RIGHT)) == "point:1.48,500,100"
    assert str(point_on(clip([LEFT, RIGHT], 90, 2), LEFT)) == "point:1,180,300"
