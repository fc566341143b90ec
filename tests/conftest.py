"""Fixtures that more than one test file uses."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from talkingface.evaluation.result import EvaluationResult, EvaluationRow, Score

SCRIPTED_MODEL = '''
"""A model that does what the names of its faces say."""
import dataclasses
import time
from pathlib import Path

from talkingface.errors import MediaError, NoFaceError, WeightsMissingError
from talkingface.option_fields import option
from talkingface.options import ToolkitOptions


@dataclasses.dataclass(frozen=True)
class ScriptedOptions(ToolkitOptions):
    loudness: float = option(0.5, "How loudly", group="Method", minimum=0, maximum=1)


@dataclasses.dataclass(frozen=True)
class Made:
    output: Path
    duration: float
    seconds: float
    report: dict


class Scripted:
    options_class = ScriptedOptions

    def prepare(self, options, progress, cancel):
        progress.stage("load", 1)

    def generate(self, face, audio, output, options, progress, cancel):
        progress.stage("synthesise", 2)
        progress.advance()
        if "noface" in face.stem:
            raise NoFaceError(f"{face}: no face found")
        if "crash" in face.stem:
            raise ValueError("broken arithmetic")
        if "stale" in face.stem:
            return Made(face, 2.0, 1.0, {})
        if "noweights" in face.stem:
            raise WeightsMissingError("L-Net is missing")
        while "wait" in face.stem:
            output.write_text("half")
            print("waiting", flush=True)
            time.sleep(0.01)
            cancel.check()
        if "stop" in face.stem:
            output.write_text("half")
            cancel.cancel()
            cancel.check()
        output.write_text(f"{face.stem} says {audio.stem} at {options.loudness}")
        if "partial" in face.stem:
            raise MediaError(f"{face}: ends early")
        return Made(output, 2.0, 1.0, {"loudness": options.loudness})


class Incomplete:
    options_class = ToolkitOptions


class Broken:
    def __init__(self):
        raise RuntimeError("cannot start")
'''
ENTRY_POINTS = """
[talkingface.models]
scripted = scripted_model:Scripted
incomplete = scripted_model:Incomplete
broken = scripted_model:Broken
video_retalking = scripted_model:Scripted
"""


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of the tests' own: the user's is never touched, and processes that tests start inherit it."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
            patch.setenv(name, str(folder))
        yield folder


@pytest.fixture
def other_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package that brings models by entry point: ``scripted`` and two that are not right."""
    site = tmp_path / "site"
    about = site / "scripted_model-1.5.dist-info"
    about.mkdir(parents=True)
    (site / "scripted_model.py").write_text(SCRIPTED_MODEL)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: scripted-model\nVersion: 1.5\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "scripted_model", raising=False)
    return site


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    folder = tmp_path / "workplace"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def add_dataset(folder: Path, faces: Sequence[str], sounds: Sequence[str] = ("hello.wav",), split: str = "val") -> Path:
    """Fill a dataset's folder with files that only have names."""
    for kind, names in (("face", faces), ("audio", sounds)):
        (folder / split / kind).mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / split / kind / name).write_bytes(b"only a name")
    return folder


class FakeScorer:
    """Stands for ``talkingface.evaluation.protocol``: remembers its rows and gives every clip the same score."""

    def __init__(self) -> None:
        self.rows: list[EvaluationRow] = []
        self.generated_bytes: list[bytes] = []
        self.calls = 0
        self.error: Exception | None = None
        self.unscored: dict[str, str] = {}
        self.unscored_code = 3

    def evaluate(self, rows: Sequence[EvaluationRow], metrics: Sequence[str], **settings: Any) -> EvaluationResult:
        self.calls += 1
        self.rows = list(rows)
        if self.error is not None:
            raise self.error
        self.generated_bytes = [row.generated.read_bytes() for row in rows if row.generated is not None]
        failures = {row.name: row.failure for row in rows if row.failure is not None} | self.unscored
        good = dict.fromkeys(metrics, Score(0.75)) | {"aperture_correlation": Score(None, "n/a: no truth")}
        bad = dict.fromkeys(metrics, Score(None, "n/a: failed"))
        good = {name: good[name] for name in metrics}
        return EvaluationResult(
            metrics=tuple(metrics),
            rows={row.name: bad if row.name in failures else good for row in rows},
            controls={"frozen frame": dict.fromkeys(metrics, Score(0.25))},
            means=good,
            success_rate=1 - len(failures) / len(rows),
            failures=failures,
            failure_codes=dict.fromkeys(failures, self.unscored_code),
            notes=("scored by a fake",),
        )


@pytest.fixture
def scorer(monkeypatch: pytest.MonkeyPatch) -> FakeScorer:
    """Replaces the evaluation protocol for the time of a test."""
    fake = FakeScorer()
    module = types.ModuleType("talkingface.evaluation.protocol")
    module.evaluate = fake.evaluate  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "talkingface.evaluation.protocol", module)
    return fake


@pytest.fixture
def dataset_maker() -> Any:
    """``add_dataset``, for tests that cannot import this file."""
    return add_dataset


METRICS_OF_REPORTS = {
    "sync_confidence": {"unit": "", "direction": "higher", "help": "Fit"},
    "sync_offset": {"unit": "frames", "direction": "near 0", "help": "Lag"},
    "mouth_landmark_distance": {"unit": "% of eye distance", "direction": "lower", "help": "Distance"},
    "sharpness_ratio": {"unit": "", "direction": "near 1", "help": "Sharpness"},
    "lse_c": {"unit": "", "direction": "higher", "help": "Fit by SyncNet"},
    "fid": {"unit": "", "direction": "lower", "help": "Set distance", "over_all": True},
}


def report_scores(values: Mapping[str, float | None]) -> dict[str, Any]:
    return {name: {"value": value, "reason": None if value is not None else "n/a"} for name, value in values.items()}


def method_report(
    columns: Mapping[str, Sequence[float | None]],
    failures: Mapping[str, str] | None = None,
    clips: Sequence[str] = (),
    means: Mapping[str, float] | None = None,
    audio: str = "hash of a",
    own: float = 0.9,
    **more: Any,
) -> dict[str, Any]:
    """A report of clips ``c0``, ``c1`` ...; ``columns`` holds each metric's values, a clip at a time."""
    length = len(next(iter(columns.values())))
    names = list(clips) or [f"c{index}" for index in range(length)]
    rows = {name: {metric: values[index] for metric, values in columns.items()} for index, name in enumerate(names)}
    metrics = list(dict.fromkeys([*columns, *(means or {})]))
    first = next(iter(columns))
    controls = {"original, own sound": {first: own}, "frozen frame": {first: columns[first][0]}}
    return {
        "metrics": metrics,
        "about_metrics": {name: METRICS_OF_REPORTS[name] for name in metrics},
        "rows": {name: report_scores(row) for name, row in rows.items()},
        "means": report_scores(means or {}),
        "success_rate": 1.0,
        "failures": dict(failures or {}),
        "clip_controls": {name: {control: report_scores(row) for control, row in controls.items()} for name in names},
        "inputs": {
            name: {"generated": f"{name}.mp4", "face": f"f/{name}.mp4", "audio": "a.wav", "truth": None}
            for name in names
        },
        "files": {"a.wav": audio},
        "options": {"lse_mode": "tracked"},
        "versions": {"packages": {"talkingface": "0.1.0"}, "weights_sha256": {"sync_judge.onnx": "1"}},
        **more,
    }


@pytest.fixture
def report_maker() -> Any:
    """``method_report``, for tests that cannot import this file."""
    return method_report
