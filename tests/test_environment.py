from __future__ import annotations

import json
import re

from talkingface.environment import BASE_PACKAGES, asset_hashes, describe, package_versions


def test_versions_of_base_packages_are_known() -> None:
    versions = package_versions()
    assert versions["talkingface"]
    assert all(versions[name] for name in BASE_PACKAGES)


def test_embedded_weights_have_hashes() -> None:
    hashes = asset_hashes()
    assert "face_mesh_attention.onnx" in hashes
    assert all(digest is None or re.fullmatch("[0-9a-f]{64}", digest) for digest in hashes.values())


def test_everything_is_json() -> None:
    assert json.loads(json.dumps(describe()))["python"].startswith("3.")
