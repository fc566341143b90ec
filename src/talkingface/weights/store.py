"""Finding weights and loading networks with them: all of them or a plain refusal, never loosely.

Files are looked for by name in the checkpoint folder and a few folders in it, then in the cache's folder ``weights``
and in torch's own. Nothing is downloaded here: see ``download``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from talkingface.cache import cache_folder
from talkingface.errors import WeightsMissingError
from talkingface.weights.catalog import CatalogEntry, catalog_entry
from talkingface.weights.embedded import asset_path

SUBFOLDERS = ("", "video-retalking", "LSE", "wav2lip")


def folders(checkpoint_dir: Path) -> tuple[Path, ...]:
    """Where weights are looked for, in this order; not all need exist."""
    return (*(checkpoint_dir / name for name in SUBFOLDERS), cache_weights(), torch_cache())


def cache_weights() -> Path:
    """The folder ``weights`` of the user's cache, shared by all projects of theirs."""
    return cache_folder() / "weights"


def torch_cache() -> Path:
    """Where torch itself, and programs by it, keep what they downloaded."""
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "torch")
    return Path(home) / "hub" / "checkpoints"


def find(name: str, checkpoint_dir: Path) -> Path | None:
    """The file of a set of weights, or None.

    Args:
        name: Of the catalog.
        checkpoint_dir: Where a user's weights lie.

    Raises:
        OptionError: the catalog has no such name.
    """
    entry = catalog_entry(name)
    if entry.embedded:
        try:
            return asset_path(entry.files[0])
        except WeightsMissingError:
            return None
    *own, hub = folders(checkpoint_dir)
    if entry.torch_folder:
        hub = hub.parent / entry.torch_folder
    places = [folder / file for folder in own for file in entry.files]
    places += [hub / PurePosixPath(file).name for file in entry.files]  # which has no folders
    return next((place for place in places if place.is_file()), None)


def load(name: str, checkpoint_dir: Path, *, module: Any | None = None, device: str = "cpu", dtype: Any = None) -> Any:
    """A network with its weights.

    Args:
        name: Of the catalog.
        checkpoint_dir: Where a user's weights lie.
        module: The network to fill; None builds the released one. The file must hold exactly its tensors.
        device: Where it is wanted.
        dtype: ``torch.dtype`` its floating-point tensors are wanted in; None leaves the network's own.

    Returns:
        A ``torch.nn.Module`` in ``eval`` mode.

    Raises:
        WeightsMissingError: there is no file; the message names it, where it was looked for and how to get it.
        WeightsUnusableError: the file is damaged, would run code, or does not hold exactly this network.
        OptionError: the catalog has no such name.
    """
    entry = catalog_entry(name)
    if not entry.network:
        raise ValueError(f"{entry.name} is no torch network: find() gives its file")
    state = load_state(entry.name, checkpoint_dir, module)
    if module is None:
        from talkingface.models.networks import build  # loads torch

        module = build(entry.network)
    module.load_state_dict(state, strict=False)  # checked; what may be missing is in no evaluation
    module.eval()
    return module.to(device) if dtype is None else module.to(device=device, dtype=dtype)


def load_state(name: str, checkpoint_dir: Path, module: Any | None = None) -> dict[str, Any]:
    """The tensors that ``load`` puts into a network, all checked, with what comes from other files in its place."""
    from talkingface.weights.released import own_names, wrapping_of
    from talkingface.weights.state import checked_state, expected_state

    entry = catalog_entry(name)
    path = find(entry.name, checkpoint_dir)
    if path is None:
        raise _not_found(entry, checkpoint_dir)
    expected = expected_state(entry.network) if module is None else module.state_dict()
    own = {key: expected[key] for key in own_names(entry.network, expected)}
    state = checked_state(entry, path, own)
    for prefix, other in (wrapping_of(entry.network).other or {}).items():
        state.update(_from_other(other, prefix, expected, checkpoint_dir))
    return state


def place_of(entry: CatalogEntry, folder: Path) -> Path:
    """Where a released file belongs.

    Args:
        entry: Whose it is.
        folder: Of checkpoints, or the cache's.
    """
    if entry.torch_folder:
        return torch_cache().parent / entry.torch_folder / entry.files[0]
    return folder / entry.released


def missing(names: Iterable[str], checkpoint_dir: Path, commercial_only: bool = False) -> list[str]:
    """What stands between this installation and weights, a line each: the file, where to put it, where from.

    Args:
        names: Of the catalog.
        checkpoint_dir: Where a user's weights lie.
        commercial_only: Also name those whose licence does not allow commercial use, present or not.
    """
    lines = []
    for name in names:
        entry = catalog_entry(name)
        if commercial_only and not entry.commercial:
            lines.append(forbidden(entry))
        elif find(name, checkpoint_dir) is None:
            lines.append(how_to_get(entry, checkpoint_dir))
    return lines


def how_to_get(entry: CatalogEntry, checkpoint_dir: Path) -> str:
    """One line for weights that are not there: which file, where to put it, where from."""
    if entry.embedded:
        return f"{entry.name} ships with talkingface and is missing: install the package again"
    size = "" if entry.size is None else f" ({size_text(entry.size)})"
    place = place_of(entry, checkpoint_dir)
    source = f"from {entry.urls[0]}, or: talkingface weights pull {entry.name}" if entry.urls else ""
    told = "; ".join(part for part in (source, entry.note) if part) or "no address of it is known"
    return f"{entry.name} is missing: put {entry.files[0]}{size} at {place}; {told}"


def forbidden(entry: CatalogEntry) -> str:
    """One line for weights that ``--commercial-only`` refuses."""
    what = "does not allow commercial use" if entry.commercial is False else "is not known to allow commercial use"
    return f"{entry.name} ({entry.files[0]}) {what}: {entry.licence}"


def refuse_non_commercial(names: Iterable[str]) -> None:
    """Let only weights pass whose licence allows commercial use.

    Raises:
        WeightsMissingError: naming those that do not.
    """
    lines = [forbidden(entry) for entry in map(catalog_entry, names) if not entry.commercial]
    if lines:
        raise WeightsMissingError(f"--commercial-only refuses weights: {'; '.join(lines)}")


def size_text(size: int) -> str:
    """Such as ``573 MB``."""
    return f"{size} bytes" if size < 100_000 else f"{size / 1e6:.{0 if size >= 99_500_000 else 1}f} MB"


def _not_found(entry: CatalogEntry, checkpoint_dir: Path) -> WeightsMissingError:
    looked = ", ".join(map(str, folders(checkpoint_dir)))
    return WeightsMissingError(f"{how_to_get(entry, checkpoint_dir)} (looked in {looked})")


def _from_other(other: str, prefix: str, expected: Mapping[str, Any], checkpoint_dir: Path) -> dict[str, Any]:
    """The tensors of a network within another one, from a file of its own."""
    from talkingface.weights.state import checked_state

    entry = catalog_entry(other)
    path = find(other, checkpoint_dir)
    if path is None:
        raise _not_found(entry, checkpoint_dir)
    wanted = {key.removeprefix(prefix): value for key, value in expected.items() if key.startswith(prefix)}
    return {prefix + key: value for key, value in checked_state(entry, path, wanted).items()}
