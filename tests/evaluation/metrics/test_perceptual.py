from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from talkingface.evaluation.controls import FROZEN, NEW_SOUND
from talkingface.evaluation.metrics import perceptual
from talkingface.evaluation.metrics.perceptual import ALEXNET, Lpips, PerceptualComparison
from talkingface.evaluation.optional_networks import NotAvailable

from . import libraries, pairs


class Difference:
    """Mean absolute difference of two pictures, 0..1."""

    def distances(self, pictures: np.ndarray, other: np.ndarray) -> np.ndarray:
        assert pictures.dtype == np.uint8 and pictures.shape == other.shape and pictures.shape[-1] == 3
        return np.abs(pictures.astype(float) - other).mean((1, 2, 3)) / 255


def comparison(no_undubbed: str | None, frames: int = 8) -> PerceptualComparison:
    meter = PerceptualComparison(Difference(), ("mouth", "face"), frozenset(range(0, frames, 1)), no_undubbed)
    first = pairs.picture(np.full((200, 200), 100.0), 100, 80)
    for number in range(frames + 2):
        shown, true, original = (pairs.picture(np.full((200, 200), level), 100, 80) for level in (150.0, 100.0, 130.0))
        meter.feed(pairs.pair(number, shown, true, original, first))
    return meter


def test_generated_frozen_and_original_are_compared_with_the_truth() -> None:
    result = comparison(None).result()
    for name in ("mouth_lpips", "face_lpips"):
        assert result.scores[name].value == pytest.approx(50 / 255, abs=0.01)
        assert result.controls[FROZEN][name].value == pytest.approx(0, abs=0.01)
        assert result.controls[NEW_SOUND][name].value == pytest.approx(30 / 255, abs=0.01)
    # only the chosen ones
    assert result.details["lpips"]["frames"] == {"mouth": 8, "face": 8}


def test_reasons() -> None:
    result = comparison("n/a: the original is the truth", frames=3).result()
    assert result.controls[NEW_SOUND]["face_lpips"].reason == "n/a: the original is the truth"
    assert result.scores["face_lpips"].reason == "n/a: only 3 frames can be compared with the truth"


def test_the_librarys_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = libraries.install(monkeypatch, tmp_path)
    with pytest.raises(NotAvailable, match=f"n/a: put https://download.pytorch.org/models/{ALEXNET} at .*{ALEXNET}"):
        Lpips()
    path = libraries.put_weights(hub / "checkpoints" / ALEXNET, monkeypatch)
    with pytest.raises(NotAvailable, match="damaged or another file"):
        Lpips()
    libraries.put_weights(path, monkeypatch, perceptual, "ALEXNET_SHA256")
    a, b = np.zeros((2, 96, 96, 3), np.uint8), np.zeros((2, 96, 96, 3), np.uint8)
    b[1] = 255
    assert Lpips().distances(a, b) == pytest.approx([0, 2])
    assert capsys.readouterr().out == ""


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    libraries.install(monkeypatch, tmp_path)
    monkeypatch.setitem(sys.modules, "lpips", None)
    with pytest.raises(NotAvailable, match="n/a: needs lpips: pip install"):
        Lpips()
