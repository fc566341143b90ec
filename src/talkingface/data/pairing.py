"""Which face speaks which sound: unpaired, self, cross, all or as a manifest says."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from talkingface.data.manifest import ManifestRow
from talkingface.data.naming import fit_name, numbered
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


HasSound = Callable[[Path], bool]


@dataclass(frozen=True)
class Sample:
    """One face of a dataset.

    Attributes:
        name: Made of its path; two files that differ in nothing but their ending share it.
        face: Video or picture.
        audio: A sound file that is its own, or None when its own sound can only be its sound track.
        person: Who it is, as far as the dataset's layout tells.
        split: The split it is in; empty where the layout has none, which belongs to every split.
    """

    name: str
    face: Path
    audio: Path | None
    person: str
    split: str


@dataclass(frozen=True)
class Sound:
    """One sound of a dataset.

    Attributes:
        name: Made of its path; a sound of a sample's name is the sample's own.
        file: A sound file, or a video whose sound track is meant.
    """

    name: str
    file: Path


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
    samples: Sequence[Sample], sounds: Sequence[Sound], has_sound: HasSound, seed: int = 0
) -> tuple[list[Pair], list[str]]:
    """Give each face one sound that is not its own, going round the sounds so that all are used about equally.

    A sound is a face's own when it has the same name or is the face's own sound track. Without sound files, the sound
    tracks of the other faces serve.

    Args:
        samples: In the order wanted.
        sounds: In the order wanted.
        has_sound: Tells whether a video has a sound track.
        seed: 0 goes round the sounds in their order, another number in an order of its own.

    Returns:
        The pairs, and a line for each face that got none.
    """
    candidates = list(sounds) or _sound_tracks(samples, has_sound)
    if seed:
        candidates.sort(key=lambda sound: seeded_order(seed, f"{sound.name}{sound.file.suffix}"))
    places: dict[str | Path, list[int]] = {}
    for place, sound in enumerate(candidates):
        for key in (sound.name, sound.file):
            places.setdefault(key, []).append(place)
    pairs: list[Pair] = []
    notes: list[str] = []
    for index, sample in enumerate(samples):
        own = sorted({*places.get(sample.name, ()), *places.get(sample.face, ())})
        if len(own) < len(candidates):
            place = index % (len(candidates) - len(own))
            for passed in own:  # count only the sounds of others
                place += passed <= place
            pairs.append(_pair(sample, candidates[place]))
        else:
            notes.append(f"{sample.face.name}: left out, there is no sound that is not its own")
    return pairs, notes


def pair_self(samples: Sequence[Sample], has_sound: HasSound) -> tuple[list[Pair], list[str]]:
    """Give each face its own sound: its sound track, else its sound file. A video is its own truth.

    Returns:
        The pairs, and a line for each face that has no sound of its own.
    """
    pairs: list[Pair] = []
    notes: list[str] = []
    for sample in samples:
        sound = _own_sound(sample, has_sound)
        if sound is not None:
            pairs.append(replace(_pair(sample, sound), truth=None if is_still(sample.face) else sample.face))
        else:
            notes.append(f"{sample.face.name}: left out, it has no sound of its own")
    return pairs, notes


def pair_cross(samples: Sequence[Sample], has_sound: HasSound, seed: int = 0) -> tuple[list[Pair], list[str]]:
    """Give each face the own sound of a video of another person.

    Every sound is used equally often (to within one, where faces without a sound of their own take part), unless one
    person has more than half of the files. Which is whose depends on the names and the seed alone.

    Args:
        samples: In the order wanted.
        has_sound: Tells whether a video has a sound track.
        seed: Another seed gives another assignment.

    Returns:
        The pairs, and a line for each face that got none.
    """
    owned = [(sample.person, sound) for sample in samples if (sound := _own_sound(sample, has_sound)) is not None]
    owned.sort(key=lambda entry: seeded_order(seed, f"{entry[1].name}{entry[1].file.suffix}"))
    people = [sample.person for sample in samples]
    given = _assign(people, [person for person, _ in owned])
    pairs: list[Pair] = []
    notes: list[str] = []
    for sample, place in zip(samples, given, strict=True):
        if place is None:
            notes.append(f"{sample.face.name}: left out, no other person has a sound")
        else:
            pairs.append(_pair(sample, owned[place][1]))
    return pairs, notes


def pair_all(samples: Sequence[Sample], sounds: Sequence[Sound], has_sound: HasSound) -> list[Pair]:
    """Give every face every sound file, or without any every sound track.

    None has a truth: which sound is whose is not known from names alone.
    """
    spoken = list(sounds) or _sound_tracks(samples, has_sound)
    return [_pair(sample, sound) for sample in samples for sound in spoken]


def seeded_order(seed: int, name: str) -> bytes:
    """A key that brings names into an order that depends on them and the seed alone: the same on every machine."""
    # One system writes an accented letter as one character, another as two.
    return hashlib.sha256(f"{seed}/{unicodedata.normalize('NFC', name)}".encode(errors="surrogateescape")).digest()


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


def _assign(faces: Sequence[str], sounds: Sequence[str]) -> list[int | None]:
    """Give each face (its person) the place of a sound of another person; None where there is no such sound."""
    if not sounds:
        return [None] * len(faces)
    given = [index % len(sounds) for index in range(len(faces))]
    for index, person in enumerate(faces):
        if sounds[given[index]] != person:
            continue
        # Exchange with a face of another person that has another person's sound: neither then speaks its own. There is
        # one unless this person has more than half of all.
        for step in range(1, len(faces)):
            other = (index + step) % len(faces)
            if faces[other] != person and sounds[given[other]] != person:
                given[index], given[other] = given[other], given[index]
                break
    used = Counter(place for face, place in zip(faces, given, strict=True) if sounds[place] != face)
    found: list[int | None] = list(given)
    for index, person in enumerate(faces):
        if sounds[given[index]] == person:
            others = [place for place, owner in enumerate(sounds) if owner != person]
            least = min(others, key=lambda place: used[place], default=None)
            if least is not None:
                used[least] += 1
            found[index] = least
    return found


def _own_sound(sample: Sample, has_sound: HasSound) -> Sound | None:
    if not is_still(sample.face) and has_sound(sample.face):
        return Sound(sample.name, sample.face)
    return None if sample.audio is None else Sound(sample.name, sample.audio)


def _sound_tracks(samples: Sequence[Sample], has_sound: HasSound) -> list[Sound]:
    faces = [sample for sample in samples if not is_still(sample.face) and has_sound(sample.face)]
    return [Sound(sample.name, sample.face) for sample in faces]


def _pair(sample: Sample, sound: Sound) -> Pair:
    own = sound.file == sample.face
    return Pair(fit_name(f"{sample.name}_{'self' if own else sound.name}"), sample.face, sound.file)


def _pair_name(face: Path, sound: Path) -> str:
    return fit_name(f"{face.stem}_{'self' if sound == face else sound.stem}")
