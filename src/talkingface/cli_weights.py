"""The verbs ``weights list``, ``where``, ``pull``, ``import``, ``verify`` and ``convert``."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from talkingface.cli_verbs import Session, parse_verb
from talkingface.errors import TalkingFaceError, WeightsMissingError, WeightsUnusableError
from talkingface.run_folder import json_text
from talkingface.weights.catalog import CATALOG, CatalogEntry, catalog_entry
from talkingface.weights.store import (
    cache_weights,
    find,
    folders,
    forbidden,
    how_to_get,
    place_of,
    refuse_non_commercial,
    size_text,
)


def list_weights(tokens: Sequence[str], session: Session) -> int:
    """List the catalog."""
    _, options = parse_verb("weights list", tokens, session)
    entries = [entry for entry in CATALOG.values() if entry.commercial or not options.commercial_only]
    rows = [_row(entry, find(entry.name, options.checkpoint_dir)) for entry in entries]
    if options.json:
        print(json_text(rows))
        return 0
    from rich import box
    from rich.table import Table

    from talkingface.cli_progress import output_console

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("name", "", "file", "size", "commercial", "licence", "for"):
        table.add_column(title, overflow="fold", no_wrap=title in ("name", "size"))
    for row in rows:
        size = "" if row["size"] is None else size_text(row["size"])
        here = "present" if row["path"] else "absent"
        table.add_row(row["name"], here, row["file"], size, row["commercial"], row["licence"], row["stage"])
    output_console().print(table)
    present = sum(row["path"] is not None for row in rows)
    print(f"{present} of {len(rows)} present; talkingface weights where shows the folders")
    return 0


def where(tokens: Sequence[str], session: Session) -> int:
    """Show the folders, and what was found in them."""
    _, options = parse_verb("weights where", tokens, session)
    places = folders(options.checkpoint_dir)
    found = {
        entry.name: path
        for entry in CATALOG.values()
        if not entry.embedded and (path := find(entry.name, options.checkpoint_dir)) is not None
    }
    if options.json:
        print(json_text({"folders": places, "found": found}))
        return 0
    for number, place in enumerate(places, start=1):
        print(f"{number}. {place.absolute()}{'' if place.is_dir() else '  (not there)'}")
    for name, path in found.items():
        print(f"{name}: {path}")
    return 0


def pull(tokens: Sequence[str], session: Session) -> int:
    """Download weights."""
    arguments, options = parse_verb("weights pull", tokens, session)
    entries = [catalog_entry(name) for name in arguments.names]
    if options.commercial_only:
        refuse_non_commercial(entry.name for entry in entries)
    from talkingface.cli_progress import shown_job
    from talkingface.weights.download import pull as download

    folder = cache_weights() if options.shared else options.checkpoint_dir
    failures = []
    with shown_job() as (progress, cancel):
        for entry in entries:
            there = find(entry.name, options.checkpoint_dir)
            if entry.embedded and there is not None:
                print(f"{entry.name}: ships with talkingface")
                continue
            if there is not None and not options.overwrite:
                print(f"{entry.name}: is there already: {there}")
                continue
            if not entry.commercial:
                print(f"{forbidden(entry)}", file=sys.stderr)
            target = place_of(entry, folder)
            try:
                download(entry, target, progress, cancel, _content_check(entry))
            except WeightsMissingError as error:  # the others are still tried
                failures.append(str(error))
            else:
                print(f"{entry.name}: {target}")
    if failures:
        raise WeightsMissingError("; ".join(failures))
    return 0


def import_files(tokens: Sequence[str], session: Session) -> int:
    """Recognise files, and copy them to their places."""
    arguments, options = parse_verb("weights import", tokens, session)
    _need_torch()
    from talkingface.weights.recognise import copy_into_place, recognise

    refused: list[TalkingFaceError] = []
    for file in map(Path, arguments.files):
        try:
            entry = recognise(file)
            target = place_of(entry, options.checkpoint_dir)
            if entry.network and file.suffix == ".safetensors":
                target = target.with_suffix(".safetensors")
            copied = copy_into_place(file, target, options.overwrite)
        except TalkingFaceError as error:  # the others are still taken
            refused.append(error)
        else:
            print(f"{file}: {entry.name}, {f'copied to {target}' if copied else f'is there already: {target}'}")
    return _end(refused)


def verify(tokens: Sequence[str], session: Session) -> int:
    """Check the files that are there."""
    arguments, options = parse_verb("weights verify", tokens, session)
    _need_torch()
    from talkingface.weights.verify import verify as verify_file

    verdicts = [verify_file(entry, path) for entry, path in _chosen(arguments.names, options.checkpoint_dir)]
    if options.json:
        print(json_text([vars(verdict) for verdict in verdicts]))
    else:
        for verdict in verdicts:
            print(f"{'ok' if verdict.ok else 'BAD':<4}{verdict.name}  {verdict.path}: {verdict.detail}")
        if not verdicts:
            print("no weights are there but those that ship with talkingface")
    return 0 if all(verdict.ok for verdict in verdicts) else WeightsUnusableError.exit_code


def convert(tokens: Sequence[str], session: Session) -> int:
    """Rewrite files as safetensors."""
    arguments, options = parse_verb("weights convert", tokens, session)
    _need_torch()
    from talkingface.weights.convert import convert as convert_file

    refused: list[TalkingFaceError] = []
    before = after = 0
    for entry, path in _chosen(arguments.names, options.checkpoint_dir):
        if not entry.network or path.suffix == ".safetensors":
            if arguments.names:
                print(f"{path}: {'is safetensors already' if entry.network else 'holds no network of torch'}")
            continue
        target = (options.checkpoint_dir / entry.released).with_suffix(".safetensors")
        try:
            done = convert_file(entry, path, target, options.precision, options.overwrite)
        except TalkingFaceError as error:  # the others are still converted
            refused.append(error)
            continue
        before, after = before + done.before, after + done.after
        print(f"{path} ({size_text(done.before)}): {target} ({size_text(done.after)})")
    if after:
        print(f"{size_text(before)} became {size_text(after)}; a released file is used as long as it is there")
    return _end(refused)


def _chosen(names: Sequence[str], checkpoint_dir: Path) -> list[tuple[CatalogEntry, Path]]:
    """The weights asked for, which must be there; all that are there, but embedded ones, when none were."""
    asked = [catalog_entry(name) for name in names]
    entries = asked or [entry for entry in CATALOG.values() if not entry.embedded]
    found = [(entry, find(entry.name, checkpoint_dir)) for entry in entries]
    absent = [how_to_get(entry, checkpoint_dir) for entry, path in found if path is None]
    if asked and absent:
        raise WeightsMissingError("; ".join(absent))
    return [(entry, path) for entry, path in found if path is not None]


def _row(entry: CatalogEntry, path: Path | None) -> dict[str, Any]:
    return {
        "name": entry.name,
        "file": entry.files[0],
        "path": path,
        "size": path.stat().st_size if path is not None and entry.size is None else entry.size,
        "sha256": entry.sha256,
        "licence": entry.licence,
        "commercial": entry.commercial_word,
        "stage": entry.stage,
        "urls": entry.urls,
        "note": entry.note,
        "help": entry.help,
    }


def _content_check(entry: CatalogEntry) -> Any:
    """What looks at a downloaded file of whose hash too little is known; None where the hash tells, or nothing can."""
    hash_tells = entry.sha256 is not None and len(entry.sha256) == 64
    if hash_tells or not entry.network or importlib.util.find_spec("torch") is None:
        return None
    from talkingface.weights.state import checked_state, own_state

    return lambda path: checked_state(entry, path, own_state(entry.network))


def _need_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        raise TalkingFaceError("looking into files of weights needs torch: pip install 'talkingface[neural]'")


def _end(refused: Sequence[TalkingFaceError]) -> int:
    """Raise what went wrong, or 0; several of one kind become one."""
    if not refused:
        return 0
    kinds = {type(error) for error in refused}
    if len(refused) == 1:
        raise refused[0]
    kind = kinds.pop() if len(kinds) == 1 else TalkingFaceError
    raise kind("; ".join(map(str, refused)))
