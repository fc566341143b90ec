from __future__ import annotations

from pathlib import Path

import pytest

from talkingface.cli import main
from talkingface.errors import WeightsMissingError
from talkingface.models.video_retalking.licences import refuse_unlicensed
from talkingface.models.video_retalking.model import VideoRetalking
from talkingface.options import ToolkitOptions
from talkingface.progress import Cancellation, SilentProgress


@pytest.mark.parametrize(
    ("backend", "named", "free"),
    [("landmark", "mouth_motion.onnx", "face_mesh_attention"), ("neural", r"LNet \(LNet\.pth\)", "Wav2Lip")],
)
def test_backends_name_what_they_may_not_use(backend: str, named: str, free: str) -> None:
    refuse_unlicensed(backend, commercial_only=False)
    with pytest.raises(WeightsMissingError, match=f"--commercial-only refuses weights: .*{named}") as caught:
        refuse_unlicensed(backend, commercial_only=True)
    assert free not in str(caught.value)


def test_a_dub_is_refused_before_anything_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "out.mp4"
    assert main(["dub", "face.mp4", "sound.wav", "-o", str(output), "--commercial-only"]) == 5
    assert "--commercial-only refuses weights: mouth_motion.onnx" in capsys.readouterr().err
    assert not output.exists()
    assert main(["dub", "face.mp4", "sound.wav", "-o", str(output)]) == 3  # they do not exist


def test_a_run_is_refused_too() -> None:
    with pytest.raises(WeightsMissingError, match="--commercial-only"):
        VideoRetalking().prepare(ToolkitOptions(commercial_only=True), SilentProgress(), Cancellation())
    VideoRetalking().prepare(ToolkitOptions(), SilentProgress(), Cancellation())
    assert ToolkitOptions(commercial_only=True).dub_options().commercial_only
