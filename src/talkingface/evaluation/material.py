"""A clip's files as the metrics see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from talkingface.errors import MediaError, NoFaceError
from talkingface.evaluation.observation import Library, Observation, same_file
from talkingface.evaluation.result import EvaluationRow


@dataclass(frozen=True)
class Material:
    """A clip's files as evaluation sees them.

    Attributes:
        row: The clip.
        generated: Its video.
        source: The original it was made from, or None.
        no_source: Why there is no ``source``.
        truth: The real video of the same speech, or None.
        self_driven: The sound to speak is the original's own.
        rows: All clips of the evaluation, to borrow another sound from.
    """

    row: EvaluationRow
    generated: Observation
    source: Observation | None
    no_source: str | None
    truth: Observation | None
    self_driven: bool
    rows: Sequence[EvaluationRow]


def look_at(row: EvaluationRow, generated: Path, rows: Sequence[EvaluationRow], library: Library) -> Material:
    """Read a clip's files. What its original lacks leaves scores out; what the others lack fails the clip.

    Args:
        row: The clip.
        generated: Its video.
        rows: All clips of the evaluation.
        library: What has been seen so far.

    Raises:
        MediaError: the generated video or the truth cannot be read.
        NoFaceError: one of these shows no face.
    """
    source: Observation | None = None
    no_source: str | None = None
    if same_file(row.face, generated):
        no_source = "n/a: no source given"
    else:
        try:
            source = library.video(row.face)
        except (MediaError, NoFaceError) as error:
            no_source = f"n/a: {error}"
    width = None if source is None or source.still else source.width
    shown = library.video(generated, width)
    self_driven = same_file(row.audio, row.face) or (row.truth is not None and same_file(row.truth, row.face))
    truth = None
    if row.truth is not None:
        truth = library.video(row.truth)
    elif self_driven and source is not None and not source.still:
        truth = source
    return Material(row, shown, source, no_source, truth, self_driven, rows)
