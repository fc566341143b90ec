"""Which backend a run uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from talkingface.errors import OptionError, WeightsMissingError
from talkingface.models.video_retalking.backends import LANDMARK_WEIGHTS, choose_backend, weight_files
from talkingface.models.video_retalking.neural.settings import settings_of
from talkingface.options import DubOptions
from talkingface.weights.catalog import catalog_entry
from talkingface.weights.embedded import EMBEDDED_FILES


def options(folder: Path, **changes: object) -> DubOptions:
    return DubOptions(checkpoint_dir=folder, **changes)  # type: ignore[arg-type]


def put_files(folder: Path, names: tuple[str, ...]) -> list[str]:
    files = [catalog_entry(name).files[0] for name in names]
    for file in files:
        (folder / file).write_bytes(b"weights")
    return files


@pytest.mark.parametrize("asked", ["auto", "landmark"])
@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "mps"])
def test_landmark(tmp_path: Path, asked: str, device: str) -> None:
    choice = choose_backend(options(tmp_path, backend=asked, device=device))
    assert choice.name == "landmark"
    assert ("auto" in choice.why.split("--device")[0]) == (asked == "auto")
    assert ("--device" in choice.why) == (device in ("cuda", "mps"))


@pytest.mark.parametrize("quality", ["fast", "balanced", "best"])
def test_neural_says_everything_that_is_missing(tmp_path: Path, quality: str) -> None:
    asked = options(tmp_path, backend="neural", quality=quality, emotion="sad")
    with pytest.raises(WeightsMissingError) as caught:
        choose_backend(asked)
    text = str(caught.value)
    assert caught.value.exit_code == 5
    names = settings_of(asked).weights
    assert ("GPEN512" in names) == (quality == "best")
    assert ("GFPGANv1Clean512" in names) == (quality != "fast")
    assert all(catalog_entry(name).files[0] in text for name in names)
    assert str(tmp_path) in text
    assert "--backend landmark" in text


@pytest.mark.parametrize("folder", ["", "video-retalking"])
def test_checkpoints_that_are_there_are_not_missing(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    asked = options(tmp_path, backend="neural", quality="fast")
    files = put_files(tmp_path / folder, settings_of(asked).weights)
    (tmp_path / folder / files[-1]).unlink()
    with pytest.raises(WeightsMissingError) as caught:
        choose_backend(asked)
    assert files[-1] in str(caught.value)
    assert not any(file in str(caught.value) for file in files[:-1])


@pytest.mark.parametrize("gpu", [None, "cuda"])
def test_auto_takes_the_networks_where_a_gpu_runs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpu: str | None
) -> None:
    pytest.importorskip("torch")
    asked = options(tmp_path)
    files = put_files(tmp_path, settings_of(asked).weights)
    monkeypatch.setattr("talkingface.models.video_retalking.neural.devices.usable_gpu", lambda: gpu)
    choice = choose_backend(asked)
    assert choice.name == ("landmark" if gpu is None else "neural")
    assert "auto" in choice.why and "GPU" in choice.why
    assert choose_backend(options(tmp_path, device="cpu")).name == "landmark"
    assert choose_backend(options(tmp_path, expression="sad")).name == "landmark"
    assert choose_backend(options(tmp_path, backend="neural")).name == "neural"
    assert sorted(weight_files(asked)) == sorted(files)


def test_an_expression_without_a_template(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="sad"):
        choose_backend(options(tmp_path, backend="neural", expression="sad"))


def test_landmark_weights_ship_with_the_package() -> None:
    assert set(LANDMARK_WEIGHTS) <= set(EMBEDDED_FILES)
