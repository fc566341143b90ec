"""Who is in a clip."""

from __future__ import annotations

import numpy as np

from talkingface.faces.people import group_people
from talkingface.faces.track import FaceTrack

HER, HIM = np.eye(128, dtype=np.float32)[:2]


def track(
    first: int, last: int, number: int, identity: np.ndarray | None, x: float = 100, width: float = 100
) -> FaceTrack:
    frames = np.arange(first, last + 1)
    points = np.zeros((len(frames), 478, 3), np.float32)
    points[:, 0, 0], points[:, 1:, 0], points[:, 0, 1] = x, x + width, 1.3 * width
    return FaceTrack(
        frames, frames / 25, points, np.ones(len(frames), np.float32), 1000, 500, number, identity=identity
    )


def near(identity: np.ndarray, how_far: float, seed: int) -> np.ndarray:
    away = np.random.default_rng(seed).normal(0, 1, 128)
    return (identity + how_far * away / np.linalg.norm(away)).astype(np.float32)


def numbers(tracks: list[FaceTrack]) -> list[list[int]]:
    return [[face.number for face in person.tracks] for person in group_people(tracks)]


def test_one_person_across_cuts() -> None:
    tracks = [
        track(0, 49, 0, near(HER, 0.2, 0)),
        track(50, 99, 1, near(HIM, 0.2, 1)),
        track(100, 149, 2, near(HER, 0.2, 2)),
        track(150, 169, 3, near(HIM, 0.2, 3)),
    ]
    her, him = group_people(tracks[::-1])
    assert [face.number for face in her.tracks] == [0, 2]
    assert [face.number for face in him.tracks] == [1, 3]
    assert (her.number, him.number) == (0, 1)
    assert her.prominence == tracks[0].prominence + tracks[2].prominence
    assert her.frames.tolist() == [*range(50), *range(100, 150)]
    assert her.times == ((0.0, 49 / 25), (4.0, 149 / 25))
    assert her.face_width == 100
    assert her.identity is not None and np.linalg.norm(her.identity - HER) < 0.2


def test_who_is_seen_beside_himself_is_somebody_else() -> None:
    """Twins, and a picture of her on the wall: never one person with two faces in a frame."""
    together = [track(0, 49, 0, HER, x=100), track(40, 90, 1, HER, x=600)]
    assert numbers(together) == [[1], [0]]
    assert numbers([*together, track(91, 99, 2, near(HER, 0.1, 0))]) in ([[1, 2], [0]], [[0, 2], [1]])


def test_without_identity_every_track_is_a_person() -> None:
    assert numbers([track(0, 9, 0, None), track(10, 29, 1, None), track(30, 99, 2, HER)]) == [[2], [1], [0]]
    assert group_people([]) == []


def test_average_linkage_does_not_chain() -> None:
    """Steps of half a distance from one person to another: ends that are far apart are not one person."""
    chain = [HER * (1 - step) for step in (0, 0.45, 0.95, 1.4)]
    found = numbers([track(20 * n, 20 * n + 9, n, identity) for n, identity in enumerate(chain)])
    assert sorted(found) == [[0, 1], [2, 3]]


def test_the_prominent_come_first_and_many_tracks_are_quick() -> None:
    tracks = [track(20 * n, 20 * n + 9, n, near(np.eye(128)[n % 7], 0.2, n)) for n in range(700)]
    people = group_people(tracks)
    assert len(people) == 7
    assert all(len({face.number % 7 for face in person.tracks}) == 1 for person in people)
    assert all(len(person.tracks) == 100 for person in people)
    wide = group_people([track(0, 9, 0, HER), track(20, 29, 1, HIM, width=300)])
    assert [person.tracks[0].number for person in wide] == [1, 0]


def test_a_chance_find_is_nobody_where_others_are_seen() -> None:
    assert numbers([track(0, 49, 0, HER), track(20, 21, 1, HIM)]) == [[0]]
    assert numbers([track(0, 49, 0, HER), track(60, 61, 1, HER)]) == [[0, 1]]
    assert numbers([track(0, 0, 0, None)]) == [[0]]  # a still picture
