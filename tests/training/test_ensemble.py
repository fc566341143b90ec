import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("onnx", reason="export needs onnx")
pytest.importorskip("safetensors", reason="export needs safetensors")

from talkingface.errors import Cancelled, OptionError  # noqa: E402
from talkingface.options import TrainMouthOptions  # noqa: E402
from talkingface.progress import Cancellation, SilentProgress  # noqa: E402
from talkingface.training import ensemble, mouth_fit, sync_expert  # noqa: E402
from talkingface.training.examples import BatchShape  # noqa: E402
from talkingface.training.mouth import train_mouth  # noqa: E402


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ensemble, "MEMBERS", 2)
    monkeypatch.setattr(mouth_fit, "BATCH", BatchShape(rows=4, frames=32))
    monkeypatch.setattr(sync_expert, "BATCH", BatchShape(rows=4, frames=30, chained=False, tempo=0.0))


class StopsAt(SilentProgress):
    """Throws the switch at a step of a stage."""

    def __init__(self, cancel: Cancellation, stage: str, step: int) -> None:
        super().__init__()
        self.cancel, self.wanted, self.left, self.now = cancel, stage, step, ""

    def stage(self, name: str, total: int | None) -> None:
        self.now = name

    def advance(self, steps: int = 1) -> None:
        if self.now == self.wanted:
            self.left -= steps
            if self.left <= 0:
                self.cancel.cancel()


def run(packed: Path, output: Path, **changes: object) -> TrainMouthOptions:
    values = {"data": packed, "output": output, "steps": 4, "threads": 1, **changes}
    return TrainMouthOptions(**values)  # type: ignore[arg-type]


def test_everything_is_written_and_said(packed: Path, tmp_path: Path) -> None:
    progress = SilentProgress()
    result = train_mouth(run(packed, tmp_path / "out"), progress=progress)
    networks = "mouth_motion.onnx", "sync_expert.onnx", "sync_judge.onnx"
    for name in (*networks, "mouth_shape.npz", "card.json", "mouth_2.safetensors"):
        assert (tmp_path / "out" / name).is_file()
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert card["run"]["members"] == 2 and card["run"]["steps"] == 4
    assert card["people"]["clips_held_out"] > 0
    assert card["data"][0]["source"] == "set" and card["data"][0]["clips"] == 48
    assert set(card["validation"]["mouth"]) >= {"network", "loudness", "network_other_sound", "member_2"}
    assert card["files"]["mouth_motion.onnx"]["bytes"] > 1000
    assert set(card["onnx_difference"]) == set(networks) and card["onnx_difference"]["mouth_motion.onnx"] < 1e-3
    assert max(card["onnx_difference"].values()) < 0.1
    assert result.figures["sync"]["clips"] > 0 and result.figures["judge"]["clips"] > 0
    assert result.figures["experts_share_nobody"] is True
    assert 0 <= result.figures["experts_agree"]["all"] <= 1
    assert (tmp_path / "out" / "sync_judge.onnx").read_bytes() != (tmp_path / "out" / "sync_expert.onnx").read_bytes()
    assert any("on people never seen" in line for line in progress.messages)


def test_a_stopped_run_goes_on_to_the_same_networks(packed: Path, tmp_path: Path) -> None:
    whole = train_mouth(run(packed, tmp_path / "whole"))
    cancel = Cancellation()
    with pytest.raises(Cancelled):
        train_mouth(run(packed, tmp_path / "parts"), progress=StopsAt(cancel, "train mouth_1", 2), cancel=cancel)
    resumed = train_mouth(run(packed, tmp_path / "parts", resume=True))
    for name in ("mouth_1", "mouth_2", "sync_expert", "sync_judge"):
        first, second = (folder / f"{name}.safetensors" for folder in (whole.folder, resumed.folder))
        assert first.read_bytes() == second.read_bytes()


def test_resuming_another_run_is_refused(packed: Path, tmp_path: Path) -> None:
    train_mouth(run(packed, tmp_path / "out"))
    with pytest.raises(OptionError, match="other options"):
        train_mouth(run(packed, tmp_path / "out", resume=True, seed=3))
