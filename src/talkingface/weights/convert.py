"""Released files rewritten as safetensors: only the tensors that are used, in a form that cannot carry code.

Optimisers' moments, second copies of a network and E-Net's stale L-Net go: about 3.9 GB become 2.1 GB, half of that in
16 bits.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talkingface.errors import OutputError, WeightsUnusableError
from talkingface.weights.catalog import CatalogEntry
from talkingface.weights.checkpoint import INSTALL
from talkingface.weights.hashing import file_sha256
from talkingface.weights.state import checked_state, own_state

_LARGEST_HALF = 65504.0


@dataclass(frozen=True)
class Conversion:
    """What was written.

    Attributes:
        source: The released file; it stays.
        target: The new one.
        before: Bytes of the released file.
        after: Bytes of the new one.
    """

    source: Path
    target: Path
    before: int
    after: int


def convert(
    entry: CatalogEntry, source: Path, target: Path, precision: str = "fp32", overwrite: bool = False,
    expected: Mapping[str, Any] | None = None,
) -> Conversion:  # fmt: skip
    """Rewrite a file as safetensors.

    Args:
        entry: Whose weights it holds.
        source: The file; it must hold exactly this network.
        target: The file to write; nothing half-written ever lies there.
        precision: ``fp32``, or ``fp16`` for half the size. Counters stay whole numbers.
        overwrite: Whether a file that is there may be replaced.
        expected: Tensors of the network, of which names and shapes count; None for the released one's.

    Raises:
        WeightsUnusableError: the source is not what it should be, or holds numbers too large for 16 bits.
        OutputError: the target is there already, or cannot be written.
    """
    if target.exists() and not overwrite:
        raise OutputError(f"{target}: is there already; --overwrite replaces it")
    state = checked_state(entry, source, own_state(entry.network) if expected is None else expected)
    about = {
        "format": "pt",
        "network": entry.network,
        "precision": precision,
        "source": source.name,
        "source_sha256": file_sha256(source),
    }
    write_safetensors(
        {name: _in_precision(value, precision, name, source) for name, value in state.items()}, target, about
    )
    return Conversion(source, target, source.stat().st_size, target.stat().st_size)


def write_safetensors(state: Mapping[str, Any], target: Path, about: Mapping[str, str]) -> None:
    """Write tensors, whole or not at all.

    Raises:
        WeightsUnusableError: safetensors is not installed.
        OutputError: the file cannot be written.
    """
    try:
        from safetensors.torch import save_file
    except ImportError as error:
        raise WeightsUnusableError(f"{target}: writing it needs safetensors: {INSTALL}") from error
    made: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(prefix=".making-", suffix=".safetensors", dir=target.parent)
        os.close(number)
        made = Path(name)
        save_file(dict(state), made, metadata=dict(about))
        made.chmod(0o644)
        made.replace(target)
    except Exception as error:  # safetensors has its own kinds for a full disk
        raise OutputError(f"{target}: cannot be written ({error})") from error
    finally:
        if made is not None:
            made.unlink(missing_ok=True)


def _in_precision(value: Any, precision: str, name: str, source: Path) -> Any:
    """A tensor of its own memory, in the numbers asked for."""
    import torch

    if not value.is_floating_point():
        return value.clone().contiguous()
    if precision == "fp16" and value.numel() and float(value.abs().max()) > _LARGEST_HALF:
        raise WeightsUnusableError(f"{source}: {name} holds numbers too large for fp16; use --precision fp32")
    return value.to(torch.float16 if precision == "fp16" else torch.float32, copy=True).contiguous()
