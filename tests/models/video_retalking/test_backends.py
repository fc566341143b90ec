"""Which backend a run uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from talkingface.errors import WeightsMissingError
from talkingface.models.video_retalking.backends import (
    LANDMARK_WEIGHTS,
    NEURAL_CHECKPOINTS,
    choose_backend,
    missing_for_neural,
)
from talkingface.weights.embedded import EMBEDDED_FILES


@pytest.mark.parametrize("asked", ["auto", "landmark"])
@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "mps"])
def test_landmark(tmp_path: Path, asked: str, device: str) -> None:
    choice = choose_backend(asked, device, tmp_path)
    assert choice.name == "landmark"
    assert ("auto" in choice.why.split("--device")[0]) == (asked == "auto")
    assert ("--device" in choice.why) == (device in ("cuda", "mps"))


def test_neural_says_everything_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError) as caught:
        choose_backend("neural", "auto", tmp_path)
    text = str(caught.value)
    assert caught.value.exit_code == 5
    assert all(name in text for name in NEURAL_CHECKPOINTS)
    assert str(tmp_path) in text
    assert "--backend landmark" in text


@pytest.mark.parametrize("folder", ["", "video-retalking"])
def test_checkpoints_that_are_there_are_not_missing(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    for name in NEURAL_CHECKPOINTS[:2]:
        (tmp_path / folder / name).write_bytes(b"weights")
    text = " ".join(missing_for_neural(tmp_path))
    assert NEURAL_CHECKPOINTS[0] not in text
    assert NEURAL_CHECKPOINTS[1] not in text
    assert NEURAL_CHECKPOINTS[2] in text


def test_landmark_weights_ship_with_the_package() -> None:
    assert set(LANDMARK_WEIGHTS) <= set(EMBEDDED_FILES)
