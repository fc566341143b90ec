"""The verbs ``dub`` and ``train mouth``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from talkingface.cli_progress import shown_job
from talkingface.cli_verbs import Session, parse_verb
from talkingface.errors import OutputError
from talkingface.run_folder import write_json


def dub(tokens: Sequence[str], session: Session) -> int:
    """Re-speak one video."""
    arguments, options = parse_verb("dub", tokens, session)
    face, audio, output = Path(arguments.face_file), Path(arguments.audio_file), Path(arguments.output_file)
    if options.report is not None:
        check_report_path(options.report, (face, audio, output))
    from talkingface.dubbing.dub import dub as dub_video  # only now: --help must not load numpy and PyAV

    with shown_job() as (progress, cancel):
        result = dub_video(face, audio, output, options, progress=progress, cancel=cancel)
    if options.report is not None:
        write_json(options.report, result.report)
    passed = f", {result.frames_passed} passed through unchanged" if result.frames_passed else ""
    print(
        f"{result.output}: {result.frames_dubbed} of {result.frames_total} frames dubbed{passed}; "
        f"{result.duration:.1f} s of video in {result.seconds:.1f} s"
    )
    return 0


def train_mouth(tokens: Sequence[str], session: Session) -> int:
    """Train the network from sound to mouth shape."""
    _, options = parse_verb("train mouth", tokens, session)
    from talkingface.training.mouth import train_mouth as train  # torch, which other verbs do not need

    with shown_job() as (progress, cancel):
        train(options, progress=progress, cancel=cancel)
    return 0


def check_report_path(path: Path, others: Sequence[Path] = ()) -> None:
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
