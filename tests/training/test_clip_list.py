from pathlib import Path

import pytest

from talkingface.errors import MediaError
from talkingface.training.clip_list import list_clips, named_clips


def write(folder: Path, text: str) -> Path:
    path = folder / "manifest.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_only_training_rows_that_allow_geometry_are_taken(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "file,split,use,source,licence,language,person\n"
        "a/1.mp4,train,any network,one,CC BY 4.0,en,Ann\n"
        "a/2.mp4,train,geometry networks only,two,research,ar,\n"
        "a/3.mp4,test,test only,two,,,\n"
        "a/4.mp4,train,test only,two,,,\n"
        "a/5.wav,train,any network,two,,,\n",
    )
    found = list_clips(path)
    assert [clip.path.name for clip in found.clips] == ["1.mp4", "2.mp4"]
    assert found.clips[0].speaker == "Ann" and found.clips[0].licence == "CC BY 4.0"
    assert found.clips[1].source == "two"
    assert found.passed_over == {
        "of another split": 1, "not allowed for geometry networks": 1, "not a video": 1
    }  # fmt: skip
    assert list_clips(tmp_path).clips == found.clips


def test_a_face_column_is_enough(tmp_path: Path) -> None:
    found = list_clips(write(tmp_path, "face\nx/1.mp4\n"))
    assert found.clips[0].path == tmp_path / "x/1.mp4" and found.clips[0].source == "x"


def test_a_folder_of_videos(tmp_path: Path) -> None:
    for name in ("b/2.mp4", "a/1.MOV", "a/note.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [(clip.path.name, clip.source) for clip in list_clips(tmp_path).clips] == [("1.MOV", "a"), ("2.mp4", "b")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("picture\na.mp4\n", "column 'file' or 'face'"),
        ("file,split\na.mp4,test\n", "1 of another split"),
        ("", "column 'file' or 'face'"),
    ],
)
def test_manifests_without_a_usable_row(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(MediaError, match=words):
        list_clips(write(tmp_path, text))


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no such"):
        list_clips(tmp_path / "missing.csv")
    with pytest.raises(MediaError, match="no video"):
        list_clips(tmp_path)


def test_names_of_clips_that_validate(tmp_path: Path) -> None:
    path = tmp_path / "validation.txt"
    path.write_text("one\n\n two.MP4 \nthree.part\n", encoding="utf-8")
    assert named_clips(path) == {"one", "two", "three.part"}
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(MediaError, match="names no clip"):
        named_clips(path)
    with pytest.raises(MediaError, match="cannot be read"):
        named_clips(tmp_path / "none.txt")
