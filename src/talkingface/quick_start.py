"""The life of a toolkit run: configure -> prepare -> generate -> evaluate -> report."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from talkingface import environment
from talkingface.configuration import Configuration, configure, split_names
from talkingface.data.datasets import make_pairs, open_dataset, prepare_dataset
from talkingface.data.pairing import Pair
from talkingface.errors import Cancelled, OutputError, TalkingFaceError
from talkingface.evaluation.result import EvaluationResult, EvaluationRow
from talkingface.progress import Cancellation, Progress, SilentProgress
from talkingface.run_folder import (
    CONFIG,
    LOG,
    REPORT_JSON,
    REPORT_MARKDOWN,
    REPORT_PAGE,
    VERSIONS,
    VIDEOS,
    LoggedProgress,
    create_run_folder,
    open_log,
    write_json,
    write_text,
)
from talkingface.run_result import PairOutcome, RunResult


def run(
    model: str | None = None,
    dataset: str | None = None,
    config_file_list: Sequence[str | Path] | str | None = None,
    config: Mapping[str, Any] | None = None,
    arguments: Sequence[str] | None = None,
    progress: Progress | None = None,
    cancel: Cancellation | None = None,
) -> RunResult:
    """Run a model on a dataset and score what it made.

    Args:
        model: A name of the model table; the configuration's when not given.
        dataset: A folder under ``dataset_dir``; the configuration's when not given.
        config_file_list: YAML files, or their names in one text separated by spaces or commas; later ones win.
        config: Options by name; they win over the files.
        arguments: Command-line tokens such as ``--crf=20``; they win over everything. Never read from ``sys.argv``.
        progress: Told about stages, steps and messages.
        cancel: Stops the run.

    Returns:
        What was made, what failed and the scores. A failed pair does not raise: see ``RunResult.exit_code``.

    Raises:
        OptionError: for an option, model, dataset or metric that is not valid; nothing was done then.
        MediaError: when the dataset gives no pair.
        WeightsMissingError: when the model lacks weights.
        OutputError: when the run folder cannot be written.
        Cancelled: when the run was stopped; videos finished by then stay in the run folder.
    """
    names = {"model": model, "dataset": dataset}
    keywords = {**(config or {}), **{key: value for key, value in names.items() if value is not None}}
    files = split_names([config_file_list]) if isinstance(config_file_list, str) else config_file_list or ()
    return run_configured(configure(files, keywords, arguments or ()), progress, cancel)


def run_configured(
    configuration: Configuration, progress: Progress | None = None, cancel: Cancellation | None = None
) -> RunResult:
    """Do what ``run`` does, with a configuration at hand."""
    progress, cancel = progress or SilentProgress(), cancel or Cancellation()
    options = configuration.options
    started = time.monotonic()
    # What the model lacks is said before a sample is built or a folder made.
    configuration.model.prepare(options, progress, cancel)
    dataset_path = prepare_dataset(options.dataset, options.dataset_dir, progress, cancel)
    dataset = open_dataset(dataset_path, options.split, options.layout)
    pairs = make_pairs(dataset, options.pairing, options.limit, progress, seed=options.seed)
    folder = create_run_folder(options.results_dir, options.model, options.dataset)
    write_text(folder / CONFIG, configuration.to_yaml())
    write_json(folder / VERSIONS, environment.describe())
    with open_log(folder / LOG) as logger:
        logged = LoggedProgress(progress, logger)
        logged.message(f"{len(pairs)} pair{'s' if len(pairs) > 1 else ''} of face and sound, into {folder}")
        try:
            outcomes = _generate(configuration, pairs, folder / VIDEOS, logged, cancel, logger)
            evaluation, failure = _evaluate(configuration, outcomes, logged, cancel, logger)
        except BaseException as error:
            logger.error("ended early: %s: %s", type(error).__name__, error)
            if isinstance(error, Cancelled):
                done = len(list((folder / VIDEOS).iterdir()))
                raise Cancelled(
                    f"stopped before the end: {done} of {len(pairs)} made, nothing scored; {folder}"
                ) from error
            raise
        result = RunResult(folder, configuration, outcomes, evaluation, failure, time.monotonic() - started)
        write_json(folder / REPORT_JSON, result.to_json())
        write_text(folder / REPORT_MARKDOWN, result.to_markdown())
        if evaluation is not None:
            _write_page(folder / REPORT_PAGE, configuration, outcomes, evaluation, logged, cancel)
        logger.info("ended: %s", result.status)
    return result


def _generate(
    configuration: Configuration,
    pairs: Sequence[Pair],
    folder: Path,
    progress: LoggedProgress,
    cancel: Cancellation,
    logger: logging.Logger,
) -> tuple[PairOutcome, ...]:
    outcomes: list[PairOutcome] = []
    suffix = ".mkv" if configuration.options.video_codec == "ffv1" else ".mp4"
    for number, pair in enumerate(pairs, start=1):
        cancel.check()
        progress.prefix = f"{number}/{len(pairs)} {pair.name}: "
        output = folder / f"{pair.name}{suffix}"
        try:
            outcome = _generate_one(configuration, pair, output, progress, cancel)
        except Cancelled:
            output.unlink(missing_ok=True)
            raise
        except Exception as error:  # whatever goes wrong with one pair, the others are still made and it is listed
            output.unlink(missing_ok=True)
            expected = isinstance(error, TalkingFaceError)
            logger.error("%s failed", pair.name, exc_info=None if expected else error)
            reason = str(error) if expected else f"unforeseen {type(error).__name__}: {error}"
            code = error.exit_code if isinstance(error, TalkingFaceError) else 1
            outcome = PairOutcome(pair, failure=reason, failure_code=code)
        progress.prefix = ""
        progress.message(f"{number}/{len(pairs)} {outcome.one_line()}")
        outcomes.append(outcome)
    return tuple(outcomes)


def _generate_one(
    configuration: Configuration, pair: Pair, output: Path, progress: Progress, cancel: Cancellation
) -> PairOutcome:
    """Make one video, and make sure that it is this very file that was written now."""
    if output.exists():
        raise OutputError(f"{output}: is there before anything was generated")
    model, options = configuration.model, configuration.options
    generated = model.generate(pair.face, pair.audio, output, options, progress, cancel)
    if not output.is_file() or generated.output.resolve() != output.resolve():
        raise OutputError(
            f"{output}: the model said it was done but did not write this file (it named {generated.output})"
        )
    with output.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return PairOutcome(
        pair,
        output=output,
        sha256=digest,
        seconds=generated.seconds,
        media_seconds=generated.duration,
        report=generated.report,
    )


def _evaluate(
    configuration: Configuration,
    outcomes: Sequence[PairOutcome],
    progress: LoggedProgress,
    cancel: Cancellation,
    logger: logging.Logger,
) -> tuple[EvaluationResult | None, str | None]:
    """Score what was generated; failed pairs take part as failed. Without any generated video nothing is scored."""
    options = configuration.options
    if not options.metrics or not any(outcome.output for outcome in outcomes):
        return None, None
    from talkingface.evaluation.observation import EvaluationSettings  # numpy, PyAV and onnxruntime
    from talkingface.evaluation.protocol import evaluate

    rows = [_evaluation_row(outcome) for outcome in outcomes]
    try:
        result = evaluate(
            rows,
            options.metrics,
            settings=EvaluationSettings(options.checkpoint_dir, options.lse_mode, options.device),
            progress=progress,
            cancel=cancel,
            threads=options.thread_count,
        )
    except Cancelled:
        raise
    except Exception as error:  # the videos are made: the report must still be written, and say that scoring failed
        expected = isinstance(error, TalkingFaceError)
        logger.error("scoring failed", exc_info=error)
        return None, str(error) if expected else f"unforeseen {type(error).__name__}: {error}"
    failures = {outcome.pair.name: outcome.failure for outcome in outcomes if outcome.failure is not None}
    return replace(result, failures={**result.failures, **failures}), None


def _write_page(
    path: Path,
    configuration: Configuration,
    outcomes: Sequence[PairOutcome],
    evaluation: EvaluationResult,
    progress: Progress,
    cancel: Cancellation,
) -> None:
    from talkingface.evaluation.report import result_to_json
    from talkingface.evaluation.web import write_web_report  # numpy, PyAV and OpenCV

    options = configuration.options
    report = {
        **result_to_json(evaluation),
        "title": f"{options.model} on {options.dataset}",
        "options": {name: value["value"] for name, value in configuration.to_json().items()},
        "versions": environment.describe(),
    }
    rows = [_evaluation_row(outcome) for outcome in outcomes]
    write_web_report(path, report, rows, progress=progress, cancel=cancel, threads=options.thread_count)


def _evaluation_row(outcome: PairOutcome) -> EvaluationRow:
    pair = outcome.pair
    return EvaluationRow(
        name=pair.name,
        generated=outcome.output,
        face=pair.face,
        audio=pair.audio,
        truth=pair.truth,
        failure=outcome.failure,
        seconds=outcome.seconds,
        media_seconds=outcome.media_seconds,
        peak_memory_mb=(outcome.report or {}).get("peak_memory_mb"),
    )
