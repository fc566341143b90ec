from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from talkingface.data.datasets import make_pairs, open_dataset, prepare_dataset
from talkingface.data.layouts import FOLDER, HDTF, LAYOUTS, LRS2, VIDEO_RETALKING, find_layout, list_samples
from talkingface.errors import MediaError
from talkingface.options import AUTO_LAYOUT
from talkingface.options import LAYOUTS as LAYOUT_OPTIONS
from talkingface.progress import Cancellation, SilentProgress

LRS2_CLIPS = ("100/00001", "100/00002", "200/00001", "300/00010")


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"media")
    return folder


def lrs2(folder: Path, place: str = "mvlrs_v1/main", lists: str = ".", lines: str | None = None) -> Path:
    touch(folder, *(f"{place}/{clip}.mp4" for clip in LRS2_CLIPS), *(f"{place}/{clip}.txt" for clip in LRS2_CLIPS))
    (folder / lists).mkdir(exist_ok=True)
    (folder / lists / "test.txt").write_text(lines or "100/00001 NF\n100/00002 MV\r\n\n200/00001\n300/00010\n")
    return folder


def seen(folder: Path, split: str = "test", layout: str = AUTO_LAYOUT) -> list[tuple[str, str, str]]:
    return [(each.name, each.person, each.split) for each in open_dataset(folder, split, layout).samples]


def test_every_layout_can_be_chosen() -> None:
    assert (AUTO_LAYOUT, *LAYOUTS) == LAYOUT_OPTIONS


@pytest.mark.parametrize("place", ["mvlrs_v1/main", "main", "."])
@pytest.mark.parametrize("lists", [".", "filelists"])
def test_lrs2_is_read_from_its_lists(tmp_path: Path, place: str, lists: str) -> None:
    folder = lrs2(tmp_path, place, lists)
    assert find_layout(folder) == LRS2
    assert seen(folder) == [
        ("100_00001", "100", "test"),
        ("100_00002", "100", "test"),
        ("200_00001", "200", "test"),
        ("300_00010", "300", "test"),
    ]
    assert all(path.is_file() for path in open_dataset(folder, "test").faces)


def test_lrs2_lists_may_lie_beside_the_clips_and_pretrain_has_its_own_folder(tmp_path: Path) -> None:
    folder = touch(lrs2(tmp_path, lists="mvlrs_v1"), "mvlrs_v1/pretrain/500/00007.mp4")
    (folder / "mvlrs_v1" / "pretrain.txt").write_text("500/00007\n")
    assert open_dataset(folder, "pretrain").faces == (folder / "mvlrs_v1/pretrain/500/00007.mp4",)
    assert len(seen(folder)) == 4


def test_a_clip_of_a_list_that_is_missing_stays_and_fails_by_name(tmp_path: Path) -> None:
    folder = lrs2(tmp_path, lines="100/00001\n900/00001\n200/00001.mp4\n100/00001\n")
    assert [name for name, _, _ in seen(folder)] == ["100_00001", "900_00001", "200_00001"]
    pairs = make_pairs(open_dataset(folder, "test"), "self", 0, SilentProgress())
    assert [pair.name for pair in pairs] == ["100_00001_self", "900_00001_self", "200_00001_self"]


@pytest.mark.parametrize("line", ["00001", "a/b/c", "../00001", "100/..", "/00001", "100/"])
def test_lists_of_another_form_are_named_with_the_line(tmp_path: Path, line: str) -> None:
    folder = lrs2(tmp_path, lines=f"100/00001\n{line}\n")
    with pytest.raises(MediaError, match=r"test\.txt, line 2: .* is not a clip such as"):
        open_dataset(folder, "test")


def test_a_split_without_a_list_says_where_it_was_looked_for(tmp_path: Path) -> None:
    dataset = open_dataset(lrs2(tmp_path), "val")
    with pytest.raises(MediaError, match=r"no list val\.txt in .*mvlrs_v1"):
        make_pairs(dataset, "self", 0, SilentProgress())


def test_hdtf_people_are_names_without_their_number(tmp_path: Path) -> None:
    folder = touch(tmp_path, "RD_Radio10_000.mp4", "RD_Radio9_000.mp4", "WDA_BarackObama_001.mp4", "WRA_X0_012.mp4")
    assert find_layout(folder) == HDTF
    assert seen(folder) == [
        ("RD_Radio9_000", "RD_Radio9", ""),
        ("RD_Radio10_000", "RD_Radio10", ""),
        ("WDA_BarackObama_001", "WDA_BarackObama", ""),
        ("WRA_X0_012", "WRA_X0", ""),
    ]


