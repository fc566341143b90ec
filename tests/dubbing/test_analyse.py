"""Pass 1."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from talkingface.dubbing.analyse import analyse
from talkingface.dubbing.analysis_store import Analysis, load_analysis
from talkingface.errors import Cancelled, MediaError
from talkingface.media.probe import probe
from talkingface.progress import Cancellation, SilentProgress

from .conftest import write_video


def look(path: Path, folder: Path, start: float | None = None, end: float | None = None) -> Analysis:
    analyse(path, folder, start=start, end=end, threads=2, progress=SilentProgress(), cancel=Cancellation())
    return load_analysis(folder, probe(path))


def test_every_frame_of_the_face_is_in_its_track_and_its_bank(tmp_path: Path, face: Path, decode) -> None:
    found = look(face, tmp_path)
    (track,) = found.clip.tracks
    assert found.clip.frames == len(track) == 30
    assert found.clip.frames_without_face() == 0
    assert found.last_duration == 512
    assert (found.layout.width, found.layout.height, found.layout.pixel_format) == (512, 288, "yuv420p")
    bank = found.donors[track.number]
    np.testing.assert_array_equal(bank.frames, track.frames)
    donor, source = bank.get(17), decode(face).frames[17]
    for number, crop in enumerate(donor.planes):
        y, x = (donor.y0, donor.x0) if number == 0 else (donor.y0 // 2, donor.x0 // 2)
        np.testing.assert_array_equal(crop, source[number][y : y + crop.shape[0], x : x + crop.shape[1]])


def test_landmarks_lie_on_the_face(tmp_path: Path, face: Path) -> None:
    (track,) = look(face, tmp_path, end=0.4).clip.tracks
    assert len(track) == 10
    nose, chin, forehead = (np.asarray(track.landmarks)[:, point, :2].mean(0) for point in (4, 152, 10))
    assert forehead[1] < nose[1] < chin[1]
    assert 0 < nose[0] < 512
    assert track.presence.min() > 0.9
    assert 50 < track.face_width < 200


def test_a_range_counts_its_own_frames_from_nought(tmp_path: Path, face: Path) -> None:
    found = look(face, tmp_path, start=0.4, end=0.8)
    assert found.clip.tracks[0].frames.tolist() == list(range(10))
    assert found.clip.frame_times[0] == pytest.approx(0.4)
    assert found.donors[0].frames.tolist() == list(range(10))


def test_what_is_read_is_what_was_found(tmp_path: Path, face: Path) -> None:
    found = look(face, tmp_path, end=0.6)
    again = load_analysis(tmp_path, probe(face))
    (track,), (other,) = found.clip.tracks, again.clip.tracks
    for name in ("frames", "times", "presence", "boxes", "confidence", "identity", "landmarks"):
        np.testing.assert_array_equal(np.asarray(getattr(track, name)), np.asarray(getattr(other, name)))
    assert track.identity is not None
    assert track.identity.shape == (128,)
    assert len(found.clip.people) == 1
    assert found.loss is None


@pytest.mark.parametrize("fault", ["landmarks-0.rows", "track-0.npz", "frames.npz", "donors-0.planes", "analysis.json"])
def test_files_that_are_missing_or_cut_short_are_refused(tmp_path: Path, face: Path, fault: str) -> None:
    look(face, tmp_path, end=0.3)
    content = (tmp_path / fault).read_bytes()
    (tmp_path / fault).write_bytes(content[: len(content) // 2])
    with pytest.raises((OSError, ValueError, KeyError)):
        load_analysis(tmp_path, probe(face))
    (tmp_path / fault).unlink()
    with pytest.raises((OSError, ValueError, KeyError)):
        load_analysis(tmp_path, probe(face))


def test_tracks_at_their_end_go_to_disk(
    tmp_path: Path, pictures: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    dark = [np.zeros_like(pictures[0])] * 3
    clip = write_video(tmp_path / "cuts.mp4", [*pictures[:10], *dark, *pictures[:10], *dark, *pictures[:10]])
    monkeypatch.setattr("talkingface.dubbing.analyse.MANY_BYTES", 1)
    monkeypatch.setattr("talkingface.dubbing.analyse.FEW_MOUTHS", 4)
    (tmp_path / "analysis").mkdir()
    found = look(clip, tmp_path / "analysis")
    tracks = sorted(found.clip.tracks, key=lambda track: track.number)
    assert len(tracks) == 3
    assert [len(found.donors[track.number]) for track in tracks] == [10, 4, 4]
    assert all(np.isin(found.donors[track.number].frames, track.frames).all() for track in tracks)
    assert not list((tmp_path / "analysis").glob("face-*"))


def test_no_face_no_bank(tmp_path: Path, faceless: Path) -> None:
    found = look(faceless, tmp_path)
    assert found.clip.tracks == []
    assert found.donors == {}


def test_errors_and_cancelling_end_the_decoder(tmp_path: Path, face: Path) -> None:
    with pytest.raises(MediaError, match=r"nowhere\.mp4"):
        look(tmp_path / "nowhere.mp4", tmp_path)
    cancel = Cancellation()
    cancel.cancel()
    with pytest.raises(Cancelled):
        analyse(face, tmp_path, start=None, end=None, threads=1, progress=SilentProgress(), cancel=cancel)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("talkingface-")]
