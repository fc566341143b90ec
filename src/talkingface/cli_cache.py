"""The verbs ``cache info`` and ``cache clear``."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from talkingface.cache import ANALYSES, Cache, CacheEntry, cache_folder
from talkingface.cli_verbs import Session, parse_verb
from talkingface.run_folder import json_text

_MEGABYTE = 1_000_000


def info(tokens: Sequence[str], session: Session) -> int:
    """Show what is in the cache."""
    _, options = parse_verb("cache info", tokens, session)
    cache = Cache(cache_folder(options.cache_dir))
    entries = cache.entries()
    if options.json:
        print(json_text({"folder": cache.folder, "entries": [_plain(entry) for entry in entries]}))
        return 0
    total = sum(entry.size for entry in entries)
    print(f"{cache.folder}: {len(entries)} entr{'y' if len(entries) == 1 else 'ies'}, {total / _MEGABYTE:.1f} MB")
    for entry in entries:
        print(f"  {_when(entry)}  {entry.size / _MEGABYTE:9.1f} MB  {_kind(entry)}  {entry.path.name}")
    return 0


def clear(tokens: Sequence[str], session: Session) -> int:
    """Empty the cache."""
    _, options = parse_verb("cache clear", tokens, session)
    cache = Cache(cache_folder(options.cache_dir))
    count, size = cache.clear()
    if options.json:
        print(json_text({"folder": cache.folder, "deleted": count, "bytes": size}))
    else:
        print(f"{cache.folder}: {count} entr{'y' if count == 1 else 'ies'} deleted, {size / _MEGABYTE:.1f} MB")
    return 0


def _when(entry: CacheEntry) -> str:
    return datetime.datetime.fromtimestamp(entry.used).strftime("%Y-%m-%d %H:%M")


def _kind(entry: CacheEntry) -> str:
    if entry.kind == ANALYSES:
        return "faces of a video"
    return "running job     " if entry.running else "unfinished job  "


def _plain(entry: CacheEntry) -> dict[str, object]:
    return {
        "kind": entry.kind,
        "name": entry.path.name,
        "bytes": entry.size,
        "used": datetime.datetime.fromtimestamp(entry.used, datetime.UTC).isoformat(timespec="seconds"),
        "running": entry.running,
    }
