from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from talkingface.errors import Cancelled, MediaError, NoFaceError
from talkingface.evaluation.observation import (
    Library,
    distinct_frames,
    generic_face,
    mouth_motion,
    observe,
    same_file,
)
from talkingface.faces import mesh_topology as mesh
from talkingface.progress import Cancellation, SilentProgress

from ..faces import scenes


class Counting(SilentProgress):
    def __init__(self) -> None:
        super().__init__()
        self.steps = 0

    def advance(self, steps: int = 1) -> None:
        self.steps += steps


def look(path: Path, **how: Any) -> Any:
    return observe(path, generic_face(), threads=1, progress=SilentProgress(), cancel=Cancellation(), **how)


def test_the_generic_face_has_its_eyes_one_apart() -> None:
    face = generic_face()
    assert face.shape == (478, 3)
    assert face[[362, 263]].mean(0)[0] - face[[33, 133]].mean(0)[0] == pytest.approx(1, abs=0.02)


def test_a_video_is_seen_and_measured_in_one_decoding(painted: list[int], make_clip: Any, make: Any) -> None:
    openings = make.speech_like(1.2)
    seen = look(make_clip("a.mkv", openings))
    assert painted == [30]
    assert (len(seen.face), seen.frames_without_face, seen.still, seen.width) == (30, 0, False, make.size)
    assert seen.frame_times == pytest.approx(np.arange(30) / 25, abs=2e-3)
    assert np.isfinite(seen.sharpness).all()
    assert np.isfinite(seen.change[1:-1]).all()
    assert seen.per_frame(seen.sharpness).shape == (30,)
    moving = mouth_motion(seen, generic_face()).points[:, mesh.MOUTH_POINTS.index(14), 1]
    assert np.corrcoef(moving, openings[: len(moving)])[0, 1] > 0.9


def test_frames_without_a_face_are_counted(painted: list[int], make_clip: Any, make: Any) -> None:
    openings = make.speech_like(1.2)
    openings[10:15] = -1
    seen = look(make_clip("a.mkv", openings))
    assert (len(seen.face), seen.frames_without_face) == (25, 5)
    measured = seen.per_frame(seen.change)
    assert np.isnan(measured[9:16]).all() and np.isfinite(measured[8]) and np.isfinite(measured[16])


@scenes.needs_clips
def test_who_comes_back_after_a_cut_is_scored_in_both_shots(tmp_path: Path) -> None:
    his, hers = scenes.CLIPS / "grid_bbaf2n.mp4", scenes.CLIPS / "hdtf_WDA_KatieHill_000.mp4"
    size = (512, 512)
    shots = [scenes.whole(clip, frames, size) for clip, frames in ((hers, 12), (his, 12), (hers, 12))]
    scenes.write_scene(tmp_path / "shots.mp4", scenes.joined(*shots))
    seen = Library(1, SilentProgress(), Cancellation()).video(tmp_path / "shots.mp4")
    assert seen.face.frames.tolist() == [*range(12), *range(24, 36)]
    assert len(seen.sharpness) == len(seen.change) == len(seen.face) == 24
    assert seen.cuts == (12, 24)
    assert np.isfinite(seen.sharpness[[2, 20]]).all()


def test_what_cannot_be_used_is_said(painted: list[int], make_clip: Any, tmp_path: Path) -> None:
    with pytest.raises(NoFaceError, match=r"empty\.mkv: no face was found in any of its 10 frames"):
        look(make_clip("empty.mkv", [-1.0] * 10))
    with pytest.raises(MediaError, match="gone"):
        look(tmp_path / "gone.mp4")
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(MediaError, match="text"):
        look(tmp_path / "text.mp4")


def test_it_stops_when_asked(painted: list[int], make_clip: Any) -> None:
    cancel = Cancellation()
    cancel.cancel()
    with pytest.raises(Cancelled):
        Library(1, SilentProgress(), cancel).video(make_clip("a.mkv", [0.1] * 5))


def test_each_file_is_looked_at_once(painted: list[int], make_clip: Any, make: Any, monkeypatch: Any) -> None:
    progress = Counting()
    library = Library(1, progress, Cancellation())
    path = make_clip("a.mkv", make.speech_like(1.2), samples=make.voice(1.2))
    monkeypatch.chdir(path.parent)
    first = library.video(path)
    assert library.video(Path("a.mkv")) is first
    assert library.video(path, width=make.size) is first
    assert painted == [30] and progress.steps == 30
    assert library.mouth(first) is library.mouth(first)
    assert library.sound(path) is library.sound(path)
    assert library.silence(40) is library.silence(100)
    assert not np.allclose(library.frozen_mouth(first).vectors, library.mouth(first).vectors)
    assert library.video(path, width=2 * make.size) is not first


def test_only_what_is_still_needed_is_kept(painted: list[int], make_clip: Any, make: Any) -> None:
    library = Library(1, SilentProgress(), Cancellation())
    paths = [make_clip(name, make.speech_like(0.4), samples=make.voice(0.4)) for name in ("a.mkv", "b.mkv")]
    seen = [library.video(path) for path in paths]
    sound = library.sound(paths[0])
    library.keep_videos([paths[1]])
    assert library.video(paths[1]) is seen[1]
    assert library.sound(paths[0]) is sound
    assert library.video(paths[0]) is not seen[0]


def test_files_are_the_same_by_where_they_lie(tmp_path: Path) -> None:
    assert same_file(tmp_path / "x" / ".." / "a", tmp_path / "a")
    assert not same_file(tmp_path / "a", tmp_path / "b")
    assert not same_file(None, None)


def test_held_frames_are_left_out_but_never_for_long() -> None:
    times = np.arange(8) / 50
    step = np.array([np.nan, 0, 0.1, 0, 0.1, 0, 0.1, 0])
    assert distinct_frames(times, step).tolist() == [True, False, True, False, True, False, True, True]
    still = np.where(np.arange(20) > 0, 0.0, np.nan)
    kept = np.flatnonzero(distinct_frames(np.arange(20) / 25, still))
    assert kept[0] == 0 and kept[-1] == 19 and np.diff(kept).max() == 2
    assert distinct_frames(np.zeros(0), np.zeros(0)).tolist() == []


def test_frames_held_to_double_the_rate_change_no_mouth(make_clip: Any, make: Any, painted: list[int]) -> None:
    openings = make.speech_like(2)
    library = Library(1, SilentProgress(), Cancellation())
    plain = library.video(make_clip("plain.mkv", openings))
    doubled = library.video(make_clip("doubled.mkv", np.repeat(openings, 2), rate=50))
    assert len(doubled.face) == 2 * len(plain.face)
    assert len(doubled.moving_face) <= len(plain.face) + 1
    a, b = (mouth_motion(seen, generic_face()) for seen in (plain, doubled))
    assert np.abs(a.points - b.points[: len(a.points)])[:-2].max() < 4e-3
