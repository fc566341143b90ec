"""What everybody who speaks is to look like: what was asked for, as far as their faces bear it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from talkingface.dubbing.analysis_store import Analysis
from talkingface.dubbing.plan_faces import Voice
from talkingface.faces.glasses import glasses_likelihood, glasses_sign
from talkingface.faces.people import Person
from talkingface.media.ordered_reader import frames_in_order
from talkingface.media.planes import plane_views
from talkingface.models.video_retalking.emotion import Look
from talkingface.progress import Cancellation

LOOKED_AT = 5  # frames of a person


def looks_of_people(
    look: Look, voices: Sequence[Voice], analysis: Analysis, source: Path, threads: int, say: Callable[[str], None],
    cancel: Cancellation,
) -> dict[int, Look]:  # fmt: skip
    """Fit a look to everybody who speaks.

    Args:
        look: What was asked for.
        voices: Who speaks.
        analysis: Where their faces are.
        source: The video; a few of its frames are looked at, when brows are to move.
        threads: Decoder threads.
        say: Told about faces that bear less.
        cancel: Checked before every frame.

    Returns:
        By person's number; nobody when nothing was asked for.

    Raises:
        MediaError: the video changed or broke since pass 1.
        Cancelled: when asked to stop.
    """
    if look.changes_nothing:
        return {}
    found = {}
    for voice in voices:
        for person in voice.people:
            likely = glasses_of(person, analysis, source, threads, cancel)
            found[person.number] = look.behind_glasses(likely)
            if likely >= 0.5:
                say(f"face index:{person.number} seems to wear glasses: its brows move less, so that no frame bends")
    return found


def glasses_of(
    person: Person, analysis: Analysis, source: Path, threads: int, cancel: Cancellation
) -> float:  # fmt: skip
    """Whether a person wears glasses, 0..1, from a few frames of the longest stretch in which it is seen."""
    track = max(person.tracks, key=len)
    rows = np.unique(np.linspace(0, len(track) - 1, LOOKED_AT + 2).astype(int)[1:-1])
    known = {"pts": analysis.clip.frame_pts.tolist(), "marks": analysis.marks.tolist()}
    signs = []
    frames = frames_in_order(source, track.frames[rows].tolist(), threads=threads, **known)
    for row, frame in zip(rows, frames, strict=True):
        cancel.check()
        signs.append(glasses_sign(plane_views(frame)[0], track.landmarks[int(row)], analysis.layout.bits))
    return glasses_likelihood(np.array(signs))
