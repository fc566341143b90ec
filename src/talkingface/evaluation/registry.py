"""The table of metrics: what each measures, in which unit, and which way is better."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from talkingface.errors import OptionError, nearest_names

HIGHER = "higher"
LOWER = "lower"
NEAR_ONE = "near 1"
NEAR_ZERO = "near 0"


@dataclass(frozen=True)
class MetricInfo:
    """One metric.

    Attributes:
        name: As typed in ``--metrics``.
        unit: Such as ``frames``; empty for a plain number.
        direction: Which way is better: ``higher``, ``lower``, ``near 1`` or ``near 0``.
        needs_truth: True when it compares with a real video of the same speech.
        help: One sentence.
    """

    name: str
    unit: str
    direction: str
    needs_truth: bool
    help: str


def _table(*metrics: MetricInfo) -> Mapping[str, MetricInfo]:
    return MappingProxyType({metric.name: metric for metric in metrics})


METRICS: Mapping[str, MetricInfo] = _table(
    MetricInfo(
        "sync_confidence", "", HIGHER, False, "How clearly the lips fit the sound at one offset better than at others"
    ),
    MetricInfo("sync_offset", "frames", NEAR_ZERO, False, "How far the lips lag behind the sound where they fit best"),
    MetricInfo("sync_distance", "", LOWER, False, "How far lips and sound lie apart where they fit best"),
    MetricInfo(
        "aperture_correlation", "", HIGHER, True, "Correlation of the mouth's opening over time with the real video's"
    ),
    MetricInfo(
        "mouth_landmark_distance",
        "% of eye distance",
        LOWER,
        True,
        "Mean distance of the mouth's landmarks from the real video's, head pose removed",
    ),
    MetricInfo("sharpness_ratio", "", NEAR_ONE, False, "Sharpness of the mouth region over that of the source"),
    MetricInfo("flicker_ratio", "", NEAR_ONE, False, "Frame-to-frame change of the lower face over the source's"),
    MetricInfo("success_rate", "", HIGHER, False, "Clips generated and scored, over all clips asked for"),
    MetricInfo(
        "real_time_factor", "s per s", LOWER, False, "Seconds of computing for each second of video; below 1 is live"
    ),
)


def check_metrics(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names, each once, in the given order.

    Raises:
        OptionError: for a name that is no metric, with the nearest ones.
    """
    checked = tuple(dict.fromkeys(names))
    for name in checked:
        if name not in METRICS:
            raise OptionError(f"there is no metric {name!r}; {nearest_names(name, METRICS)}")
    return checked
