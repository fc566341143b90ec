"""How datasets lie on disk: each layout lists the videos of one split, and who is in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from talkingface.data.layout_table import load_layout
from talkingface.data.manifest import ManifestRow
from talkingface.data.pairing import AUDIO_SUFFIXES, STILL_SUFFIXES, VIDEO_SUFFIXES, Sample, Sound
from talkingface.errors import MediaError
from talkingface.options import SPLITS

VIDEO_RETALKING, LRS2, HDTF, FOLDER = "video-retalking", "lrs2", "hdtf", "folder"
MANIFEST_NAME = "manifest.csv"
_LISTS_OF_LRS2 = tuple(f"{split}.txt" for split in SPLITS)
_HDTF_NAME = re.compile(r"(?P<person>.+)_\d+")
# The names that HDTF itself gives; "clip_01" must not make one person of a whole folder.
_OFFICIAL_HDTF_NAME = re.compile(r"(RD|WDA|WRA)_.+_\d{3,}")


@dataclass(frozen=True)
class Listing:
    """What a layout finds.

    Attributes:
        samples: The faces, in natural order (``2`` before ``10``), or in the order of the dataset's own list.
        sounds: Sound files that may be spoken, in natural order.
        nothing: What is missing when there is no face.
    """

    samples: tuple[Sample, ...]
    sounds: tuple[Sound, ...] = ()
    nothing: str = ""


def find_layout(folder: Path) -> str:
    """Tell a dataset's layout from its files.

    Returns:
        ``video-retalking`` where there is a ``manifest.csv`` or ``<split>/face`` or ``<split>/audio``; ``lrs2`` where
        there is ``mvlrs_v1`` or a list of its form; ``hdtf`` where every video has a name that HDTF gives; ``folder``
        where there are other videos; ``video-retalking`` where there is nothing.
    """
    if (folder / MANIFEST_NAME).is_file():
        return VIDEO_RETALKING
    if any((folder / split / kind).is_dir() for split in SPLITS for kind in ("face", "audio")):
        return VIDEO_RETALKING
    if (folder / "mvlrs_v1").is_dir() or any(
        _is_lrs2_list(folder, path) for path in _lrs2_lists(folder, _LISTS_OF_LRS2)
    ):
        return LRS2
    names = [path.stem for path in _walk(folder, VIDEO_SUFFIXES)]
    if names and all(_OFFICIAL_HDTF_NAME.fullmatch(name) for name in names):
        return HDTF
    return FOLDER if names else VIDEO_RETALKING


def list_samples(folder: Path, split: str, layout: str, rows: Sequence[ManifestRow] = ()) -> Listing:
    """List one split of a dataset.

    Args:
        folder: The dataset's.
        split: One of ``options.SPLITS``.
        layout: A key of ``LAYOUTS``, or the name of another package's layout.
        rows: Of the dataset's manifest, those of the split.

    Raises:
        MediaError: a list cannot be read.
        OptionError: there is no such layout, or it is of another package and does not work.
    """
    known = LAYOUTS.get(layout)
    return (load_layout(layout) if known is None else known)(folder, split, rows)


def file_label(folder: Path, path: Path) -> str:
    """A file's path below a folder, without its ending, as one word: ``id1/00001.mp4`` is ``id1_00001``."""
    try:
        parts = path.relative_to(folder).with_suffix("").parts
    except ValueError:  # a manifest may name files anywhere
        return path.stem
    return "_".join(parts)


def _video_retalking(folder: Path, split: str, rows: Sequence[ManifestRow]) -> Listing:
    faces = files_in(folder / split / "face", VIDEO_SUFFIXES | STILL_SUFFIXES)
    sounds = files_in(folder / split / "audio", AUDIO_SUFFIXES | VIDEO_SUFFIXES)
    if not faces:
        faces = list(dict.fromkeys(row.face for row in rows))
        sounds = sounds or list(dict.fromkeys(row.audio for row in rows if row.audio is not None))
    people = {row.face: row.person for row in rows if row.person}
    own = {sound.stem: sound for sound in sounds}
    samples = [Sample(face.stem, face, own.get(face.stem), people.get(face, face.stem), split) for face in faces]
    nothing = f"{folder / split / 'face'} holds no video or picture"
    return Listing(tuple(samples), tuple(Sound(sound.stem, sound) for sound in sounds), nothing)


def _lrs2(folder: Path, split: str, rows: Sequence[ManifestRow]) -> Listing:
    lists = _lrs2_lists(folder, (f"{split}.txt",))
    if not lists:
        return Listing((), nothing=f"there is no list {split}.txt in {folder}, {folder / 'mvlrs_v1'} or its filelists")
    parts = ("pretrain", "main") if split == "pretrain" else ("main",)
    clips = next((place for place in _lrs2_places(folder, parts) if place.is_dir()), folder)
    samples = [
        Sample(f"{person}_{clip}", clips / person / f"{clip}.mp4", None, person, split)
        for person, clip in _read_lrs2_list(lists[0])
    ]
    return Listing(tuple(samples), nothing=f"{lists[0]} names no clip")


