"""Manifests: a CSV file that says which face goes with which sound, and what was made of them."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from talkingface.data.naming import UNFIT
from talkingface.errors import MediaError
from talkingface.run_folder import write_text

COLUMNS = ("name", "person", "split", "face", "audio", "truth", "generated")
PROTOCOL_COLUMNS = ("name", "face", "audio", "truth", "generated")


@dataclass(frozen=True)
class ManifestRow:
    """One row of a ``manifest.csv``.

    Attributes:
        face: Video or picture.
        audio: Sound to speak; None for the face's own sound track.
        split: Such as ``val``; empty when the file has no such column, which belongs to every split.
        truth: A real video of the same speech, or None.
        name: What the row's video is called, fit for a file name; empty for a name made from face and sound.
        person: Who the face is; empty when unknown.
        generated: The video that a method made, as written: relative to the manifest or to a method's folder; empty
            when the column is.
    """

    face: Path
    audio: Path | None
    split: str
    truth: Path | None = None
    name: str = ""
    person: str = ""
    generated: str = ""


def read_manifest(path: Path) -> list[ManifestRow]:
    """Read a manifest with the column ``face`` and, if wanted, the others of ``COLUMNS``.

    Paths are relative to the manifest's folder. Other columns are passed over. The files named are not looked at: one
    that is missing fails as its own row when it is used.

    Raises:
        MediaError: when the file cannot be read, lacks the column ``face``, has a row without a face, or a name that is
            not fit for a file or stands in two rows.
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
            twice = next((name for name in COLUMNS if columns.count(name) > 1), None)
            if twice is not None:
                raise MediaError(f"{path}: has two columns '{twice}'; remove or rename one")
            lines = [(reader.line_num, _row(path, reader.line_num, cells)) for cells in reader]
    except OSError as error:
        raise MediaError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise MediaError(f"{path}: is not a CSV file in UTF-8: {error}") from None
    seen: dict[str, int] = {}
    for line, row in lines:
        # Names become file names, and some file systems do not tell "A" from "a".
        first = seen.setdefault(row.name.casefold(), line) if row.name else line
        if first != line:
            raise MediaError(f"{path}, line {line}: the name {row.name!r} stands in line {first} too")
    return [row for _, row in lines]


def write_manifest(path: Path, rows: Iterable[ManifestRow], columns: Sequence[str] = COLUMNS) -> None:
    """Write a manifest. Paths are written relative to its folder, with ``/`` between their parts.

    Raises:
        MediaError: a path's name is no text that UTF-8 can hold.
        OutputError: when the file cannot be written.
    """
    folder = path.parent.resolve()
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(getattr(row, column), folder) for column in columns])
    try:
        write_text(path, text.getvalue())
    except UnicodeEncodeError as error:
        name = error.object[max(0, error.start - 40) : error.end + 40].splitlines()[0]
        raise MediaError(f"{name!r}: this file's name is not UTF-8, which a manifest is; rename it") from None


def check_name(name: str) -> str | None:
    """Return why a text cannot be a clip's name, which becomes a file name; None when it can."""
    if "/" in name or "\\" in name:
        return "holds a slash"
    if name.startswith("."):
        return "begins with a dot"
    return "holds a control character" if UNFIT.search(name) else None


def _row(path: Path, line: int, cells: dict[str, str | None]) -> ManifestRow:
    def cell(name: str) -> str:
        return (cells.get(name) or "").strip()

    def file(name: str) -> Path | None:
        return path.parent / cell(name) if cell(name) else None

    face = file("face")
    if face is None:
        raise MediaError(f"{path}, line {line}: the column 'face' is empty")
    wrong = check_name(cell("name"))
    if wrong:
        raise MediaError(f"{path}, line {line}: the name {cell('name')!r} {wrong}; it must be fit for a file name")
    return ManifestRow(
        face, file("audio"), cell("split"), file("truth"), cell("name"), cell("person"), cell("generated")
    )


def _cell(value: Path | str | None, folder: Path) -> str:
    if not isinstance(value, Path):
        return value or ""
    # ".." after a folder that is a link leads to the parent of where it points, so links of folders are followed. A
    # file's own name stays, even where it is a link.
    file = value.parent.resolve() / value.name
    try:
        text = Path(os.path.relpath(file, folder)).as_posix()
    except ValueError:  # another drive on Windows
        return file.as_posix()
    return f"./{text}" if text[:1].isspace() else text  # spaces round a cell do not count when it is read
