"""What a toolkit run gave: every pair's outcome, the scores, and the report of both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talkingface.configuration import Configuration
from talkingface.data.pairing import Pair
from talkingface.evaluation.report import failures_to_markdown, result_to_json, result_to_markdown
from talkingface.evaluation.result import EvaluationResult


@dataclass(frozen=True)
class PairOutcome:
    """What became of one pair.

    Attributes:
        pair: The face and the sound.
        output: The video, or None when generation failed.
        sha256: Of the video.
        seconds: How long generation took.
        media_seconds: How long the video plays.
        report: What the model says about it.
        failure: Why there is no video, or None.
        failure_code: The exit status that belongs to the failure; 0 without one.
    """

    pair: Pair
    output: Path | None = None
    sha256: str | None = None
    seconds: float | None = None
    media_seconds: float | None = None
    report: dict[str, Any] | None = None
    failure: str | None = None
    failure_code: int = 0

    def one_line(self) -> str:
        """Return the outcome in a few words."""
        if self.failure is not None:
            return f"{self.pair.name}: FAILED: {self.failure}"
        return f"{self.pair.name}: {self.media_seconds or 0:.1f} s of video in {self.seconds or 0:.1f} s"

    def to_json(self) -> dict[str, Any]:
        """Return everything, JSON-ready."""
        return {
            "name": self.pair.name,
            "face": str(self.pair.face),
            "audio": str(self.pair.audio),
            "truth": None if self.pair.truth is None else str(self.pair.truth),
            "output": None if self.output is None else str(self.output),
            "sha256": self.sha256,
            "seconds": self.seconds,
            "media_seconds": self.media_seconds,
            "failure": self.failure,
            "report": self.report,
        }


@dataclass(frozen=True)
class RunResult:
    """What ``run`` returns.

    Attributes:
        folder: The run folder, with the videos and the reports.
        configuration: Every option and its origin.
        outcomes: One for each pair, in order.
        evaluation: The scores; None when nothing was generated, no metric was asked for or scoring failed.
        evaluation_failure: Why scoring failed, or None.
        seconds: How long the whole run took.
    """

    folder: Path
    configuration: Configuration
    outcomes: tuple[PairOutcome, ...]
    evaluation: EvaluationResult | None
    evaluation_failure: str | None
    seconds: float

    @property
    def videos(self) -> tuple[Path, ...]:
        """The videos that were made."""
        return tuple(outcome.output for outcome in self.outcomes if outcome.output is not None)

    @property
    def failures(self) -> dict[str, str]:
        """Pair name -> why it could not be generated or scored."""
        found = {outcome.pair.name: outcome.failure for outcome in self.outcomes if outcome.failure is not None}
        return {**(self.evaluation.failures if self.evaluation else {}), **found}

    @property
    def _unscored(self) -> list[str]:
        """Pairs that were generated but could not be scored."""
        made = {outcome.pair.name for outcome in self.outcomes if outcome.failure is None}
        return [name for name in (self.evaluation.failures if self.evaluation else ()) if name in made]

    @property
    def success_rate(self) -> float:
        """Pairs generated (and, where scores were asked for, scored) over all pairs: 0..1."""
        return 1.0 - len(self.failures) / len(self.outcomes)

    @property
    def exit_code(self) -> int:
        """0 when every pair was generated and scored; the failures' own status when they share one; else 1."""
        codes = {outcome.failure_code for outcome in self.outcomes if outcome.failure is not None}
        codes |= {self.evaluation.failure_codes[name] for name in self._unscored if self.evaluation}
        if self.evaluation_failure:
            codes.add(1)
        return codes.pop() if len(codes) == 1 else int(bool(codes))

    @property
    def status(self) -> str:
        """How the run ended, in a few words."""
        made, total = len(self.videos), len(self.outcomes)
        if not made:
            return f"failed: none of {total} generated, nothing scored"
        scores = f", {made - len(self._unscored)} of them scored" if self._unscored else ""
        scores = ", scoring failed" if self.evaluation_failure else scores
        return f"{'partly failed' if scores or made < total else 'done'}: {made} of {total} generated{scores}"

    def to_json(self) -> dict[str, Any]:
        """Return what ``report.json`` holds."""
        return {
            "status": self.status,
            "exit_code": self.exit_code,
            "success_rate": self.success_rate,
            "seconds": self.seconds,
            "pairs": [outcome.to_json() for outcome in self.outcomes],
            "failures": self.failures,
            "evaluation": None if self.evaluation is None else result_to_json(self.evaluation),
            "evaluation_failure": self.evaluation_failure,
            "configuration": self.configuration.to_json(),
        }

    def to_markdown(self) -> str:
        """Return what ``report.md`` holds."""
        options = self.configuration.options
        lines = [
            f"# {options.model} on {options.dataset}",
            "",
            f"{self.status[0].upper()}{self.status[1:]}; {self.seconds:.1f} s.",
            "",
            *(f"- {outcome.one_line()}" for outcome in self.outcomes),
            "",
        ]
        if self.evaluation is not None:
            lines += ["## Scores", "", result_to_markdown(self.evaluation)]
        elif self.evaluation_failure:
            lines += ["## Scores", "", f"Scoring failed: {self.evaluation_failure}", ""]
        elif not self.videos:
            lines += ["Nothing was generated, so nothing was scored.", "", failures_to_markdown(self.failures), ""]
        return "\n".join(lines)
