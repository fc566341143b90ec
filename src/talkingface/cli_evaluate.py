"""The verb ``evaluate``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from talkingface import environment
from talkingface.cli_progress import output_console, shown_job
from talkingface.cli_verbs import Session, parse_verb
from talkingface.errors import MediaError, OptionError, OutputError
from talkingface.evaluation.registry import ORIGINAL, check_metrics, metric_infos
from talkingface.evaluation.report import reasons, result_to_json, result_to_table
from talkingface.evaluation.result import EvaluationResult, EvaluationRow
from talkingface.evaluation.rows import rows_of_files, rows_of_manifest
from talkingface.options import DEFAULT_METRICS, EvaluateOptions
from talkingface.run_folder import json_text, write_json

_OF_A_RUN = ("success_rate", "real_time_factor", "peak_memory")


def evaluate(tokens: Sequence[str], session: Session) -> int:
    """Score generated videos.

    Those that cannot be scored are listed with their reason, and the exit status is theirs.
    """
    arguments, options = parse_verb("evaluate", tokens, session)
    metrics = check_metrics(options.metrics)
    rows = rows_to_score([Path(file) for file in arguments.files], options)
    inputs = [path for row in rows for path in (row.generated, row.face, row.audio, row.truth) if path is not None]
    for output in (options.report, options.html):
        if output is not None:
            check_report_path(output, inputs)
    sourceless = all(row.face == row.generated for row in rows)
    if metrics == DEFAULT_METRICS:
        # How fast it was made is not known here, and without a source there is nothing to compare with: only what
        # the user asks for by name is then shown as not applicable.
        infos = metric_infos(metrics)
        unknown = {name for name, info in infos.items() if sourceless and ORIGINAL in info.needs}
        metrics = tuple(name for name in metrics if name not in unknown and name not in _OF_A_RUN)
    from talkingface.evaluation.observation import EvaluationSettings  # only now: numpy, PyAV and onnxruntime
    from talkingface.evaluation.protocol import evaluate as evaluate_rows

    settings = EvaluationSettings(options.checkpoint_dir, options.lse_mode, options.device)
    with shown_job(keep_bars=False) as (progress, cancel):
        if sourceless:
            progress.message("no --face given: the control rows are made from the scored video itself")
        result = evaluate_rows(
            rows, metrics, settings=settings, progress=progress, cancel=cancel, threads=options.thread_count
        )
        report = {
            **result_to_json(result),
            "options": {name: value for name, value in asdict(options).items() if name != "debug"},
            "versions": environment.describe(),
        }
        if options.report is not None:
            write_json(options.report, report)
        if options.html is not None:
            from talkingface.evaluation.web import write_web_report

            write_web_report(options.html, report, rows, progress=progress, cancel=cancel, threads=options.thread_count)
    if options.json:
        print(json_text(report))
    elif len(result.failures) < len(rows) or len(rows) > 1:
        _show(result)
    for name, reason in result.failures.items():
        print(f"talkingface: {reason if len(rows) == 1 else f'{name}: {reason}'}", file=sys.stderr)
    codes = set(result.failure_codes.values())
    return codes.pop() if len(codes) == 1 else int(bool(codes))


def rows_to_score(files: Sequence[Path], options: EvaluateOptions) -> list[EvaluationRow]:
    """The clips that a command line names.

    Raises:
        OptionError: it names none, or both files and a manifest.
        MediaError: a file that is the same for all clips, or the only video, is not there; the manifest cannot be read.
    """
    given = {"--audio": options.audio, "--face": options.face, "--truth": options.truth}
    if options.manifest is not None:
        if files or any(given.values()):
            name = "GENERATED" if files else next(name for name, path in given.items() if path)
            raise OptionError(f"--manifest already names the clips; leave out {name}")
        if options.generated is not None and not options.generated.is_dir():
            raise MediaError(f"{options.generated}: no such folder of generated videos")
        rows = rows_of_manifest(options.manifest, options.generated)
        if not rows:
            raise MediaError(f"{options.manifest}: names no clip")
        return rows
    if not files:
        raise OptionError("nothing to score: name the videos, or give --manifest FILE")
    if options.generated is not None:
        raise OptionError("--generated goes with --manifest; name the videos themselves otherwise")
    for path in (*(files if len(files) == 1 else ()), *(path for path in given.values() if path is not None)):
        if not (path.is_file() or (path.is_dir() and path not in files)):
            raise MediaError(f"{path}: no such file")
    return rows_of_files(files, options.face, options.audio, options.truth)


def _show(result: EvaluationResult) -> None:
    console = output_console()
    console.print(result_to_table(result))
    missing = reasons(result)
    for line in (*(f"n/a: {reason}" for reason in missing), *result.notes):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


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
