"""A file's tensors for one network, all of them checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from talkingface.errors import WeightsUnusableError
from talkingface.weights.catalog import CatalogEntry
from talkingface.weights.checkpoint import LARGEST_FILE, read_checkpoint
from talkingface.weights.coverage import coverage
from talkingface.weights.released import own_names, unwrapped


def expected_state(network: str) -> dict[str, Any]:
    """Names and shapes of a network's tensors, without numbers (on the device ``meta``)."""
    import torch

    from talkingface.models.networks import build

    with torch.device("meta"):
        return dict(build(network).state_dict())


def own_state(network: str) -> dict[str, Any]:
    """Those of ``expected_state`` that the network's own file holds."""
    expected = expected_state(network)
    return {name: expected[name] for name in own_names(network, expected)}


def checked_state(entry: CatalogEntry, path: Path, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Read a file and make sure that it holds exactly these tensors.

    Args:
        entry: What it should be.
        path: The file.
        expected: The network's tensors by name, of which shapes and kinds count.

    Raises:
        WeightsUnusableError: it cannot be read or does not hold them; the message counts and names what is wrong.
    """
    again = f"put the released {entry.files[0]} there again"
    content = read_checkpoint(path, entry.largest or LARGEST_FILE, again)
    state = unwrapped(entry.network, content)
    if state is None:
        raise WeightsUnusableError(f"{path}: does not hold tensors by name, so it is not {entry.name}; {again}")
    found = coverage(state, expected)
    if not found.complete:
        raise WeightsUnusableError(f"{path}: is not {entry.name}: {found}; {again}")
    return state
