"""The files that ship with the package."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from talkingface.errors import WeightsMissingError
from talkingface.weights.embedded import EMBEDDED_FILES, asset_path, asset_sha256, create_session


@pytest.mark.parametrize("name", EMBEDDED_FILES)
def test_every_file_is_there_and_hashed(name: str) -> None:
    path = asset_path(name)
    assert asset_sha256(name) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.stat().st_size < 12 << 20


def test_a_missing_file_says_what_to_do() -> None:
    with pytest.raises(WeightsMissingError, match=r"no_such\.onnx.*install") as caught:
        asset_path("no_such.onnx")
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("name", [name for name in EMBEDDED_FILES if name.endswith(".onnx")])
def test_networks_open_on_the_cpu(name: str) -> None:
    session = create_session(name)
    assert session.get_providers() == ["CPUExecutionProvider"]
    assert session.get_inputs()


def test_the_runtime_reports_nothing_and_leaves_nothing_behind(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    for key in ("TMPDIR", "TEMP", "TMP"):
        environment[key] = str(tmp_path)
    code = "from talkingface.weights.embedded import create_session; create_session('mouth_motion.onnx')"
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=60)
    assert not list(tmp_path.iterdir())
