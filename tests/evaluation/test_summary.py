from __future__ import annotations

from talkingface.evaluation.registry import METRICS
from talkingface.evaluation.result import Score
from talkingface.evaluation.summary import mean_scores


def test_means_are_over_what_has_a_value() -> None:
    rows = [
        {"sync_offset": Score(5.0), "sharpness_ratio": Score(None, "n/a: no source given")},
        {"sync_offset": Score(-5.0), "sharpness_ratio": Score(0.9)},
        {"sync_offset": Score(None, "failed: x"), "sharpness_ratio": Score(None, "failed: x")},
    ]
    both = {name: METRICS[name] for name in ("sync_offset", "sharpness_ratio")}
    sharpness = {"sharpness_ratio": METRICS["sharpness_ratio"]}
    means, intervals = mean_scores(rows, both)
    assert means == {"sync_offset": Score(5.0), "sharpness_ratio": Score(0.9)}
    assert set(intervals) == {"sync_offset"} and intervals["sync_offset"].clips == 2
    assert mean_scores(rows[:1], sharpness)[0]["sharpness_ratio"].reason == "n/a: no source given"
    assert mean_scores(rows[::2], sharpness)[0]["sharpness_ratio"].reason == "n/a"
    assert mean_scores([], sharpness) == ({"sharpness_ratio": Score(None, "n/a")}, {})


def test_an_interval_holds_its_mean_and_widens_with_spread() -> None:
    info = {"sync_confidence": METRICS["sync_confidence"]}
    tight, wide = (
        mean_scores([{"sync_confidence": Score(0.5 + spread * k)} for k in (-2, -1, 0, 1, 2)], info)[1][
            "sync_confidence"
        ]
        for spread in (0.01, 0.1)
    )
    assert tight.low < 0.5 < tight.high and tight.clips == 5
    assert wide.high - wide.low > 5 * (tight.high - tight.low)
