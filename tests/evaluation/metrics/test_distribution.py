from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from talkingface.evaluation.metrics import distribution
from talkingface.evaluation.metrics.distribution import (
    CLIP_LENGTH,
    I3D,
    INCEPTION,
    FaceCrops,
    FrechetInceptionDistance,
    FrechetVideoDistance,
    few_samples_note,
    set_score,
)
from talkingface.evaluation.optional_networks import NotAvailable

from . import libraries, pairs


class Collected:
    """Keeps what it is given, run by run."""

    def __init__(self, value: float = 1.0) -> None:
        self.samples = 0
        self.runs: list[list[tuple[float, float]]] = [[]]
        self.found = value

    def add(self, generated: np.ndarray, real: np.ndarray) -> None:
        assert generated.shape == real.shape and generated.shape[1:] == (224, 224, 3)
        self.samples += len(generated)
        self.runs[-1] += [
            (round(float(a.mean())), round(float(b.mean()))) for a, b in zip(generated, real, strict=True)
        ]

    def end_of_run(self) -> None:
        if self.runs[-1]:
            self.runs.append([])

    def value(self) -> float:
        return self.found


def face(level: float) -> pairs.FacePicture:
    return pairs.picture(np.full((200, 200), level), 100, 80)


def test_crops_go_to_the_sets_in_order_and_gaps_break_them() -> None:
    found = Collected()
    crops = FaceCrops({"fid": found})
    for number, index in enumerate([0, 1, 2, 5, 6]):
        crops.feed(pairs.pair(number, face(50.0 + number), face(100.0 + number), face(200.0), index=index))
    # without a truth the original is real; without both, or without a face, nothing is
    crops.feed(pairs.pair(5, face(60.0), original=face(200.0), index=7))
    crops.feed(pairs.pair(6, face(60.0), index=8))
    crops.feed(pairs.pair(7, pairs.picture(np.full((200, 200), 9.0)), face(100.0), index=9))
    result = crops.result()
    assert result.scores["fid"].reason == "n/a: one value for all clips"
    assert result.details == {"face_crops": 6}
    assert found.runs[:2] == [[(50, 100), (51, 101), (52, 102)], [(53, 103), (54, 104), (60, 200)]]


def test_the_value_of_a_set() -> None:
    found = Collected(3.5)
    assert set_score(found).reason == "n/a: only 0 samples"
    found.samples = 4
    assert set_score(found).value == 3.5
    assert set_score(found) == set_score(found)
    note = few_samples_note("fid", found)
    assert note is not None and note.startswith("fid is of 4 face crops; with fewer than 2048")
    assert "4 stretches of 16 frames" in (few_samples_note("fvd", found) or "")
    found.samples, found.found = 2048, float("nan")
    assert few_samples_note("fid", found) is None
    assert set_score(found).value is None


def test_fid_by_torchmetrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = libraries.install(monkeypatch, tmp_path)
    checkpoints = tmp_path / "checkpoints"
    with pytest.raises(NotAvailable) as missing:
        FrechetInceptionDistance(checkpoints)
    assert str(missing.value).startswith("n/a: put https://github.com/toshas/torch-fidelity/")
    assert str(missing.value).endswith(str(checkpoints / "inception" / INCEPTION))
    libraries.put_weights(hub / "checkpoints" / INCEPTION, monkeypatch, distribution, "INCEPTION_SHA256")
    fid = FrechetInceptionDistance(checkpoints)
    fid.add(np.full((16, 224, 224, 3), 40, np.uint8), np.full((16, 224, 224, 3), 60, np.uint8))
    fid.end_of_run()
    assert fid.samples == 16 and set_score(fid).value == pytest.approx(20)


def test_fvd_by_cd_fvd_takes_whole_stretches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    libraries.install(monkeypatch, tmp_path)
    with pytest.raises(NotAvailable, match=f"n/a: put https://github.com/songweige/TATS/.* at .*i3d/{I3D}"):
        FrechetVideoDistance(tmp_path)
    path = libraries.put_weights(tmp_path / "i3d" / I3D, monkeypatch)
    fvd = FrechetVideoDistance(tmp_path)
    generated, real = (
        np.full((CLIP_LENGTH, 224, 224, 3), 40, np.uint8),
        np.full((CLIP_LENGTH, 224, 224, 3), 60, np.uint8),
    )
    fvd.add(generated[:10], real[:10])
    fvd.add(generated, real)
    assert fvd.samples == 1
    fvd.end_of_run()  # ten frames are not a stretch
    fvd.add(generated[:6], real[:6])
    fvd.add(generated[:10], real[:10])
    assert fvd.samples == 2 and set_score(fvd).value == pytest.approx(20)
    assert capsys.readouterr().out == ""
    path.write_bytes(b"a program")
    with pytest.raises(NotAvailable, match="holds something else than weights, or is damaged"):
        FrechetVideoDistance(tmp_path)
    path.write_bytes(b"weights of another network")
    with pytest.raises(NotAvailable, match=r"cd-fvd with .* cannot be used: RuntimeError: unexpected key"):
        FrechetVideoDistance(tmp_path)


@pytest.mark.parametrize("name", ["torch", "torch_fidelity", "torchmetrics.image.fid"])
def test_without_a_library(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    libraries.install(monkeypatch, tmp_path)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(NotAvailable, match=r"n/a: needs \w+: pip install"):
        FrechetInceptionDistance(tmp_path)
