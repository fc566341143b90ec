from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from talkingface.errors import Cancelled, MediaError
from talkingface.evaluation.face_picture import Box
from talkingface.evaluation.frame_pairs import FramePair, FramePairs, compared_size, frames_at
from talkingface.evaluation.observation import Library, Observation
from talkingface.media import reader
from talkingface.progress import Cancellation, SilentProgress

CORNER = Box(2, 2, 12)


@pytest.fixture
def library(painted: list[int]) -> Library:
    return Library(1, SilentProgress(), Cancellation())


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are decoded from now on."""
    names: list[str] = []
    plain = reader.VideoReader.frames

    def frames(self: reader.VideoReader) -> Any:
        names.append(Path(self.info.path).name)
        return plain(self)

    monkeypatch.setattr(reader.VideoReader, "frames", frames)
    return names


def pairs_of(
    library: Library, generated: Observation, truth: Observation | None, original: Observation | None
) -> FramePairs:
    return FramePairs(generated, truth, original, compared_size(generated, truth, original), library)


def corner(picture: Any) -> float:
    """The opening that is painted in the corner."""
    return float((picture.luma(CORNER, 12, "bt601").mean() - 20) / 800)


def openings(pairs: Iterable[FramePair]) -> list[tuple[float, float | None, float | None]]:
    def of(picture: Any) -> float | None:
        return None if picture is None else round(corner(picture), 2)

    return [(round(corner(pair.generated), 2), of(pair.truth), of(pair.original)) for pair in pairs]


def test_frames_at_the_same_time() -> None:
    known = np.arange(5) * 0.04
    assert list(frames_at(known, known)) == [0, 1, 2, 3, 4]
    # containers that keep whole milliseconds, and clocks that begin a little apart, change nothing
    thirty = np.arange(30) / 30
    assert list(frames_at(np.round(thirty, 3), thirty)) == list(range(30))
    assert list(frames_at(known + 0.015, known)) == list(frames_at(known - 0.015, known)) == [0, 1, 2, 3, 4]
    # before the first and after the last there is none
    assert list(frames_at(known - 0.09, known)) == [-1, -1, 0, 1, 2]
    assert list(frames_at(known + 0.11, known)) == [3, 4, -1, -1, -1]
    # a frame of a variable-rate video stands as long as it stands
    assert list(frames_at(np.arange(13) * 0.04, np.array([0.0, 0.04, 0.4, 0.44])))[8:12] == [1, 1, 2, 3]
    assert list(frames_at(np.zeros(1), np.zeros(0))) == [-1]
    assert list(frames_at(np.zeros(1), np.zeros(1))) == [0]
    assert list(frames_at(np.zeros(0), known)) == []


@pytest.mark.parametrize("rate", [24, 29.97, 30, 50, 59.94, 60, 120])
def test_another_rate_meets_the_frame_it_holds(rate: float) -> None:
    known = np.arange(50) / 25
    times = np.arange(int(2 * rate)) / rate
    # a converter shows every frame from the tick on that is nearest to its time
    held = np.searchsorted(np.round(known * rate), np.arange(len(times)), side="right") - 1
    assert list(frames_at(times, known)) == list(held)


def test_pictures_of_one_moment_come_together(library: Library, make_clip: Any) -> None:
    generated = library.video(make_clip("g.mkv", [0.1, 0.2, -1, 0.05, 0.0, 0.1]))
    truth = library.video(make_clip("t.mkv", [0.01, 0.02, 0.03, 0.04, 0.05]))
    original = library.video(make_clip("o.mkv", [0.22, 0.21, 0.2, 0.19, 0.18, 0.17], rate=50))
    pairs = pairs_of(library, generated, truth, original)
    assert len(pairs) == 5
    assert list(pairs.has_truth) == [True, True, True, True, False]
    assert list(pairs.has_original) == [True, True, False, False, False]
    given = list(pairs.pairs())
    assert [pair.index for pair in given] == [0, 1, 3, 4, 5]
    assert [pair.number for pair in given] == [0, 1, 2, 3, 4]
    assert openings(given) == [
        (0.1, 0.01, 0.22), (0.2, 0.02, 0.2), (0.05, 0.04, None), (0.0, 0.05, None), (0.1, None, None)
    ]  # fmt: skip
    assert all(pair.first is given[0].generated for pair in given)


def test_an_original_that_is_the_truth_is_decoded_once(library: Library, make_clip: Any, opened: list[str]) -> None:
    generated = library.video(make_clip("g.mkv", [0.1] * 4))
    truth = library.video(make_clip("t.mkv", [0.1, 0.2, 0.1, 0.0]))
    opened.clear()
    given = list(pairs_of(library, generated, truth, truth).pairs())
    assert opened == ["g.mkv", "t.mkv"]
    assert all(pair.truth is pair.original for pair in given)
    opened.clear()
    assert all(pair.truth is None and pair.original is None for pair in pairs_of(library, truth, None, None).pairs())
    assert opened == ["t.mkv"]


def test_a_rate_twice_as_high_meets_every_true_frame_twice(library: Library, make_clip: Any) -> None:
    shown = [0.0, 0.05, 0.1, 0.15, 0.2]
    generated = library.video(make_clip("g.mkv", np.repeat(shown, 2), rate=50))
    truth = library.video(make_clip("t.mkv", shown))
    for original in (None, truth):
        found = openings(pairs_of(library, generated, truth, original).pairs())
        assert [row[1] for row in found] == [row[0] for row in found]


def test_a_picture_is_the_original_of_every_frame(library: Library, make_clip: Any, make: Any, tmp_path: Path) -> None:
    still = tmp_path / "still.png"
    cv2.imwrite(str(still), make.texture(0.2, 0))
    generated = library.video(make_clip("g.mkv", [0.1] * 3))
    found = openings(pairs_of(library, generated, None, library.video(still)).pairs())
    assert [row[2] for row in found] == pytest.approx([0.2] * 3, abs=0.03)


def test_other_sizes_are_brought_to_the_truths(library: Library, make_clip: Any) -> None:
    generated = library.video(make_clip("g.mkv", [0.1] * 3, size=320))
    truth = library.video(make_clip("t.mkv", [0.1] * 3))
    pairs = pairs_of(library, generated, truth, None)
    assert pairs.size == (160, 160)
    for pair in pairs.pairs():
        assert pair.truth is not None
        assert (pair.generated.width, pair.generated.height) == (160, 160)
        own, true = pair.generated.face_box(), pair.truth.face_box()
        assert own is not None and true is not None and abs(own.x - true.x) <= 1 and abs(own.side - true.side) <= 1


def test_chosen_pairs_are_spread_evenly(library: Library, make_clip: Any) -> None:
    generated = library.video(make_clip("g.mkv", [0.1] * 9))
    truth = library.video(make_clip("t.mkv", [0.1] * 5))
    pairs = pairs_of(library, generated, truth, None)
    assert sorted(pairs.spread(3)) == [0, 4, 8]
    assert sorted(pairs.spread(3, pairs.has_truth)) == [0, 2, 4]
    assert sorted(pairs.spread(100)) == list(range(9))
    assert pairs.spread(3, pairs.has_original) == frozenset()


def test_a_file_that_changed_meanwhile_is_named(library: Library, make_clip: Any) -> None:
    generated = library.video(make_clip("g.mkv", [0.1] * 6))
    shutil.copy(make_clip("short.mkv", [0.1] * 2), generated.path)
    with pytest.raises(MediaError, match=r"g\.mkv: changed while it was scored: frame 2"):
        list(pairs_of(library, generated, None, None).pairs())


def test_it_can_be_stopped(library: Library, make_clip: Any) -> None:
    pairs = pairs_of(library, library.video(make_clip("g.mkv", [0.1] * 3)), None, None)
    library.cancel.cancel()
    with pytest.raises(Cancelled):
        pairs.feed([])
