"""Reading files of weights without running anything in them.

Torch's files are pickles, which can carry code; here they are read by ``torch.load(weights_only=True)``, which builds
tensors and plain containers and nothing else. TorchScript archives carry code too: ``torchscript`` reads their tensors.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from talkingface.errors import WeightsUnusableError

LARGEST_FILE = 4 << 30  # bytes, when nothing is known of a file; the largest released one has 1.5 thousand million
INSTALL = "pip install 'talkingface[neural]'"


def read_tensors(path: Path) -> Any:
    """What a file holds, on the CPU: for torch's files whatever was saved, for safetensors tensors by name.

    Nothing is said of whose weights they are, and torch's, pickle's and safetensors' own errors come through: see
    ``read_checkpoint`` for ones that a user can read.
    """
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path, device="cpu")
    import torch

    with warnings.catch_warnings():  # that a file in an old form should be saved anew is nothing its user can do
        warnings.simplefilter("ignore", UserWarning)
        return torch.load(path, map_location="cpu", weights_only=True)


def read_checkpoint(path: Path, largest: int = LARGEST_FILE, again: str = "get the file again") -> Any:
    """What a file of weights holds, as ``read_tensors`` gives it, or a TorchScript archive's tensors by name.

    Args:
        path: Safetensors by its ending, else of torch.
        largest: Bytes; a larger file, or one that holds more than that packed, is not read.
        again: What to do when it is of no use; ends the error's message.

    Raises:
        WeightsUnusableError: it is too large, damaged, holds something else, or would run code.
    """
    check_size(path, largest, again)
    try:
        if path.suffix != ".safetensors" and is_torchscript(path):
            from talkingface.weights.torchscript import read_torchscript

            return read_torchscript(path)
        return read_tensors(path)
    except ImportError as error:
        raise WeightsUnusableError(f"{path}: reading it needs {error.name or 'torch'}: {INSTALL}") from error
    except MemoryError:
        raise
    except Exception as error:  # a damaged file fails in torch, zipfile and pickle in every way there is
        raise WeightsUnusableError(f"{path}: cannot be read as weights ({reason(error)}); {again}") from error


def check_size(path: Path, largest: int, again: str = "get the file again") -> None:
    """Refuse a file that is too large to be what it should be, before anything of it is read.

    Raises:
        WeightsUnusableError: it is, packed or unpacked; it cannot be looked at; or it is empty.
    """
    try:
        size = path.stat().st_size
        if size <= largest and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                size = max(size, sum(member.file_size for member in archive.infolist()))
    except OSError as error:
        raise WeightsUnusableError(f"{path}: cannot be read ({error.strerror or error}); {again}") from error
    except Exception as error:  # zipfile raises all kinds at a damaged directory
        raise WeightsUnusableError(f"{path}: cannot be read as weights ({reason(error)}); {again}") from error
    if size > largest:
        raise WeightsUnusableError(
            f"{path}: {size / 1e6:.0f} MB, more than the {largest / 1e6:.0f} MB that are believable; {again}"
        )
    if size == 0:
        raise WeightsUnusableError(f"{path}: is empty; {again}")


def is_torchscript(path: Path) -> bool:
    """Whether a file is an archive of TorchScript, which torch does not read without running it."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def is_state(value: Any) -> bool:
    """Whether this is tensors by name, at least one."""
    import torch

    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(key, str) and isinstance(item, torch.Tensor) for key, item in value.items())
    )


def reason(error: Exception) -> str:
    """The first line of an error's text, which others' errors are long-winded after; else its kind."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