def _hdtf(folder: Path, split: str, rows: Sequence[ManifestRow]) -> Listing:
    place, of_split = _split_folder(folder, split)
    samples = []
    for face in _walk(place, VIDEO_SUFFIXES):
        match = _HDTF_NAME.fullmatch(face.stem)
        name = file_label(place, face)
        samples.append(Sample(name, face, None, match["person"] if match else face.stem, of_split))
    return _with_sounds(place, samples)


def _folder(folder: Path, split: str, rows: Sequence[ManifestRow]) -> Listing:
    place, of_split = _split_folder(folder, split)
    names = [(face, file_label(place, face)) for face in _walk(place, VIDEO_SUFFIXES)]
    return _with_sounds(place, [Sample(name, face, None, name, of_split) for face, name in names])


LAYOUTS: Mapping[str, Callable[[Path, str, Sequence[ManifestRow]], Listing]] = MappingProxyType(
    {VIDEO_RETALKING: _video_retalking, LRS2: _lrs2, HDTF: _hdtf, FOLDER: _folder}
)


def files_in(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Files directly in a folder with one of these endings, in natural order; none where there is no folder."""
    if not folder.is_dir():
        return []
    found = [
        entry
        for entry in folder.iterdir()
        if entry.is_file() and not entry.name.startswith(".") and entry.suffix.lower() in suffixes
    ]
    return sorted(found, key=_natural_order)


def _walk(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Files in a folder and all folders below it, in natural order; what is hidden is passed over."""
    return sorted(_below(folder, suffixes, set()), key=_natural_order)


def _below(folder: Path, suffixes: Collection[str], seen: set[Path]) -> Iterator[Path]:
    """The same, unordered. Links are followed, as datasets often lie on other disks, but no folder is entered twice."""
    real = folder.resolve()
    if real in seen or not folder.is_dir():
        return
    seen.add(real)
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _below(entry, suffixes, seen)
        elif entry.suffix.lower() in suffixes:
            yield entry


def _with_sounds(folder: Path, samples: list[Sample]) -> Listing:
    """Give each sample the sound file of its name, if there is one."""
    sounds = [Sound(file_label(folder, file), file) for file in _walk(folder, AUDIO_SUFFIXES)]
    own = {sound.name: sound.file for sound in sounds}
    found = [Sample(each.name, each.face, own.get(each.name), each.person, each.split) for each in samples]
    return Listing(tuple(found), tuple(sounds), nothing=f"{folder} holds no video")


def _split_folder(folder: Path, split: str) -> tuple[Path, str]:
    """The folder of a split and its name; the whole folder, for every split, where it has no such folders."""
    if any((folder / name).is_dir() for name in SPLITS):
        return folder / split, split
    return folder, ""


def _lrs2_lists(folder: Path, names: Collection[str]) -> list[Path]:
    """The lists of these names: in the dataset's folder, in ``mvlrs_v1``, or in ``filelists`` as Wav2Lip has them."""
    places = (folder, folder / "mvlrs_v1", folder / "filelists")
    return [place / name for place in places for name in names if (place / name).is_file()]


def _lrs2_places(folder: Path, parts: Sequence[str]) -> list[Path]:
    return [folder / top / part for part in parts for top in ("mvlrs_v1", "")]


def _is_lrs2_list(folder: Path, path: Path) -> bool:
    """True for a list whose first clip's folder is there."""
    try:
        person, _ = next(iter(_read_lrs2_list(path)))
    except (MediaError, StopIteration):
        return False
    return any((place / person).is_dir() for place in (*_lrs2_places(folder, ("main", "pretrain")), folder))


def _read_lrs2_list(path: Path) -> list[tuple[str, str]]:
    """The (folder, clip) of each line, such as ``6330311066473698535/00011``; a second word such as ``NF`` may follow.

    Raises:
        MediaError: the list cannot be read, or a line has another form.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise MediaError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    clips: dict[tuple[str, str], None] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        person, slash, clip = line.split()[0].partition("/")
        clip = clip.removesuffix(".mp4")
        if not (person and slash and clip) or "/" in clip or {person, clip} & {".", ".."}:
            raise MediaError(f"{path}, line {number}: {line.strip()!r} is not a clip such as 6330311066473698535/00011")
        clips[person, clip] = None
    return list(clips)


def _natural_order(path: Path) -> tuple[list[list[tuple[int, int, str]]], str]:
    words = []
    for name in path.parts:
        parts = re.split(r"(\d+)", name.casefold())
        words.append([(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts])
    return words, path.as_posix()
