from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from talkingface.faces.track import FaceTrack
from talkingface.faces.video import shown_to_coded
from talkingface.media.reader import VideoReader
from talkingface.models.syncnet.lip_crops import (
    LipPlan,
    cut_out,
    lip_crops,
    median_filter,
    plan_face,
    plan_whole_pictures,
    resized,
    shown_boxes,
)
from talkingface.progress import Cancellation

from .painted_clips import painted, track_of, write_pictures

HELD = [0, 1, 2, 2, 3, 4, 4, 4, 5] * 5  # the pictures a 25 fps clip shows, some of them more than once


def cut(path: Path, plan: LipPlan) -> tuple[list[int], np.ndarray]:
    """Ticks and pictures."""
    with VideoReader(path, threads=1) as reader:
        crops = list(lip_crops(reader, plan))
    return [crop.tick for crop in crops], np.stack([crop.picture for crop in crops])


def held_pictures() -> list[int]:
    return [9 * (k // 9) + number for k, number in enumerate(HELD)]


def test_cutting_out_is_the_released_programs() -> None:
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, (90, 130, 3), np.uint8)
    for _ in range(40):
        x, y, half = random.uniform(0, 130), random.uniform(0, 90), random.uniform(3, 60)
        margin = int(half * 1.8)
        padded = np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), constant_values=110)
        top, left = y + margin, x + margin
        expected = padded[int(top - half) : int(top + half * 1.8), int(left - half * 1.4) : int(left + half * 1.4)]
        if min(expected.shape[:2]) >= 1:
            np.testing.assert_array_equal(cut_out(picture, x, y, half), resized(expected))


def test_a_box_in_the_middle_is_shown_with_its_surroundings() -> None:
    picture = np.zeros((400, 400, 3), np.uint8)
    picture[150:250, 150:250] = 255  # the box: 100 pixels to each side
    crop = cut_out(picture, 200, 200, 50)
    assert crop.shape == (224, 224, 3)
    rows, columns = np.flatnonzero(crop[:, 112, 0] > 128), np.flatnonzero(crop[20, :, 0] > 128)
    assert (rows[0], rows[-1]) == (0, pytest.approx(159, abs=2))  # 100 of 140 pixels, from the top
    assert (columns[0], columns[-1]) == (pytest.approx(32, abs=2), pytest.approx(191, abs=2))


def test_median_filter_has_zeros_beyond_its_ends() -> None:
    assert median_filter(np.array([1.0, 5, 2, 8, 3]), 3).tolist() == [1, 2, 5, 3, 3]
    assert median_filter(np.full(20, 7.0), 13).tolist() == [7.0] * 20
    assert median_filter(np.full(5, 7.0), 13).tolist() == [0.0] * 5  # why tracks must not be short


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_boxes_are_turned_with_the_picture(rotation: int) -> None:
    width, height = 200, 100
    shown = np.array([[20.0, 30, 60, 50], [0, 0, 10, 80]])
    corners = [shown_to_coded(box.reshape(2, 2), rotation, width, height) for box in shown]
    coded = np.stack([np.concatenate([c.min(0), c.max(0)]) for c in corners])
    np.testing.assert_allclose(shown_boxes(coded, rotation, width, height), shown)


def test_a_face_seen_all_the_time_is_one_track() -> None:
    times = np.arange(60) / 25
    plan = plan_face(times, track_of(range(60), times), [])
    assert (plan.length, plan.short_tracks, plan.ticks_left_out) == (60, 0, 0)
    (track,) = plan.tracks
    assert (track.first, track.windows, track.frames.tolist()) == (0, 55, list(range(60)))
    assert track.boxes is not None
    np.testing.assert_allclose(track.boxes[:, 2], 26)


def test_tracks_end_at_cuts_gaps_and_leaps() -> None:
    times = np.arange(200) / 25
    face = track_of(range(200), times)
    seen = [*range(2, 40), *range(41, 200)]  # frame 40 shows no face
    points = np.array(face.landmarks)
    points[120:, :, 0] += 70  # the box leaps where the detector of cuts saw none
    gone = FaceTrack(np.array(seen), times[seen], points[seen], np.ones(len(seen), np.float32), 160, 120)
    plan = plan_face(times, gone, cuts=[0, 80, 190])
    assert [(track.first, len(track.frames)) for track in plan.tracks] == [(2, 38), (41, 39), (80, 40), (120, 70)]
    assert (plan.short_tracks, plan.ticks_left_out) == (1, 2 + 1 + 10)
    assert [track.windows for track in plan.tracks] == [33, 34, 35, 65]


