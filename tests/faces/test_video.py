"""From the picture as shown to the coded frame, and the tracks of whole files."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from talkingface.errors import Cancelled, MediaError
from talkingface.faces.detect import Detection
from talkingface.faces.video import ClipTracks, shown_to_coded, to_coded, track_video
from talkingface.progress import Cancellation

WIDTH, HEIGHT = 40, 20  # of the coded frame


@pytest.mark.parametrize(
    ("rotation", "shown", "coded"),
    [
        # a player turns the coded frame clockwise: its upper left corner goes to the upper right one at 90 degrees
        (0, (3, 5), (3, 5)),
        (90, (20, 0), (0, 0)),
        (90, (0, 0), (0, 20)),
        (90, (20, 40), (40, 0)),
        (180, (40, 20), (0, 0)),
        (180, (0, 0), (40, 20)),
        (270, (0, 40), (0, 0)),
        (270, (0, 0), (40, 0)),
        (360, (3, 5), (3, 5)),
    ],
)
def test_shown_to_coded(rotation: int, shown: tuple[float, float], coded: tuple[float, float]) -> None:
    found = shown_to_coded(np.array([shown]), rotation, WIDTH, HEIGHT)
    np.testing.assert_allclose(found, [coded])


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_shown_to_coded_agrees_with_turning_the_picture(rotation: int) -> None:
    picture = np.zeros((HEIGHT, WIDTH), np.uint8)
    picture[4, 31] = 1
    turned = np.rot90(picture, -rotation // 90)
    y, x = (int(v[0]) for v in np.nonzero(turned))
    found = shown_to_coded(np.array([[x + 0.5, y + 0.5]]), rotation, WIDTH, HEIGHT)
    np.testing.assert_allclose(found, [[31.5, 4.5]])


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_detections_keep_their_box_in_order(rotation: int) -> None:
    points = np.array([[2, 3], [8, 3], [5, 6], [5, 8], [1, 4], [9, 4]], np.float32)
    found = to_coded(Detection((0, 1, 10, 9), points, 0.7), 0.5, rotation, WIDTH, HEIGHT)
    x0, y0, x1, y1 = found.box
    assert sorted([x1 - x0, y1 - y0]) == pytest.approx([16, 20])
    assert x0 < x1
    assert y0 < y1
    assert found.score == 0.7
    inside = (found.keypoints >= [x0, y0]) & (found.keypoints <= [x1, y1])
    assert inside.all()
    across = found.keypoints[1] - found.keypoints[0]
    assert np.degrees(np.arctan2(across[1], across[0])) % 360 == pytest.approx((-rotation) % 360, abs=1e-3)


@pytest.fixture
def faceless(tmp_path: Path) -> Path:
    """A second of moving stripes, a cut, and half a second more."""
    path = tmp_path / "stripes.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=20, options={"crf": "20"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        y, x = np.mgrid[:180, :320]
        for number in range(30):
            wave = (x + 3 * number) // 40 % 2 if number < 20 else y // 30 % 2
            picture = np.repeat((40 + 170 * wave)[..., None], 3, -1).astype(np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        output.mux(stream.encode(None))
    return path


def test_a_clip_without_a_face(faceless: Path) -> None:
    found = track_video(faceless)
    assert isinstance(found, ClipTracks)
    assert found.tracks == []
    assert found.frames == found.frames_without_face() == 30
    assert found.cuts == [20]
    assert found.damaged == 0
    assert found.loss is None
    np.testing.assert_allclose(found.frame_times, np.arange(30) / 20, atol=1e-6)
    time_base = found.info.video[0].time_base
    np.testing.assert_allclose(found.frame_pts * float(time_base), found.frame_times, atol=1e-9)


def test_a_range_of_a_clip(faceless: Path) -> None:
    found = track_video(faceless, start=0.5, end=1.0)
    assert found.frames == 10
    assert found.frame_times[0] == pytest.approx(0.5)


def test_cancelling(faceless: Path) -> None:
    cancel = Cancellation()
    cancel.cancel()
    with pytest.raises(Cancelled):
        track_video(faceless, cancel=cancel)


def test_a_missing_clip_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="nowhere"):
        track_video(tmp_path / "nowhere.mp4")
