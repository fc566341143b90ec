"""How sure we are of a mouth: nothing in front of it, things in front of it, turned heads, borders, time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from occluders import PAINTERS, Occluder, Scene

from talkingface.faces import visibility
from talkingface.faces.detect import FaceDetector
from talkingface.faces.landmarks import FaceMesh, region_of
from talkingface.faces.sampling import BgrSampler
from talkingface.faces.video import ClipTracker
from talkingface.faces.visibility import (
    VisibilityRecorder,
    held_low,
    shaped_in_time,
    share_outside,
    without_lone_dips,
)
from talkingface.media.planes import layout_of, plane_views
from talkingface.media.reader import DecodedFrame, VideoReader
from talkingface.weights.embedded import asset_path

RATE = 25
FRAMES = 75


@pytest.fixture(scope="module")
def portrait() -> tuple[np.ndarray, np.ndarray]:
    """The sample's portrait, BGR, and its landmarks."""
    picture = cv2.imread(str(asset_path("sample/portrait.png")))
    scale = 300 / picture.shape[0]
    picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    picture = np.ascontiguousarray(picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2])
    mesh, sampler = FaceMesh(), BgrSampler(picture)
    landmarks, _ = mesh.locate(sampler, FaceDetector().detect(picture)[0].region())
    landmarks, presence = mesh.locate(sampler, region_of(landmarks))
    assert presence > 0.9
    return picture, landmarks


def planes_of(picture: np.ndarray, pixel_format: str = "yuv420p") -> tuple[list[np.ndarray], object]:
    frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format=pixel_format)
    return [np.array(plane) for plane in plane_views(frame)], layout_of(frame)


def moments(
    portrait: tuple[np.ndarray, np.ndarray], count: int = FRAMES
) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """A face that sways, in a light that changes, seen by a noisy camera: (picture, landmarks, seconds)."""
    picture, landmarks = portrait
    dice = np.random.default_rng(1)
    for index in range(count):
        x, y = 3 * np.sin(index / 7), 2 * np.cos(index / 5)
        moved = cv2.warpAffine(
            picture, np.float64([[1, 0, x], [0, 1, y]]), picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE
        )
        light = 1 + 0.2 * np.sin(index / 11)
        noisy = moved * light + dice.normal(0, 3, moved.shape)
        places = landmarks + np.float32([x, y, 0]) + dice.normal(0, 0.4, landmarks.shape).astype(np.float32)
        yield np.clip(noisy, 0, 255).astype(np.uint8), places.astype(np.float32), index / RATE


