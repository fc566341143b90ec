"""Expressions and emotions, from the option to the picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from talkingface import dub
from talkingface.cli import main
from talkingface.faces.geometry import align
from talkingface.faces.video import track_video
from talkingface.models.video_retalking.face_measures import MEASURES, closed, measure
from talkingface.models.video_retalking.landmark.canonicalize import MouthShapeModel

LOSSLESS: dict[str, Any] = {"video_codec": "ffv1", "threads": 2}


def measures(path: Path) -> dict[str, float]:
    """The measures of a video's face, as medians."""
    model = MouthShapeModel.load()
    (track,) = track_video(path).tracks
    shapes = align(track.landmarks, model.reference).to_canonical(track.landmarks)
    found = np.median(measure(closed(shapes, model.closing_direction)), axis=0)
    return dict(zip(MEASURES, found.tolist(), strict=True))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, face: Path, speech: Path) -> Path:
    path = tmp_path_factory.mktemp("plain") / "out.mkv"
    dub(face, speech, path, **LOSSLESS)
    return path


def test_brows_rise_and_outside_of_both_regions_every_bit_stays(
    desk: Path, plain: Path, face: Path, speech: Path, decode, differing
) -> None:
    result = dub(face, speech, desk / "out.mkv", emotion="surprise", **LOSSLESS)
    before, after = measures(plain), measures(result.output)
    assert after["brow_inner"] > before["brow_inner"] + 0.02
    assert after["brow_outer"] > before["brow_outer"] + 0.02
    assert after["upper_lid"] > before["upper_lid"]
    source, spoken, made = (decode(path).frames for path in (face, plain, result.output))
    (track,) = track_video(face).tracks
    for index in range(0, 30, 7):
        points = track.landmarks[index]
        differs = differing([spoken[index]], [made[index]])[0][0]
        above_eyes = differs[: int(points[[33, 263], 1].min())]
        rows, columns = np.nonzero(above_eyes)
        assert rows.min() > points[:, 1].min() - 8  # nothing above the forehead
        eyes = points[[127, 356], 0]
        assert columns.min() > eyes[0] - 12
        assert columns.max() < eyes[1] + 12
        low, high = points[:, :2].min(0).astype(int) - 40, points[:, :2].max(0).astype(int) + 40
        outside = differing([source[index]], [made[index]])[0][0]
        outside[max(0, low[1]) : high[1], max(0, low[0]) : high[0]] = False
        assert not outside.any()
    look = result.report["look"]
    assert look["template"] is None
    assert look["emotion"]["brow_inner"] > 0
    assert result.report["options"]["emotion"] == "surprise"


def test_strength_nought_and_keep_are_the_plain_dub(
    desk: Path, plain: Path, face: Path, speech: Path, decode, differing
) -> None:
    result = dub(face, speech, desk / "out.mkv", expression="keep", emotion="sad", strength=0, **LOSSLESS)
    for masks in differing(decode(plain).frames, decode(result.output).frames):
        assert not any(plane.any() for plane in masks)


def test_a_silent_face_takes_on_the_expression_too(desk: Path, face: Path, make_speech) -> None:
    silence = make_speech("silence.wav", np.zeros(16_000), 16_000)
    paths = [dub(face, silence, desk / f"{name}.mp4", threads=2, expression=name).output for name in ("keep", "sad")]
    own, sad = (measures(path) for path in paths)
    assert sad["brow_inner"] > own["brow_inner"] + 0.015
    assert sad["corner_height"] < own["corner_height"] - 0.01


def test_a_picture_that_shows_no_expression_is_refused_before_the_long_work(
    desk: Path, face: Path, speech: Path, faceless: Path, watcher, capsys: pytest.CaptureFixture[str]
) -> None:
    for picture, status in ((faceless, 4), (desk / "nowhere.png", 3)):
        command = ["dub", str(face), str(speech), "-o", str(desk / "out.mp4"), "--expression", str(picture)]
        assert main(command) == status
        assert picture.name in capsys.readouterr().err
    assert main([*command[:-1], "hapy"]) == 2
    assert "happy" in capsys.readouterr().err
    assert not (desk / "out.mp4").exists()


def test_the_expression_of_a_video_is_taken(desk: Path, face: Path, speech: Path) -> None:
    result = dub(face, speech, desk / "out.mp4", threads=2, expression=str(face))
    template = result.report["look"]["template"]
    assert set(template) == set(MEASURES)
    assert template["corner_height"] > 0.02  # the person of the sample smiles
