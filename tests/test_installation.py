from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from talkingface import environment
from talkingface.installation import check_installation


def test_this_installation_can_encode_and_write() -> None:
    checks = {check.name: check for check in check_installation()}
    for name in ("Python", "numpy", "av", "temporary folder", "tiny encode"):
        assert checks[name].ok, checks[name]
    assert checks["tiny encode"].detail == "8 of 8 H.264 frames written and read back"


def test_checkpoints_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    name = "checkpoints (optional)"
    (check,) = [check for check in check_installation() if check.name == name]
    assert check.ok and check.detail == "none in checkpoints/; none are needed"
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "DNet.pt").write_bytes(b"x")
    (check,) = [check for check in check_installation() if check.name == name]
    assert check.ok and check.detail == "DNet; talkingface weights verify checks them"


def test_missing_weights_are_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "asset_hashes", lambda: {"a.onnx": None})
    (check,) = [check for check in check_installation() if check.name == "a.onnx"]
    assert (check.ok, check.exit_code) == (False, 5)


def test_a_missing_package_and_folder_are_bad(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(environment, "BASE_PACKAGES", ("numpy", "a-package-that-is-not"))
    monkeypatch.setattr(
        environment, "package_versions", lambda: dict.fromkeys(["numpy", "torch", "safetensors", "onnx"], "1")
    )
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "gone"))
    checks = {check.name: check for check in check_installation()}
    assert "pip install a-package-that-is-not" in checks["a-package-that-is-not"].detail
    assert (checks["temporary folder"].ok, checks["temporary folder"].exit_code) == (False, 6)
