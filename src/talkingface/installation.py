"""Is this installation whole? What ``talkingface doctor`` checks."""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from talkingface import environment
from talkingface.errors import OutputError, WeightsMissingError
from talkingface.weights.catalog import CATALOG
from talkingface.weights.store import find

MINIMUM_PYTHON = (3, 11)
_MODULES = {"opencv-python-headless": "cv2", "PyYAML": "yaml"}
_WIDTH, _HEIGHT, _FRAMES = 64, 48, 8


@dataclass(frozen=True)
class Check:
    """One line of the doctor's list.

    Attributes:
        name: What was checked.
        ok: Whether it is as it should be.
        detail: What was found; when it is bad, what to do.
        exit_code: The exit status when it is bad.
    """

    name: str
    ok: bool
    detail: str
    exit_code: int = 1


def check_installation() -> list[Check]:
    """Check everything; a bad thing does not stop the rest from being checked."""
    return [*_python(), *_packages(), *_weights(), *_write_access(), _tiny_encode()]


def _python() -> Iterator[Check]:
    found = sys.version.split()[0]
    wanted = ".".join(map(str, MINIMUM_PYTHON))
    yield Check("Python", sys.version_info >= MINIMUM_PYTHON, f"{found} (needs {wanted} or later)")


def _packages() -> Iterator[Check]:
    versions = environment.package_versions()
    for name in environment.BASE_PACKAGES:
        try:
            importlib.import_module(_MODULES.get(name, name))
        except ImportError as error:
            yield Check(name, False, f"cannot be imported: {error}; pip install {name}")
        else:
            yield Check(name, True, versions[name] or "unknown version")
    for name in environment.OPTIONAL_PACKAGES:
        yield Check(f"{name} (optional)", True, versions[name] or "not installed; only training needs it")


def _weights() -> Iterator[Check]:
    for name, digest in environment.asset_hashes().items():
        if digest is None:
            advice = "missing; install talkingface again"
            yield Check(name, False, advice, WeightsMissingError.exit_code)
        else:
            yield Check(name, True, f"sha256 {digest}")
    places = Path("checkpoints")
    found = [entry for entry in CATALOG.values() if not entry.embedded and find(entry.name, places) is not None]
    listed = ", ".join(entry.name for entry in found)
    text = f"{listed}; talkingface weights verify checks them" if found else f"none in {places}/; none are needed"
    yield Check("checkpoints (optional)", True, text)


def _write_access() -> Iterator[Check]:
    for name, folder in (("temporary folder", Path(tempfile.gettempdir())), ("current folder", Path.cwd())):
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            detail = f"{folder}: cannot be written in: {error.strerror or error}"
            yield Check(name, False, detail, OutputError.exit_code)
        else:
            yield Check(name, True, f"{folder} can be written in")


def _tiny_encode() -> Check:
    """Encode some frames as H.264 in an MP4 file, read them back and count them."""
    try:
        import av
        import numpy as np

        with tempfile.TemporaryDirectory(prefix="talkingface-doctor-") as folder:
            path = Path(folder) / "tiny.mp4"
            with av.open(str(path), "w") as container:
                stream = container.add_stream("libx264", rate=25)
                stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
                for number in range(_FRAMES):
                    picture = np.full((_HEIGHT, _WIDTH, 3), number * 20, np.uint8)
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
                container.mux(stream.encode())
            with av.open(str(path)) as container:
                decoded = sum(1 for _ in container.decode(video=0))
    except Exception as error:
        return Check("tiny encode", False, f"{type(error).__name__}: {error}; pip install --force-reinstall av")
    return Check("tiny encode", decoded == _FRAMES, f"{decoded} of {_FRAMES} H.264 frames written and read back")