def test_hdtf_may_have_split_folders_and_other_names_when_asked(tmp_path: Path) -> None:
    folder = touch(tmp_path, "test/ann_1.mp4", "test/ann_2.mp4", "train/bob_1.mp4", "test/solo.mp4")
    assert find_layout(folder) == FOLDER  # clip_01, clip_02 of a plain folder must not become one person
    assert seen(folder, layout=HDTF) == [
        ("ann_1", "ann", "test"), ("ann_2", "ann", "test"), ("solo", "solo", "test"),
    ]  # fmt: skip
    assert seen(folder, "val", HDTF) == []


def test_a_folder_is_read_to_its_depth(tmp_path: Path) -> None:
    folder = touch(
        tmp_path, "a.mp4", "a.wav", "sub/2.mov", "sub/10.mov", "sub/deep/a.MP4", ".hidden/x.mp4", "sub/.x.mp4", "n.txt"
    )
    (folder / "sub" / "loop").symlink_to(folder)
    assert find_layout(folder) == FOLDER
    assert [name for name, _, _ in seen(folder)] == ["a", "sub_2", "sub_10", "sub_deep_a"]
    dataset = open_dataset(folder, "val")
    assert [sample.person for sample in dataset.samples] == ["a", "sub_2", "sub_10", "sub_deep_a"]
    assert dataset.sounds == (folder / "a.wav",) and dataset.samples[0].audio == folder / "a.wav"
    assert not dataset.has_splits


def test_video_retalking_and_manifests_come_first(tmp_path: Path) -> None:
    folder = touch(tmp_path, "val/face/a.mp4", "val/audio/a.wav", "other/b.mp4")
    assert find_layout(folder) == VIDEO_RETALKING
    assert seen(folder, "val") == [("a", "a", "val")]
    assert find_layout(tmp_path / "nothing") == VIDEO_RETALKING
    plain = touch(tmp_path / "plain", "b.mp4")
    assert find_layout(plain) == FOLDER
    (plain / "manifest.csv").write_text("face,person\nb.mp4,ann\n")
    assert find_layout(plain) == VIDEO_RETALKING
    assert seen(plain) == [("b", "ann", "test")]


def test_a_manifest_s_rows_are_there_in_every_layout(tmp_path: Path) -> None:
    folder = touch(tmp_path, "a.mp4", "b.mp4")
    (folder / "manifest.csv").write_text("face,name\na.mp4,first\n")
    dataset = open_dataset(folder, "val", FOLDER)
    assert len(dataset.samples) == 2
    assert [pair.name for pair in make_pairs(dataset, "manifest", 0, SilentProgress())] == ["first"]


def test_the_order_of_the_folder_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = touch(tmp_path, *(f"p{index % 5}_{index}.mp4" for index in range(20)))
    first = cross(folder)
    listed: Callable[[Path], Any] = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda path: shuffled(listed(path)))
    assert cross(folder) == first
    assert all(face.split("_")[0] != sound.split("_")[0] for face, sound in first)
    moved = tmp_path.parent / "elsewhere"
    os.rename(folder, moved)  # noqa: PTH104
    assert cross(moved) == first


def shuffled(paths: Any) -> list[Path]:
    return sorted(paths, key=lambda path: path.name[::-1], reverse=True)


def cross(folder: Path) -> list[tuple[str, str]]:
    dataset = open_dataset(folder, "val", HDTF)
    pairs = make_pairs(dataset, "cross", 0, SilentProgress(), has_sound=lambda path: True, seed=3)
    return [(pair.face.name, pair.audio.name) for pair in pairs]


def test_a_plain_folder_of_videos_gets_no_sample(tmp_path: Path) -> None:
    touch(tmp_path / "video-retalking", "mine.mp4")
    progress = SilentProgress()
    prepare_dataset("video-retalking", tmp_path, progress, Cancellation())
    assert progress.messages == [] and sorted(path.name for path in tmp_path.rglob("*.mp4")) == ["mine.mp4"]


def test_listing_an_empty_folder_says_what_is_missing(tmp_path: Path) -> None:
    for layout, message in (
        (FOLDER, "holds no video"),
        (HDTF, "holds no video"),
        (LRS2, "no list"),
        (VIDEO_RETALKING, "face"),
    ):
        listing = list_samples(tmp_path, "test", layout)
        assert listing.samples == () and message in listing.nothing
