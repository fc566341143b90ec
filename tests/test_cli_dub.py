from __future__ import annotations

import sys
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from talkingface.cli import main
from talkingface.errors import NoFaceError
from talkingface.options import DubOptions, TrainInnerMouthOptions, TrainMouthOptions

pytestmark = pytest.mark.usefixtures("workplace")


@dataclass(frozen=True)
class FakeResult:
    output: Path
    frames_total: int = 100
    frames_dubbed: int = 90
    frames_passed: int = 10
    duration: float = 4.0
    seconds: float = 2.0
    real_time_factor: float = 0.5
    report: dict[str, Any] = field(default_factory=lambda: {"frames": {"total": 100}})


class FakeEngine:
    def __init__(self) -> None:
        self.calls: list[tuple[Path, Path, Path, DubOptions]] = []
        self.error: Exception | None = None

    def dub(self, face: Path, audio: Path, output: Path, options: DubOptions, **settings: Any) -> FakeResult:
        self.calls.append((face, audio, output, options))
        settings["progress"].stage("analyse", 10)
        settings["progress"].message("backend: landmark")
        settings["cancel"].check()
        if self.error is not None:
            raise self.error
        return FakeResult(output)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    fake = FakeEngine()
    module = types.ModuleType("talkingface.dubbing.dub")
    module.dub = fake.dub  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "talkingface.dubbing.dub", module)
    return fake


def test_every_option_of_the_issue_reaches_the_engine(engine: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    command = (
        "dub face.mp4 audio.wav -o out.mkv --backend landmark --face point:1,2,3 --length loop,pad --video-codec ffv1 "
        "--crf 20 --device cpu --seed 5 --threads 2 --start 1 --end 2.5 --report r.json --overwrite --work-dir w "
        "--no-mark"
    )
    assert main(command.split()) == 0
    (call,) = engine.calls
    assert call[:3] == (Path("face.mp4"), Path("audio.wav"), Path("out.mkv"))
    assert call[3] == DubOptions(
        backend="landmark", face="point:1,2,3", length="loop,pad", video_codec="ffv1", crf=20, device="cpu", seed=5,
        threads=2, start=1, end=2.5, report=Path("r.json"), overwrite=True, work_dir=Path("w"), mark=False,
    )  # fmt: skip
    captured = capsys.readouterr()
    assert captured.out == "out.mkv: 90 of 100 frames dubbed, 10 passed through unchanged; 4.0 s of video in 2.0 s\n"
    assert captured.err == "backend: landmark\n"


def test_the_output_may_come_first(engine: FakeEngine) -> None:
    assert main(["dub", "--output=o.mp4", "--overwrite", "f.mp4", "a.wav"]) == 0
    assert engine.calls[0][:3] == (Path("f.mp4"), Path("a.wav"), Path("o.mp4"))


def test_an_error_is_its_status(engine: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    engine.error = NoFaceError("f.mp4: no face")
    assert main(["dub", "f.mp4", "a.wav", "-o", "o.mp4"]) == 4
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "backend: landmark\ntalkingface: f.mp4: no face\n"


def test_training_gets_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[TrainMouthOptions] = []
    module = types.ModuleType("talkingface.training.mouth")
    module.train_mouth = lambda options, **settings: seen.append(options)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "talkingface.training.mouth", module)
    command = "train mouth --data m.csv --output o --epochs 2 --steps 10 --minutes 1.5 --seed 3 --threads 1 --resume"
    assert main(command.split()) == 0
    assert seen == [
        TrainMouthOptions(
            data=Path("m.csv"), output=Path("o"), epochs=2, steps=10, minutes=1.5, resume=True, seed=3, threads=1
        )
    ]


def test_training_an_inner_mouth_gets_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[TrainInnerMouthOptions] = []
    module = types.ModuleType("talkingface.training.inner_mouth")
    module.train_inner_mouth = lambda options, **settings: seen.append(options)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "talkingface.training.inner_mouth", module)
    command = "train inner-mouth --data m.npz --output o --steps 10 --mouth a1,a2 --threads 1"
    assert main(command.split()) == 0
    assert seen == [TrainInnerMouthOptions(data=Path("m.npz"), output=Path("o"), steps=10, mouth="a1,a2", threads=1)]
