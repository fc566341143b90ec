"""Which people a user means."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from talkingface.errors import MediaError, NoFaceError
from talkingface.faces import select
from talkingface.faces.identity import PictureFace
from talkingface.faces.people import Person
from talkingface.faces.select import point_on, select_people
from talkingface.faces.track import FaceTrack
from talkingface.faces.video import ClipTracks
from talkingface.options import parse_face

WIDTH, HEIGHT = 640, 360


def track(
    x: float, y: float, size: float, times: np.ndarray, number: int = 0, identity: np.ndarray | None = None
) -> FaceTrack:
    """A square face of coded pixels, its middle at (x, y), wherever it is seen."""
    points = np.zeros((len(times), 478, 3), np.float32)
    points[..., :2] = [x, y]
    points[:, 0, :2], points[:, 1, :2] = [x - size / 2, y - size / 2], [x + size / 2, y + size / 2]
    frames = np.round(times * 25).astype(np.int64)
    return FaceTrack(frames, times, points, np.ones(len(times), np.float32), WIDTH, HEIGHT, number, identity=identity)


def clip(tracks: list[FaceTrack], rotation: int = 0, aspect: Any = None, frames: int = 50) -> ClipTracks:
    stream = SimpleNamespace(rotation=rotation, width=WIDTH, height=HEIGHT, sample_aspect_ratio=aspect)
    info: Any = SimpleNamespace(path=Path("talk.mp4"), video=(stream,))
    return ClipTracks(info, np.arange(frames) / 25, np.arange(frames), tracks, [], 0)


LEFT = track(150, 180, 120, np.arange(50) / 25, 0)
RIGHT = track(500, 100, 60, np.arange(25, 50) / 25, 1)
HER, HIM = np.eye(128, dtype=np.float32)[:2]


def chosen(clip: ClipTracks, choice: str, **how: Any) -> tuple[FaceTrack, ...]:
    """Tracks of the people chosen."""
    return tuple(face for person in select_people(clip, parse_face(choice), **how).people for face in person.tracks)


def test_auto_takes_the_most_present() -> None:
    found = select_people(clip([LEFT, RIGHT]), parse_face("auto"))
    assert found.people[0].tracks == (LEFT,)
    assert "most present of 2" in found.reason


def test_one_person_is_not_listened_to() -> None:
    found = select_people(clip([LEFT]), parse_face("auto"), lambda: pytest.fail("nothing to decide"))
    assert found.people[0].tracks == (LEFT,)
    assert found.reason == "auto: the only person"


@pytest.mark.parametrize(
    ("fits", "expected"),
    [
        ({0: 0.10, 1: 0.40}, RIGHT),
        ({0: 0.40, 1: 0.10}, LEFT),
        ({1: 0.40}, RIGHT),
        ({0: 0.35, 1: 0.40}, LEFT),  # both: not clear
        ({0: 0.02, 1: 0.16}, LEFT),  # neither
        ({}, LEFT),
    ],
)
def test_auto_takes_whose_lips_fit_the_sound_when_that_is_clear(fits: dict[int, float], expected: FaceTrack) -> None:
    found = select_people(clip([LEFT, RIGHT]), parse_face("auto"), lambda: fits)
    assert found.people[0].tracks == (expected,)
    clear = max(fits.values(), default=0) == 0.4 and fits.get(0) != 0.35
    assert ("fit the video's own sound" in found.reason) == clear


def test_all() -> None:
    found = select_people(clip([LEFT, RIGHT]), parse_face("all"))
    assert [person.number for person in found.people] == [0, 1]
    assert found.reason == "all: 2 of 2"


def test_people_not_tracks_are_counted() -> None:
    early, late = (track(150, 180, 120, np.arange(n, n + 20) / 25, n, HER) for n in (0, 60))
    other = track(500, 100, 60, np.arange(25, 50) / 25, 1, HIM)
    people = clip([early, other, late], frames=90)
    assert chosen(people, "index:0") == (early, late)
    assert chosen(people, "index:1") == (other,)
    assert chosen(people, "point:3,150,180") == (early, late)
    with pytest.raises(NoFaceError, match="only 2 were found"):
        select_people(people, parse_face("index:2"))


def like(monkeypatch: pytest.MonkeyPatch, identity: np.ndarray, faces: int = 1) -> None:
    monkeypatch.setattr(select, "embed_picture", lambda path: PictureFace(identity, faces, 200.0, 0.0))


def test_image(monkeypatch: pytest.MonkeyPatch) -> None:
    her, him = replace(LEFT, identity=HER), replace(RIGHT, identity=HIM)
    like(monkeypatch, HIM * 0.9, faces=2)
    found = select_people(clip([her, him]), parse_face("image:him.png"))
    assert found.people[0].tracks == (him,)
    assert found.reason == "image:him.png: index:1, at distance 0.10; the largest of 2 faces in that picture"


def test_nobody_like_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    like(monkeypatch, np.eye(128, dtype=np.float32)[5])
    people = clip([replace(LEFT, identity=HER), replace(RIGHT, identity=HIM)])
    with pytest.raises(NoFaceError, match=r"nobody in it looks like .*them\.png.*distance 1\.41.*within 0\.\d.*Twins"):
        select_people(people, parse_face("image:them.png"))
    with pytest.raises(NoFaceError, match="turned away"):
        select_people(clip([LEFT]), parse_face("image:them.png"))


def test_an_unreadable_image(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="nowhere"):
        select_people(clip([LEFT]), parse_face(f"image:{tmp_path / 'nowhere.png'}"))
    text = tmp_path / "text.png"
    text.write_text("no picture")
    with pytest.raises(MediaError, match="text"):
        select_people(clip([LEFT]), parse_face(f"image:{text}"))


def test_index() -> None:
    found = select_people(clip([LEFT, RIGHT]), parse_face("index:1"))
    assert found.people[0].tracks == (RIGHT,)
    assert "index:1 of 2" in found.reason


def test_index_beyond_the_last() -> None:
    with pytest.raises(NoFaceError, match=r"talk\.mp4.*index:2.*only\s2 were found"):
        select_people(clip([LEFT, RIGHT]), parse_face("index:2"))


@pytest.mark.parametrize("choice", ["auto", "index:0", "point:1,5,5"])
def test_no_face_at_all(choice: str) -> None:
    with pytest.raises(NoFaceError, match=r"talk\.mp4: no face was found in its 50 frame") as caught:
        select_people(clip([]), parse_face(choice))
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
    found = select_people(clip([LEFT, RIGHT]), parse_face(f"point:{point}"))
    assert found.people[0].tracks == (expected,)
    assert point.split(",")[1] in found.reason


@pytest.mark.parametrize("point", ["0,500,100", "1.5,330,180", "30,150,180"])
def test_nothing_at_the_point(point: str) -> None:
    with pytest.raises(NoFaceError, match=r"talk\.mp4: no face at .* near .* probe"):
        select_people(clip([LEFT, RIGHT]), parse_face(f"point:{point}"))


def test_of_two_the_one_whose_box_holds_the_point_more_deeply() -> None:
    times = np.arange(50) / 25
    one, other = track(200, 200, 200, times, 0), track(320, 200, 160, times, 1)
    assert chosen(clip([one, other]), "point:1,310,200") == (other,)
    assert chosen(clip([one, other]), "point:1,230,200") == (one,)


@pytest.mark.parametrize(
    ("rotation", "shown"),
    [(0, (500, 100)), (90, (HEIGHT - 100, 500)), (180, (WIDTH - 500, HEIGHT - 100)), (270, (100, WIDTH - 500))],
)
def test_points_are_of_the_picture_as_shown(rotation: int, shown: tuple[int, int]) -> None:
    assert chosen(clip([LEFT, RIGHT], rotation), f"point:1.5,{shown[0]},{shown[1]}") == (RIGHT,)


def test_points_of_stretched_pixels() -> None:
    from fractions import Fraction

    wide = clip([LEFT, RIGHT], 0, Fraction(2, 1))
    assert chosen(wide, "point:1.5,1000,100") == (RIGHT,)
    upright = clip([LEFT, RIGHT], 90, Fraction(2, 1))
    assert chosen(upright, f"point:1.5,{HEIGHT - 100},1000") == (RIGHT,)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("aspect", [None, 2])
def test_the_point_told_of_a_face_chooses_it(rotation: int, aspect: Any) -> None:
    shown = clip([LEFT, RIGHT], rotation, aspect)
    for person in shown.people:
        choice = point_on(shown, person)
        assert chosen(shown, str(choice)) == person.tracks
    assert str(point_on(clip([LEFT, RIGHT]), Person(1, (RIGHT,)))) == "point:1.48,500,100"
    assert str(point_on(clip([LEFT, RIGHT], 90, 2), Person(0, (LEFT,)))) == "point:1,180,300"
