"""Which face speaks which sound: unpaired, self, all or as a manifest says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from talkingface.data.manifest import ManifestRow
from talkingface.data.naming import numbered
from talkingface.errors import MediaError

# fmt: off
VIDEO_SUFFIXES = frozenset({
    ".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".flv", ".ogv", ".wmv",
    ".3gp", ".gif", ".mxf", ".y4m", ".nut",
})
STILL_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
AUDIO_SUFFIXES = frozenset({
    ".wav", ".flac", ".mp3", ".m4a", ".aac", ".ogg", ".oga", ".opus", ".wma", ".aif", ".aiff", ".mka",
})
# fmt: on


@dataclass(frozen=True)
class Pair:
    """One video to make.

    Attributes:
        name: Unique in the run, and fit for a file name.
        face: Video or picture of the person.
        audio: Sound to speak; the same file as ``face`` for its own sound track.
        truth: A real video of this very speech, or None.
    """

    name: str
    face: Path
    audio: Path
    truth: Path | None = None


def is_still(path: Path) -> bool:
    """True for the file name of a picture."""
    return path.suffix.lower() in STILL_SUFFIXES


def pair_unpaired(
    faces: Sequence[Path], sounds: Sequence[Path], has_sound: Callable[[Path], bool]
) -> tuple[list[Pair], list[str]]:
    """Give each face one sound that is not its own, going round the sounds so that all are used about equally.

    A sound is a face's own when it has the same file stem or is the face's own sound track. Without sound files, the
    sound tracks of the other faces serve.

    Args:
        faces: In the order wanted.
        sounds: In the order wanted.
        has_sound: Tells whether a video has a sound track.

    Returns:
        The pairs, and a line for each face that got none.
    """
    candidates = list(sounds) or [face for face in faces if not is_still(face) and has_sound(face)]
    pairs: list[Pair] = []
    notes: list[str] = []
    for index, face in enumerate(faces):
        others = [sound for sound in candidates if sound != face and sound.stem != face.stem]
        if others:
            sound = others[index % len(others)]
            pairs.append(Pair(_pair_name(face, sound), face, sound))
        else:
            notes.append(f"{face.name}: left out, there is no sound that is not its own")
    return pairs, notes


def pair_self(
    faces: Sequence[Path], sounds: Sequence[Path], has_sound: Callable[[Path], bool]
) -> tuple[list[Pair], list[str]]:
    """Give each face its own sound: its sound track, else the sound file of the same stem. A video is its own truth.

    Returns:
        The pairs, and a line for each face that has no sound of its own.
    """
    by_stem = {sound.stem: sound for sound in sounds}
    pairs: list[Pair] = []
    notes: list[str] = []
    for face in faces:
        truth = None if is_still(face) else face
        if truth is not None and has_sound(face):
            pairs.append(Pair(_pair_name(face, face), face, face, truth))
        elif face.stem in by_stem:
            sound = by_stem[face.stem]
            pairs.append(Pair(_pair_name(face, sound), face, sound, truth))
        else:
            notes.append(f"{face.name}: left out, it has no sound of its own")
    return pairs, notes


def pair_all(faces: Sequence[Path], sounds: Sequence[Path]) -> list[Pair]:
    """Give every face every sound file. None has a truth: which sound is whose is not known from names alone."""
    return [Pair(_pair_name(face, sound), face, sound) for face in faces for sound in sounds]


def pair_manifest(rows: Iterable[ManifestRow]) -> list[Pair]:
    """Make the pairs of a manifest. A row without a sound is self-driven, and its video its own truth."""
    pairs: list[Pair] = []
    for row in rows:
        truth = row.truth
        if truth is None and row.audio is None and not is_still(row.face):
            truth = row.face
        sound = row.audio or row.face
        pairs.append(Pair(row.name or _pair_name(row.face, sound), row.face, sound, truth))
    return pairs


def unique_names(pairs: Iterable[Pair]) -> list[Pair]:
    """Number the pairs that would have the same name (files of the same stem in different folders)."""
    found = list(pairs)
    names = numbered([pair.name for pair in found])
    return [replace(pair, name=name) for pair, name in zip(found, names, strict=True)]


def check_pairs(pairs: Sequence[Pair], where: Path, pairing: str, notes: Sequence[str]) -> None:
    """Refuse a dataset that gives no pair.

    Raises:
        MediaError: naming the folder and what is missing.
    """
    if not pairs:
        reason = "; ".join(notes) or "it needs at least one face and one sound"
        raise MediaError(f"{where}: no pair of face and sound for --pairing {pairing}: {reason}")


def _pair_name(face: Path, sound: Path) -> str:
    return f"{face.stem}_{'self' if sound == face else sound.stem}"
