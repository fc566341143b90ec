"""Expected values of the released programs, which lie beside the repository where there are any."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

GOLDENS = Path(__file__).resolve().parents[1].parent / "shared" / "goldens"

needs_goldens = pytest.mark.skipif(not GOLDENS.is_dir(), reason="the golden values are not beside this checkout")


def golden_module(name: str) -> ModuleType:
    """One of the programs that come with the values: ``fill``, ``inputs`` or ``verify``."""
    spec = importlib.util.spec_from_file_location(f"golden_{name}", GOLDENS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def golden_functions(group: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What is said of a group of functions, and its arrays by name."""
    with np.load(GOLDENS / "public" / "functions.npz", allow_pickle=False) as packed:
        about = json.loads(str(packed["meta"]))["groups"][group]
        arrays = {name.partition("/")[2]: packed[name] for name in packed.files if name.startswith(f"{group}/")}
    return about, arrays