def record(
    portrait: tuple[np.ndarray, np.ndarray],
    occluder: Occluder | None = None,
    folder: Path | None = None,
    pixel_format: str = "yuv420p",
    count: int = FRAMES,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidence, covered share of the lips, and times."""
    scene = Scene(occluder) if occluder is not None else None
    recorder, covered, times = None, [], []
    for picture, landmarks, time in moments(portrait, count):
        drawn, share = scene.draw(picture, landmarks, time) if scene is not None else (picture, 0.0)
        planes, layout = planes_of(drawn, pixel_format)
        if recorder is None:
            recorder = VisibilityRecorder(layout, folder)
        recorder.add(landmarks, 0.99, planes)
        covered.append(share)
        times.append(time)
    confidence = recorder.finish(np.arange(len(times)), np.array(times))
    recorder.rest()
    return confidence, np.array(covered), np.array(times)


def far_from(covered: np.ndarray, times: np.ndarray) -> np.ndarray:
    return np.abs(times[:, None] - times[covered > 0][None]).min(1) > 0.3


# in front of the mouth


def test_a_mouth_in_plain_sight_is_sure_in_changing_light(portrait) -> None:
    confidence, _, _ = record(portrait)
    assert confidence.dtype == np.float32
    assert confidence.min() == 1


@pytest.mark.parametrize("kind", sorted(PAINTERS))
def test_what_comes_before_the_mouth_takes_all_confidence_and_gives_it_back(portrait, kind: str) -> None:
    offset = (0.1, 0.0) if kind == "card" else (0.0, 0.0)
    confidence, covered, times = record(portrait, Occluder(kind, 1.2, 1.2, 1.9, offset=offset, seed=3))
    assert (covered > 0.3).sum() > 10
    assert (confidence[covered > 0.15] < 0.3).mean() >= 0.95
    assert confidence[far_from(covered, times)].min() == 1
    assert np.abs(np.diff(confidence)).max() <= 1 / RATE / visibility.RAMP_SECONDS + 1e-6


def test_a_half_covered_mouth_is_not_a_mouth(portrait) -> None:
    confidence, covered, _ = record(portrait, Occluder("card", 1.0, 1.2, 1.9, direction=(1.0, 0.0), seed=5))
    assert 0.3 < covered.max() < 0.7
    assert confidence[covered > 0.3].max() < 0.3


@pytest.mark.parametrize(("arrives", "leaves"), [(-1.0, 0.9), (1.6, 9.0), (-1.0, 1.9)])
def test_it_may_be_there_from_the_start_to_the_end_or_most_of_the_time(portrait, arrives, leaves) -> None:
    confidence, covered, times = record(portrait, Occluder("microphone", 1.1, arrives, leaves))
    assert (confidence[covered > 0.15] < 0.3).mean() >= 0.95
    assert confidence[far_from(covered, times)].min() == 1


def test_what_covers_the_mouth_all_the_time_is_not_noticed(portrait) -> None:
    """A limit, written down: there is nothing to compare it with."""
    confidence, covered, _ = record(portrait, Occluder("scarf", 1.0, -9.0, 99.0), count=40)
    assert covered.min() > 0.9
    assert confidence.min() == 1


@pytest.mark.parametrize("pixel_format", ["yuv444p10le", "gray", "yuvj420p"])
def test_all_kinds_of_planes(portrait, pixel_format: str) -> None:
    confidence, covered, times = record(portrait, Occluder("microphone", 1.0, 1.2, 1.9), pixel_format=pixel_format)
    assert confidence[covered > 0.15].max() < 0.3
    assert confidence[far_from(covered, times)].min() == 1


def test_on_disk_as_in_memory_and_in_blocks_as_at_once(portrait, tmp_path: Path, monkeypatch) -> None:
    occluder = Occluder("hand", 1.0, 1.2, 1.9)
    kept, _, _ = record(portrait, occluder)
    (tmp_path / "face").mkdir()
    (tmp_path / "face" / "visibility.rows").write_bytes(b"left by a run that was broken off")
    stored, _, _ = record(portrait, occluder, tmp_path / "face")
    np.testing.assert_array_equal(kept, stored)
    size = (tmp_path / "face" / "visibility.rows").stat().st_size
    assert size / FRAMES < 700
    monkeypatch.setattr(visibility, "BLOCK", 30)
    blocks, covered, times = record(portrait, occluder, tmp_path / "blocks")
    assert (blocks[covered > 0.15] < 0.3).mean() >= 0.95
    assert blocks[far_from(covered, times)].min() == 1


def test_a_real_talker_with_and_without_a_hand() -> None:
    """On the real test clips, where they lie beside the repository; landmarks are tracked through the hand."""
    clip = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "clips" / "test" / "vrt_face2.mp4"
    if not clip.is_file():
        pytest.skip("the real test clips are not beside this checkout")
    plain, _, _, landmarks = track_and_record(clip, None, [])
    assert plain.min() > 0.9
    confidence, covered, times, _ = track_and_record(clip, Occluder("hand", 1.0, 1.0, 1.6), landmarks)
    assert (confidence[covered > 0.15] < 0.3).mean() >= 0.95
    assert confidence[far_from(covered, times)].min() > 0.9


def track_and_record(
    clip: Path, occluder: Occluder | None, known: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[np.ndarray]]:
    """Confidence, covered share and time of the first frames, and their landmarks."""
    scene = Scene(occluder) if occluder is not None else None
    recorder, times, covered, found = None, [], [], []
    with VideoReader(clip, end=2.4, threads=1) as reader:
        tracker = ClipTracker()
        for decoded in reader.frames():
            frame, share = decoded.frame, 0.0
            if scene is not None:
                drawn, share = scene.draw(frame.to_ndarray(format="bgr24"), known[decoded.index], decoded.time)
                frame = av.VideoFrame.from_ndarray(drawn, format="bgr24").reformat(format="yuv420p")
            tracker.feed(DecodedFrame(decoded.index, decoded.time, decoded.pts, frame))
            ((_, landmarks),) = tracker.tracker.current()
            recorder = recorder or VisibilityRecorder(layout_of(frame))
            recorder.add(landmarks, 1.0, plane_views(frame))
            times.append(decoded.time)
            covered.append(share)
            found.append(landmarks.copy())
    return recorder.finish(np.arange(len(times)), np.array(times)), np.array(covered), np.array(times), found


# heads, borders and doubt


@pytest.fixture
def confidence_of(portrait) -> Callable[..., np.ndarray]:
    """Confidence of 20 equal frames with other landmarks or another presence; the picture stays as it is."""
    planes, layout = planes_of(portrait[0])

    def judged(landmarks: np.ndarray, presence: float | list[float] = 1.0) -> np.ndarray:
        recorder = VisibilityRecorder(layout)
        values = presence if isinstance(presence, list) else [presence] * 20
        for value in values:
            recorder.add(landmarks.astype(np.float32), value, planes)
        return recorder.finish(np.arange(len(values)), np.arange(len(values)) / RATE)

    return judged


@pytest.mark.parametrize(("degrees", "low", "high"), [(0, 1, 1), (35, 1, 1), (-35, 1, 1), (52, 0.2, 0.9), (65, 0, 0)])
def test_a_head_turned_far_fades(portrait, confidence_of, degrees: float, low: float, high: float) -> None:
    with np.load(asset_path("mouth_shape.npz")) as packed:
        reference = packed["reference"]
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turned = reference @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T
    confidence = confidence_of(turned * 50 + [200, 150, 0])
    assert low <= confidence.min() and confidence.max() <= high


def test_a_mouth_cut_by_the_border_fades(portrait, confidence_of) -> None:
    picture, landmarks = portrait
    lips = landmarks[list(visibility.mesh.LIPS_OUTER), :2]
    assert share_outside(landmarks, picture.shape[1], picture.shape[0]) == 0
    assert confidence_of(landmarks).min() == 1
    width = np.ptp(lips[:, 0])
    at_border = landmarks + np.array([picture.shape[1] - lips[:, 0].max() - 0.4 * width, 0, 0])
    assert confidence_of(at_border).min() == 1
    cut = landmarks + np.array([picture.shape[1] - lips[:, 0].max() + 0.2 * width, 0, 0])
    assert confidence_of(cut).max() == 0
    assert share_outside(landmarks - [0, 10_000, 0], picture.shape[1], picture.shape[0]) == 1


def test_the_networks_doubt_fades_but_one_frame_of_it_does_not_flicker(portrait, confidence_of) -> None:
    landmarks = portrait[1]
    assert confidence_of(landmarks, 0.5).max() == 0
    assert 0.3 < confidence_of(landmarks, 0.7)[10] < 0.7
    assert confidence_of(landmarks, [1.0] * 9 + [0.6] + [1.0] * 9).min() == 1
    assert confidence_of(landmarks, [1.0] * 9 + [0.5] * 3 + [1.0] * 9).min() == 0


def test_small_tracks(portrait, confidence_of) -> None:
    planes, layout = planes_of(portrait[0])
    assert confidence_of(portrait[1], [1.0]).tolist() == [1]
    assert confidence_of(portrait[1], [1.0, 1.0]).tolist() == [1, 1]
    empty = VisibilityRecorder(layout)
    assert len(empty.finish(np.zeros(0, np.int64), np.zeros(0))) == 0
    empty.add(portrait[1], 1.0, planes)
    with pytest.raises(ValueError, match="1 frames were added"):
        empty.finish(np.arange(2), np.arange(2) / RATE)


def test_a_face_far_outside_the_picture_is_no_crash(portrait, confidence_of) -> None:
    assert confidence_of(portrait[1] + [5000, 5000, 0]).max() == 0


# time


def test_confidence_falls_before_and_rises_after() -> None:
    times = np.arange(50) / RATE
    sure = np.ones(50)
    sure[20:25] = 0
    shaped = shaped_in_time(held_low(sure, times), np.arange(50), times)
    assert shaped[19:26].max() == 0  # held for a frame at both sides
    assert shaped[13] == 1 and shaped[31] == 1
    assert (np.diff(shaped[12:20]) <= 0).all() and (np.diff(shaped[25:32]) >= 0).all()
    np.testing.assert_allclose(shaped_in_time(shaped, np.arange(50), times), shaped)


def test_ramps_follow_real_frame_times() -> None:
    times = np.array([0.0, 0.1, 0.15, 0.19, 0.2, 0.25, 0.4, 0.6])
    sure = np.array([1.0, 1, 1, 1, 0, 1, 1, 1])
    shaped = shaped_in_time(sure, np.arange(8), times)
    np.testing.assert_allclose(shaped, np.minimum(1, np.abs(times - 0.2) / visibility.RAMP_SECONDS), atol=1e-9)


def test_a_short_glimpse_between_two_occlusions_does_not_count() -> None:
    times, sure = np.arange(60) / RATE, np.ones(60)
    sure[20:25] = sure[30:35] = 0
    assert shaped_in_time(sure, np.arange(60), times)[20:35].max() == 0
    sure[25:45], sure[45:50] = 1, 0
    assert shaped_in_time(sure, np.arange(60), times)[35] == 1


def test_lost_frames_and_the_ends_of_a_shot() -> None:
    frames = np.concatenate([np.arange(20), np.arange(24, 44)])
    times = frames / RATE
    plain = shaped_in_time(np.ones(40), frames, times)
    assert plain[0] == 1 and plain[-1] == 1
    assert plain[19] == pytest.approx(0.2) and plain[20] == pytest.approx(0.2)
    assert plain[10] == 1 and plain[30] == 1
    begun_late = shaped_in_time(np.ones(40), frames, times, ramp_in=True, ramp_out=True)
    np.testing.assert_allclose(begun_late[:5], [0.2, 0.4, 0.6, 0.8, 1.0])
    np.testing.assert_allclose(begun_late[-5:], [1.0, 0.8, 0.6, 0.4, 0.2])


def test_a_lone_dip_is_lifted_to_the_lower_neighbour() -> None:
    np.testing.assert_allclose(without_lone_dips(np.array([1, 0.2, 0.9, 0.1, 0.1, 1])), [1, 0.9, 0.9, 0.1, 0.1, 1])
