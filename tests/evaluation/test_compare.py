from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from talkingface.errors import MediaError, OptionError
from talkingface.evaluation.compare import compare_methods
from talkingface.evaluation.comparison import MethodComparison, MetricRow
from talkingface.evaluation.method_report import MethodReport, read_reports
from talkingface.evaluation.statistics import bootstrap_interval, holm, paired_permutation

Maker = Callable[..., dict[str, Any]]
GOOD = [0.5, 0.6, 0.55, 0.7, 0.65, 0.58, 0.62, 0.51]
POOR = [value - 0.2 - 0.01 * index for index, value in enumerate(GOOD)]


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[MethodReport]]:
    """Write reports into folders of their methods' names, and read them."""

    def write_and_read(**reports: Any) -> list[MethodReport]:
        for name, content in reports.items():
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / "report.json").write_text(json.dumps(content))
        return read_reports([tmp_path / name for name in reports])

    return write_and_read


def row_of(comparison: MethodComparison, name: str) -> MetricRow:
    return next(row for row in comparison.metrics if row.name == name)


def test_means_differences_and_p_are_those_of_the_clips(read: Any, report_maker: Maker) -> None:
    comparison = compare_methods(
        read(ours=report_maker({"sync_confidence": GOOD}), theirs=report_maker({"sync_confidence": POOR}))
    )
    ours, theirs = row_of(comparison, "sync_confidence").methods.values()
    interval, differences = bootstrap_interval(POOR), np.array(POOR) - GOOD
    assert interval is not None
    assert (theirs.mean, theirs.low, theirs.high) == pytest.approx((np.mean(POOR), interval.low, interval.high))
    between = bootstrap_interval(differences)
    assert between is not None
    assert (theirs.difference, theirs.difference_low, theirs.difference_high) == pytest.approx(
        (differences.mean(), between.low, between.high)
    )
    assert theirs.p == paired_permutation(differences) == 2 / 256
    assert theirs.p_holm == theirs.p and theirs.significant
    assert (ours.difference, ours.p, ours.significant) == (None, None, False)
    assert (ours.best, theirs.best) == (True, False)


def test_p_is_corrected_over_all_metrics_and_methods(read: Any, report_maker: Maker) -> None:
    near = [value + (-0.05, 0.04)[index % 2] for index, value in enumerate(GOOD)]
    columns = [{"sync_confidence": values, "mouth_landmark_distance": other} for values, other in
               ((GOOD, POOR), (POOR, near), (near, GOOD))]  # fmt: skip
    a, b, c = (report_maker(each) for each in columns)
    comparison = compare_methods(read(a=a, b=b, c=c))
    found = [row.methods[name] for row in comparison.metrics for name in ("b", "c")]
    raw = [each.p for each in found if each.p is not None]
    assert len(raw) == 4
    assert [each.p_holm for each in found] == holm(raw)


def test_directions_are_honoured(read: Any, report_maker: Maker) -> None:
    steady, wild = [-1.0, 1.0] * 4, [4.0, -4.0] * 4
    close, far = [1.1, 0.9] * 4, [0.7, 1.3] * 4
    comparison = compare_methods(
        read(
            a=report_maker({"sync_offset": wild, "sharpness_ratio": far, "mouth_landmark_distance": GOOD}),
            b=report_maker({"sync_offset": steady, "sharpness_ratio": close, "mouth_landmark_distance": POOR}),
        )
    )
    offset, sharpness, distance = (row_of(comparison, name) for name in
                                   ("sync_offset", "sharpness_ratio", "mouth_landmark_distance"))  # fmt: skip
    assert (offset.methods["a"].mean, offset.methods["b"].mean, offset.quantity) == (4, 1, "absolute value")
    assert sharpness.methods["b"].mean == pytest.approx(0.1) and sharpness.quantity == "distance from 1"
    assert sharpness.methods["b"].difference == pytest.approx(-0.2)
    assert [row.methods["b"].best for row in (offset, sharpness, distance)] == [True] * 3
    assert not any(row.higher_is_better for row in (offset, sharpness, distance))


def test_only_clips_that_all_scored_count_and_failures_are_listed(read: Any, report_maker: Maker) -> None:
    holes: list[float | None] = [*POOR]
    holes[2] = None
    comparison = compare_methods(
        read(
            a=report_maker({"sync_confidence": GOOD}, clips=[*(f"c{i}" for i in range(7)), "only_a"]),
            b=report_maker({"sync_confidence": holes}, {"c2": "c2.mp4: no face"}),
        )
    )
    row = row_of(comparison, "sync_confidence")
    assert row.clips == ("c0", "c1", "c3", "c4", "c5", "c6")
    assert row.methods["a"].mean == pytest.approx(np.mean([*GOOD[:2], *GOOD[3:7]]))
    assert comparison.success_rates == {"a": 1.0, "b": 7 / 8}
    assert comparison.failures == {"b": {"c2": "c2.mp4: no face"}}
    assert comparison.notes[:2] == (
        "a: only_a is not in every report; left out", "b: c7 is not in every report; left out",
    )  # fmt: skip


def test_the_order_of_the_clips_does_not_matter(read: Any, report_maker: Maker) -> None:
    names = [f"c{index}" for index in range(8)]
    first = read(a=report_maker({"sync_confidence": GOOD}), b=report_maker({"sync_confidence": POOR}))
    turned = read(
        a=report_maker({"sync_confidence": GOOD}),
        b=report_maker({"sync_confidence": POOR[::-1]}, clips=names[::-1]),
    )
    assert compare_methods(first).metrics == compare_methods(turned).metrics


