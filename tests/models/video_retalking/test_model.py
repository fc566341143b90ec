from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest

from talkingface.errors import WeightsMissingError
from talkingface.models.video_retalking.model import VideoRetalking
from talkingface.options import DubOptions, ToolkitOptions
from talkingface.progress import Cancellation, SilentProgress


def test_each_pair_is_one_dub_with_the_options_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    module = types.ModuleType("talkingface.dubbing.dub")
    module.dub = lambda *arguments, **settings: calls.append((arguments, settings)) or "made"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "talkingface.dubbing.dub", module)
    progress, cancel = SilentProgress(), Cancellation()
    face, audio, output = Path("f.mp4"), Path("a.wav"), Path("o.mp4")
    options = ToolkitOptions(crf=25, length="pad", start=1)
    assert VideoRetalking().generate(face, audio, output, options, progress, cancel) == "made"
    ((arguments, settings),) = calls
    assert arguments == (face, audio, output, DubOptions(crf=25, length="pad", start=1))
    assert settings == {"progress": progress, "cancel": cancel}


def test_a_backend_without_weights_is_refused_before_the_first_pair(tmp_path: Path) -> None:
    model, progress, cancel = VideoRetalking(), SilentProgress(), Cancellation()
    model.prepare(ToolkitOptions(backend="landmark"), progress, cancel)
    with pytest.raises(WeightsMissingError, match=str(tmp_path)):
        model.prepare(ToolkitOptions(backend="neural", checkpoint_dir=tmp_path), progress, cancel)
