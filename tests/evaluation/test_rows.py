from __future__ import annotations

from pathlib import Path

import pytest

from talkingface.errors import MediaError
from talkingface.evaluation.rows import rows_of_files, rows_of_manifest


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"media")
    return folder


def manifest(folder: Path, text: str) -> Path:
    (folder / "pairs.csv").write_text(text)
    return folder / "pairs.csv"


def test_a_method_s_folder_is_scored_by_the_protocol(tmp_path: Path) -> None:
    made = touch(tmp_path / "made", "ann_hello.mp4")
    path = manifest(
        tmp_path,
        "name,face,audio,truth,generated\nann_hello,a.mp4,h.wav,t.mp4,ann_hello.mp4\nbob_hello,b.mp4,h.wav,,bob_hello.mp4\n",
    )
    first, second = rows_of_manifest(path, made)
    assert (first.name, first.generated, first.failure) == ("ann_hello", made / "ann_hello.mp4", None)
    assert (first.face, first.audio, first.truth) == (tmp_path / "a.mp4", tmp_path / "h.wav", tmp_path / "t.mp4")
    assert (second.generated, second.truth) == (None, None)
    assert second.failure == f"{made / 'bob_hello.mp4'}: no such file"


def test_without_a_folder_the_column_is_relative_to_the_manifest(tmp_path: Path) -> None:
    touch(tmp_path, "out/x.mp4")
    first, second = rows_of_manifest(manifest(tmp_path, "face,generated\na.mp4,out/x.mp4\nb.mp4,\n"))
    assert first.generated == tmp_path / "out/x.mp4"
    assert second.generated is None and second.failure == f"{tmp_path / 'b_self'}.*: no such file"


def test_a_row_without_a_sound_speaks_its_own(tmp_path: Path) -> None:
    made = touch(tmp_path / "made", "a_self.mkv", "p.v2.mp4")
    path = manifest(tmp_path, "name,face\n,a.mp4\np.v2,p.png\n")
    first, second = rows_of_manifest(path, made)
    assert (first.name, first.audio, first.truth) == ("a_self", tmp_path / "a.mp4", tmp_path / "a.mp4")
    # A picture has no sound of its own, so the clip's is judged.
    assert (second.generated, second.audio, second.truth) == (made / "p.v2.mp4", made / "p.v2.mp4", None)


def test_other_endings_are_found_when_there_is_one(tmp_path: Path) -> None:
    path = manifest(tmp_path, "name,face,generated\nx,a.mp4,x.mp4\ny,b.mp4,y.mp4\n")
    made = touch(tmp_path / "made", "x.avi", "x.txt", "y.mkv", "y.mov")
    first, second = rows_of_manifest(path, made)
    assert first.generated == made / "x.avi"
    assert second.generated is None and "y.mkv and y.mov are there" in str(second.failure)


@pytest.mark.parametrize(
    ("text", "folder", "message"),
    [
        ("video,sound\na,b\n", "made", "needs a column 'face'"),
        ("face\n", "made", "has no row to score"),
        ("face\na.mp4\n", None, "no row names a video in a column 'generated'"),
        ("face\na.mp4\n", "gone", "no such folder"),
    ],
)
def test_manifests_that_cannot_be_scored_say_why(tmp_path: Path, text: str, folder: str | None, message: str) -> None:
    touch(tmp_path / "made")
    (tmp_path / "made").mkdir()
    with pytest.raises(MediaError, match=message):
        rows_of_manifest(manifest(tmp_path, text), None if folder is None else tmp_path / folder)


def test_files_alone_are_their_own_sound_and_source(tmp_path: Path) -> None:
    touch(tmp_path, "a/x.mp4", "b/x.mp4")
    files = [tmp_path / "a/x.mp4", tmp_path / "b/x.mp4", tmp_path / "gone.mp4"]
    rows = rows_of_files(files)
    assert [row.name for row in rows] == ["a_x", "b_x", "gone"]
    assert [(row.face, row.audio, row.truth) for row in rows] == [(file, file, None) for file in files]
    assert [row.generated for row in rows] == [*files[:2], None]
    assert [row.failure for row in rows] == [None, None, f"{files[2]}: no such file"]


def test_a_file_belongs_to_all_and_a_folder_holds_each_clip_s_own(tmp_path: Path) -> None:
    touch(tmp_path, "x.mp4", "y.mp4", "h.wav", "faces/x.mov", "truths/y.mp4", "truths/other.mp4")
    rows = rows_of_files(
        [tmp_path / "x.mp4", tmp_path / "y.mp4"], tmp_path / "faces", tmp_path / "h.wav", tmp_path / "truths"
    )
    assert [row.face for row in rows] == [tmp_path / "faces/x.mov", tmp_path / "truths/y.mp4"]
    assert {row.audio for row in rows} == {tmp_path / "h.wav"}
    assert [row.truth for row in rows] == [None, tmp_path / "truths/y.mp4"]


def test_sound_files_come_before_videos(tmp_path: Path) -> None:
    touch(tmp_path, "x.mp4", "y.mp4", "sounds/x.wav", "sounds/x.mp4", "sounds/y.mp4")
    rows = rows_of_files([tmp_path / "x.mp4", tmp_path / "y.mp4"], audio=tmp_path / "sounds")
    assert [row.audio.name for row in rows] == ["x.wav", "y.mp4"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"face": "gone"}, "gone: no such file or folder"),
        ({"audio": "empty"}, "holds no file called as a clip to score"),
        ({"face": "two"}, "x.mov and x.png both match x.mp4"),
    ],
)
def test_what_does_not_match_is_said(tmp_path: Path, given: dict[str, str], message: str) -> None:
    touch(tmp_path, "x.mp4", "two/x.png", "two/x.mov", "empty/z.wav")
    with pytest.raises(MediaError, match=message):
        rows_of_files([tmp_path / "x.mp4"], **{name: tmp_path / path for name, path in given.items()})
