"""Datasets are folders: ``dataset/<name>``, in one of the layouts of ``layouts``, with an optional ``manifest.csv``."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from talkingface.data.layouts import MANIFEST_NAME, VIDEO_RETALKING, Listing, files_in, find_layout, list_samples
from talkingface.data.manifest import ManifestRow, read_manifest
from talkingface.data.pairing import (
    AUDIO_SUFFIXES,
    STILL_SUFFIXES,
    VIDEO_SUFFIXES,
    Pair,
    Sample,
    check_pairs,
    pair_all,
    pair_cross,
    pair_manifest,
    pair_self,
    pair_unpaired,
    unique_names,
)
from talkingface.errors import MediaError, OptionError, OutputError, nearest_names
from talkingface.options import AUTO_LAYOUT, SPLITS
from talkingface.progress import Cancellation, Progress

SAMPLE_DATASET = "video-retalking"


@dataclass(frozen=True)
class Dataset:
    """The files of one split of a dataset.

    Attributes:
        folder: ``dataset/<name>``.
        split: One of ``options.SPLITS``.
        layout: How its files lie: a key of ``layouts.LAYOUTS``, or another package's.
        listing: Its faces and sounds.
        rows: The manifest's rows of this split.
    """

    folder: Path
    split: str
    layout: str
    listing: Listing
    rows: tuple[ManifestRow, ...]

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The faces, each with its name, person and own sound file."""
        return self.listing.samples

    @property
    def faces(self) -> tuple[Path, ...]:
        """Videos and pictures, in natural order (``2`` before ``10``) or in that of the dataset's own list."""
        return tuple(sample.face for sample in self.listing.samples)

    @property
    def sounds(self) -> tuple[Path, ...]:
        """Sound files, in natural order."""
        return tuple(sound.file for sound in self.listing.sounds)

    @property
    def has_splits(self) -> bool:
        """False when the layout has no splits here, so that every file belongs to each."""
        return any(sample.split for sample in self.listing.samples)


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


def open_dataset(folder: Path, split: str, layout: str = AUTO_LAYOUT) -> Dataset:
    """List the files of one split.

    Args:
        folder: ``dataset/<name>``.
        split: One of ``options.SPLITS``.
        layout: How its files lie, or ``auto`` to tell it from them: see ``layouts.find_layout``.

    Raises:
        MediaError: when the manifest or a list cannot be read.
        OptionError: there is no such layout, or it is of another package and does not work.
    """
    manifest = folder / MANIFEST_NAME
    rows = [row for row in read_manifest(manifest) if row.split in ("", split)] if manifest.is_file() else []
    known = find_layout(folder) if layout == AUTO_LAYOUT else layout
    return Dataset(folder, split, known, list_samples(folder, split, known, rows), tuple(rows))


def make_pairs(
    dataset: Dataset,
    pairing: str,
    limit: int,
    progress: Progress,
    has_sound: Callable[[Path], bool] | None = None,
    seed: int = 0,
) -> list[Pair]:
    """Return the pairs of a run, in an order that never changes for the same files.

    Args:
        dataset: The files.
        pairing: ``unpaired``, ``self``, ``cross``, ``all`` or ``manifest``.
        limit: Only the first so many; 0 for all.
        progress: Told about faces that are left out.
        has_sound: Tells whether a video has a sound track; the file is probed when not given.
        seed: Which sounds ``cross`` and ``unpaired`` choose.

    Raises:
        MediaError: when no pair is possible.
    """
    where = dataset.folder / dataset.split if dataset.has_splits else dataset.folder
    if has_sound is None:
        # An unreadable video still makes its own pair, which then fails by name; it just lends no sound to others.
        def has_sound(path: Path) -> bool:
            return _has_sound_track(path, when_unreadable=pairing == "self")

    samples, sounds = dataset.samples, dataset.listing.sounds
    notes: list[str] = []
    if pairing == "manifest":
        where = dataset.folder / MANIFEST_NAME
        if not where.is_file():
            raise MediaError(f"{where}: --pairing manifest needs this file, with the columns face, audio and split")
        pairs = pair_manifest(dataset.rows)
        if not pairs:
            notes = [f"it has no row for the split {dataset.split}"]
    elif not samples:
        pairs = []
        notes = [dataset.listing.nothing]
    elif pairing == "all":
        pairs = pair_all(samples, sounds, has_sound)
        notes = [] if pairs else ["it holds no sound file, and no video with a sound track"]
    elif pairing == "self":
        pairs, notes = pair_self(samples, has_sound)
    elif pairing == "cross":
        pairs, notes = pair_cross(samples, has_sound, seed)
    else:
        pairs, notes = pair_unpaired(samples, sounds, has_sound, seed)
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
    if (folder / MANIFEST_NAME).is_file() or find_layout(folder) != VIDEO_RETALKING:
        return True
    known = VIDEO_SUFFIXES | STILL_SUFFIXES | AUDIO_SUFFIXES
    return any(files_in(folder / split / kind, known) for split in SPLITS for kind in ("face", "audio"))


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
