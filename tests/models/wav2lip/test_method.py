from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from talkingface.dubbing.dub import dub
from talkingface.dubbing.job import Job, job_keys
from talkingface.errors import Cancelled
from talkingface.models.wav2lip.model import Wav2LipOptions, open_method
from talkingface.options import DubOptions
from talkingface.progress import Cancellation, SilentProgress


class StopsAt(SilentProgress):
    """Throws a switch after so many frames."""

    def __init__(self, frames: int, cancel: Cancellation) -> None:
        super().__init__()
        self.left, self.cancel, self.speaking = frames, cancel, False

    def stage(self, name: str, total: int | None) -> None:
        self.speaking = name == "speak lips"

    def advance(self, steps: int = 1) -> None:
        if self.speaking:
            self.left -= steps
            if self.left == 0:
                self.cancel.cancel()


def test_an_interrupted_job_goes_on_with_the_same_frames(
    narrow: Path, portrait: Path, hello: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decode: Any
) -> None:
    monkeypatch.setattr("talkingface.dubbing.dub.SEGMENT_FRAMES", 6)
    monkeypatch.setattr("talkingface.dubbing.synthesise.GROUPS_END", 6)
    method = open_method(Wav2LipOptions(model="wav2lip", checkpoint_dir=narrow, batch_size=4))
    settings: dict[str, Any] = {"preview": 1.2, "video_codec": "ffv1", "threads": 1, "method": method}
    dub(portrait, hello, tmp_path / "whole.mkv", **settings)
    cancel = Cancellation()
    with pytest.raises(Cancelled, match="--resume"):
        dub(portrait, hello, tmp_path / "parts.mkv", progress=StopsAt(20, cancel), cancel=cancel, **settings)
    result = dub(portrait, hello, tmp_path / "parts.mkv", resume=True, **settings)
    kept = result.report["frames"]["from_interrupted_run"]
    assert kept in (6, 12, 18)  # what still waited for the encoder is lost
    for whole, parts in zip(decode(tmp_path / "whole.mkv"), decode(tmp_path / "parts.mkv"), strict=True):
        for one, other in zip(whole, parts, strict=True):
            np.testing.assert_array_equal(one, other)


def test_what_decides_the_frames_decides_the_jobs_name(narrow: Path, portrait: Path, hello: Path) -> None:
    options = Wav2LipOptions(model="wav2lip", checkpoint_dir=narrow)
    job = Job(portrait, hello, Path("made.mp4"), DubOptions())

    def name_of(method: Any) -> str:
        return job_keys(job, Cancellation(), [method.name, method.key], method.files).job

    usual = open_method(options)
    others = [
        open_method(replace(options, **change))
        for change in (
            {"checkpoint": "wav2lip_gan"},
            {"pads": "0,0,0,0"},
            {"smooth": False},
            {"keep_upper_face": False},
            {"dtype": "bf16"},
        )
    ]
    names = [name_of(method) for method in (usual, *others)]
    assert len(set(names)) == len(names)
    assert name_of(open_method(options)) == names[0]
    assert job_keys(job, Cancellation()).job not in names
