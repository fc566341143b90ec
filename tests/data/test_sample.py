from __future__ import annotations

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from talkingface.data.datasets import prepare_dataset
from talkingface.data.sample import build_sample, enlarged_portrait, write_recording
from talkingface.errors import Cancelled, OutputError
from talkingface.faces import geometry
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.video import ClipTracks, track_video
from talkingface.media.audio import read_audio
from talkingface.media.planes import picture_bgr
from talkingface.media.probe import probe
from talkingface.media.reader import VideoReader
from talkingface.progress import Cancellation, SilentProgress
from talkingface.weights.embedded import asset_path

MOST_BYTES = 200_000


class CancelAfter(SilentProgress):
    """Cancels a job in its midst."""

    def __init__(self, cancel: Cancellation, steps: int) -> None:
        super().__init__()
        self.cancel, self.left = cancel, steps

    def advance(self, steps: int = 1) -> None:
        self.left -= steps
        if self.left <= 0:
            self.cancel.cancel()


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample, built once for all tests, as ``prepare`` builds it."""
    folder = tmp_path_factory.mktemp("dataset")
    return prepare_dataset("video-retalking", folder, SilentProgress(), Cancellation())


@pytest.fixture(scope="session")
def tracks(sample: Path) -> ClipTracks:
    return track_video(sample / "val/face/portrait.mp4")


@pytest.fixture(scope="session")
def landmarks(tracks: ClipTracks) -> NDArray[np.float32]:
    return tracks.tracks[0].landmarks


def files_of(folder: Path) -> dict[str, str]:
    """Relative path and hash of every file."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def pictures_of(path: Path) -> Iterator[NDArray[np.uint8]]:
    with VideoReader(path) as reader:
        for decoded in reader.frames():
            yield picture_bgr(decoded.frame, None)


def test_what_the_sample_holds(sample: Path) -> None:
    assert set(files_of(sample)) == {"val/face/portrait.mp4", "val/audio/hello.wav", "val/audio/world.wav"}
    assert not list(sample.glob(".*"))


def test_the_clip(sample: Path, tracks: ClipTracks) -> None:
    info = probe(sample / "val/face/portrait.mp4")
    (video,) = info.video
    assert not info.audio
    assert (video.codec, video.width, video.height, video.pixel_format) == ("h264", 1024, 576, "yuv420p")
    assert video.average_rate == Fraction(25)
    assert info.duration == pytest.approx(5.0)
    assert "public domain" in info.metadata["comment"]
    assert tracks.frames == 125
    assert tracks.frame_times == pytest.approx(np.arange(125) / 25)


@pytest.mark.parametrize("name", ["hello", "world"])
def test_the_recordings(sample: Path, name: str) -> None:
    path = sample / f"val/audio/{name}.wav"
    track = read_audio(path)
    assert path.stat().st_size < MOST_BYTES
    assert asset_path(f"sample/{name}.flac").stat().st_size < MOST_BYTES
    assert (track.sample_rate, track.channels) == (16_000, 1)
    assert 4 < track.duration < 6.5
    spoken = track.samples[np.abs(track.samples[:, 0]) > 0.01]
    assert 0.1 < np.sqrt((spoken**2).mean()) < 0.2
    assert np.abs(track.samples).max() < 0.9
    for silence in (track.samples[:3200], track.samples[-3200:]):
        assert np.abs(silence).max() == 0


def test_recordings_lose_nothing(sample: Path) -> None:
    shipped = read_audio(asset_path("sample/hello.flac")).samples
    assert np.array_equal(read_audio(sample / "val/audio/hello.wav").samples, shipped)


def test_one_face_in_every_frame(tracks: ClipTracks) -> None:
    assert len(tracks.tracks) == 1
    assert len(tracks.tracks[0]) == 125
    assert tracks.tracks[0].presence.min() > 0.9
    assert not tracks.cuts


def test_the_eyes_close_once_to_three_times(landmarks: NDArray[np.float32]) -> None:
    for upper, lower in ((mesh.EYE_LEFT_UPPER, mesh.EYE_LEFT_LOWER), (mesh.EYE_RIGHT_UPPER, mesh.EYE_RIGHT_LOWER)):
        gap = landmarks[:, list(lower), 1].mean(1) - landmarks[:, list(upper), 1].mean(1)
        closed = gap < 0.4 * np.median(gap)
        times = int((closed[1:] & ~closed[:-1]).sum())
        assert 1 <= times <= 3
        assert 0.02 < closed.mean() < 0.15
        assert not closed[0] and not closed[-1]


def test_the_head_moves_but_not_much(landmarks: NDArray[np.float32]) -> None:
    unit = float(geometry.interocular_distance(landmarks[..., :2]).mean())
    nose = landmarks[:, mesh.NOSE_TIP, :2] / unit
    assert np.all(np.ptp(nose, axis=0) > 0.06)
    assert np.all(np.ptp(nose, axis=0) < 0.25)
    assert np.linalg.norm(np.diff(nose, axis=0), axis=1).max() < 0.03  # a frame: no jumps
    pose, _ = geometry.align_to_own_mean(landmarks, geometry.canonical_frame(landmarks[0]))
    assert np.all(np.ptp(pose.yaw_pitch_roll(), axis=0) < 8)


def test_the_mouth_rests(landmarks: NDArray[np.float32]) -> None:
    _, shape = geometry.align_to_own_mean(landmarks, geometry.canonical_frame(landmarks[0]))
    assert np.ptp(geometry.inner_lip_gap(shape)) < 0.03
    assert np.ptp(geometry.mouth_width(shape)) < 0.05


def test_the_background_stays(sample: Path) -> None:
    still = enlarged_portrait().astype(np.int16)
    regions = [np.s_[:80, :160], np.s_[:80, -160:], np.s_[-80:, -160:], np.s_[-80:, :60], np.s_[100:500, -300:]]
    for number, picture in enumerate(pictures_of(sample / "val/face/portrait.mp4")):
        if number % 8:
            continue
        for region in regions:
            assert np.abs(picture[region].astype(np.int16) - still[region]).mean() < 3


def test_a_second_run_leaves_everything_as_it_is(sample: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in sample.rglob("*")}
    progress = SilentProgress()
    prepare_dataset("video-retalking", sample.parent, progress, Cancellation())
    assert not progress.messages
    assert {path: path.stat().st_mtime_ns for path in sample.rglob("*")} == before


def test_building_again_gives_the_same_files(sample: Path, tmp_path: Path) -> None:
    build_sample(tmp_path / "new", SilentProgress(), Cancellation())
    assert files_of(tmp_path / "new") == files_of(sample)


def test_a_stopped_build_leaves_nothing(tmp_path: Path) -> None:
    cancel = Cancellation()
    with pytest.raises(Cancelled):
        build_sample(tmp_path / "new", CancelAfter(cancel, 3), cancel)
    assert not list((tmp_path / "new").iterdir())


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match="cannot be written"):
        build_sample(tmp_path / "file" / "new", SilentProgress(), Cancellation())


def test_a_damaged_installation_is_named(tmp_path: Path) -> None:
    from talkingface.errors import WeightsMissingError

    damaged = tmp_path / "hello.flac"
    damaged.write_bytes(b"not sound")
    with pytest.raises(WeightsMissingError, match="install the package again"):
        write_recording(damaged, tmp_path / "hello.wav")
