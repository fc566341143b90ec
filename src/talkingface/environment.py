"""What a result was made with: versions of Python, packages and the machine, hashes of the weights in the package."""

from __future__ import annotations

import os
import platform
import sys
from typing import Any

from talkingface.errors import WeightsMissingError

BASE_PACKAGES = ("numpy", "opencv-python-headless", "av", "onnxruntime", "PyYAML", "rich", "threadpoolctl")
OPTIONAL_PACKAGES = ("torch", "safetensors", "onnx")


def package_versions() -> dict[str, str | None]:
    """Return the installed version of each package that matters, without importing any; None where there is none."""
    from importlib.metadata import PackageNotFoundError, version  # takes 20 ms, which most verbs need not wait for

    found: dict[str, str | None] = {}
    for name in ("talkingface", *BASE_PACKAGES, *OPTIONAL_PACKAGES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def asset_hashes() -> dict[str, str | None]:
    """Return the SHA-256 of each embedded weight file, by file name; None where the installation lacks it."""
    from talkingface.weights.embedded import EMBEDDED_FILES, asset_sha256

    hashes: dict[str, str | None] = {}
    for name in EMBEDDED_FILES:
        try:
            hashes[name] = asset_sha256(name)
        except WeightsMissingError:
            hashes[name] = None
    return hashes


def describe() -> dict[str, Any]:
    """Return everything, JSON-ready."""
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "packages": package_versions(),
        "weights_sha256": asset_hashes(),
    }
