"""Control rows: what the same metrics say of videos whose quality is known beforehand.

A metric that cannot tell the real video with its own sound from the same video with another sound, from a frozen frame
or from silence, says nothing about a generated one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from talkingface.errors import MediaError
from talkingface.evaluation.material import Material
from talkingface.evaluation.observation import Observation, same_file
from talkingface.evaluation.result import Score

OWN_SOUND = "original, own sound"
NEW_SOUND = "original, new sound"
FROZEN = "frozen frame"
SILENCE = "silence"
CONTROLS = (OWN_SOUND, NEW_SOUND, FROZEN, SILENCE)


@dataclass(frozen=True)
class BorrowedSound:
    """A sound that the original's lips do not speak.

    Attributes:
        path: Its file.
        moved: It is the clip's own sound, to be moved by half its length.
    """

    path: Path
    moved: bool = False


def original_lips(material: Material) -> Observation | str:
    """The video whose lips the control rows of the original show, or why there is none."""
    row = material.row
    original = material.source or (material.generated if same_file(row.face, row.generated) else None)
    if original is None or original.still:
        return material.no_source or "n/a: the original is a picture"
    return original


def own_sound(material: Material) -> Path:
    """The file of the original's own sound."""
    return material.row.audio if material.self_driven else material.row.face


def new_sound(material: Material, usable: Callable[[Path], object]) -> BorrowedSound:
    """The sound a clip was to speak, or one that is not its own where that was its own.

    Args:
        material: The clip.
        usable: Called with a candidate; raises ``MediaError`` when it cannot be used.

    Returns:
        Another clip's sound; where there is none, the own one, to be moved.
    """
    row = material.row
    if not material.self_driven:
        return BorrowedSound(row.audio)
    rows = material.rows
    start = next(index for index, other in enumerate(rows) if other.name == row.name)
    for other in [*rows[start + 1 :], *rows[:start]]:
        if not same_file(other.audio, row.audio) and not same_file(other.audio, row.face):
            try:
                usable(other.audio)
            except MediaError:
                continue
            return BorrowedSound(other.audio)
    return BorrowedSound(row.audio, moved=True)


def moved_note(material: Material) -> str:
    """What is said when a clip had no other sound than its own, moved."""
    return f"{material.row.name}: there is no other sound; '{NEW_SOUND}' is its own sound moved by half its length"


def all_without(metrics: Iterable[str], reason: str) -> dict[str, Score]:
    """The same reason for every metric."""
    return dict.fromkeys(metrics, Score(None, reason))
