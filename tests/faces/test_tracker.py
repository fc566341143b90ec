"""Following faces from frame to frame, with a detector and a mesh that know where the faces are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from talkingface.faces.detect import Detection
from talkingface.faces.sampling import OrientedSquare
from talkingface.faces.tracker import FaceTracker
from talkingface.media.row_file import RowFile
from talkingface.models.video_retalking.landmark.canonicalize import MouthShapeModel

WIDTH, HEIGHT = 640, 360


@pytest.fixture(scope="module")
def shape() -> np.ndarray:
    """A face 1 wide, centred."""
    points = MouthShapeModel.load().reference.astype(np.float32)
    middle = (points.min(0) + points.max(0)) / 2
    return (points - middle) / np.ptp(points[:, 0])


class Scene:
    """Faces in a picture: (x, y, width) or (x, y, width, who) each; a later one hides what is behind it.

    Stands for the picture, the detector, the mesh and the embedder.
    """

    def __init__(self, shape: np.ndarray) -> None:
        self.shape = shape
        self.faces: list[tuple[float, ...]] = []
        self.smallest = 0.0  # narrower faces are only found in tiles
        self.tiled: list[int] = []  # how many tiles each search looked in
        self.embedded = 0
        self.presence = 0.9
        self.blind = False  # the detector finds nothing
        self.detected: list[int] = []
        self.located = 0
        self.width, self.height = WIDTH, HEIGHT

    def landmarks(self, face: tuple[float, ...]) -> np.ndarray:
        x, y, size = face[:3]
        return (self.shape * size + [x, y, 0]).astype(np.float32)

    # the detector
    def detect(self, picture: np.ndarray) -> list[Detection]:
        return self.found([face for face in self.faces if face[2] >= self.smallest])

    def found(self, faces: list[tuple[float, ...]]) -> list[Detection]:
        found = []
        for face in [] if self.blind else faces:
            points = self.landmarks(face)
            low, high = points[:, :2].min(0), points[:, :2].max(0)
            eyes = np.array([points[33, :2], points[263, :2]] + [points[4, :2]] * 4)
            found.append(Detection((float(low[0]), float(low[1]), float(high[0]), float(high[1])), eyes, 0.9))
        return found

    def find_huge(self, sampler: Any, angle: float) -> list[Detection]:
        return []

    def find_small(self, sampler: Any, regions: list[OrientedSquare], known: Any) -> list[Detection]:
        self.tiled.append(len(regions))
        return self.found(
            [
                face
                for face in self.faces
                if any(max(abs(face[0] - r.centre_x), abs(face[1] - r.centre_y)) < r.size / 2 for r in regions)
            ]
        )

    # the embedder
    def embed(self, sampler: Any, landmarks: np.ndarray) -> np.ndarray:
        self.embedded += 1
        middle = landmarks[:, :2].mean(0)
        nearest = min(self.faces, key=lambda face: np.hypot(*(self.landmarks(face)[:, :2].mean(0) - middle)))
        return np.eye(9, dtype=np.float32)[int(nearest[3]) if len(nearest) > 3 else 0]

    # the mesh
    def locate(self, sampler: Any, region: OrientedSquare) -> tuple[np.ndarray, float]:
        self.located += 1
        near = [
            face
            for face in self.faces
            if np.hypot(face[0] - region.centre_x, face[1] - region.centre_y) < 0.5 * min(region.size, 2 * face[2])
        ]
        if near:
            nearest = min(near, key=lambda face: np.hypot(face[0] - region.centre_x, face[1] - region.centre_y))
            before = [face for face in near if np.hypot(face[0] - nearest[0], face[1] - nearest[1]) < 0.5 * face[2]]
            return self.landmarks(before[-1]), self.presence
        return self.shape * 10 + 5, 0.02


@pytest.fixture
def scene(shape: np.ndarray) -> Scene:
    return Scene(shape)


def play(
    scene: Scene, count: int, at: Callable[[int], Any], rate: float = 25, **how: Any
) -> tuple[FaceTracker, list[int]]:
    """Let a tracker watch ``count`` frames; ``at(n)`` gives the faces, or (faces, True) when frame n begins a shot,
    or (faces, False, True) when it might."""
    tracker = FaceTracker(scene, scene, **how)  # type: ignore[arg-type]
    key_frames = []
    for number in range(count):
        shown = at(number)
        scene.faces, cut, doubtful = (*shown, False)[:3] if isinstance(shown, tuple) else (shown, False, False)
        before = tracker.detections
        tracker.update(
            number,
            number / rate,
            scene,  # type: ignore[arg-type]
            lambda: (np.zeros((8, 8, 3), np.uint8), lambda detection: detection),
            cut,
            doubtful,
        )
        if tracker.detections > before:
            key_frames.append(number)
    return tracker, key_frames


def test_one_face_is_one_track_and_seldom_detected(scene: Scene) -> None:
    tracker, key_frames = play(scene, 60, lambda n: [(200 + n, 150, 120)])
    (track,) = tracker.finish()
    assert track.frames.tolist() == list(range(60))
    np.testing.assert_allclose(track.times, np.arange(60) / 25)
    assert track.landmarks.shape == (60, 478, 3)
    assert track.landmarks.dtype == np.float32
    assert track.presence == pytest.approx(np.full(60, 0.9))
    assert (track.width, track.height) == (WIDTH, HEIGHT)
    assert key_frames == [0, 25, 50]
    np.testing.assert_allclose(track.landmarks[7], scene.landmarks((207, 150, 120)), atol=1e-3)
    assert track.face_width == pytest.approx(120, rel=1e-3)


def test_two_faces_keep_their_numbers(scene: Scene) -> None:
    tracker, _ = play(scene, 30, lambda n: [(480, 180, 80), (150, 150, 140 + n)])
    small, large = sorted(tracker.finish(), key=lambda track: track.face_width)
    assert {small.number, large.number} == {0, 1}
    assert len(small) == len(large) == 30
    assert np.ptp(small.landmarks[:, 4, 0]) < 1
    assert [number for number, _ in tracker.current()] == [0, 1]
    assert tracker.finish()[0] is not small  # the more prominent comes first
    assert tracker.finish()[0].face_width > 100


def test_a_newcomer_is_found_within_a_second(scene: Scene) -> None:
    tracker, _ = play(scene, 60, lambda n: [(150, 150, 120)] + ([(450, 150, 120)] if n >= 10 else []))
    first, second = tracker.finish()
    assert first.frames[0] == 0
    assert second.frames[0] == 25


def test_a_face_lost_for_a_moment_stays_one_track(scene: Scene) -> None:
    tracker, key_frames = play(scene, 50, lambda n: [] if 20 <= n < 32 else [(200, 150, 120)])
    (track,) = tracker.finish()
    missing = set(range(50)) - set(track.frames.tolist())
    assert set(range(20, 32)) <= missing
    assert len(missing) <= 12 + 5  # looked for again at least every fifth frame
    assert {20, 21, 22} <= set(key_frames)
    assert len([number for number in key_frames if 20 <= number < 32]) < 10


def test_a_lost_face_is_looked_for_all_the_time_it_is_lost(scene: Scene) -> None:
    _, key_frames = play(scene, 60, lambda n: [(200, 150, 120)] if n < 5 else [])
    while_lost = [number for number in key_frames if 5 <= number < 55]
    assert max(np.diff(while_lost)) <= 5


def test_a_face_lost_for_long_comes_back_as_another(scene: Scene) -> None:
    tracker, _ = play(scene, 120, lambda n: [] if 20 <= n < 90 else [(200, 150, 120)])
    tracks = sorted(tracker.finish(), key=lambda track: track.number)
    assert [track.number for track in tracks] == [0, 1]
    assert tracks[0].frames.tolist() == list(range(20))
    assert 90 <= tracks[1].frames[0] <= 115


def test_a_cut_ends_every_track(scene: Scene) -> None:
    tracker, key_frames = play(scene, 40, lambda n: ([(200, 150, 120)], n == 15))
    tracks = sorted(tracker.finish(), key=lambda track: track.number)
    assert tracker.cuts == [15]
    assert [track.frames.tolist() for track in tracks] == [list(range(15)), list(range(15, 40))]
    assert 15 in key_frames
    assert tracker.followed() == {1}


def test_a_jump_of_half_a_face_is_not_followed_blindly(scene: Scene) -> None:
    tracker, key_frames = play(scene, 30, lambda n: [(200 if n < 12 else 275, 150, 120)])
    assert 12 in key_frames  # detected at once instead
    assert sum(len(track) for track in tracker.finish()) == 30


def test_a_face_that_swells_suddenly_is_not_believed(scene: Scene) -> None:
    _, key_frames = play(scene, 20, lambda n: [(200, 150, 100 if n < 12 else 210)])
    assert 12 in key_frames


def test_low_presence_is_no_face(scene: Scene) -> None:
    scene.presence = 0.3
    tracker, key_frames = play(scene, 30, lambda n: [(200, 150, 120)])
    assert tracker.finish() == []
    assert key_frames == [0, 25]
    assert tracker.current() == []


def test_current_leaves_out_lost_faces(scene: Scene) -> None:
    tracker, _ = play(scene, 10, lambda n: [(200, 150, 120)] if n < 9 else [])
    assert tracker.current() == []
    assert len(tracker.finish()) == 1


def test_at_most_so_many_faces(scene: Scene) -> None:
    crowd = [(60 + 100 * n, 150, 60) for n in range(6)]
    tracker, _ = play(scene, 5, lambda n: crowd, max_faces=3)
    assert len(tracker.finish()) == 3


def test_nothing_seen_gives_no_track(scene: Scene) -> None:
    tracker, key_frames = play(scene, 60, lambda n: [])
    assert tracker.finish() == []
    assert key_frames == [0, 25, 50]
    assert scene.located == 0


def test_landmarks_in_files_are_those_in_memory(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "landmarks-0.rows").write_bytes(b"what an earlier run left")

    def at(number: int) -> list[tuple[float, float, float]]:
        return [(200 + number, 150, 120)] + ([(450, 150, 90)] if number >= 25 else [])

    kept = play(scene, 40, at)[0].finish()
    stored = play(scene, 40, at, folder=tmp_path)[0].finish()
    assert len(kept) == len(stored) == 2
    for one, other in zip(kept, stored, strict=True):
        assert isinstance(other.landmarks, RowFile)
        assert other.landmarks.path == tmp_path / f"landmarks-{other.number}.rows"
        np.testing.assert_array_equal(one.landmarks[3:7], other.landmarks[3:7])
        np.testing.assert_array_equal(np.asarray(one.landmarks), np.asarray(other.landmarks))
        np.testing.assert_array_equal(one.boxes, other.boxes)
        assert one.face_width == other.face_width


def spans(tracker: FaceTracker) -> list[tuple[int, int, int]]:
    """First and last frame of every track and whose it is by its identity (-1: unknown), by number."""
    tracks = sorted(tracker.finish(), key=lambda track: track.number)
    return [
        (int(t.frames[0]), int(t.frames[-1]), -1 if t.identity is None else int(t.identity.argmax())) for t in tracks
    ]


def crossing(number: int) -> list[tuple[float, ...]]:
    """Person 2 walks to the right behind person 1, who walks to the left; hidden from about frame 42 to 58."""
    return [(100 + 4 * number, 150, 100, 2), (500 - 4 * number, 150, 110, 1)]


@pytest.mark.parametrize("known", [True, False])
def test_two_tracks_never_follow_one_face(scene: Scene, known: bool) -> None:
    tracker, _ = play(scene, 100, crossing, embedder=scene if known else None)
    seen = np.zeros(100, int)
    for track in tracker.finish():
        centres = track.boxes.reshape(-1, 2, 2).mean(1)[:, 0]
        ways = [np.abs(centres - [crossing(int(n))[who][0] for n in track.frames]) < 30 for who in (0, 1)]
        assert max(way.mean() for way in ways) == 1  # one person from end to end
        seen[track.frames] += 1
    assert seen.max() == 2
    assert (seen[:35] == 2).all() and (seen[75:] == 2).all()
    assert (seen >= 1).all()
    if known:
        assert {who for _, _, who in spans(tracker)} == {1, 2}


def test_the_one_behind_is_the_one_that_ends_whatever_its_number(scene: Scene) -> None:
    tracker, _ = play(scene, 100, crossing, embedder=scene)
    ends = {who: last for first, last, who in spans(tracker) if first == 0}
    assert ends[1] == 99
    assert ends[2] < 45


def test_appearance_is_looked_at_once_a_second(scene: Scene) -> None:
    tracker, _ = play(scene, 100, lambda n: [(200, 150, 120, 3)], embedder=scene)
    assert spans(tracker) == [(0, 99, 3)]
    assert scene.embedded == 5  # one more soon after the first


def test_another_person_at_the_same_place_is_another_track(scene: Scene) -> None:
    """A cut or a dissolve that nobody noticed: what may show the other one is taken back."""
    tracker, _ = play(scene, 100, lambda n: [(200, 150, 120, 3 if n < 60 else 4)], embedder=scene)
    first, second = spans(tracker)
    assert first[::2] == (0, 3)
    assert 35 <= first[1] <= 59  # the last look that was sure
    assert second[1:] == (99, 4)
    assert 60 <= second[0] <= 92


def test_a_doubtful_frame_is_looked_at_at_once(scene: Scene) -> None:
    def at(number: int) -> Any:
        return [(200, 150, 120, 3 if number < 60 else 4)], False, number == 60

    tracker, _ = play(scene, 100, at, embedder=scene)
    first, second = spans(tracker)
    assert first == (0, 59, 3)
    assert second[0] <= 67 and second[1:] == (99, 4)


def test_a_doubtful_frame_of_the_same_person_costs_nothing(scene: Scene) -> None:
    tracker, _ = play(scene, 60, lambda n: ([(200, 150, 120, 3)], False, n in (20, 33)), embedder=scene)
    (track,) = tracker.finish()
    assert track.frames.tolist() == list(range(60))


def test_a_first_look_at_two_pictures_in_one_counts_for_nothing(scene: Scene) -> None:
    tracker, _ = play(scene, 100, lambda n: [(200, 150, 120, 4 if n < 5 else 3)], embedder=scene)
    (track,) = tracker.finish()
    assert track.identity is not None and track.identity.argmax() == 3
    assert 5 <= track.frames[0] <= 10 and track.frames[-1] == 99


def test_a_single_odd_look_ends_nothing(scene: Scene) -> None:
    tracker, _ = play(scene, 100, lambda n: [(200, 150, 120, 4 if n in (33, 34) else 3)], embedder=scene)
    assert spans(tracker) == [(0, 99, 3)]
    assert len(tracker.finish()[0]) == 100


def test_who_comes_back_must_be_the_same_person(scene: Scene) -> None:
    def at(number: int) -> list[tuple[float, ...]]:
        if 20 <= number < 30:
            return []
        return [(200, 150, 120, 3 if number < 20 else 4)]

    tracker, _ = play(scene, 60, at, embedder=scene)
    first, second = spans(tracker)
    assert first == (0, 19, 3)
    assert second[1:] == (59, 4)

    tracker, _ = play(scene, 60, lambda n: [] if 20 <= n < 30 else [(200, 150, 120, 3)], embedder=scene)
    assert spans(tracker) == [(0, 59, 3)]


def test_small_faces_are_looked_for_in_tiles_on_key_frames_only(scene: Scene) -> None:
    scene.smallest = 40
    tracker, _ = play(scene, 60, lambda n: [(200, 150, 20), (500, 250, 16)])
    assert [len(track) for track in tracker.finish()] == [60, 60]
    assert scene.tiled == [6, 6, 6]


def test_a_square_picture_has_more_tiles_and_takes_them_in_turn(scene: Scene) -> None:
    scene.width = scene.height = 640
    play(scene, 85, lambda n: ([], n == 60))
    assert scene.tiled == [9, 4, 5, 9]


def test_no_tiles_while_a_face_of_usual_size_is_seen(scene: Scene) -> None:
    play(scene, 60, lambda n: [(200, 150, 120), (500, 250, 16)])
    assert scene.tiled == []


def test_a_small_face_that_is_lost_is_looked_for_where_it_was(scene: Scene) -> None:
    scene.smallest = 40
    tracker, _ = play(scene, 20, lambda n: [] if n in (8, 9) else [(200, 150, 20)])
    (track,) = tracker.finish()
    assert set(range(20)) - set(track.frames.tolist()) <= {8, 9, 10}
    assert set(scene.tiled[1:]) == {1}


def test_of_a_crowd_the_largest_are_followed(scene: Scene) -> None:
    crowd = [(60 + 100 * n, 150, 40 + 10 * n) for n in range(6)]
    tracker, _ = play(scene, 5, lambda n: crowd, max_faces=2)
    assert sorted(round(track.face_width) for track in tracker.finish()) == [80, 90]
