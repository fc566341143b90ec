"""The verb ``evaluate``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from talkingface.cli_progress import output_console, shown_job
from talkingface.cli_verbs import Session, parse_verb
from talkingface.errors import MediaError, OutputError
from talkingface.evaluation.registry import check_metrics
from talkingface.evaluation.report import result_to_json, result_to_table
from talkingface.evaluation.result import EvaluationRow
from talkingface.options import DEFAULT_METRICS
from talkingface.run_folder import json_text, write_json

_OF_A_RUN = ("success_rate", "real_time_factor")
_AGAINST_SOURCE = ("sharpness_ratio", "flicker_ratio")


def evaluate(tokens: Sequence[str], session: Session) -> int:
    """Score one generated video. A video that cannot be scored ends with the status of its failure, and one line."""
    arguments, options = parse_verb("evaluate", tokens, session)
    generated = Path(arguments.generated)
    metrics = check_metrics(options.metrics)
    inputs = [path for path in (generated, options.audio, options.face, options.truth) if path is not None]
    for path in inputs:
        if not path.is_file():
            raise MediaError(f"{path}: no such file")
    if options.report is not None:
        check_report_path(options.report, inputs)
    source = options.face or options.truth
    if metrics == DEFAULT_METRICS:
        # How fast it was made is not known here, and without a source there is nothing to compare with: only what
        # the user asks for by name is then shown as not applicable.
        unknown = _OF_A_RUN if source else _OF_A_RUN + _AGAINST_SOURCE
        metrics = tuple(name for name in metrics if name not in unknown)
    row = EvaluationRow(
        name=generated.stem,
        generated=generated,
        face=source or generated,
        audio=options.audio or generated,
        truth=options.truth,
    )
    from talkingface.evaluation.protocol import evaluate as evaluate_rows  # only now: numpy, PyAV and onnxruntime

    with shown_job(keep_bars=False) as (progress, cancel):
        if source is None:
            progress.message("no --face given: the control rows are made from the scored video itself")
        result = evaluate_rows([row], metrics, progress=progress, cancel=cancel, threads=options.thread_count)
    report = result_to_json(result)
    if options.report is not None:
        write_json(options.report, report)
    if options.json:
        print(json_text(report))
    if result.failures:
        print(f"talkingface: {result.failures[row.name]}", file=sys.stderr)
        return result.failure_codes[row.name]
    if not options.json:
        console = output_console()
        console.print(result_to_table(result))
        for note in result.notes:
            console.print(note, markup=False, highlight=False, soft_wrap=True)
    return 0


def check_report_path(path: Path, others: Sequence[Path]) -> None:
    """Make sure, before any work, that a report can be written. A report that is there already is replaced.

    Raises:
        OutputError: when the folder is missing, the path is a folder, or it is also an input or the output.
    """
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; name a file for the report")
    if not path.absolute().parent.is_dir():
        raise OutputError(f"{path}: there is no folder {path.absolute().parent} for the report; make it first")
    if any(path.resolve() == other.resolve() for other in others):
        raise OutputError(f"{path}: the report would replace a file of the job; choose another name")
