"""Datasets are folders: ``dataset/<name>/<split>/face`` and ``.../audio``, with an optional ``manifest.csv``."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from talkingface.data.manifest import ManifestRow, read_manifest
from talkingface.data.pairing import (
    AUDIO_SUFFIXES,
    STILL_SUFFIXES,
    VIDEO_SUFFIXES,
    Pair,
    check_pairs,
    pair_all,
    pair_manifest,
    pair_self,
    pair_unpaired,
    unique_names,
)
from talkingface.errors import MediaError, OptionError, OutputError, nearest_names
from talkingface.options import SPLITS
from talkingface.progress import Cancellation, Progress

SAMPLE_DATASET = "video-retalking"
MANIFEST_NAME = "manifest.csv"


@dataclass(frozen=True)
class Dataset:
    """The files of one split of a dataset, in natural order (``2`` before ``10``).

    Attributes:
        folder: ``dataset/<name>``.
        split: ``val``, ``train`` or ``test``.
        faces: Videos and pictures.
        sounds: Sound files.
        rows: The manifest's rows of this split.
    """

    folder: Path
    split: str
    faces: tuple[Path, ...]
    sounds: tuple[Path, ...]
    rows: tuple[ManifestRow, ...]


def dataset_names(dataset_dir: Path) -> list[str]:
    """Return the datasets present, and the one that ``prepare`` can build."""
    present = [entry.name for entry in dataset_dir.iterdir() if _visible_folder(entry)] if dataset_dir.is_dir() else []
    return sorted({*present, SAMPLE_DATASET})


def dataset_folder(name: str, dataset_dir: Path) -> Path:
    """Return a dataset's folder.

    Raises:
        OptionError: when there is no such dataset, naming those present.
    """
    names = dataset_names(dataset_dir)
    if name not in names:
        raise OptionError(f"there is no dataset {name!r} in {dataset_dir}; {nearest_names(name, names)}")
    return dataset_dir / name


def prepare_dataset(name: str, dataset_dir: Path, progress: Progress, cancel: Cancellation) -> Path:
    """Make sure that a dataset is there; build the sample when the sample's folder is missing or empty.

    Returns:
        The dataset's folder.

    Raises:
        OptionError: when there is no such dataset.
        OutputError: when the sample cannot be written.
    """
    folder = dataset_folder(name, dataset_dir)
    if name == SAMPLE_DATASET and not _has_media(folder):
        progress.message(f"{folder} holds no videos yet: building a small sample in it")
        _build_sample(folder, progress, cancel)
        progress.message(f"{folder}: sample ready; put your own videos in val/face and sounds in val/audio")
    return folder


def open_dataset(folder: Path, split: str) -> Dataset:
    """List the files of one split.

    Raises:
        MediaError: when the manifest cannot be read.
    """
    manifest = folder / MANIFEST_NAME
    rows = read_manifest(manifest) if manifest.is_file() else []
    rows = [row for row in rows if row.split in ("", split)]
    faces = _files(folder / split / "face", VIDEO_SUFFIXES | STILL_SUFFIXES)
    sounds = _files(folder / split / "audio", AUDIO_SUFFIXES | VIDEO_SUFFIXES)
    if not faces:
        faces = list(dict.fromkeys(row.face for row in rows))
        sounds = sounds or list(dict.fromkeys(row.audio for row in rows if row.audio is not None))
    return Dataset(folder, split, tuple(faces), tuple(sounds), tuple(rows))


def make_pairs(
    dataset: Dataset, pairing: str, limit: int, progress: Progress, has_sound: Callable[[Path], bool] | None = None
) -> list[Pair]:
    """Return the pairs of a run, in an order that never changes for the same files.

    Args:
        dataset: The files.
        pairing: ``unpaired``, ``self``, ``all`` or ``manifest``.
        limit: Only the first so many; 0 for all.
        progress: Told about faces that are left out.
        has_sound: Tells whether a video has a sound track; the file is probed when not given.

    Raises:
        MediaError: when no pair is possible.
    """
    where = dataset.folder / dataset.split
    if has_sound is None:
        # An unreadable video still makes its own pair, which then fails by name; it just lends no sound to others.
        def has_sound(path: Path) -> bool:
            return _has_sound_track(path, when_unreadable=pairing == "self")

    notes: list[str] = []
    if pairing == "manifest":
        where = dataset.folder / MANIFEST_NAME
        if not where.is_file():
            raise MediaError(f"{where}: --pairing manifest needs this file, with the columns face, audio and split")
        pairs = pair_manifest(dataset.rows)
        if not pairs:
            notes = [f"it has no row for the split {dataset.split}"]
    elif not dataset.faces:
        pairs = []
        notes = [f"{where / 'face'} holds no video or picture"]
    elif pairing == "all":
        pairs = pair_all(dataset.faces, dataset.sounds)
        notes = [] if pairs else [f"{where / 'audio'} holds no sound"]
    elif pairing == "self":
        pairs, notes = pair_self(dataset.faces, dataset.sounds, has_sound)
    else:
        pairs, notes = pair_unpaired(dataset.faces, dataset.sounds, has_sound)
    check_pairs(pairs, where, pairing, notes)
    for note in notes:
        progress.message(note)
    return unique_names(pairs)[: limit or None]


def _has_sound_track(path: Path, when_unreadable: bool) -> bool:
    from talkingface.media.probe import probe  # PyAV, which listing datasets must not load

    try:
        return bool(probe(path).audio)
    except MediaError:
        return when_unreadable


def _visible_folder(entry: Path) -> bool:
    return entry.is_dir() and not entry.name.startswith(".")


def _has_media(folder: Path) -> bool:
    if (folder / MANIFEST_NAME).is_file():
        return True
    known = VIDEO_SUFFIXES | STILL_SUFFIXES | AUDIO_SUFFIXES
    return any(_files(folder / split / kind, known) for split in SPLITS for kind in ("face", "audio"))


def _files(folder: Path, suffixes: Collection[str]) -> list[Path]:
    if not folder.is_dir():
        return []
    found = [
        entry
        for entry in folder.iterdir()
        if entry.is_file() and not entry.name.startswith(".") and entry.suffix.lower() in suffixes
    ]
    return sorted(found, key=_natural_order)


def _natural_order(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts], path.name


def _build_sample(folder: Path, progress: Progress, cancel: Cancellation) -> None:
    """Build the sample beside its place and move it in when whole, so that a stop leaves no half of it."""
    from talkingface.data.sample import build_sample  # numpy and PyAV, which listing datasets must not load

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".sample-", dir=folder) as staging:
            build_sample(Path(staging), progress, cancel)
            # Sounds move before faces ("audio" sorts before "face"), the manifest last: a dataset with faces is whole.
            made = [path for path in Path(staging).rglob("*") if path.is_file()]
            for source in sorted(made, key=lambda path: (path.name == MANIFEST_NAME, path.as_posix())):
                target = folder / source.relative_to(staging)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(source, target)
    except OSError as error:
        raise OutputError(f"{folder}: the sample cannot be written: {error.strerror or error}") from error
