"""The clips of an evaluation: from a manifest, or from files and what belongs to them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from talkingface.data.manifest import ManifestRow, read_manifest
from talkingface.data.naming import distinct_names
from talkingface.data.pairing import AUDIO_SUFFIXES, STILL_SUFFIXES, VIDEO_SUFFIXES, pair_manifest, unique_names
from talkingface.errors import MediaError
from talkingface.evaluation.result import EvaluationRow


def rows_of_manifest(manifest: Path, generated: Path | None = None) -> list[EvaluationRow]:
    """Read the clips of a protocol, such as ``talkingface pairs`` writes.

    A clip's video is the column ``generated``, in the folder ``generated`` if that is given, else relative to the
    manifest. Where the column is empty it is the video in the folder that is called as the clip. A video with another
    ending (``.mkv`` for ``.mp4``) is taken when it is the only one of that name.

    Args:
        manifest: A CSV file with the column ``face`` and, if there are, ``name``, ``audio``, ``truth``, ``generated``.
            A row without ``audio`` speaks its face's own sound and, if it has no ``truth``, is compared with it.
        generated: Folder of one method's videos.

    Returns:
        Every row of the manifest. One whose video is not there has the reason in ``failure``.

    Raises:
        MediaError: the manifest cannot be read, has no row or lacks a column; or there is no such folder.
    """
    found = read_manifest(manifest)
    if not found:
        raise MediaError(f"{manifest}: has no row to score")
    if generated is None and not any(row.generated for row in found):
        raise MediaError(
            f"{manifest}: no row names a video in a column 'generated'; fill it, or give the videos' folder with "
            "--generated"
        )
    if generated is not None and not generated.is_dir():
        raise MediaError(f"{generated}: no such folder of generated videos")
    rows = []
    for row, pair in zip(found, unique_names(pair_manifest(found)), strict=True):
        video, failure = _generated(row, pair.name, manifest.parent if generated is None else generated)
        audio = pair.audio
        if row.audio is None and pair.face.suffix.lower() in STILL_SUFFIXES and video is not None:
            audio = video  # a picture has no sound: what the clip says is all there is to judge it by
        rows.append(EvaluationRow(pair.name, video, pair.face, audio, pair.truth, failure))
    return rows


def rows_of_files(
    files: Sequence[Path], face: Path | None = None, audio: Path | None = None, truth: Path | None = None
) -> list[EvaluationRow]:
    """Make a clip of each video, with the original, the sound and the truth that belong to it.

    Each of these may be a file, which belongs to all clips, or a folder, in which a clip's own has the same name but
    for the ending. What a folder does not hold for a clip counts as not given: its own sound is judged, and scores that
    need the original or a truth say so. In a folder of sounds, sound files come before videos.

    Args:
        files: The videos to score.
        face: What they were made from.
        audio: What they should speak.
        truth: Real videos of the same speech.

    Returns:
        One clip a file, in the same order. A file that is not there has the reason in ``failure``.

    Raises:
        MediaError: a file or folder that was given is not there, a folder holds nothing for any clip, or two files for
            one.
    """
    faces = _matches(face, files, (VIDEO_SUFFIXES | STILL_SUFFIXES,))
    sounds = _matches(audio, files, (AUDIO_SUFFIXES, VIDEO_SUFFIXES))
    truths = _matches(truth, files, (VIDEO_SUFFIXES,))
    rows = []
    for index, (file, name) in enumerate(zip(files, distinct_names(files), strict=True)):
        there = file.is_file()
        source = faces[index] or truths[index] or file
        failure = None if there else f"{file}: no such file"
        sound = sounds[index] or file
        rows.append(EvaluationRow(name, file if there else None, source, sound, truths[index], failure))
    return rows


def _generated(row: ManifestRow, name: str, folder: Path) -> tuple[Path | None, str | None]:
    """A row's video, or why there is none."""
    wanted = folder / (row.generated or name)
    if row.generated and wanted.is_file():
        return wanted, None
    stem = wanted.stem if row.generated else wanted.name
    found = [path for path in _files(wanted.parent, VIDEO_SUFFIXES) if path.stem == stem]
    if len(found) == 1:
        return found[0], None
    if found:
        return None, f"{wanted}: which is it? {' and '.join(path.name for path in found)} are there"
    return None, f"{wanted if row.generated else f'{wanted}.*'}: no such file"


def _matches(given: Path | None, clips: Sequence[Path], kinds: Sequence[Collection[str]]) -> list[Path | None]:
    """What belongs to each clip; of several kinds of file the first that is there."""
    if given is None:
        return [None for _ in clips]
    if given.is_file():
        return [given for _ in clips]
    if not given.is_dir():
        raise MediaError(f"{given}: no such file or folder")
    by_stem: list[dict[str, list[Path]]] = []
    for suffixes in kinds:
        by_stem.append({})
        for path in _files(given, suffixes):
            by_stem[-1].setdefault(path.stem, []).append(path)
    matched: list[Path | None] = []
    for clip in clips:
        found = next((paths[clip.stem] for paths in by_stem if clip.stem in paths), [])
        if len(found) > 1:
            raise MediaError(
                f"{given}: {' and '.join(path.name for path in found)} both match {clip.name}; leave only one there"
            )
        matched.append(found[0] if found else None)
    if not any(matched):
        names = ", ".join(dict.fromkeys(clip.stem for clip in clips[:3]))
        raise MediaError(f"{given}: holds no file called as a clip to score ({names} ...)")
    return matched


def _files(folder: Path, suffixes: Collection[str]) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes and path.is_file())
