"""The tensors of a TorchScript archive, read without running the program in it.

Such an archive is a zip file of a pickle (``data.pkl``: the modules and their attributes), the tensors' bytes and a
program. ``torch.jit.load`` would compile that program. Here only the pickle is read, by an unpickler that knows nothing
but tensors, plain containers and an inert stand-in for modules: it can call nothing else, and the program stays unread.
"""

from __future__ import annotations

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PICKLE = "/data.pkl"
_DTYPES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}


def read_torchscript(path: Path) -> dict[str, Any]:
    """Tensors by name, as the module's ``state_dict()`` would give them.

    Raises:
        pickle.UnpicklingError: the pickle asks for anything but tensors, containers and modules.
        Exception: of zipfile, pickle and torch, for a damaged archive.
    """
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith(PICKLE) and name.count("/") == 1)
        root = _TensorUnpickler(archive, name.removesuffix(PICKLE)).load()
    if not isinstance(root, _Module):
        raise pickle.UnpicklingError("the archive holds no module")
    return dict(_tensors(root, ""))


class _Module:
    """Stands for a module of whatever class: has its attributes, and does nothing."""

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.attributes = state


class _TensorUnpickler(pickle.Unpickler):
    """An unpickler that can only make what a list of modules and tensors needs."""

    def __init__(self, archive: zipfile.ZipFile, prefix: str) -> None:
        super().__init__(io.BytesIO(archive.read(prefix + PICKLE)))
        self._archive = archive
        self._prefix = prefix
        self._storages: dict[str, Any] = {}

    def find_class(self, module: str, name: str) -> Any:
        """The few names there are; everything else is refused."""
        if module.startswith("__torch__"):
            return _Module
        known: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
            ("torch.jit._pickle", "build_intlist"): list,
            ("torch.jit._pickle", "build_doublelist"): list,
            ("torch.jit._pickle", "build_boollist"): list,
            ("torch.jit._pickle", "build_tensorlist"): list,
            ("torch.jit._pickle", "restore_type_tag"): _untagged,
        }
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which weights have no need of")
        return known[module, name]

    def persistent_load(self, pid: Any) -> Any:
        """A tensor's numbers: ``("storage", dtype, file, device, count)``."""
        import torch

        kind, dtype, key, _, count = pid
        if kind != "storage":
            raise pickle.UnpicklingError(f"it asks for {kind!r} instead of numbers")
        if key not in self._storages:
            raw = bytearray(self._archive.read(f"{self._prefix}/data/{key}"))
            self._storages[key] = torch.frombuffer(raw, dtype=getattr(torch, dtype)) if count else torch.empty(0)
            if len(self._storages[key]) != count:
                raise pickle.UnpicklingError(f"{key} holds {len(self._storages[key])} numbers instead of {count}")
        return self._storages[key]


def _tensor(storage: Any, offset: int, size: Any, stride: Any, *_: Any) -> Any:
    """A tensor of its own memory; one that would reach outside the numbers is refused."""
    reach = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True)) + 1
    count = math.prod(size)  # with strides of 0 a tensor could have more numbers than are there
    if min((*size, *stride, offset), default=0) < 0 or (count and max(reach, count) > len(storage)):
        raise pickle.UnpicklingError("a tensor reaches outside its numbers")
    return storage.as_strided(size, stride, offset).clone()


def _untagged(value: Any, tag: str) -> Any:
    """A container whose type TorchScript wrote down beside it."""
    return value


def _tensors(module: _Module, prefix: str) -> Iterator[tuple[str, Any]]:
    import torch

    for name, value in module.attributes.items():
        if isinstance(value, torch.Tensor):
            yield prefix + name, value
        elif isinstance(value, _Module):
            yield from _tensors(value, f"{prefix}{name}.")
