from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from talkingface.errors import OutputError
from talkingface.evaluation.result import EvaluationRow
from talkingface.evaluation.web.clip_pictures import clip_pictures
from talkingface.evaluation.web.contact import (
    SIDE,
    canonical_picture,
    choose_moments,
    difference_picture,
    face_crop,
)
from talkingface.evaluation.web.film import film_writer
from talkingface.evaluation.web.matched import Footage, look_through, matched_pairs
from talkingface.media.audio import read_audio
from talkingface.media.planes import plane_views
from talkingface.media.probe import probe


def level(frame: av.VideoFrame) -> int:
    return int(plane_views(frame)[0][0, 0])


def nothing() -> None:
    """Never asks to stop."""


def test_frames_are_matched_by_their_times(gray_clip: Any) -> None:
    # 25 frames a second with a late one, made from 50 frames a second that begin later on their own clock
    times = [0.0, 0.04, 0.08, 0.135, 0.16, 0.2]
    generated = look_through(gray_clip("g.mkv", [100 + n for n in range(6)], times), 1, nothing)
    source_times = [0.5 + n / 50 for n in range(9)]
    source = look_through(gray_clip("s.mkv", [20 + n for n in range(9)], source_times), 1, nothing)
    pairs = [
        (level(pair.generated), pair.source and level(pair.source))
        for pair in matched_pairs(generated, source, 5, 1, nothing)
    ]
    assert pairs[:3] == [(100, 20), (101, 22), (102, 24)]
    assert pairs[3] == (103, 27)
    assert pairs[4:] == [(104, 28), (105, None)]  # the source is over by then


def test_a_picture_is_every_frames_source(tmp_path: Path, gray_clip: Any) -> None:
    cv2.imwrite(str(tmp_path / "face.png"), np.full((48, 64, 3), 200, np.uint8))
    generated = look_through(gray_clip("g.mkv", [100, 101, 102], [0.0, 0.04, 0.08]), 1, nothing)
    source = look_through(tmp_path / "face.png", 1, nothing)
    assert source.still
    assert all(pair.source is not None for pair in matched_pairs(generated, source, 2, 1, nothing))


def test_moments_are_spread_evenly_over_usable_frames() -> None:
    times = np.arange(60) / 25
    assert choose_moments(times, np.ones(60, bool), 6) == [5, 15, 25, 34, 44, 54]
    usable = np.arange(60) >= 30
    assert min(choose_moments(times, usable, 6)) >= 30
    assert choose_moments(times, np.zeros(60, bool), 6) == [5, 15, 25, 34, 44, 54]
    assert choose_moments(times[:2], np.ones(2, bool), 6) == [0, 1]
    assert choose_moments(np.zeros(0), np.zeros(0, bool)) == []


def footage(gray_clip: Any) -> Footage:
    path = gray_clip("c.mkv", [100], [0.0], size=(160, 80))
    return Footage(path, probe(path).video[0], False, np.zeros(1))


def test_a_crop_lies_round_the_face_and_inside_the_picture(gray_clip: Any) -> None:
    clip = footage(gray_clip)
    x0, y0, x1, y1 = face_crop(clip, (70.0, 30.0, 90.0, 50.0))
    assert (x0 + x1) / 2 == pytest.approx(0.5) and (y0 + y1) / 2 == pytest.approx(0.5)
    assert (x1 - x0) * 160 == pytest.approx((y1 - y0) * 80) == pytest.approx(26)
    x0, y0, x1, y1 = face_crop(clip, (-5.0, 60.0, 25.0, 90.0))
    assert x0 == 0 and y1 == 1
    assert face_crop(clip, None) == pytest.approx((0.25, 0.0, 0.75, 1.0))


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_box_turns_with_its_picture(gray_clip: Any, rotation: int) -> None:
    path = gray_clip("c.mkv", [100], [0.0], size=(160, 80))
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    box = (20.0, 10.0, 60.0, 30.0)
    luma = np.frombuffer(frame.planes[0], np.uint8).reshape(80, -1).copy()
    luma[10:30, 20:60] = 235
    frame.planes[0].update(luma.tobytes())
    stream = replace(probe(path).video[0], rotation=rotation)
    clip = Footage(path, stream, False, np.zeros(1))
    picture = clip.picture(frame)
    x0, y0, x1, y1 = clip.shown_box(box)
    height, width = picture.shape[:2]
    inside = picture[round(y0 * height) : round(y1 * height), round(x0 * width) : round(x1 * width)]
    assert (width, height) == ((160, 80) if rotation in (0, 180) else (80, 160))
    assert inside.size == 20 * 40 * 3 and inside.min() > 230