def test_another_baseline_turns_the_difference_round(read: Any, report_maker: Maker) -> None:
    reports = read(a=report_maker({"sync_confidence": GOOD}), b=report_maker({"sync_confidence": POOR}))
    there, back = compare_methods(reports), compare_methods(reports, "b")
    forth = row_of(there, "sync_confidence").methods["b"]
    reverse = row_of(back, "sync_confidence").methods["a"]
    assert forth.difference == pytest.approx(-(reverse.difference or 0))
    assert forth.p == reverse.p and back.baseline == "b"
    with pytest.raises(OptionError, match=r"no method 'c'"):
        compare_methods(reports, "c")


def test_metrics_over_all_clips_have_no_test(read: Any, report_maker: Maker) -> None:
    a = report_maker({"sync_confidence": GOOD}, means={"fid": 12.0})
    b = report_maker({"sync_confidence": [*POOR[:7], None]}, {"c7": "gone"}, means={"fid": 9.0})
    comparison = compare_methods(read(a=a, b=b))
    found = row_of(comparison, "fid").methods["b"]
    assert (found.mean, found.low, found.difference, found.p, found.best) == (9.0, None, None, None, True)
    assert "fid: made of each method's own clips, which are not the same for all" in comparison.notes


def test_metrics_can_be_chosen_and_what_only_some_have_is_noted(read: Any, report_maker: Maker) -> None:
    reports = read(
        a=report_maker({"sync_confidence": GOOD, "sync_offset": POOR}), b=report_maker({"sync_confidence": POOR})
    )
    assert compare_methods(reports).notes[0] == "sync_offset: not in the report of b; left out"
    assert [row.name for row in compare_methods(reports, metrics=["sync_confidence"]).metrics] == ["sync_confidence"]
    with pytest.raises(OptionError, match="no report has the metric 'sync_confidense'; did you mean"):
        compare_methods(reports, metrics=["sync_confidense"])


def test_control_rows_stand_once_where_methods_agree(read: Any, report_maker: Maker) -> None:
    a, b = report_maker({"sync_confidence": GOOD}), report_maker({"sync_confidence": POOR})
    comparison = compare_methods(read(a=a, b=b))
    found = [(row.control, row.methods, row.values["sync_confidence"]) for row in comparison.controls]
    assert found == [
        ("original, own sound", ("a", "b"), 0.9),
        ("frozen frame", ("a",), GOOD[0]),
        ("frozen frame", ("b",), POOR[0]),
    ]
    assert comparison.warnings == ()


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"audio": "hash of another"}, "b was scored with another audio than a: c0, c1, c2, c3, c4 and 3 more"),
        (
            {"own": 0.8},
            "the control row 'original, own sound' does not depend on the method, and differs between a and b",
        ),
        ({"inputs": {}}, "the report of b does not name its inputs"),
        ({"options": {"lse_mode": "lrs"}}, "lse_mode is lrs for b and tracked for a"),
        ({"versions": {"packages": {"talkingface": "0.2.0"}}}, "b was scored by another talkingface than a"),
        (
            {"versions": {"packages": {"talkingface": "0.1.0"}, "weights_sha256": {"sync_judge.onnx": "2"}}},
            "b was scored by another sync_judge.onnx than a",
        ),
        (
            {"about_metrics": {"lse_c": {"unit": "", "direction": "lower", "help": "Otherwise"}}},
            "lse_c is defined otherwise in the report of b than of a",
        ),
    ],
)
def test_what_was_not_scored_alike_is_warned_of(
    read: Any, report_maker: Maker, changes: dict[str, Any], warning: str
) -> None:
    comparison = compare_methods(read(a=report_maker({"lse_c": GOOD}), b=report_maker({"lse_c": POOR}, **changes)))
    assert any(said.startswith(warning) for said in comparison.warnings), comparison.warnings


def test_few_clips_are_said_to_be_few(read: Any, report_maker: Maker) -> None:
    comparison = compare_methods(
        read(a=report_maker({"sync_confidence": GOOD[:4]}), b=report_maker({"sync_confidence": POOR[:4]}))
    )
    assert comparison.notes == ("4 clips are too few for any difference to be significant in 1 comparisons",)
    single = compare_methods(
        read(a=report_maker({"sync_confidence": GOOD[:1]}), b=report_maker({"sync_confidence": POOR[:1]}))
    )
    found = row_of(single, "sync_confidence").methods["b"]
    assert (found.low, found.p, found.difference) == (None, None, pytest.approx(-0.2))


def test_reports_without_a_clip_in_common_say_which_they_have(read: Any, report_maker: Maker) -> None:
    reports = read(
        a=report_maker({"sync_confidence": GOOD}),
        b=report_maker({"sync_confidence": POOR[:2]}, clips=["x", "y"]),
    )
    with pytest.raises(MediaError, match=r"a has c0, c1, c2, c3, c4 and 3 more; b has x, y"):
        compare_methods(reports)
    with pytest.raises(OptionError, match="one report has nothing"):
        compare_methods(reports[:1])


def test_reports_without_a_clip_scored_by_all_say_why(read: Any, report_maker: Maker) -> None:
    nothing: Sequence[None] = [None, None]
    b = report_maker({"sync_confidence": nothing}, {"c0": "no face", "c1": "gone"})
    with pytest.raises(MediaError, match="no clip has a score of every method: b: c0: no face"):
        compare_methods(read(a=report_maker({"sync_confidence": GOOD[:2]}), b=b))
