from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from talkingface.errors import OptionError
from talkingface.models.registry import available_models, load_model
from talkingface.options import ToolkitOptions


def test_the_first_model_is_there_and_keeps_the_contract() -> None:
    assert available_models()["video_retalking"].origin == "built in"
    assert load_model("video_retalking").options_class is ToolkitOptions


def test_unknown_models_get_the_nearest_names() -> None:
    with pytest.raises(OptionError, match="there is no model 'Video_Retalking'; did you mean 'video_retalking'"):
        load_model("Video_Retalking")


def test_other_packages_bring_models_by_entry_point(other_package: Path) -> None:
    models = available_models()
    assert models["scripted"].origin == "package scripted-model 1.5"
    assert type(load_model("scripted")).__name__ == "Scripted"
    assert models["video_retalking"].origin == "built in"


def test_listing_imports_no_model(other_package: Path) -> None:
    available_models()
    assert "scripted_model" not in sys.modules


def test_models_that_break_the_contract_are_refused_by_name(other_package: Path) -> None:
    with pytest.raises(OptionError, match="does not keep the contract of a model: it lacks prepare, generate"):
        load_model("incomplete")
    with pytest.raises(OptionError, match="cannot be loaded from scripted_model:Broken: RuntimeError: cannot start"):
        load_model("broken")


def test_loading_the_first_model_imports_nothing_heavy() -> None:
    code = (
        "import sys; from talkingface.models.registry import load_model; load_model('video_retalking');"
        "print([n for n in ('numpy', 'av', 'cv2', 'onnxruntime', 'torch', 'rich', 'yaml') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
