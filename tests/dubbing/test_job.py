"""What was asked for, and its key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from talkingface.cache import Cache
from talkingface.dubbing.job import Job, JobKeys, job_keys, job_parent
from talkingface.option_fields import with_changes
from talkingface.options import DubOptions
from talkingface.progress import Cancellation


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    for name in ("face.mp4", "sound.wav", "her.wav", "him.wav", "her.png", "smile.jpg"):
        (tmp_path / name).write_text(name)
    return tmp_path


def keys(inputs: Path, audio: str | None = "sound.wav", **changes: Any) -> JobKeys:
    options = with_changes(DubOptions(), {"threads": 2, **changes})
    job = Job(inputs / "face.mp4", None if audio is None else inputs / audio, inputs / "out.mp4", options)
    return job_keys(job, Cancellation())


@pytest.mark.parametrize(
    "changes",
    [{"crf": 20}, {"seed": 1}, {"start": 0.5}, {"preview": 2.0}, {"face": "index:1"}, {"threads": 1},
     {"length": "loop"}, {"video_codec": "hevc"}, {"pixel_format": "keep"}, {"still": True}, {"audio_stream": 1},
     {"expression": "sad"}, {"emotion": "sad"}, {"emotion": "sad", "strength": 0.5}],
)  # fmt: skip
def test_what_decides_the_result_is_in_the_key(inputs: Path, changes: dict[str, Any]) -> None:
    assert keys(inputs, **changes).job != keys(inputs).job
    assert keys(inputs, **changes).face == keys(inputs).face


@pytest.mark.parametrize(
    "changes",
    [
        {"overwrite": True},
        {"resume": True},
        {"cache": False},
        {"mark": False},
        {"keep_background": 0.5},
        {"debug": True},
    ],
)
def test_what_does_not_decide_the_picture_is_not(inputs: Path, changes: dict[str, Any]) -> None:
    assert keys(inputs, **changes) == keys(inputs)


def test_every_input_counts_by_its_content(inputs: Path) -> None:
    speakers = f"index:0={inputs / 'her.wav'}; image:{inputs / 'her.png'}={inputs / 'him.wav'}"
    smile = str(inputs / "smile.jpg")
    before = keys(inputs, speaker_map=speakers, expression=smile)
    assert keys(inputs, audio=None, speaker_map=speakers, expression=smile).job != before.job
    for name in ("sound.wav", "her.wav", "him.wav", "her.png", "smile.jpg"):
        content = (inputs / name).read_text()
        (inputs / name).write_text("changed")
        changed = keys(inputs, speaker_map=speakers, expression=smile)
        assert changed.job != before.job
        assert changed.face == before.face
        (inputs / name).write_text(content)
    (inputs / "face.mp4").write_text("changed")
    assert keys(inputs, speaker_map=speakers).face != before.face


def test_jobs_work_in_the_cache_or_elsewhere_when_it_cannot_be_written(tmp_path: Path) -> None:
    said: list[str] = []
    assert job_parent(Cache(tmp_path / "cache"), said.append) == tmp_path / "cache" / "jobs"
    assert said == []
    (tmp_path / "file").touch()
    assert job_parent(Cache(tmp_path / "file"), said.append).is_dir()
    assert "cannot be written" in said[0]
