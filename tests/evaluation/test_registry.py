from __future__ import annotations

import pytest

from talkingface.errors import OptionError
from talkingface.evaluation.registry import HIGHER, LOWER, METRICS, NEAR_ONE, NEAR_ZERO, check_metrics


def test_every_metric_says_what_it_is() -> None:
    for name, info in METRICS.items():
        assert info.name == name
        assert info.direction in (HIGHER, LOWER, NEAR_ONE, NEAR_ZERO)
        assert info.help and not info.help.endswith(".")


def test_names_are_checked_and_kept_in_order_once() -> None:
    assert check_metrics(["sync_offset", "flicker_ratio", "sync_offset"]) == ("sync_offset", "flicker_ratio")
    with pytest.raises(OptionError, match="there is no metric 'sync_ofset'; did you mean 'sync_offset'"):
        check_metrics(["sync_ofset"])
