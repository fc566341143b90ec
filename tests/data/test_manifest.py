from __future__ import annotations

from pathlib import Path

import pytest

from talkingface.data.manifest import PROTOCOL_COLUMNS, ManifestRow, read_manifest, write_manifest
from talkingface.errors import MediaError, OutputError


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


def test_all_columns_are_read(tmp_path: Path) -> None:
    path = write(tmp_path, "generated,name,person,face\nout/x.mp4,ann_hello,ann,a.mp4\n,,,b.mp4\n")
    first, second = read_manifest(path)
    assert (first.name, first.person, first.generated, first.split) == ("ann_hello", "ann", "out/x.mp4", "")
    assert (second.name, second.person, second.generated) == ("", "", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,face\na/b,a.mp4\n", r"line 2: the name 'a/b' holds a slash"),
        ("name,face\n..,a.mp4\n", r"line 2: the name '\.\.' begins with a dot"),
        ("name,face\nx,a.mp4\n,b.mp4\nX,c.mp4\n", "line 4: the name 'X' stands in line 2 too"),
        ("face,audio,face\na,b,c\n", "has two columns 'face'"),
    ],
)
def test_names_that_would_meet_in_a_folder_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(MediaError, match=message):
        read_manifest(write(tmp_path, text))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    rows = [
        ManifestRow(
            tmp_path / "faces/a, b.mp4", tmp_path / "far/é.wav", "val", tmp_path / "t.mp4", "a", "ann", "a.mp4"
        ),
        ManifestRow(tmp_path / 'faces/"q".png', None, ""),
    ]
    (tmp_path / "lists").mkdir()
    path = tmp_path / "lists" / "all.csv"
    write_manifest(path, rows)
    assert path.read_text().splitlines()[:2] == [
        "name,person,split,face,audio,truth,generated",
        'a,ann,val,"../faces/a, b.mp4",../far/é.wav,../t.mp4,a.mp4',
    ]
    back = [(row.face.resolve(), row.audio and row.audio.resolve(), row.name) for row in read_manifest(path)]
    assert back == [(row.face.resolve(), row.audio and row.audio.resolve(), row.name) for row in rows]
    write_manifest(path, rows, PROTOCOL_COLUMNS)
    assert path.read_text().startswith("name,face,audio,truth,generated\n")


def test_relative_paths_hold_wherever_one_stands(workplace: Path) -> None:
    (workplace / "deep").mkdir()
    write_manifest(Path("deep/m.csv"), [ManifestRow(Path("a.mp4"), Path("deep/b.wav"), "")], ("face", "audio"))
    assert Path("deep/m.csv").read_text() == "face,audio\n../a.mp4,b.wav\n"


def test_manifests_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_manifest(tmp_path / "no" / "m.csv", [])
    with pytest.raises(MediaError, match="is not UTF-8"):
        write_manifest(tmp_path / "m.csv", [ManifestRow(tmp_path / "caf\udce9.mp4", None, "")])
    assert list(tmp_path.iterdir()) == []


def test_relative_paths_hold_through_links(tmp_path: Path) -> None:
    (tmp_path / "disk" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "deep")
    (tmp_path / "target.mp4").write_text("face")
    (tmp_path / "a.mp4").symlink_to(tmp_path / "target.mp4")
    write_manifest(tmp_path / "link" / "m.csv", [ManifestRow(tmp_path / "a.mp4", None, "")])
    (row,) = read_manifest(tmp_path / "link" / "m.csv")
    assert row.face.name == "a.mp4" and row.face.read_text() == "face"


def test_odd_file_names_are_found_again(tmp_path: Path) -> None:
    odd = [" a.mp4", "b\n.mp4", 'c",.mp4', "-d.mp4"]
    for name in odd:
        (tmp_path / name).write_text(name)
    write_manifest(tmp_path / "m.csv", [ManifestRow(tmp_path / name, None, "") for name in odd])
    assert [row.face.read_text() for row in read_manifest(tmp_path / "m.csv")] == odd
