"""Names for clips and methods, made from their files' paths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path


def distinct_names(paths: Sequence[Path], *, keep_ending: bool = False) -> list[str]:
    """Name each path by its last part, and by as many parts before it as it takes to tell it from the others.

    Args:
        paths: Files or folders; the same one may come twice.
        keep_ending: True for folders, whose names may hold a dot; False leaves the ending of a file's name out.

    Returns:
        In the same order; parts are joined by ``_``. What no part tells apart is numbered: ``a``, ``a-2``.
    """
    parts = [_parts(path, keep_ending) for path in paths]
    lengths = [1] * len(paths)
    names = ["_".join(found[-1:]) for found in parts]
    while True:
        lengthened = False
        times = Counter(name.casefold() for name in names)
        for index, found in enumerate(parts):
            if times[names[index].casefold()] > 1 and lengths[index] < len(found):
                lengths[index] += 1
                lengthened = True
        names = ["_".join(found[-length:]) for found, length in zip(parts, lengths, strict=True)]
        if not lengthened:
            return numbered(names)


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


def _parts(path: Path, keep_ending: bool) -> list[str]:
    absolute = path.absolute()
    found = [part for part in absolute.parts if part != absolute.anchor and part != ".."]
    if not found:
        return ["root"]
    return found if keep_ending else [*found[:-1], absolute.stem]
