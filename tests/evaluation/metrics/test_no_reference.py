from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from talkingface.evaluation.controls import FROZEN, NEW_SOUND, OWN_SOUND
from talkingface.evaluation.metrics.no_reference import METRICS, SIDE, WEIGHTS, PyiqaQuality, Quality
from talkingface.evaluation.optional_networks import NotAvailable

from . import libraries, pairs


class Brightness:
    def quality(self, picture: np.ndarray) -> float:
        assert picture.shape == (SIDE, SIDE, 3) and picture.dtype == np.uint8
        return float(picture.mean())


class Undefined:
    def quality(self, picture: np.ndarray) -> float:
        return float("nan")


def test_generated_original_and_first_frame() -> None:
    meter = Quality({"niqe": Brightness(), "musiq": Undefined()}, frozenset(range(0, 12, 2)), with_original=True)
    for number in range(12):
        shown, original = (pairs.picture(np.full((200, 200), level), 100, 80) for level in (60.0 + number, 150.0))
        meter.feed(pairs.pair(number, shown, original=original))
    result = meter.result()
    assert result.scores["niqe"].value == pytest.approx(65, abs=1)
    assert result.controls[FROZEN]["niqe"].value == pytest.approx(60, abs=1)
    assert result.controls[OWN_SOUND]["niqe"].value == pytest.approx(150, abs=1)
    assert result.controls[NEW_SOUND] == result.controls[OWN_SOUND]
    assert result.scores["musiq"].reason == "n/a: only 0 frames show a face that can be judged"
    assert result.details["niqe"] == {"frames": 6, "weights": WEIGHTS["niqe"]}


def test_frames_without_a_face_are_left_out() -> None:
    meter = Quality({"niqe": Brightness()}, frozenset(range(9)), with_original=False)
    for number in range(9):
        meter.feed(pairs.pair(number, pairs.picture(np.full((200, 200), 90.0))))
    result = meter.result()
    assert result.scores["niqe"].value is None and result.controls[OWN_SOUND] == {}


@pytest.mark.parametrize("name", METRICS)
def test_the_librarys_metrics(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = libraries.install(monkeypatch, tmp_path)
    with pytest.raises(NotAvailable, match=f"n/a: put https://huggingface.co/.*{WEIGHTS[name]} at .*pyiqa"):
        PyiqaQuality(name)
    libraries.put_weights(hub / "pyiqa" / WEIGHTS[name], monkeypatch)
    assert PyiqaQuality(name).quality(np.full((SIDE, SIDE, 3), 51, np.uint8)) == pytest.approx(0.2)
    assert capsys.readouterr().out == ""


def test_a_file_that_is_no_weights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = libraries.install(monkeypatch, tmp_path)
    libraries.put_weights(hub / "pyiqa" / WEIGHTS["musiq"], monkeypatch).write_bytes(b"a program")
    with pytest.raises(NotAvailable, match="holds something else than weights, or is damaged"):
        PyiqaQuality("musiq")


def test_weights_that_do_not_fit_are_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = libraries.install(monkeypatch, tmp_path)
    libraries.put_weights(hub / "pyiqa" / WEIGHTS["brisque"], monkeypatch)

    def fails(name: str, device: str) -> object:
        raise RuntimeError("shapes cannot be multiplied")

    monkeypatch.setattr(sys.modules["pyiqa"], "create_metric", fails)
    with pytest.raises(NotAvailable, match="n/a: pyiqa's brisque cannot be used: RuntimeError: shapes cannot"):
        PyiqaQuality("brisque")
