"""Manifests: a CSV file that says which face goes with which sound."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from talkingface.errors import MediaError


@dataclass(frozen=True)
class ManifestRow:
    """One row of a ``manifest.csv``.

    Attributes:
        face: Video or picture.
        audio: Sound to speak; None for the face's own sound track.
        split: Such as ``val``; empty when the file has no such column, which belongs to every split.
        truth: A real video of the same speech, or None.
    """

    face: Path
    audio: Path | None
    split: str
    truth: Path | None = None


def read_manifest(path: Path) -> list[ManifestRow]:
    """Read a manifest with the column ``face`` and, if wanted, ``audio``, ``split`` and ``truth``.

    Paths are relative to the manifest's folder. Other columns are passed over. The files named are not looked at: one
    that is missing fails as its own row when it is used.

    Raises:
        MediaError: when the file cannot be read, lacks the column ``face`` or has a row without a face.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True, strict=True)
            columns = [column.strip() for column in reader.fieldnames or ()]
            reader.fieldnames = columns
            if "face" not in columns:
                raise MediaError(
                    f"{path}: a manifest needs a column 'face'; this one has {', '.join(columns) or 'none'}"
                )
            rows = [_row(path, reader.line_num, cells) for cells in reader]
    except OSError as error:
        raise MediaError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise MediaError(f"{path}: is not a CSV file in UTF-8: {error}") from None
    return rows


def _row(path: Path, line: int, cells: dict[str, str | None]) -> ManifestRow:
    def cell(name: str) -> str:
        return (cells.get(name) or "").strip()

    def file(name: str) -> Path | None:
        return path.parent / cell(name) if cell(name) else None

    face = file("face")
    if face is None:
        raise MediaError(f"{path}, line {line}: the column 'face' is empty")
    return ManifestRow(face, file("audio"), cell("split"), file("truth"))
