"""What was found in a video is kept by its content, and used again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from talkingface import dub
from talkingface.cache import Cache
from talkingface.dubbing.result import DubResult


def stages(progress: Any) -> list[str]:
    return [name for name, _ in progress.stages]


@pytest.fixture
def job(desk: Path, face: Path, speech: Path, watcher) -> Any:
    def run(source: Path = face, **how: Any) -> tuple[DubResult, list[str]]:
        progress = watcher()
        how = {"threads": 2, "cache_dir": desk / "cache", "length": "cut", "end": 0.5, **how}
        result = dub(source, speech, desk / "out.mp4", progress=progress, overwrite=True, **how)
        return result, stages(progress)

    return run


def test_the_second_dub_of_a_video_need_not_look_for_faces(job, desk: Path, face: Path, decode, differing) -> None:
    first, first_stages = job()
    frames = decode(first.output).frames
    moved = desk / "another name.mp4"
    shutil.copy(face, moved)
    second, second_stages = job(moved)
    assert "find faces" in first_stages
    assert "find faces" not in second_stages
    assert any("looked through before" in note for note in second.report["notes"])
    for masks in differing(frames, decode(second.output).frames):
        assert not any(mask.any() for mask in masks)


def test_another_range_is_another_entry(job) -> None:
    job()
    assert "find faces" in job(end=0.4)[1]
    assert "find faces" not in job(end=0.4)[1]


def test_without_the_cache_nothing_is_used_or_kept(job, desk: Path) -> None:
    job(cache=False)
    assert Cache(desk / "cache").entries() == []
    job()
    assert "find faces" in job(cache=False)[1]


def test_a_limit_of_nothing_keeps_nothing(job, desk: Path) -> None:
    job(cache_size=0.0)
    assert Cache(desk / "cache").entries() == []


def test_a_damaged_entry_is_made_anew(job, desk: Path) -> None:
    job()
    (entry,) = Cache(desk / "cache").entries()
    (entry.path / "landmarks-0.rows").write_bytes(b"short")
    result, told = job()
    assert "find faces" in told
    assert result.frames_dubbed > 10
    assert "find faces" not in job()[1]


def test_a_cache_that_cannot_be_written_is_no_obstacle(job, desk: Path) -> None:
    (desk / "cache").write_text("a file where the cache should be")
    result, _ = job()
    assert result.output.is_file()
    assert any("cannot be written" in note for note in result.report["notes"])
