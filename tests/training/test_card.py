from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("onnx", reason="the card names its version")

from talkingface.training.card import make_card
from talkingface.training.clip_list import ListedClip
from talkingface.training.extract import generic_face
from talkingface.training.packing import ClipPack
from talkingface.training.people import split_people


def test_licences_and_hashes_are_named(talkers, tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"abc")
    listed = [
        ListedClip(Path("1.mp4"), "set", licence="CC BY 4.0", language="en", use="any network"),
        ListedClip(Path("2.mp4"), "set", licence="research"),
    ]
    card = make_card(
        ClipPack(generic_face(), talkers, {"x": "no face"}), listed, split_people(talkers), {"set": 1.0},
        {"mouth": {}}, {"seed": 1}, tmp_path, ["a.onnx"],
    )  # fmt: skip
    (source,) = card["data"]
    assert source["licences"] == ["CC BY 4.0", "research"] and source["files"] == 2
    assert source["languages"] == ["en"] and source["share_of_a_batch"] == 1.0
    assert card["files"]["a.onnx"] == {
        "bytes": 3,
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    }
    assert card["unusable_files"] == 1
