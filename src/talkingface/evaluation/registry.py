"""The table of metrics: what each measures, in which unit, which way is better, what it needs and who works it out."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from talkingface.errors import OptionError, nearest_names

if TYPE_CHECKING:
    from talkingface.evaluation.family import MetricFamily

ENTRY_POINT_GROUP = "talkingface.metrics"

HIGHER = "higher"
LOWER = "lower"
NEAR_ONE = "near 1"
NEAR_ZERO = "near 0"

SOUND = "sound"
ORIGINAL = "original"
TRUTH = "truth"

SYNCNET = "torch and SyncNet v2's weights"

_FAMILIES = "talkingface.evaluation.metrics."


@dataclass(frozen=True)
class MetricInfo:
    """One metric.

    Attributes:
        name: As typed in ``--metrics``.
        unit: Such as ``frames``; empty for a plain number.
        direction: Which way is better: ``higher``, ``lower``, ``near 1`` or ``near 0``.
        needs: What it compares the generated video with: ``sound``, ``original`` (the video it was made from),
            ``truth`` (a real video of the same speech); empty when it looks at the generated video alone.
        help: One sentence.
        family: The ``MetricFamily`` that works it out: ``package.module:Class``.
        requires: An optional library or weights it needs, in words; empty when it always works.
        over_all: It has one value for a whole set of clips and none for a single clip.
    """

    name: str
    unit: str
    direction: str
    needs: tuple[str, ...]
    help: str
    family: str
    requires: str = ""
    over_all: bool = False

    @property
    def needs_truth(self) -> bool:
        """True when it compares with a real video of the same speech."""
        return TRUTH in self.needs


def _family(module: str, name: str, *metrics: MetricInfo) -> tuple[MetricInfo, ...]:
    return tuple(replace(metric, family=f"{_FAMILIES}{module}:{name}") for metric in metrics)


def _table(*families: tuple[MetricInfo, ...]) -> Mapping[str, MetricInfo]:
    return MappingProxyType({metric.name: metric for family in families for metric in family})


def _metric(
    name: str, unit: str, direction: str, needs: tuple[str, ...], help: str, requires: str = "", over_all: bool = False
) -> MetricInfo:
    return MetricInfo(name, unit, direction, needs, help, "", requires, over_all)


METRICS: Mapping[str, MetricInfo] = _table(
    _family(
        "landmark_sync",
        "LandmarkSyncFamily",
        _metric(
            "sync_confidence",
            "",
            HIGHER,
            (SOUND,),
            "How clearly the lips fit the sound at one offset better than at others",
        ),
        _metric(
            "sync_offset", "frames", NEAR_ZERO, (SOUND,), "How far the lips lag behind the sound where they fit best"
        ),
        _metric("sync_distance", "", LOWER, (SOUND,), "How far lips and sound lie apart where they fit best"),
    ),
    _family(
        "syncnet",
        "SyncNetFamily",
        _metric("lse_c", "", HIGHER, (SOUND,), "SyncNet's confidence that lips and sound fit at one offset", SYNCNET),
        _metric("lse_d", "", LOWER, (SOUND,), "SyncNet's distance of lips and sound where they fit best", SYNCNET),
        _metric("av_offset", "frames", NEAR_ZERO, (SOUND,), "How far SyncNet finds the lips behind the sound", SYNCNET),
    ),
    _family(
        "mouth_movement",
        "ArticulationFamily",
        _metric(
            "aperture_correlation",
            "",
            HIGHER,
            (TRUTH,),
            "Correlation of the mouth's opening over time with the real video's",
        ),
        _metric(
            "mouth_landmark_distance",
            "% of eye distance",
            LOWER,
            (TRUTH,),
            "Mean distance of the mouth's landmarks from the real video's, head pose removed",
        ),
        _metric(
            "landmark_distance",
            "% of eye distance",
            LOWER,
            (TRUTH,),
            "Mean distance of the whole face's landmarks from the real video's, head pose removed",
        ),
        _metric(
            "articulation_ratio",
            "",
            NEAR_ONE,
            (TRUTH,),
            "How much the mouth's opening varies, over how much the real video's does",
        ),
        _metric(
            "silence_leak",
            "share of frames",
            LOWER,
            (SOUND,),
            "Share of the frames in silence, away from speech, in which the mouth moves or stands open",
        ),
    ),
    _family(
        "picture_ratios",
        "PictureRatioFamily",
        _metric("sharpness_ratio", "", NEAR_ONE, (ORIGINAL,), "Sharpness of the mouth region over that of the source"),
        _metric(
            "flicker_ratio", "", NEAR_ONE, (ORIGINAL,), "Frame-to-frame change of the lower face over the source's"
        ),
    ),
    _family(
        "production",
        "ProductionFamily",
        _metric("success_rate", "", HIGHER, (), "Clips generated and scored, over all clips asked for"),
        _metric(
            "real_time_factor",
            "s per s",
            LOWER,
            (),
            "Seconds of computing for each second of video; below 1 is live",
        ),
        _metric("peak_memory", "MB", LOWER, (), "Most memory that was resident while the video was made"),
    ),
)


def available_metrics() -> dict[str, MetricInfo]:
    """Every metric by name: the built-in ones, and those of other packages' families.

    Another package brings a family by the entry point group ``talkingface.metrics``: a class with ``infos``, a tuple of
    ``MetricInfo``. A built-in name cannot be taken.

    Raises:
        OptionError: a family of another package cannot be imported or does not keep the contract.
    """
    from importlib.metadata import entry_points  # takes 20 ms, which most verbs need not wait for

    found: dict[str, MetricInfo] = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        for info in _infos_of(point.value):
            found[info.name] = info
    return {**found, **METRICS}


def open_family(target: str) -> MetricFamily:
    """Make one family's object, for one evaluation.

    Args:
        target: ``package.module:Class``.
    """
    module, _, name = target.partition(":")
    family: MetricFamily = getattr(importlib.import_module(module), name)()
    return family


def check_metrics(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names, each once, in the given order.

    Raises:
        OptionError: for a name that is no metric, with the nearest ones.
    """
    checked = tuple(dict.fromkeys(names))
    if all(name in METRICS for name in checked):
        return checked
    known = available_metrics()
    for name in checked:
        if name not in known:
            raise OptionError(f"there is no metric {name!r}; {nearest_names(name, known)}")
    return checked


def metric_infos(names: Iterable[str]) -> dict[str, MetricInfo]:
    """The table's lines of these metrics, in their order.

    Raises:
        OptionError: for a name that is no metric.
    """
    checked = check_metrics(names)
    known: Mapping[str, MetricInfo] = METRICS if all(name in METRICS for name in checked) else available_metrics()
    return {name: known[name] for name in checked}


def _infos_of(target: str) -> tuple[MetricInfo, ...]:
    module, _, name = target.partition(":")
    try:
        infos = getattr(importlib.import_module(module), name).infos
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise OptionError(f"the metrics of {target} cannot be loaded: {reason}") from error
    if not (isinstance(infos, tuple) and all(isinstance(info, MetricInfo) for info in infos)):
        raise OptionError(f"the metrics of {target} cannot be used: its infos must be a tuple of MetricInfo")
    return tuple(replace(info, family=target) for info in infos)
