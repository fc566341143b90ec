"""Whole runs, with a narrow network of seeded weights."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from talkingface.cli import main
from talkingface.errors import OptionError, WeightsMissingError, WeightsUnusableError
from talkingface.models.registry import available_models, load_model
from talkingface.models.wav2lip.model import CHECKPOINTS, Wav2LipDubber, Wav2LipOptions
from talkingface.option_fields import option_fields
from talkingface.options import ToolkitOptions
from talkingface.progress import Cancellation, SilentProgress
from talkingface.quick_start import run

CLIPS = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "clips" / "test"
Decode = Callable[..., list[list[np.ndarray]]]


@pytest.fixture
def speak(narrow: Path, tmp_path: Path) -> Callable[..., Any]:
    """Make one lossless video of 0.4 s, with options by name."""
    made = 0

    def start(face: Path, audio: Path, **changes: Any) -> Any:
        nonlocal made
        made += 1
        settings: dict[str, Any] = {"preview": 0.4, "video_codec": "ffv1", "checkpoint_dir": narrow, "threads": 1}
        options = Wav2LipOptions(model="wav2lip", **{**settings, **changes})
        model = Wav2LipDubber()
        model.prepare(options, SilentProgress(), Cancellation())
        output = tmp_path / f"made-{made}.mkv"
        return model.generate(face, audio, output, options, SilentProgress(), Cancellation())

    return start


def differences(one: list[list[np.ndarray]], other: list[list[np.ndarray]]) -> np.ndarray:
    """(frames, height, width) absolute differences of luma."""
    assert len(one) == len(other)
    return np.stack([np.abs(a[0].astype(int) - b[0].astype(int)) for a, b in zip(one, other, strict=True)])


def test_a_toolkit_run_speaks_the_packages_own_sample(
    narrow: Path, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decode: Decode
) -> None:
    monkeypatch.chdir(tmp_path)
    config = {
        "limit": 1, "preview": 0.6, "metrics": ("background_change", "success_rate"), "video_codec": "ffv1",
        "checkpoint_dir": narrow, "dataset_dir": sample.parent, "batch_size": 4,
    }  # fmt: skip
    result = run("wav2lip", "video-retalking", config=config)
    assert result.exit_code == 0 and result.folder.name.startswith("wav2lip-video-retalking-")
    (video,) = result.videos
    face = result.outcomes[0].pair.face
    made, source = decode(video), decode(face, 15)
    changed = differences(made, source) > 0
    assert len(made) == 15 and changed.any((1, 2)).all()
    rows, columns = np.flatnonzero(changed.any((0, 2))), np.flatnonzero(changed.any((0, 1)))
    height, width = source[0][0].shape
    assert np.ptp(rows) < 0.6 * height and np.ptp(columns) < 0.7 * width  # a face, and its lower half
    share = changed[:, rows[0] : rows[-1], columns[0] : columns[-1]].mean()
    assert share > 0.4
    report = json.loads((result.folder / "report.json").read_text())
    told = report["pairs"][0]["report"]
    assert told["backend"] == "wav2lip" and told["frames"]["dubbed"] == 15
    assert set(told["weights"]) >= {"wav2lip.pth", "face_mesh_attention.onnx"}
    assert "mouth_motion.onnx" not in told["weights"]
    assert "not for commercial use" in (result.folder / "run.log").read_text()
    assert yaml.safe_load((result.folder / "config.yaml").read_text())["pads"] == "0,10,0,0"
    assert report["evaluation"]["means"]["success_rate"]["value"] == 1


def test_a_run_is_repeated_to_the_bit_and_batches_do_not_show(
    speak: Any, portrait: Path, hello: Path, decode: Decode
) -> None:
    one, eight, again = (decode(speak(portrait, hello, batch_size=size).output) for size in (1, 8, 8))
    for frame, other in zip(eight, again, strict=True):
        for plane, same in zip(frame, other, strict=True):
            np.testing.assert_array_equal(plane, same)
    assert differences(one, eight).max() <= 1


def test_every_option_changes_what_it_says(speak: Any, portrait: Path, hello: Path, decode: Decode) -> None:
    plain = decode(speak(portrait, hello).output)
    source = decode(portrait, len(plain))
    spoken = differences(plain, source).any(0)
    top, bottom = np.flatnonzero(spoken.any(1))[[0, -1]]

    def rows_of(**changes: Any) -> tuple[int, int, np.ndarray]:
        made = decode(speak(portrait, hello, **changes).output)
        rows = np.flatnonzero(differences(made, source).any((0, 2)))
        return int(rows[0]), int(rows[-1]), differences(made, plain)

    lower, deeper, _ = rows_of(pads="0 40 0 0")
    assert deeper >= bottom + 20 and lower >= top
    higher, same, _ = rows_of(keep_upper_face=False)
    assert higher < top - 20 and abs(same - bottom) <= 2
    assert rows_of(checkpoint="wav2lip_gan")[2].max() > 2
    assert 0 < rows_of(dtype="bf16")[2].max() < 40
    assert rows_of(smooth=False)[2].max() > 0
    other = decode(speak(portrait, portrait.parents[1] / "audio" / "world.wav").output)
    assert differences(other, plain).max() > 0  # it hears


def test_of_two_checkpoints_the_one_asked_for_is_used(speak: Any, portrait: Path, hello: Path, narrow: Path) -> None:
    (narrow / "wav2lip.pth").unlink()
    assert "wav2lip_gan.pth" in speak(portrait, hello, checkpoint="wav2lip_gan").report["weights"]
    with pytest.raises(WeightsMissingError, match=r"wav2lip\.pth"):
        speak(portrait, hello)


@pytest.mark.skipif(not CLIPS.is_dir(), reason="the real test clips are not beside this checkout")
def test_a_real_clip(speak: Any, decode: Decode) -> None:
    face, voice = CLIPS / "grid_lwbsza.mp4", CLIPS / "grid_brbk7n.mp4"
    result = speak(face, voice, preview=1.0)
    made, source = decode(result.output), decode(face, 25)
    changed = differences(made, source) > 0
    assert len(made) == 25 and changed.any((1, 2)).all() and result.frames_dubbed == 25
    rows, columns = np.flatnonzero(changed.any((0, 2))), np.flatnonzero(changed.any((0, 1)))
    assert np.ptp(rows) < 0.35 * made[0][0].shape[0] and np.ptp(columns) < 0.4 * made[0][0].shape[1]
    outside = np.ones(made[0][0].shape, bool)
    outside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = False
    for frame, own in zip(made, source, strict=True):
        np.testing.assert_array_equal(frame[0][outside], own[0][outside])


@pytest.mark.parametrize("name", sorted(CHECKPOINTS))
def test_without_weights_a_run_ends_with_status_5_before_anything_is_made(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", "--model=wav2lip", "--dataset=video-retalking", f"--checkpoint={name}"]) == 5
    said = capsys.readouterr().err
    assert f"{name}.pth" in said and "checkpoints" in said and "github.com/Rudrabha/Wav2Lip" in said
    assert list(tmp_path.iterdir()) == []


def test_where_only_free_weights_may_be_used_it_does_not_run(narrow: Path) -> None:
    options = Wav2LipOptions(model="wav2lip", checkpoint_dir=narrow, commercial_only=True)
    with pytest.raises(WeightsMissingError, match=r"--commercial-only.*wav2lip\.pth"):
        Wav2LipDubber().prepare(options, SilentProgress(), Cancellation())


def test_a_file_that_is_something_else_is_refused_by_name(
    narrow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = Wav2LipOptions(model="wav2lip", checkpoint_dir=narrow)
    (narrow / "wav2lip.pth").write_bytes(b"half a file")
    with pytest.raises(WeightsUnusableError, match=r"wav2lip\.pth"):
        Wav2LipDubber().prepare(options, SilentProgress(), Cancellation())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backend": "landmark"}, "--backend: wav2lip knows no such thing"),
        ({"emotion": "happy"}, "--emotion"),
        ({"expression": "neutral"}, "--expression"),
        ({"quality": "best"}, "--quality"),
        ({"one_shot": True}, "--one-shot"),
        ({"pads": "1 2"}, "top, bottom, left and right"),
        ({"checkpoint": "wav2lip-gan"}, "did you mean 'wav2lip_gan'"),
    ],
)
def test_what_it_cannot_do_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Wav2LipOptions(model="wav2lip", **changes)


def test_the_model_is_listed_and_its_options_have_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert available_models()["wav2lip"].origin == "built in"
    assert load_model("wav2lip").options_class is Wav2LipOptions
    assert main(["models"]) == 0
    assert "\nwav2lip " in capsys.readouterr().out
    shared = option_fields(ToolkitOptions)
    own = {name for name, field in option_fields(Wav2LipOptions).items() if field != shared.get(name)}
    assert own == {"checkpoint", "pads", "smooth", "keep_upper_face"}
    path = Path(sys.modules["talkingface"].__file__ or "").parent / "properties/model/wav2lip.yaml"
    content = yaml.safe_load(path.read_text())
    defaults = Wav2LipOptions(model="wav2lip")
    assert content == {name: getattr(defaults, name) for name in own}


def test_listing_it_imports_nothing_heavy() -> None:
    code = (
        "import sys; from talkingface.models.registry import load_model; load_model('wav2lip').options_class();"
        "print([n for n in ('numpy', 'av', 'cv2', 'onnxruntime', 'torch', 'rich', 'yaml') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_its_options_are_in_the_help_of_a_run_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    for words, shown in (["run", "--help"], False), (["run", "--model=wav2lip", "--help"], True):
        assert main(words) == 0
        said = capsys.readouterr().out
        assert "--one-shot" in said
        assert ("--smooth" in said) == shown and ("0,10,0,0" in said) == shown
    assert main(["run", "--model=wav2lop", "-h"]) == 2
    assert "did you mean 'wav2lip'" in capsys.readouterr().err
