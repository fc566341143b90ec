"""Following faces from frame to frame, with a detector and a mesh that know where the faces are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from talkingface.faces.detect import Detection
from talkingface.faces.sampling import OrientedSquare
from talkingface.faces.track import CutDetector, FaceTrack, FaceTracker
from talkingface.models.video_retalking.landmark.canonicalize import MouthShapeModel
from talkingface.row_file import RowFile

WIDTH, HEIGHT = 640, 360


@pytest.fixture(scope="module")
def shape() -> np.ndarray:
    """A face 1 wide, centred."""
    points = MouthShapeModel.load().reference.astype(np.float32)
    middle = (points.min(0) + points.max(0)) / 2
    return (points - middle) / np.ptp(points[:, 0])


class Scene:
    """Faces in a picture: (x, y, width) each. Stands for the picture, the detector and the mesh."""

    def __init__(self, shape: np.ndarray) -> None:
        self.shape = shape
        self.faces: list[tuple[float, float, float]] = []
        self.presence = 0.9
        self.blind = False  # the detector finds nothing
        self.detected: list[int] = []
        self.located = 0
        self.width, self.height = WIDTH, HEIGHT

    def landmarks(self, face: tuple[float, float, float]) -> np.ndarray:
        x, y, size = face
        return (self.shape * size + [x, y, 0]).astype(np.float32)

    # the detector
    def detect(self, picture: np.ndarray) -> list[Detection]:
        found = []
        for face in [] if self.blind else self.faces:
            points = self.landmarks(face)
            low, high = points[:, :2].min(0), points[:, :2].max(0)
            eyes = np.array([points[33, :2], points[263, :2]] + [points[4, :2]] * 4)
            found.append(Detection((float(low[0]), float(low[1]), float(high[0]), float(high[1])), eyes, 0.9))
        return found

    # the mesh
    def locate(self, sampler: Any, region: OrientedSquare) -> tuple[np.ndarray, float]:
        self.located += 1
        for face in self.faces:
            if np.hypot(face[0] - region.centre_x, face[1] - region.centre_y) < 0.5 * region.size:
                return self.landmarks(face), self.presence
        return self.shape * 10 + 5, 0.02


@pytest.fixture
def scene(shape: np.ndarray) -> Scene:
    return Scene(shape)


def play(
    scene: Scene, count: int, at: Callable[[int], Any], rate: float = 25, **how: Any
) -> tuple[FaceTracker, list[int]]:
    """Let a tracker watch ``count`` frames; ``at(n)`` gives the faces, or (faces, True) when frame n begins a shot."""
    tracker = FaceTracker(scene, scene, **how)  # type: ignore[arg-type]
    key_frames = []
    for number in range(count):
        faces, cut = at(number) if isinstance(at(number), tuple) else (at(number), False)
        scene.faces = faces
        before = tracker.detections
        tracker.update(
            number,
            number / rate,
            scene,  # type: ignore[arg-type]
            lambda: (np.zeros((8, 8, 3), np.uint8), lambda detection: detection),
            cut,
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


def test_prominence_weighs_time_and_size() -> None:
    def track(frames: int, width: float) -> FaceTrack:
        points = np.zeros((frames, 478, 3), np.float32)
        points[:, 0, :2] = width, 1.2 * width
        return FaceTrack(np.arange(frames), np.arange(frames) / 25, points, np.ones(frames, np.float32), 1000, 500)

    assert track(10, 200).prominence == pytest.approx(2)
    assert track(10, 200).prominence > track(10, 90).prominence
    assert track(10, 200).prominence > track(4, 200).prominence


def test_the_width_of_a_face_is_its_shorter_side_and_rows_must_agree() -> None:
    points = np.zeros((3, 478, 3), np.float32)
    points[:, 0, :2] = 100, 70  # a face in a picture that lies on its side
    track = FaceTrack(np.arange(3), np.arange(3) / 25, points, np.ones(3, np.float32), 1000, 500)
    assert track.face_width == 70
    np.testing.assert_allclose(track.boxes, [[0, 0, 100, 70]] * 3)
    assert track.confidence.tolist() == [1, 1, 1]
    assert track.identity is None
    with pytest.raises(ValueError, match="4 frames, but 3 rows of times"):
        FaceTrack(np.arange(4), track.times, points, track.presence, 1000, 500)


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


def shot(seed: int, size: tuple[int, int] = (180, 320)) -> np.ndarray:
    """A picture with large forms, luma 16..235."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(16, 235, (7, 11))
    return np.kron(coarse, np.ones((size[0] // 6, size[1] // 10)))[: size[0], : size[1]]


def cuts(pictures: list[np.ndarray], bits: int = 8) -> list[int]:
    detector = CutDetector()
    kind = np.uint8 if bits == 8 else np.uint16
    return [
        n for n, picture in enumerate(pictures) if detector.is_cut((picture * (1 << (bits - 8))).astype(kind), bits)
    ]


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_another_shot_is_a_cut(bits: int) -> None:
    pictures = [shot(1)] * 10 + [shot(2)] * 10 + [shot(3)] * 5
    assert cuts(pictures, bits) == [10, 20]


def test_motion_and_light_are_no_cuts() -> None:
    wide = np.tile(shot(1, (180, 640)), (1, 1))
    pan = [wide[:, 6 * n : 6 * n + 320] for n in range(40)]
    assert cuts(pan) == []
    flicker = [shot(1) * (0.6 if n % 7 == 3 else 1) for n in range(30)]
    assert cuts(flicker) == []
    fade = [shot(1) * (1 - n / 30) + shot(2) * (n / 30) for n in range(31)]
    assert cuts(fade) == []


def test_dark_deep_pictures_are_compared_at_one_scale() -> None:
    """12-bit pictures whose brightest sample passes 1023: nothing changes but one bright spot."""
    dark, spot = np.full((120, 200), 60.0), np.full((120, 200), 60.0)
    spot[50:60, 50:60] = 70
    detector = CutDetector()
    for number in range(12):
        picture = (dark if number % 2 else spot) * 16
        assert not detector.is_cut(picture.astype(np.uint16), 12)
    assert detector.usual < 4
