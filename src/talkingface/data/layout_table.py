"""The table of layouts: the ones read here, and those other packages bring by entry point."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talkingface.errors import OptionError, TalkingFaceError, nearest_names
from talkingface.options import AUTO_LAYOUT, LAYOUTS

if TYPE_CHECKING:
    from talkingface.data.layouts import Listing
    from talkingface.data.manifest import ManifestRow

ENTRY_POINT_GROUP = "talkingface.datasets"


@dataclass(frozen=True)
class LayoutEntry:
    """A layout of another package.

    Attributes:
        name: As typed in ``--layout``.
        target: Where its function is: ``package.module:function``.
        origin: The package that brings it.
    """

    name: str
    target: str
    origin: str


def other_layouts() -> dict[str, LayoutEntry]:
    """Layouts of other packages by name, without importing any. A built-in name cannot be taken."""
    from importlib.metadata import entry_points  # takes 20 ms, which most verbs need not wait for

    found = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if point.name not in LAYOUTS:
            origin = f"package {point.dist.name} {point.dist.version}" if point.dist else "another package"
            found[point.name] = LayoutEntry(point.name, point.value, origin)
    return dict(sorted(found.items()))


def check_layout(name: str) -> str:
    """Return the name of a layout.

    Raises:
        OptionError: there is none of this name; the message names the nearest.
    """
    if name in LAYOUTS:
        return name
    known = other_layouts()
    if name not in known:
        raise OptionError(f"there is no {name!r}; {nearest_names(name, (*LAYOUTS, *known))}")
    return name


def load_layout(name: str) -> Callable[[Path, str, Sequence[ManifestRow]], Listing]:
    """Import another package's layout.

    Args:
        name: Of ``other_layouts``.

    Returns:
        A function as ``layouts.LAYOUTS`` holds them; what is wrong with it is raised as an ``OptionError`` naming the
        package.

    Raises:
        OptionError: there is none of this name, or it cannot be imported.
    """
    known = other_layouts()
    if name == AUTO_LAYOUT or name not in known:
        raise OptionError(f"there is no layout {name!r}; {nearest_names(name, (*LAYOUTS[1:], *known))}")
    entry = known[name]
    module, _, function = entry.target.partition(":")
    try:
        adapter = getattr(importlib.import_module(module), function)
    except Exception as error:
        raise OptionError(f"{_about(entry)} cannot be loaded from {entry.target}: {_reason(error)}") from error
    if not callable(adapter):
        raise OptionError(f"{_about(entry)} cannot be used: {entry.target} is no function")
    return _Checked(entry, adapter)


@dataclass(frozen=True)
class _Checked:
    """Another package's layout, whose faults are told as such."""

    entry: LayoutEntry
    adapter: Callable[..., Any]

    def __call__(self, folder: Path, split: str, rows: Sequence[ManifestRow]) -> Listing:
        from talkingface.data.layouts import Listing

        try:
            listing = self.adapter(folder, split, rows)
        except TalkingFaceError:
            raise
        except Exception as error:
            raise OptionError(f"{_about(self.entry)} failed on {folder}: {_reason(error)}") from error
        if not isinstance(listing, Listing):
            raise OptionError(f"{_about(self.entry)} gives a {type(listing).__name__} instead of a Listing")
        return listing


def _about(entry: LayoutEntry) -> str:
    return f"layout {entry.name!r} ({entry.origin})"


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
