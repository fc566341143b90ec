"""Names for clips and methods, made from their files' paths."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

UNFIT = re.compile(r"[/\\\x00-\x1f\x7f]")  # what no clip's name may hold, because it becomes a file's name


def fit_name(text: str) -> str:
    """Return a text as a clip's name, with ``_`` for what is not fit for a file name."""
    name = UNFIT.sub("_", text).strip()
    return f"_{name[1:]}" if name.startswith(".") else name


def distinct_names(paths: Sequence[Path], *, keep_ending: bool = False) -> list[str]:
    """Name each path by its last part, and by as many parts before it as it takes to tell it from the others.

    Args:
        paths: Files or folders; the same one may come twice.
        keep_ending: True for folders, whose names may hold a dot; False leaves the ending of a file's name out.

    Returns:
        In the same order; parts are joined by ``_``. What no part tells apart is numbered: ``a``, ``a-2``.
    """
    parts = [_parts(path, keep_ending) for path in paths]
    # What is the same in every part stays short: no length would tell it apart.
    lengths = dict.fromkeys(parts, 1)
    while True:
        names = {found: "_".join(found[-length:]) for found, length in lengths.items()}
        times = Counter(name.casefold() for name in names.values())
        alike = [found for found, name in names.items() if times[name.casefold()] > 1 and lengths[found] < len(found)]
        if not alike:
            return numbered([names[found] for found in parts])
        for found in alike:
            lengths[found] += 1


def numbered(names: Sequence[str]) -> list[str]:
    """Number names that are equal but for upper and lower case: ``a``, ``A-2``."""
    seen: set[str] = set()
    unique = []
    for wanted in names:
        name, number = wanted, 1
        while name.casefold() in seen:
            number += 1
            name = f"{wanted}-{number}"
        seen.add(name.casefold())
        unique.append(name)
    return unique


def _parts(path: Path, keep_ending: bool) -> tuple[str, ...]:
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - "x/.." goes, links stay: they are the user's own names
    found = absolute.parts[1:]
    if not found:
        return ("root",)
    return found if keep_ending else (*found[:-1], absolute.stem)
