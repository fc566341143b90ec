"""A track while it is made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talkingface.faces.following import FollowedFace, box_of, faces_us, width_of
from talkingface.media.row_file import RowFile
from talkingface.models.video_retalking.landmark.canonicalize import MouthShapeModel

HER, HIM = np.eye(128, dtype=np.float32)[:2]


def at(x: float) -> np.ndarray:
    points = np.zeros((478, 3), np.float32)
    points[0, :2], points[1, :2] = (x, 10), (x + 80, 110)
    points[2:, :2] = x + 5, 20
    return points


def watched(face: FollowedFace, first: int, last: int) -> None:
    for number in range(first, last + 1):
        face.add(number, number / 25, at(number), 0.9)


def known_then_followed(number: int = 0) -> FollowedFace:
    """A face that two looks have made known, and that was followed for ten frames after them."""
    face = FollowedFace(number)
    watched(face, 0, 9)
    face.recognise(HER)
    face.recognise(HER)
    watched(face, 10, 19)
    return face


def test_what_is_unsure_is_taken_back() -> None:
    face = known_then_followed(4)
    face.unsure_since = 15
    face.end(unsure=True)
    track = face.finished(640, 360)
    assert track is not None
    assert track.frames.tolist() == list(range(15))
    assert track.number == 4
    np.testing.assert_array_equal(track.boxes[3], [3, 10, 83, 110])
    np.testing.assert_array_equal(track.identity, HER)


def test_all_since_the_last_sure_look_is_unsure_when_nothing_else_is_known() -> None:
    face = known_then_followed()
    face.end(unsure=True)
    track = face.finished(640, 360)
    assert track is not None and len(track) == 10


def test_only_a_second_look_confirms() -> None:
    face = FollowedFace(0)
    watched(face, 0, 9)
    face.recognise(HER)
    face.start_again(HIM)
    watched(face, 10, 19)
    face.recognise(HIM)
    track = face.finished(640, 360)
    assert track is not None and track.frames.tolist() == list(range(9, 20))
    np.testing.assert_array_equal(track.identity, HIM)


def test_an_end_without_doubt_keeps_all_and_nothing_is_no_track() -> None:
    face = FollowedFace(0)
    assert face.finished(640, 360) is None
    watched(face, 0, 9)
    assert face.waiting_seconds == pytest.approx(9 / 25)
    assert face.last_presence == 0.9
    face.end()
    track = face.finished(640, 360)
    assert track is not None and len(track) == 10
    assert track.identity is None


def test_identity_is_the_mean_of_its_own() -> None:
    face = FollowedFace(0)
    face.recognise(HER)
    face.doubts.append(HIM)
    face.recognise(HIM)
    np.testing.assert_allclose(face.identity, (HER + HIM) / 2)
    assert face.doubts == []


def test_a_file_of_an_earlier_run_is_not_gone_on_with(tmp_path: Path) -> None:
    file = tmp_path / "landmarks-0.rows"
    file.write_bytes(b"x" * 478 * 3 * 4 * 2)
    face = FollowedFace(0, file)
    watched(face, 0, 4)
    face.end()
    track = face.finished(640, 360)
    assert track is not None
    assert isinstance(track.landmarks, RowFile)
    assert len(track.landmarks) == 5
    np.testing.assert_array_equal(track.landmarks[4], at(4))


def test_boxes_and_widths() -> None:
    assert box_of(at(3)) == (3, 10, 83, 110)
    assert width_of((3, 10, 83, 110)) == 80
    assert width_of((0, 0, 100, 80)) == 80  # a picture that lies on its side


@pytest.mark.parametrize(("yaw", "expected"), [(0, True), (30, True), (-30, True), (60, False), (-60, False)])
def test_who_looks_away_is_not_compared(yaw: float, expected: bool) -> None:
    angle = np.radians(yaw)
    turn = np.array([[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]])
    assert faces_us(MouthShapeModel.load().reference @ turn.T * 50 + 200) is expected


def test_a_track_at_its_end_keeps_no_landmarks_in_memory(tmp_path: Path) -> None:
    face = FollowedFace(0, tmp_path / "landmarks.rows")
    watched(face, 0, 9)
    face.end()
    assert (tmp_path / "landmarks.rows").stat().st_size == 10 * 478 * 3 * 4
