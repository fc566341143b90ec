"""Which files a training run may learn from: a manifest, or a folder of videos."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from talkingface.errors import MediaError

VIDEO_ENDINGS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m4v", ".flv", ".ts", ".3gp")
ALLOWED_USES = ("", "any", "any network", "train", "geometry networks only")


@dataclass(frozen=True)
class ListedClip:
    """A video to learn from.

    Attributes:
        path: The file.
        source: The data set it belongs to.
        speaker: Who speaks, if the manifest says so.
        licence: As the manifest says.
        language: As the manifest says.
        use: What the manifest allows it for.
    """

    path: Path
    source: str
    speaker: str = ""
    licence: str = ""
    language: str = ""
    use: str = ""


@dataclass(frozen=True)
class ClipList:
    """What a training run was pointed at.

    Attributes:
        clips: Files that may be used, in order.
        passed_over: How many rows were not used, by reason.
    """

    clips: list[ListedClip]
    passed_over: Counter[str] = field(default_factory=Counter)


def list_clips(data: Path) -> ClipList:
    """Read what ``--data`` names.

    Args:
        data: A CSV manifest with a column ``file`` or ``face`` and, if wanted, ``split``, ``use``, ``source``,
            ``person``, ``licence`` and ``language``; a folder that holds such a ``manifest.csv``; or a folder of
            videos, whose subfolders count as sources.

    Returns:
        Only rows of the split ``train`` (when there is such a column) whose ``use`` allows geometry networks.

    Raises:
        MediaError: when nothing is there, or no row may be used.
    """
    if data.is_dir() and (data / "manifest.csv").is_file():
        data = data / "manifest.csv"
    if data.is_dir():
        files = sorted(file for file in data.rglob("*") if file.suffix.lower() in VIDEO_ENDINGS and file.is_file())
        found = ClipList([ListedClip(file, file.parent.name) for file in files])
    elif data.is_file():
        found = _read_manifest(data)
    else:
        raise MediaError(f"{data}: no such manifest or folder")
    if not found.clips:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(found.passed_over.items()))
        raise MediaError(f"{data}: no clip to train on" + (f" ({reasons})" if reasons else ": no video in it"))
    return found


def named_clips(path: Path) -> frozenset[str]:
    """Names of clips from a text file, one a line; empty lines do not count, and endings of video files are taken off.

    Raises:
        MediaError: when it cannot be read, or names none.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise MediaError(f"{path}: cannot be read as text: {error}") from None
    names = (line.strip() for line in lines)
    found = frozenset(Path(name).stem if name.lower().endswith(VIDEO_ENDINGS) else name for name in names if name)
    if not found:
        raise MediaError(f"{path}: names no clip")
    return found


def _read_manifest(path: Path) -> ClipList:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file, skipinitialspace=True))
    except OSError as error:
        raise MediaError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise MediaError(f"{path}: is not a CSV file in UTF-8: {error}") from None
    column = next((name for name in ("file", "face") if rows and name in rows[0]), None)
    if column is None:
        raise MediaError(f"{path}: a manifest needs rows and a column 'file' or 'face'")
    clips: list[ListedClip] = []
    passed_over: Counter[str] = Counter()
    for row in rows:
        cells = {key: (value or "").strip() for key, value in row.items() if isinstance(value, str)}
        name = cells.get(column, "")
        video = path.parent / name
        if not name:
            passed_over["without a file name"] += 1
        elif cells.get("split", "train") != "train":
            passed_over["of another split"] += 1
        elif cells.get("use", "").lower() not in ALLOWED_USES:
            passed_over["not allowed for geometry networks"] += 1
        elif video.suffix.lower() not in VIDEO_ENDINGS:
            passed_over["not a video"] += 1
        else:
            clips.append(
                ListedClip(
                    video,
                    cells.get("source", "") or video.parent.name,
                    cells.get("person", ""),
                    cells.get("licence", ""),
                    cells.get("language", ""),
                    cells.get("use", ""),
                )
            )
    return ClipList(clips, passed_over)
