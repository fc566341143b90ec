from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from talkingface.errors import OptionError
from talkingface.evaluation.protocol import evaluate
from talkingface.evaluation.registry import (
    HIGHER,
    LOWER,
    METRICS,
    NEAR_ONE,
    NEAR_ZERO,
    available_metrics,
    check_metrics,
    metric_infos,
)
from talkingface.evaluation.report import result_to_markdown
from talkingface.evaluation.result import EvaluationRow


def test_every_metric_says_what_it_is() -> None:
    for name, info in METRICS.items():
        assert info.name == name
        assert info.direction in (HIGHER, LOWER, NEAR_ONE, NEAR_ZERO)
        assert info.help and not info.help.endswith(".")


def test_names_are_checked_and_kept_in_order_once() -> None:
    assert check_metrics(["sync_offset", "flicker_ratio", "sync_offset"]) == ("sync_offset", "flicker_ratio")
    with pytest.raises(OptionError, match="there is no metric 'sync_ofset'; did you mean 'sync_offset'"):
        check_metrics(["sync_ofset"])


OTHER_FAMILY = """
from talkingface.evaluation.family import FamilyScores, MetricFamily
from talkingface.evaluation.registry import HIGHER, SOUND, MetricInfo
from talkingface.evaluation.result import Score


class Loudness(MetricFamily):
    infos = (
        MetricInfo("loudness", "dB", HIGHER, (SOUND,), "How loud the sound is", ""),
        MetricInfo("loudest", "dB", HIGHER, (SOUND,), "The loudest clip", "", over_all=True),
        MetricInfo("sync_offset", "", HIGHER, (), "A name that is taken", ""),
    )

    def __init__(self):
        self.heard = []

    def score(self, material, wanted, library):
        samples = library.samples(material.row.audio)
        self.heard.append(float(abs(samples).max()))
        scores = {"loudness": Score(self.heard[-1]), "loudest": Score(None, "n/a: one value for all clips")}
        return FamilyScores({name: scores[name] for name in wanted}, details={"samples": len(samples)})

    def over_all(self, wanted):
        return {"loudest": Score(max(self.heard))}


class Forgetful(Loudness):
    infos = (MetricInfo("forgotten", "", HIGHER, (), "Never worked out", ""),)

    def score(self, material, wanted, library):
        return FamilyScores({})
"""


@pytest.fixture
def other_family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package that brings metrics by entry point."""
    about = tmp_path / "site" / "loudness-1.0.dist-info"
    about.mkdir(parents=True)
    (tmp_path / "site" / "loudness_metrics.py").write_text(OTHER_FAMILY)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: loudness\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[talkingface.metrics]\nloudness = loudness_metrics:Loudness\nforgetful = loudness_metrics:Forgetful\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.delitem(sys.modules, "loudness_metrics", raising=False)


def test_another_package_brings_metrics(other_family: None, painted: list[int], make_clip: Any, make: Any) -> None:
    clips = [make_clip(f"{n}.mkv", make.speech_like(2), samples=make.voice(2) * n / 2) for n in (1, 2)]
    rows = [EvaluationRow(clip.stem, clip, clip, clip) for clip in clips]
    result = evaluate(rows, ("loudness", "sync_offset", "loudest"), threads=1)
    assert result.failures == {}
    loud = [result.rows[name]["loudness"].value for name in ("1", "2")]
    assert loud[1] == pytest.approx(2 * (loud[0] or 0), rel=0.01)
    assert result.means["loudest"].value == loud[1] and result.rows["1"]["loudest"].value is None
    assert result.details["1"]["samples"] == 32_000
    assert metric_infos(["loudness"])["loudness"].unit == "dB"
    assert available_metrics()["sync_offset"] == METRICS["sync_offset"]
    assert "| loudness ↑ | **" in result_to_markdown(result)
    with pytest.raises(OptionError, match="did you mean 'loudness'"):
        check_metrics(["loudnes"])
    with pytest.raises(OptionError, match="Forgetful is wrong about the metric 'forgotten'"):
        evaluate(rows, ("forgotten",), threads=1)


def test_a_package_whose_metrics_cannot_be_loaded_is_named(other_family: None, tmp_path: Path) -> None:
    (tmp_path / "site" / "loudness_metrics.py").write_text("raise RuntimeError('no')")
    with pytest.raises(OptionError, match="the metrics of loudness_metrics:Loudness cannot be loaded"):
        check_metrics(["loudness"])
    assert check_metrics(["sync_offset"]) == ("sync_offset",)
