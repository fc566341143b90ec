from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="weights of networks need torch")

from talkingface.weights.catalog import catalog_entry  # noqa: E402
from talkingface.weights.convert import convert  # noqa: E402
from talkingface.weights.hashing import file_sha256  # noqa: E402
from talkingface.weights.verify import verify  # noqa: E402

pytestmark = pytest.mark.usefixtures("small_networks")


@pytest.fixture
def parser(checkpoints: Path, state_of: Any) -> Path:
    torch.save(state_of("ParseNet512"), checkpoints / "ParseNet-latest.pth")
    return checkpoints / "ParseNet-latest.pth"


def test_a_good_file(parser: Path) -> None:
    entry = catalog_entry("ParseNet512")
    verdict = verify(entry, parser)
    assert verdict.ok and verdict.sha256 == file_sha256(parser)
    assert verdict.detail == "all 142 tensors fit, the released SHA-256 is not known"
    known = verify(replace(entry, sha256=verdict.sha256), parser)
    assert known.ok and known.detail == "all 142 tensors fit, the released file's SHA-256"


def test_another_hash_is_bad(parser: Path) -> None:
    verdict = verify(replace(catalog_entry("ParseNet512"), sha256="0" * 64), parser)
    assert not verdict.ok
    assert verdict.detail.startswith("all 142 tensors fit, but it is not the released file: its SHA-256 is ")


def test_converted_files_have_hashes_of_their_own(parser: Path) -> None:
    pytest.importorskip("safetensors")
    entry = catalog_entry("ParseNet512")
    convert(entry, parser, parser.with_suffix(".safetensors"), "fp16")
    verdict = verify(replace(entry, sha256="0" * 64), parser.with_suffix(".safetensors"))
    assert verdict.ok and verdict.detail == "all 142 tensors fit, converted"


def test_a_damaged_file_is_bad(parser: Path) -> None:
    parser.write_bytes(parser.read_bytes()[:-500])
    verdict = verify(catalog_entry("ParseNet512"), parser)
    assert not verdict.ok and verdict.detail.startswith("cannot be read as weights")
    assert (
        verify(catalog_entry("ParseNet512"), parser.parent / "gone").detail
        == "cannot be read: No such file or directory"
    )


def test_files_of_other_kinds(checkpoints: Path) -> None:
    path = checkpoints / "w600k_r50.onnx"
    path.write_bytes(b"x")
    verdict = verify(catalog_entry("ArcFace"), path)
    assert verdict.ok and "its content was not looked into" in verdict.detail
    verdict = verify(catalog_entry("ExpressionTemplates"), path)
    assert not verdict.ok and "is not expression.mat" in verdict.detail
