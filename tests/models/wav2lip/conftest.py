"""A narrow generator with seeded weights in the released file's form, and what a run needs beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from talkingface.data.sample import build_sample
from talkingface.progress import Cancellation, SilentProgress


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample dataset, ``video-retalking`` in a folder of datasets."""
    folder: Path = tmp_path_factory.mktemp("datasets") / "video-retalking"
    build_sample(folder, SilentProgress(), Cancellation())
    return folder


@pytest.fixture(scope="session")
def portrait(sample: Path) -> Path:
    return next((sample / "val" / "face").glob("*.mp4"))


@pytest.fixture(scope="session")
def hello(sample: Path) -> Path:
    return sample / "val" / "audio" / "hello.wav"


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A checkpoint folder with ``wav2lip.pth`` and another ``wav2lip_gan.pth``, of a narrow network."""
    torch = pytest.importorskip("torch", reason="the network needs torch")
    from talkingface.models import networks
    from talkingface.models.wav2lip.generator import GeneratorWidths, Wav2Lip

    monkeypatch.setitem(networks._BUILDERS, "Wav2Lip", lambda: Wav2Lip(GeneratorWidths().narrowed(8)))
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    for seed, name in enumerate(("wav2lip.pth", "wav2lip_gan.pth")):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            state = networks.build("Wav2Lip").state_dict()
            for key, value in state.items():
                if key.endswith(".1.weight"):  # stronger norms: the picture then depends on what went in
                    value += 0.5
        wrapped = {f"module.{key}": value for key, value in state.items()}
        torch.save({"state_dict": wrapped, "optimizer": None, "global_step": 7}, folder / name)
    return folder


def frames_of(path: Path, most: int | None = None) -> list[list[np.ndarray]]:
    found = []
    with av.open(str(path)) as source:
        for frame in source.decode(video=0):
            planes = []
            for plane in frame.planes:
                lines = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
                planes.append(lines[:, : plane.width].copy())
            found.append(planes)
            if len(found) == most:
                break
    return found


@pytest.fixture
def decode() -> Callable[..., Any]:
    """Planes of a file's first frames."""
    return frames_of