def test_no_picture_of_one_track_is_taken_for_another(tmp_path: Path) -> None:
    times = np.arange(60) / 25
    path = write_pictures(tmp_path / "a.mp4", [painted(k) for k in range(60)], range(0, 2400, 40))
    with VideoReader(path, threads=1) as reader:
        crops = list(lip_crops(reader, plan_face(times, track_of(range(60), times), [30])))
    assert [crop.tick for crop in crops] == [*range(29), *range(30, 59)]  # the last of each is not needed
    assert [crop.tick for crop in crops if crop.begins] == [0, 30]


def test_whole_pictures_are_shown_whole(tmp_path: Path) -> None:
    path = write_pictures(tmp_path / "a.mp4", [painted(k) for k in range(30)], range(0, 1200, 40))
    times = np.arange(30) / 25
    ticks, whole = cut(path, plan_whole_pictures(times))
    assert ticks == list(range(29))
    expected = resized(np.ascontiguousarray(painted(7)[..., ::-1]))
    assert np.abs(whole[7].astype(int) - expected).mean() < 2  # BGR; what is left is the file's own colours
    _, face = cut(path, plan_face(times, track_of(range(30), times), []))
    assert np.abs(whole.astype(int) - face).mean() > 20


@pytest.mark.parametrize("whole", [False, True])
def test_a_clip_of_varying_rate_shows_the_same_at_every_tick(tmp_path: Path, whole: bool) -> None:
    """A 25 fps clip that holds some pictures, and the same with each stored once, for as long as it is shown."""
    numbers = held_pictures()
    constant = write_pictures(tmp_path / "a.mp4", [painted(k) for k in numbers], range(0, 40 * len(numbers), 40))
    starts = [k for k in range(len(numbers)) if k == 0 or numbers[k] != numbers[k - 1]]
    kept = [numbers[k] for k in starts]
    # pictures begin up to 15 ms early or late: such are the clocks of telephones
    stray = np.random.default_rng(0).integers(-15, 16, len(starts))
    begins = [0, *(40 * k + int(d) for k, d in zip(starts[1:], stray[1:], strict=True))]
    varying = write_pictures(tmp_path / "b.mp4", [painted(k) for k in kept], begins)
    plans, found = [], []
    for path, shown in ((constant, numbers), (varying, kept)):
        with VideoReader(path, threads=1) as reader:
            times = np.array([decoded.time for decoded in reader.frames()])
        assert len(times) == len(shown)
        plans.append(plan_whole_pictures(times) if whole else plan_face(times, track_of(shown, times), []))
        found.append(cut(path, plans[-1]))
    steps = np.diff(np.array(begins))
    assert steps.max() > 3 * steps.min()
    assert plans[0].length == plans[1].length == len(numbers)
    assert found[0][0] == found[1][0] == list(range(len(numbers) - 1))
    assert np.abs(found[0][1].astype(int) - found[1][1]).max() <= 1


def test_a_turned_file_is_shown_upright(tmp_path: Path) -> None:
    pictures = [painted(k) for k in range(30)]
    turned = [np.rot90(picture) for picture in pictures]  # a quarter turn to the left, to be turned to the right
    times = np.arange(30) / 25
    upright = write_pictures(tmp_path / "a.mp4", pictures, range(0, 1200, 40))
    sideways = write_pictures(tmp_path / "b.mp4", turned, range(0, 1200, 40), rotation=90)
    face = track_of(range(30), times)
    corners = np.asarray(face.landmarks)[..., :2].astype(np.float64)
    coded = np.asarray(face.landmarks).copy()
    coded[..., :2] = [shown_to_coded(points, 90, 120, 160) for points in corners]
    lying = replace(face, landmarks=coded, boxes=None, width=120, height=160)  # type: ignore[arg-type]
    with VideoReader(sideways, threads=1) as reader:
        assert reader.stream.rotation == 90
    expected, found = cut(upright, plan_face(times, face, [])), cut(sideways, plan_face(times, lying, [], 90))
    assert np.abs(expected[1].astype(int) - found[1]).mean() < 2
    whole = [cut(path, plan_whole_pictures(times))[1] for path in (upright, sideways)]
    assert np.abs(whole[0].astype(int) - whole[1]).mean() < 2


def test_it_stops_when_asked(tmp_path: Path) -> None:
    path = write_pictures(tmp_path / "a.mp4", [painted(k) for k in range(30)], range(0, 1200, 40))
    cancel = Cancellation()
    with VideoReader(path, threads=1) as reader, pytest.raises(Exception, match="stopped"):
        for _ in lip_crops(reader, plan_whole_pictures(np.arange(30) / 25), cancel.check):
            cancel.cancel()
