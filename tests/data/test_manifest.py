from __future__ import annotations

from pathlib import Path

import pytest

from talkingface.data.manifest import ManifestRow, read_manifest
from talkingface.errors import MediaError


def write(folder: Path, text: str) -> Path:
    path = folder / "manifest.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_are_relative_to_the_manifest(tmp_path: Path) -> None:
    path = write(tmp_path, "face,audio,split,note\na.mp4,s/b.wav,val,x\nc.mp4,,train,\n")
    assert read_manifest(path) == [
        ManifestRow(tmp_path / "a.mp4", tmp_path / "s/b.wav", "val"),
        ManifestRow(tmp_path / "c.mp4", None, "train"),
    ]


def test_only_the_face_is_needed_and_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = write(tmp_path, "\ufeffface , truth\n/abs/a.mp4, t.mp4\n")
    assert read_manifest(path) == [ManifestRow(Path("/abs/a.mp4"), None, "", tmp_path / "t.mp4")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs a column 'face'; this one has none"),
        ("video,audio\na,b\n", "this one has video, audio"),
        ("face,audio\na.mp4,b.wav\n,c.wav\n", "line 3: the column 'face' is empty"),
        ('face\n"a', "is not a CSV file"),
    ],
)
def test_bad_manifests_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(MediaError, match=message):
        read_manifest(write(tmp_path, text))


def test_unreadable_manifests_are_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="cannot be read"):
        read_manifest(tmp_path / "nothing.csv")
    (tmp_path / "latin.csv").write_bytes(b"face\n\xe9.mp4\n")
    with pytest.raises(MediaError, match="UTF-8"):
        read_manifest(tmp_path / "latin.csv")
