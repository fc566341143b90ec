"""Score generated videos, with control rows beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talkingface.errors import Cancelled, MediaError, OptionError, TalkingFaceError, WeightsMissingError
from talkingface.evaluation.controls import CONTROLS
from talkingface.evaluation.family import ONE_FOR_ALL, FamilyScores, MetricFamily
from talkingface.evaluation.material import look_at
from talkingface.evaluation.metrics.production import success
from talkingface.evaluation.observation import EvaluationSettings, Library
from talkingface.evaluation.registry import MetricInfo, metric_infos, open_family
from talkingface.evaluation.result import EvaluationResult, EvaluationRow, Score
from talkingface.evaluation.summary import mean_scores
from talkingface.media.probe import probe
from talkingface.progress import Cancellation, Progress, SilentProgress

SIGN_NOTE = (
    "offsets are in frames of 40 ms, positive when the lips are late; their means are of absolute values, so that "
    "errors of opposite sign do not cancel"
)
OFFSETS = {"sync_offset", "av_offset"}

FEW_CLIPS = 10


@dataclass(frozen=True)
class ClipEvaluation:
    """Everything found out about one clip.

    Attributes:
        scores: Metric name -> score.
        controls: Control name -> metric name -> score.
        details: What the scores were made from, JSON-ready.
        notes: Lines to be said beside the table.
    """

    scores: dict[str, Score]
    controls: dict[str, dict[str, Score]]
    details: dict[str, Any]
    notes: list[str]


@dataclass(frozen=True)
class Asked:
    """The metrics of an evaluation, and who works them out.

    Attributes:
        infos: Metric name -> its line of the table, in the order wanted.
        families: Each family's object, and its metrics that are wanted.
    """

    infos: Mapping[str, MetricInfo]
    families: Sequence[tuple[MetricFamily, frozenset[str]]]

    @classmethod
    def of(cls, metrics: Sequence[str]) -> Asked:
        """Open the families of these metrics."""
        infos = metric_infos(metrics)
        targets = dict.fromkeys(info.family for info in infos.values())
        wanted = {target: frozenset(n for n, info in infos.items() if info.family == target) for target in targets}
        return cls(infos, [(open_family(target), names) for target, names in wanted.items()])


def evaluate(
    rows: Sequence[EvaluationRow],
    metrics: Sequence[str],
    *,
    settings: EvaluationSettings | None = None,
    progress: Progress | None = None,
    cancel: Cancellation | None = None,
    threads: int = 0,
) -> EvaluationResult:
    """Score clips.

    A clip that was not generated, cannot be read, shows no face or is too short is failed: it stays in the result with
    its reason and lowers the success rate. Files are read anew in every call.

    Args:
        rows: The clips; names must be unique.
        metrics: Names of ``registry.METRICS``.
        settings: Where weights lie, and how metrics work.
        progress: Told about every decoded frame.
        cancel: Checked at every frame.
        threads: Decoder threads, 0 for all cores.

    Returns:
        Scores of each clip, of the control rows, and their means with 95 % intervals.

    Raises:
        OptionError: a metric that does not exist, or two clips of the same name.
        WeightsMissingError: the installation lacks a network, or weights that are there cannot be used.
        Cancelled: when asked to stop.
    """
    asked = Asked.of(metrics)
    _check_names(rows)
    progress, cancel = progress or SilentProgress(), cancel or Cancellation()
    library = Library(threads, progress, cancel, settings)
    progress.stage("evaluate", _frames_to_read(rows))
    clips: dict[str, ClipEvaluation] = {}
    failures: dict[str, TalkingFaceError] = {}
    for number, row in enumerate(rows):
        cancel.check()
        try:
            clips[row.name] = _evaluate_clip(row, rows, asked, library)
        except (Cancelled, OptionError, WeightsMissingError):  # not this clip's fault: the next would fail alike
            raise
        except TalkingFaceError as error:
            failures[row.name] = error
        library.keep_videos(_videos(rows[number + 1 :]))
    return _result(rows, asked, clips, failures)


def _evaluate_clip(row: EvaluationRow, rows: Sequence[EvaluationRow], asked: Asked, library: Library) -> ClipEvaluation:
    if row.failure is not None or row.generated is None:
        raise MediaError(row.failure or "it was not generated")
    material = look_at(row, row.generated, rows, library)
    shown = material.generated
    details: dict[str, Any] = {
        "frames": len(shown.frame_times),
        "frames_without_face": shown.frames_without_face,
        "curves": {},
    }
    notes: list[str] = []
    found: dict[str, Score] = {}
    controls: dict[str, dict[str, Score]] = {name: {} for name in CONTROLS}
    for family, wanted in asked.families:
        said = family.score(material, wanted, library)
        _check_complete(family, wanted, said)
        found |= said.scores
        for control, scores in said.controls.items():
            controls[control] |= scores
        curves = {**details["curves"], **said.details.get("curves", {})}
        details |= {**said.details, "curves": curves}
        notes += said.notes
    if shown.frames_without_face:
        missing = f"{shown.frames_without_face} of {len(shown.frame_times)}"
        notes.append(f"{row.name}: {missing} frames do not show the scored face; they are left out")
    for scores in controls.values():
        scores |= {name: Score(None, "n/a") for name in asked.infos if name not in scores}
    return ClipEvaluation({name: found[name] for name in asked.infos}, controls, details, notes)


def _check_complete(family: MetricFamily, wanted: frozenset[str], said: FamilyScores) -> None:
    """A score for each metric, and no other: a family of another package may be wrong.

    Raises:
        OptionError: naming the family and the metric.
    """
    wrong = sorted(wanted ^ set(said.scores))
    if wrong or not set(said.controls) <= set(CONTROLS):
        what = f"the metric {wrong[0]!r}" if wrong else "a control row"
        raise OptionError(f"{type(family).__module__}:{type(family).__name__} is wrong about {what}")


def _result(
    rows: Sequence[EvaluationRow],
    asked: Asked,
    clips: dict[str, ClipEvaluation],
    errors: dict[str, TalkingFaceError],
) -> EvaluationResult:
    failures = {name: str(error) for name, error in errors.items()}
    scores: dict[str, dict[str, Score]] = {}
    for row in rows:
        if row.name in clips:
            scores[row.name] = clips[row.name].scores
        else:
            failed: dict[str, Score] = dict.fromkeys(asked.infos, Score(None, f"failed: {failures[row.name]}"))
            if "success_rate" in asked.infos:
                failed["success_rate"] = success(failures[row.name])
            scores[row.name] = failed
    means, intervals = mean_scores(list(scores.values()), asked.infos)
    for family, wanted in asked.families:
        over_all = [name for name in wanted if asked.infos[name].over_all]
        values = family.over_all(wanted) if over_all else {}
        means |= {name: values.get(name, Score(None, ONE_FOR_ALL)) for name in over_all}
    controls = {name: mean_scores([clip.controls[name] for clip in clips.values()], asked.infos) for name in CONTROLS}
    notes = [SIGN_NOTE] if OFFSETS & set(asked.infos) else []
    for family, wanted in asked.families:
        notes += family.over_all_notes(wanted)
    if 2 <= len(clips) < FEW_CLIPS:
        notes.append(f"intervals over {len(clips)} clips are too narrow: {FEW_CLIPS} and more are needed to trust them")
    return EvaluationResult(
        metrics=tuple(asked.infos),
        rows=scores,
        controls={name: found[0] for name, found in controls.items()},
        means=means,
        success_rate=len(clips) / len(rows) if rows else 0.0,
        failures=failures,
        failure_codes={name: error.exit_code for name, error in errors.items()},
        notes=tuple(dict.fromkeys([*notes, *(note for clip in clips.values() for note in clip.notes)])),
        clip_controls={name: clip.controls for name, clip in clips.items()},
        details={name: clip.details for name, clip in clips.items()},
        intervals=intervals,
        control_intervals={name: found[1] for name, found in controls.items()},
        inputs={row.name: _inputs(row) for row in rows},
        files=_hashes(rows),
    )


def _check_names(rows: Sequence[EvaluationRow]) -> None:
    names = [row.name for row in rows]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise OptionError(f"two clips to evaluate are named {twice[0]!r}; give each its own name")


def _inputs(row: EvaluationRow) -> dict[str, str | None]:
    paths = {"generated": row.generated, "face": row.face, "audio": row.audio, "truth": row.truth}
    return {name: None if path is None else str(path) for name, path in paths.items()}


def _hashes(rows: Sequence[EvaluationRow]) -> dict[str, str]:
    """SHA-256 of each file that took part, as far as it can be read."""
    hashes: dict[str, str] = {}
    for row in rows:
        for path in (*_videos([row]), row.audio):
            if str(path) in hashes:
                continue
            try:
                with path.open("rb") as file:
                    hashes[str(path)] = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError:
                continue  # it is a failed row, which says why
    return hashes


def _videos(rows: Sequence[EvaluationRow]) -> list[Path]:
    return [path for row in rows for path in (row.generated, row.face, row.truth) if path is not None]


def _frames_to_read(rows: Sequence[EvaluationRow]) -> int | None:
    """How many frames the evaluation will decode, as the files claim; None when one of them does not say."""
    total = 0
    counted: set[Path] = set()
    for row in rows:
        for path in _videos([row]) if row.generated is not None else []:
            if path.resolve() in counted:
                continue
            counted.add(path.resolve())
            try:
                streams = probe(path).video
            except TalkingFaceError:
                continue
            if not streams or streams[0].frames is None:
                return None
            total += streams[0].frames
    return total
