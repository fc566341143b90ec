from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from talkingface.evaluation.controls import CONTROLS, FROZEN, NEW_SOUND, OWN_SOUND
from talkingface.evaluation.family import ONE_FOR_ALL, FamilyScores
from talkingface.evaluation.material import look_at
from talkingface.evaluation.metrics import background, distribution, identity, no_reference, perceptual, pictures
from talkingface.evaluation.metrics.pictures import PictureFamily
from talkingface.evaluation.observation import EvaluationSettings, Library
from talkingface.evaluation.result import EvaluationRow
from talkingface.media import reader
from talkingface.progress import Cancellation, SilentProgress

from . import libraries

PAIRED = frozenset({"mouth_ssim", "face_ssim", "mouth_psnr", "face_psnr"})
DEFAULT = PAIRED | {"cpbd", "csim", "background_change"}
OPTIONAL = frozenset({"mouth_lpips", "face_lpips", "niqe", "brisque", "musiq", "csim_arcface", "fid", "fvd"})


@pytest.fixture
def library(painted: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """Files of 160 pixels, of which the face fills the most: a tenth of the background's usual margin is left out."""
    monkeypatch.setattr(background, "KEPT_OUT", 1.1)
    settings = EvaluationSettings(checkpoint_dir=tmp_path / "checkpoints", device="cpu")
    return Library(1, SilentProgress(), Cancellation(), settings)


class Clip:
    """Files of a clip, and the family that scores it."""

    def __init__(self, library: Library, generated: Path, face: Path, truth: Path | None = None) -> None:
        row = EvaluationRow("clip", generated, face, face if truth is None else truth, truth)
        self.material = look_at(row, generated, [row], library)
        self.library = library
        self.family = PictureFamily()

    def score(self, wanted: frozenset[str] = DEFAULT) -> FamilyScores:
        result = self.family.score(self.material, wanted, self.library)
        assert set(result.scores) == wanted
        assert set(result.controls) <= set(CONTROLS)
        assert all(set(row) <= wanted for row in result.controls.values())
        return result


def values(row: Any) -> dict[str, float]:
    return {name: score.value for name, score in row.items() if score.value is not None}


def test_the_original_as_its_own_result(library: Library, make_clip: Any, make: Any, tmp_path: Path) -> None:
    face = make_clip("face.mkv", make.speech_like(1))
    clip = Clip(library, Path(shutil.copy(face, tmp_path / "copy.mkv")), face, face)
    result = clip.score()
    found = values(result.scores)
    assert {name: found[name] for name in DEFAULT - {"cpbd"}} == pytest.approx(
        {"mouth_ssim": 1, "face_ssim": 1, "mouth_psnr": 100, "face_psnr": 100, "csim": 1, "background_change": 0}
    )
    assert result.notes == ()
    undubbed, frozen = result.controls[NEW_SOUND], result.controls[FROZEN]
    assert {undubbed[name].reason for name in PAIRED} == {"n/a: the original is the truth"}
    assert (undubbed["csim"].value, undubbed["background_change"].value) == (1, 0)
    assert undubbed["cpbd"].value == found["cpbd"] == result.controls[OWN_SOUND]["cpbd"].value
    assert all((frozen[name].value or 1) < found[name] for name in PAIRED)
    assert result.details["reconstruction"] == {"frames": {"mouth": 25, "face": 25}}
    assert result.details["csim"] == {"network": identity.DLIB_NETWORK, "frames": 20}
    assert clip.score().scores == result.scores  # twice the same


def test_what_doing_nothing_scores_against_another_truth(library: Library, make_clip: Any, make: Any) -> None:
    truth = make_clip("truth.mkv", make.speech_like(1))
    face = make_clip("face.mkv", make.speech_like(1, 5))
    good = make_clip("good.mkv", make.speech_like(1), noise=1)
    result = Clip(library, good, face, truth).score()
    found, undubbed, frozen = (
        values(row) for row in (result.scores, result.controls[NEW_SOUND], result.controls[FROZEN])
    )
    for name in PAIRED:
        assert found[name] > undubbed[name] and found[name] > frozen[name]


def test_all_metrics_of_a_clip_take_one_pass(
    library: Library, make_clip: Any, make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_all_weights(monkeypatch, tmp_path)
    names: list[str] = []
    plain = reader.VideoReader.frames

    def frames(self: reader.VideoReader) -> Any:
        names.append(Path(self.info.path).name)
        return plain(self)

    face = make_clip("face.mkv", make.speech_like(1))
    clip = Clip(library, make_clip("made.mkv", make.speech_like(1), blur=0.5), face, face)
    monkeypatch.setattr(reader.VideoReader, "frames", frames)
    clip.score(DEFAULT | OPTIONAL)
    assert names == ["made.mkv", "face.mkv"]


def with_all_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hub = libraries.install(monkeypatch, tmp_path)
    checkpoints = tmp_path / "checkpoints"
    libraries.put_weights(hub / "checkpoints" / perceptual.ALEXNET, monkeypatch, perceptual, "ALEXNET_SHA256")
    for name in no_reference.METRICS:
        libraries.put_weights(hub / "pyiqa" / no_reference.WEIGHTS[name], monkeypatch)
    inception = checkpoints / "inception" / distribution.INCEPTION
    libraries.put_weights(inception, monkeypatch, distribution, "INCEPTION_SHA256")
    libraries.put_weights(checkpoints / "i3d" / distribution.I3D, monkeypatch)


def test_optional_metrics_with_their_libraries(
    library: Library, make_clip: Any, make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_all_weights(monkeypatch, tmp_path)
    truth, face = make_clip("truth.mkv", make.speech_like(1.6)), make_clip("face.mkv", make.speech_like(1.6, 5))
    clip = Clip(library, make_clip("made.mkv", make.speech_like(1.6), noise=20), face, truth)
    result = clip.score(OPTIONAL)
    assert set(values(result.scores)) == {"mouth_lpips", "face_lpips", "niqe", "brisque", "musiq"}
    assert set(values(result.controls[FROZEN])) == set(values(result.scores))
    assert set(values(result.controls[NEW_SOUND])) == set(values(result.scores))
    assert result.scores["csim_arcface"].reason is not None and "w600k_r50.onnx" in result.scores["csim_arcface"].reason
    assert result.scores["fid"].reason == result.scores["fvd"].reason == ONE_FOR_ALL
    assert result.details["face_crops"] == 40
    # values of the set come when all clips are through, and say how many samples there were
    over_all = clip.family.over_all(OPTIONAL)
    assert set(values(over_all)) == {"fid", "fvd"} == set(over_all)
    notes = clip.family.over_all_notes(OPTIONAL)
    assert [note.split(";")[0] for note in notes] == ["fid is of 40 face crops", "fvd is of 2 stretches of 16 frames"]


def test_optional_metrics_without_their_libraries(
    library: Library, make_clip: Any, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    for name in ("torch", "lpips", "pyiqa", "cdfvd", "torchmetrics"):
        monkeypatch.setitem(sys.modules, name, None)
    face = make_clip("face.mkv", make.speech_like(0.6))
    clip = Clip(library, make_clip("made.mkv", make.speech_like(0.6)), face, face)
    result = clip.score(OPTIONAL)
    assert values(result.scores) == {}
    for name in OPTIONAL - {"csim_arcface"}:
        assert result.scores[name].reason == "n/a: needs torch: pip install 'talkingface[perceptual]'"
    assert values(clip.family.over_all(frozenset({"fid", "fvd"}))) == {}
    assert clip.family.over_all_notes(frozenset({"fid", "fvd"})) == ()
    assert PictureFamily().over_all(frozenset({"fid"}))["fid"].reason == "n/a: nothing was scored"


def test_what_is_missing_leaves_scores_out(library: Library, make_clip: Any, make: Any) -> None:
    face, made = make_clip("face.mkv", make.speech_like(0.6)), make_clip("made.mkv", make.speech_like(0.6))
    result = Clip(library, made, made).score()
    assert {result.scores[name].reason for name in PAIRED} == {"n/a: no truth"}
    assert result.scores["csim"].reason == result.scores["background_change"].reason == "n/a: no source given"
    assert result.scores["cpbd"].value is not None
    assert result.controls[OWN_SOUND] == {}
    larger = make_clip("large.mkv", make.speech_like(0.6), size=320)
    result = Clip(library, larger, face, face).score()
    assert result.scores["background_change"].reason == "n/a: the original has another size"
    assert (result.scores["face_ssim"].value or 0) > 0.9


def test_frames_the_truth_does_not_reach_are_told(library: Library, make_clip: Any, make: Any) -> None:
    face, truth = make_clip("face.mkv", make.speech_like(1)), make_clip("truth.mkv", make.speech_like(0.6))
    result = Clip(library, make_clip("made.mkv", make.speech_like(1)), face, truth).score()
    assert result.notes == (
        "clip: the truth has no frame at the time of 10 of 25 frames; they are not compared with it",
    )
    assert result.details["reconstruction"]["frames"]["face"] == 15


@pytest.mark.parametrize("how", [{"size": 320}, {"rate": 50}])
def test_size_and_rate_of_the_file_do_not_matter(
    how: dict[str, int], library: Library, make_clip: Any, make: Any
) -> None:
    openings = make.speech_like(1)
    face = make_clip("face.mkv", openings)
    usual = values(Clip(library, make_clip("made.mkv", openings, blur=0.6), face, face).score().scores)
    shown = np.repeat(openings, how["rate"] // 25) if "rate" in how else openings
    other = values(Clip(library, make_clip("other.mkv", shown, blur=0.6, **how), face, face).score().scores)
    for name in ("mouth_ssim", "face_ssim", "csim"):
        assert other[name] == pytest.approx(usual[name], abs=0.02)
    for name in ("mouth_psnr", "face_psnr"):
        assert other[name] == pytest.approx(usual[name], abs=2)


def test_every_metric_of_the_family_is_known_to_it() -> None:
    known = {*pictures.CSIM, "cpbd", "background_change", *perceptual.METRICS, *no_reference.METRICS}
    assert known | set(distribution.METRICS) | PAIRED == DEFAULT | OPTIONAL
