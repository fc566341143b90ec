"""Real faces, real networks: people who cross, come back after a cut, are far away. Who is who is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from talkingface.errors import NoFaceError
from talkingface.faces import video
from talkingface.faces.identity import FaceEmbedder
from talkingface.faces.select import select_people
from talkingface.faces.track import FaceTrack
from talkingface.faces.video import ClipTracks, track_video
from talkingface.media.row_file import RowFile
from talkingface.options import parse_face

from . import scenes
from .scenes import CLIPS, Box, SceneFrame

pytestmark = scenes.needs_clips

HER, HIM, THIRD = CLIPS / "hdtf_WDA_KatieHill_000.mp4", CLIPS / "vrt_face1.mp4", CLIPS / "vrt_face3.mp4"

Followed = tuple[ClipTracks, list[dict[str, Box]]]
Follow = Callable[[Iterator[SceneFrame]], Followed]


@pytest.fixture(scope="module")
def embedder() -> FaceEmbedder:
    return FaceEmbedder()


@pytest.fixture
def follow(tmp_path: Path, embedder: FaceEmbedder) -> Follow:
    def run(scene: Iterator[SceneFrame]) -> Followed:
        truth = scenes.write_scene(tmp_path / "scene.mp4", scene)
        return track_video(tmp_path / "scene.mp4", threads=1, folder=tmp_path, embedder=embedder), truth

    return run


def shown_by(track: FaceTrack, truth: list[dict[str, Box]]) -> set[str]:
    """Names of all whose face a track's middle lies in, in any of its frames."""
    names = set()
    for frame, box in zip(track.frames, track.boxes.astype(float), strict=True):
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        for name, (x0, y0, x1, y1) in truth[frame].items():
            if x0 < x < x1 and y0 < y < y1:
                names.add(name)
    return names


def names(clip: ClipTracks, truth: list[dict[str, Box]]) -> list[set[str]]:
    """Whom each person is, the most prominent first."""
    return [set().union(*(shown_by(track, truth) for track in person.tracks)) for person in clip.people]


def test_people_who_cross_keep_their_names(follow: Follow) -> None:
    clip, truth = follow(scenes.crossing(HIM, HER, 70, face_width=100))
    assert names(clip, truth) == [{HIM.stem}, {HER.stem}]
    front, behind = clip.people
    assert len(front.frames) == 70
    hidden = [n for n, people in enumerate(truth) if HER.stem not in people]
    seen = set(behind.frames.tolist())
    assert len(seen) >= 70 - len(hidden) - 8
    assert len(seen & set(hidden[1:])) == 0  # no mouth is put on whoever stands in front
    assert all(isinstance(track.landmarks, RowFile) for track in clip.tracks)


def test_one_who_comes_back_after_a_cut_is_the_same(follow: Follow) -> None:
    shots = [scenes.whole(HIM, 20, (360, 360)), scenes.whole(HER, 20, (360, 360)), scenes.empty(10, (360, 360))]
    clip, truth = follow(scenes.joined(*shots, scenes.whole(HIM, 20, (360, 360))))
    assert clip.cuts == [20, 40, 50]
    assert names(clip, truth) == [{HIM.stem}, {HER.stem}] or names(clip, truth) == [{HER.stem}, {HIM.stem}]
    him = next(person for person in clip.people if shown_by(person.tracks[0], truth) == {HIM.stem})
    assert him.frames.tolist() == [*range(20), *range(50, 70)]
    assert clip.frames_without_face() == 10


@pytest.mark.parametrize("share", [0.025, 0.05])
def test_small_people_in_a_large_picture(follow: Follow, share: float) -> None:
    clip, truth = follow(scenes.far_away([HIM, THIRD], 6, share))
    assert sorted(map(sorted, names(clip, truth))) == [[HIM.stem], [THIRD.stem]]
    assert all(len(person.frames) == 6 for person in clip.people)


