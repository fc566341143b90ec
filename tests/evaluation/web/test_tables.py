from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

from talkingface.evaluation.web.strips import score_strips
from talkingface.evaluation.web.tables import (
    broken_name,
    clip_table,
    metrics_with_values,
    one_clip_table,
    plain_text,
    score_table,
    without_values,
)


def words(markup: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", markup.replace("<wbr>", "")).split())


def test_the_mean_stands_first_its_interval_below_it_and_controls_beside(report: dict[str, Any]) -> None:
    text = words(score_table(report, {}))
    assert "0.250 0.125 to 0.375 0.062 0.062 0.030 to 0.090" in text
    assert "sync_offset → 0 frames How far the lips lag." in text
    assert "aperture_correlation" not in text


def test_metrics_without_a_number_are_told_with_their_reason(report: dict[str, Any]) -> None:
    assert metrics_with_values(report) == ["sync_confidence", "sync_offset"]
    assert without_values(report) == [("no truth", "aperture_correlation")]
    report["controls"]["frozen frame"]["aperture_correlation"] = {"value": 0.1, "reason": None}
    assert "aperture_correlation" in metrics_with_values(report)


def test_a_metric_over_all_clips_has_no_column_of_its_own(report: dict[str, Any]) -> None:
    report["about_metrics"]["aperture_correlation"]["over_all"] = True
    report["means"]["aperture_correlation"] = {"value": 12.5, "reason": None}
    numbers = {name: place for place, name in enumerate(report["rows"])}
    assert "12.50" in words(score_table(report, {}))
    assert "aperture_correlation" not in words(clip_table(report, numbers))


def test_reasons_are_numbered_below_the_clips(report: dict[str, Any]) -> None:
    report["rows"]["gone"]["sync_confidence"] = {"value": None, "reason": "n/a: <too short>"}
    markup = clip_table(report, {name: place for place, name in enumerate(report["rows"])})
    assert "−2" in words(markup) and "−2.0" not in words(markup)  # frames are whole
    assert '<li value="1">&lt;too short&gt;</li>' in markup and "<sup>1</sup>" in markup
    assert markup.count("#failed") == 1


def test_a_clips_own_table_has_its_controls(report: dict[str, Any]) -> None:
    text = words(one_clip_table(report, "gone"))
    assert "metric generated original, own sound frozen frame" in text
    assert "sync_confidence ↑ 0.250 0.062 0.062" in text


def test_strips_show_each_mean_on_one_scale(report: dict[str, Any]) -> None:
    strips = score_strips(report)
    assert set(strips) == {"sync_confidence", "sync_offset"}
    root = ET.fromstring(strips["sync_confidence"])
    places = [float(circle.get("cx", "nan")) for circle in root.iter("circle")]
    assert len(places) == 3 and places[0] > places[1] == places[2]
    own = root.find("g[@class='own']/line")
    assert own is not None and float(own.get("x1", "nan")) < places[0] < float(own.get("x2", "nan"))
    goal = ET.fromstring(strips["sync_offset"]).find("line[@class='goal']")
    assert goal is not None  # offsets are to be near 0


def test_names_may_be_broken_but_not_their_markup() -> None:
    assert broken_name("a_b<i>-c") == "a_<wbr>b&lt;i&gt;-<wbr>c"


def test_values_of_options_are_told_in_words() -> None:
    assert [plain_text(value) for value in (None, True, ["a", "b"], {"x": 1}, 0.5)] == [
        "none", "yes", "a, b", "x: 1", "0.5",
    ]  # fmt: skip
