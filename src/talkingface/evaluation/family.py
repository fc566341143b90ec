"""What a family of metrics is: some metrics that are worked out together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from talkingface.evaluation.registry import MetricInfo
from talkingface.evaluation.result import Score

if TYPE_CHECKING:
    from talkingface.evaluation.material import Material
    from talkingface.evaluation.observation import Library

ONE_FOR_ALL = "n/a: one value for all clips"


@dataclass(frozen=True)
class FamilyScores:
    """What a family says of one clip.

    Attributes:
        scores: Metric name -> score, for each metric that was wanted.
        controls: Control name -> metric name -> score; what is missing does not apply.
        details: What the scores were made from, JSON-ready.
        notes: Lines to be said beside the table.
    """

    scores: Mapping[str, Score]
    controls: Mapping[str, Mapping[str, Score]] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class MetricFamily(ABC):
    """Some metrics that are worked out together. An evaluation makes one object of it.

    Attributes:
        infos: The metrics; only families of other packages need it, the built-in ones are in ``registry.METRICS``.
    """

    infos: ClassVar[tuple[MetricInfo, ...]] = ()

    @abstractmethod
    def score(self, material: Material, wanted: frozenset[str], library: Library) -> FamilyScores:
        """Score one clip.

        Args:
            material: The clip's files, seen.
            wanted: The family's metrics that were asked for.
            library: What has been seen and heard.

        Returns:
            A score for every wanted metric, be it only the reason why there is none.

        Raises:
            TalkingFaceError: the clip cannot be scored at all; it is listed as failed.
        """

    def over_all(self, wanted: frozenset[str]) -> Mapping[str, Score]:
        """The values of metrics with one value for all clips, asked for after the last clip."""
        return {}

    def over_all_notes(self, wanted: frozenset[str]) -> tuple[str, ...]:
        """Lines to be said beside these values."""
        return ()