def test_the_difference_is_amplified_and_does_not_wrap() -> None:
    dark, light = np.full((4, 4, 3), 10, np.uint8), np.full((4, 4, 3), 20, np.uint8)
    assert (difference_picture(dark, light) == 40).all() and (difference_picture(light, dark) == 40).all()
    assert (difference_picture(dark, np.full((4, 4, 3), 250, np.uint8)) == 255).all()


def test_canonical_frames_are_found_by_number(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "000012.png"), np.zeros((40, 20, 3), np.uint8))
    found = canonical_picture(tmp_path, 12)
    assert found is not None
    picture = cv2.imdecode(np.frombuffer(found, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (SIDE, SIDE, 3)
    assert picture[:, SIDE // 2].mean() < 10 and picture[:, :10].mean() > 245
    assert canonical_picture(tmp_path, 1) is None and canonical_picture(tmp_path / "none", 12) is None


def test_a_clips_pictures(rows: list[EvaluationRow], tmp_path: Path) -> None:
    boxes = [(20.0, 10.0, 44.0, 40.0)] * 50
    settings = {"with_film": True, "with_moments": True, "canonical": None, "threads": 1, "check": nothing}
    made = clip_pictures(rows[0], boxes, **settings)  # type: ignore[arg-type]
    assert made.film is not None and made.film_size == (128, 48)
    assert made.has_source and made.sound is not None and not made.notes
    assert len(made.moments) == 6 and all(moment.source and moment.difference for moment in made.moments)
    (tmp_path / "film.mp4").write_bytes(made.film)
    info = probe(tmp_path / "film.mp4")
    assert (info.video[0].codec, info.audio[0].codec) == ("h264", "aac")
    assert info.video[0].pixel_format == "yuv420p" and info.duration == pytest.approx(2.0, abs=0.1)
    assert made.film.index(b"moov") < made.film.index(b"mdat")  # plays while it loads
    with av.open(str(tmp_path / "film.mp4")) as container:
        picture = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)][25]
    left, right = float(picture[:, :56].mean()), float(picture[:, 72:].mean())
    # studio range 40 + 25 and 80 + 25 in full range
    assert left == pytest.approx((65 - 16) * 255 / 219, abs=4) and right == pytest.approx((105 - 16) * 255 / 219, abs=4)
    again = clip_pictures(rows[0], boxes, **settings)  # type: ignore[arg-type]
    assert again.film == made.film and again.moments == made.moments


def test_a_clip_without_its_original_is_shown_alone(rows: list[EvaluationRow]) -> None:
    row = EvaluationRow("a", rows[0].generated, rows[0].face.with_name("no.mkv"), rows[0].face)
    made = clip_pictures(row, [], with_film=True, with_moments=True, canonical=None, threads=1, check=nothing)
    assert made.film_size == (64, 48) and not made.has_source
    assert made.sound is None and made.no_sound
    assert any("original cannot be read" in note for note in made.notes)
    assert all(moment.source is None and moment.difference is None for moment in made.moments)


def test_an_original_of_another_shape_has_no_difference(rows: list[EvaluationRow], gray_clip: Any) -> None:
    wide = gray_clip("wide.mkv", [50] * 50, [frame / 25 for frame in range(50)], size=(128, 48))
    row = EvaluationRow("a", rows[0].generated, wide, rows[0].audio)
    made = clip_pictures(row, [], with_film=False, with_moments=True, canonical=None, threads=1, check=nothing)
    assert made.film is None
    assert all(moment.source and moment.difference is None for moment in made.moments)


def test_a_film_that_cannot_be_written_says_so(tmp_path: Path, rows: list[EvaluationRow]) -> None:
    sound = read_audio(rows[0].audio)
    place = tmp_path / "no folder" / "a.mp4"
    expected = pytest.raises(OutputError, match="film of the web report")
    with expected, film_writer(place, 64, 48, Fraction(25), sound) as writer:
        writer.add(np.zeros((48, 64, 3), np.uint8), 0.0)