def test_a_cut_that_was_missed_smears_nothing(follow: Follow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video.CutDetector, "is_cut", lambda self, luma, bits: False)
    clip, truth = follow(scenes.joined(scenes.whole(HIM, 35, (300, 300)), scenes.whole(HER, 45, (300, 300))))
    assert clip.cuts == []
    assert sorted(map(sorted, names(clip, truth))) == [[HER.stem], [HIM.stem]]


def test_a_dissolve_smears_nothing(follow: Follow) -> None:
    both = scenes.whole(HIM, 40, (300, 300)), scenes.whole(HER, 50, (300, 300))
    clip, truth = follow(scenes.dissolved(*both, frames=12))
    assert sorted(map(sorted, names(clip, truth))) == [[HER.stem], [HIM.stem]]


def huge(clip: Path, times_the_height: float, count: int) -> Iterator[SceneFrame]:
    import cv2

    x0, y0, x1, y1 = scenes.face_box(clip)
    scale = 270 * times_the_height / (x1 - x0)
    matrix = np.array([[scale, 0, 240 - scale * (x0 + x1) / 2], [0, scale, 135 - scale * (y0 + y1) / 2]])
    for _, picture in zip(range(count), scenes.pictures(clip), strict=False):
        yield SceneFrame(np.asarray(cv2.warpAffine(picture, matrix, (480, 270)), np.uint8), {})


def dark(clip: Path, gain: float, count: int) -> Iterator[SceneFrame]:
    noise = np.random.default_rng(0)
    for shown in scenes.whole(clip, count, (300, 300)):
        grainy = shown.picture * gain + noise.normal(0, 1.5, shown.picture.shape)
        yield SceneFrame(grainy.clip(0, 255).astype(np.uint8), shown.people)


def at_the_border(clip: Path, share: float, count: int) -> Iterator[SceneFrame]:
    head = scenes.Cutout(clip, 120)
    for _ in range(count):
        picture = scenes.room(480, 270)
        yield SceneFrame(picture, {head.name: head.paste(picture, 480 - 60 + 120 * share, 135)})


@pytest.mark.parametrize("clip", [HIM, HER], ids=["him", "her"])
def test_huge_dark_and_cut_off_faces(follow: Follow, clip: Path) -> None:
    for scene in (huge(clip, 1.3, 4), huge(clip, 1.6, 4), dark(clip, 0.06, 4), at_the_border(clip, 0.3, 4)):
        found, _ = follow(scene)
        assert [len(person.frames) for person in found.people] == [4]


@pytest.mark.parametrize("seed", [0, 8, 9, 12])
def test_patterns_that_look_like_a_face_from_afar_are_none(follow: Follow, seed: int) -> None:
    def pattern() -> Iterator[SceneFrame]:
        for _ in range(2):
            yield SceneFrame(scenes.room(640, 360, seed), {})

    found, _ = follow(pattern())
    assert found.people == []


def test_a_pattern_does_not_hide_who_is_there(follow: Follow) -> None:
    def beside_a_pattern() -> Iterator[SceneFrame]:
        head = scenes.Cutout(HER, 220)
        for number in range(3):
            picture = scenes.room(640, 360)
            yield SceneFrame(picture, {head.name: head.paste(picture, 30 + 3 * number, 250)})

    found, truth = follow(beside_a_pattern())
    assert names(found, truth) == [{HER.stem}]


def test_a_person_is_chosen_by_a_picture(follow: Follow, tmp_path: Path) -> None:
    import cv2

    clip, truth = follow(scenes.side_by_side(HIM, HER, 6))
    later = [shown for shown, _ in zip(scenes.pictures(HER), range(60), strict=False)][-1]
    cv2.imwrite(str(tmp_path / "her.png"), later[..., ::-1])
    (person,) = select_people(clip, parse_face(f"image:{tmp_path / 'her.png'}")).people
    assert shown_by(person.tracks[0], truth) == {HER.stem}
    cv2.imwrite(str(tmp_path / "third.png"), next(scenes.pictures(THIRD))[..., ::-1])
    with pytest.raises(NoFaceError, match=r"nobody in it looks like .*third\.png"):
        select_people(clip, parse_face(f"image:{tmp_path / 'third.png'}"))
