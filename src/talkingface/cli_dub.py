"""The verbs ``dub`` and ``train mouth``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from talkingface.cli_progress import shown_job
from talkingface.cli_verbs import Session, parse_verb
from talkingface.errors import OptionError


def dub(tokens: Sequence[str], session: Session) -> int:
    """Re-speak one video."""
    arguments, options = parse_verb("dub", tokens, session)
    face, output = Path(arguments.face_file), Path(arguments.output_file)
    audio = None if arguments.audio_file is None else Path(arguments.audio_file)
    if audio is None and options.speaker_map is None:
        raise OptionError("which sound? give AUDIO after FACE, or --speaker-map with a sound for each face")
    from talkingface.dubbing.dub import dub as dub_video  # only now: --help must not load numpy and PyAV

    with shown_job() as (progress, cancel):
        result = dub_video(face, audio, output, options, progress=progress, cancel=cancel)
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


def train_inner_mouth(tokens: Sequence[str], session: Session) -> int:
    """Train the painter of inner mouths."""
    _, options = parse_verb("train inner-mouth", tokens, session)
    from talkingface.training.inner_mouth import train_inner_mouth as train  # torch, which other verbs do not need

    with shown_job() as (progress, cancel):
        train(options, progress=progress, cancel=cancel)
    return 0
