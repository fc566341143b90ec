from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from talkingface.data.datasets import dataset_folder, make_pairs, open_dataset, prepare_dataset
from talkingface.errors import MediaError, OptionError, OutputError
from talkingface.progress import Cancellation, SilentProgress

DatasetMaker = Callable[..., Path]


@pytest.fixture
def sample_builder(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Stands for ``talkingface.data.sample``; its ``build_sample`` is set by each test."""
    module = types.ModuleType("talkingface.data.sample")

    def build_sample(folder: Path, progress: Any, cancel: Any) -> None:
        for name in ("face/portrait.mp4", "audio/one.wav", "audio/two.wav"):
            (folder / "val" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "val" / name).write_text(name)

    module.build_sample = build_sample  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "talkingface.data.sample", module)
    return module


def prepare(name: str, folder: Path) -> tuple[Path, SilentProgress]:
    progress = SilentProgress()
    return prepare_dataset(name, folder, progress, Cancellation()), progress


@pytest.mark.parametrize("state", ["missing", "empty", "only a readme"])
def test_the_sample_is_built_when_there_is_nothing(tmp_path: Path, sample_builder: Any, state: str) -> None:
    folder = tmp_path / "dataset" / "video-retalking"
    if state != "missing":
        (folder / "val" / "face").mkdir(parents=True)
    if state == "only a readme":
        (folder / "README.md").write_text("about")
    prepared, progress = prepare("video-retalking", tmp_path / "dataset")
    assert prepared == folder
    assert "building a small sample" in progress.messages[0]
    files = sorted(path.relative_to(folder).as_posix() for path in (folder / "val").rglob("*") if path.is_file())
    assert files == ["val/audio/one.wav", "val/audio/two.wav", "val/face/portrait.mp4"]
    assert not list(folder.glob(".sample-*"))


def test_what_is_there_is_left_alone(tmp_path: Path, sample_builder: Any, dataset_maker: DatasetMaker) -> None:
    folder = dataset_maker(tmp_path / "video-retalking", [], ["mine.wav"])
    before = sorted(folder.rglob("*"))
    _, progress = prepare("video-retalking", tmp_path)
    assert sorted(folder.rglob("*")) == before
    assert progress.messages == []


def test_a_stopped_build_leaves_nothing(tmp_path: Path, sample_builder: Any) -> None:
    def build_sample(folder: Path, progress: Any, cancel: Any) -> None:
        (folder / "val").mkdir()
        (folder / "val" / "half.mp4").write_text("half")
        raise KeyboardInterrupt

    sample_builder.build_sample = build_sample
    with pytest.raises(KeyboardInterrupt):
        prepare("video-retalking", tmp_path)
    assert list((tmp_path / "video-retalking").iterdir()) == []


def test_a_sample_that_cannot_be_written_is_an_output_error(tmp_path: Path, sample_builder: Any) -> None:
    (tmp_path / "dataset").mkdir()

    def build_sample(folder: Path, progress: Any, cancel: Any) -> None:
        raise OSError(28, "No space left on device")

    sample_builder.build_sample = build_sample
    with pytest.raises(OutputError, match="No space left"):
        prepare("video-retalking", tmp_path / "dataset")


def test_unknown_datasets_name_those_present(tmp_path: Path) -> None:
    (tmp_path / "hdtf").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "README.md").write_text("about")
    with pytest.raises(OptionError, match=r"did you mean 'hdtf'\? \(known: hdtf, video-retalking\)"):
        dataset_folder("hdft", tmp_path)
    with pytest.raises(OptionError):
        dataset_folder("../secret", tmp_path)
    with pytest.raises(OptionError):
        prepare(".hidden", tmp_path)
    assert dataset_folder("video-retalking", tmp_path / "nothing").name == "video-retalking"


def test_files_are_listed_in_natural_order(tmp_path: Path, dataset_maker: DatasetMaker) -> None:
    folder = dataset_maker(
        tmp_path, ["10.mp4", "2.mp4", "1.MOV", "still.PNG", "notes.txt", ".hid.mp4"], ["b.wav", "a.mp3"]
    )
    dataset = open_dataset(folder, "val")
    assert [path.name for path in dataset.faces] == ["1.MOV", "2.mp4", "10.mp4", "still.PNG"]
    assert [path.name for path in dataset.sounds] == ["a.mp3", "b.wav"]
    assert open_dataset(folder, "test").faces == ()


def test_a_manifest_alone_is_a_dataset(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("face,audio,split\na.mp4,x.wav,val\nb.mp4,y.wav,val\nc.mp4,z.wav,test\n")
    dataset = open_dataset(tmp_path, "val")
    assert [path.name for path in dataset.faces] == ["a.mp4", "b.mp4"]
    progress = SilentProgress()
    pairs = make_pairs(dataset, "manifest", 0, progress)
    assert [(pair.face.name, pair.audio.name) for pair in pairs] == [("a.mp4", "x.wav"), ("b.mp4", "y.wav")]
    assert len(make_pairs(dataset, "all", 0, progress)) == 4


def test_pairs_can_be_limited_and_left_out_faces_are_said(tmp_path: Path, dataset_maker: DatasetMaker) -> None:
    dataset = open_dataset(dataset_maker(tmp_path, ["a.png", "b.png", "c.png"], ["b.wav"]), "val")
    progress = SilentProgress()
    pairs = make_pairs(dataset, "unpaired", 1, progress)
    assert [pair.name for pair in pairs] == ["a_b"]
    assert progress.messages == ["b.png: left out, there is no sound that is not its own"]


def test_an_unreadable_video_makes_its_own_pair_and_lends_no_sound(tmp_path: Path, dataset_maker: DatasetMaker) -> None:
    dataset = open_dataset(dataset_maker(tmp_path, ["broken.mp4", "fine.png"], []), "val")
    assert [pair.name for pair in make_pairs(dataset, "self", 0, SilentProgress())] == ["broken_self"]
    with pytest.raises(MediaError, match="no pair"):
        make_pairs(dataset, "unpaired", 0, SilentProgress())


@pytest.mark.parametrize(
    ("pairing", "faces", "sounds", "message"),
    [
        ("unpaired", [], ["a.wav"], "holds no video or picture"),
        ("all", ["a.png"], [], "holds no sound"),
        ("self", ["a.png"], [], "a.png: left out, it has no sound of its own"),
        ("manifest", ["a.png"], ["a.wav"], "manifest.csv: --pairing manifest needs this file"),
    ],
)
def test_datasets_without_a_pair_say_why(
    tmp_path: Path, dataset_maker: DatasetMaker, pairing: str, faces: list[str], sounds: list[str], message: str
) -> None:
    dataset = open_dataset(dataset_maker(tmp_path, faces, sounds), "val")
    with pytest.raises(MediaError, match=message):
        make_pairs(dataset, pairing, 0, SilentProgress())


def test_a_manifest_without_rows_of_the_split_says_so(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("face,split\na.mp4,train\n")
    with pytest.raises(MediaError, match="no row for the split val"):
        make_pairs(open_dataset(tmp_path, "val"), "manifest", 0, SilentProgress())
