"""Small synthetic talkers: a hidden opening drives both the mel spectrogram and the mouth."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import LOWER, gap_of
from talkingface.training.extract import generic_face
from talkingface.training.mouth_data import IDENTITY_POINTS, MouthClip
from talkingface.training.packing import ClipPack, save_pack

FRAMES = 32


def hidden_opening(rng: np.random.Generator, frames: int) -> np.ndarray:
    """0..0.2, smooth, with closures."""
    raw = np.convolve(rng.normal(size=frames + 8), np.hanning(7) / 3.5, mode="same")[4:-4]
    return np.clip(raw * 0.12 + 0.08, 0, 0.2)


def talker(number: int, person: int, source: str = "set", frames: int = FRAMES, speaker: str = "") -> MouthClip:
    rng = np.random.default_rng((number, person))
    face = generic_face().astype(np.float64)
    shape = np.repeat(face[list(mesh.MOUTH_POINTS), :2][None], frames, 0)
    opening = hidden_opening(rng, frames)
    shape[:, LOWER, 1] += opening[:, None] - gap_of(shape[0])
    shape[:, 40:50, 1] += 0.8 * opening[:, None]
    fine = np.interp(np.arange(4 * frames) / 4, np.arange(frames), opening)
    profile = np.cos(np.linspace(0, 3, 80))
    mel = -6 + 12 * fine[:, None] * profile + 0.05 * rng.normal(size=(4 * frames, 80))
    who = np.random.default_rng((99, person)).normal(size=(1, 3 * len(IDENTITY_POINTS))) * 0.05
    identity = face[IDENTITY_POINTS].reshape(1, -1) + who + rng.normal(size=(3, who.size)) * 0.004
    name = f"clip{number}"
    return MouthClip(
        name,
        source,
        speaker,
        hashlib.sha256(f"{person}/{name}".encode()).hexdigest(),
        shape.astype(np.float32),
        mel.astype(np.float32),
        identity.astype(np.float32),
        person,
        phonetic=(7 + 12 * fine[:, None] * profile[:32] + 0.05 * rng.normal(size=(4 * frames, 32))).astype(np.float32),
    )


@pytest.fixture(scope="session")
def talkers() -> list[MouthClip]:
    """Eight clips each of six people."""
    return [talker(number, person) for person in range(6) for number in range(8)]


@pytest.fixture
def packed(talkers: list[MouthClip], tmp_path: Path) -> Path:
    """The talkers as a packed data set."""
    path = tmp_path / "clips.npz"
    save_pack(path, ClipPack(generic_face(), list(talkers), {"0" * 64: "no face"}))
    return path


@pytest.fixture
def make_talker() -> Callable[..., Any]:
    return talker
