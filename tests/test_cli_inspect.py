from __future__ import annotations

import json
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from talkingface import installation
from talkingface.cli import main
from talkingface.installation import Check

pytestmark = pytest.mark.usefixtures("workplace")


@dataclass(frozen=True)
class FakePerson:
    number: int
    frames: Any
    times: Any
    face_width: float


@dataclass(frozen=True)
class FakeClip:
    people: list[FakePerson]
    frames: int
    loss: str | None = None

    def frames_without_face(self) -> int:
        return 1


@pytest.fixture
def video() -> Path:
    path = Path("clip.mp4")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(stream.encode())
    return path


@pytest.fixture
def faces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two faces, seen in four of five frames."""
    people = [
        FakePerson(0, np.array([0, 1, 2]), ((0.0, 0.08),), 20.0),
        FakePerson(1, np.arange(7), tuple((float(n), n + 0.5) for n in range(7)), 20.4),
    ]
    module = types.ModuleType("talkingface.faces.video")
    module.track_video = lambda path, **settings: FakeClip(people, 5)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "talkingface.faces.video", module)
    select = types.ModuleType("talkingface.faces.select")
    select.point_on = lambda clip, person: f"point:{person.number},30,20"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "talkingface.faces.select", select)
    identity = types.ModuleType("talkingface.faces.identity")
    identity.FaceEmbedder = object  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "talkingface.faces.identity", identity)


def test_probe_tells_streams_and_faces(video: Path, faces: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "clip.mp4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("clip.mp4: ") and "0.20 s" in lines[0]
    assert lines[1] == "  video 0: h264, 64x48, yuv420p, 25.000 frames/s on average"
    assert lines[2:] == [
        "  faces: 2; frames without one: 1 of 5",
        "    --face index:0 or point:0,30,20: 3 frames, 0.00 to 0.08 s, 20 pixels wide",
        "    --face index:1 or point:1,30,20: 7 frames, 0.00 to 0.50, 1.00 to 1.50, 2.00 to 2.50, 3.00 to 3.50, "
        "3 more up to 6.50 s, 20 pixels wide",
    ]


def test_probe_as_json(video: Path, faces: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "clip.mp4", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["video"][0]["average_rate"] == "25"
    assert content["path"] == "clip.mp4"
    assert content["faces"]["frames_without_face"] == 1
    assert content["faces"]["people"][1]["point"] == "point:1,30,20"
    assert main(["probe", "clip.mp4", "--json", "--no-faces"]) == 0
    assert json.loads(capsys.readouterr().out)["faces"] is None


def test_probe_names_streams_as_dub_does(faces: None, capsys: pytest.CaptureFixture[str]) -> None:
    with av.open("voices.mkv", "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        sounds = [container.add_stream("pcm_s16le", rate=8000, layout="mono") for _ in range(2)]
        container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(stream.encode())
        for sound in sounds:
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
            samples.sample_rate = 8000
            container.mux(sound.encode(samples))
    assert main(["probe", "voices.mkv", "--no-faces"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in lines[2:4]] == [f"  sound {n + 1} (--audio-stream {n})" for n in (0, 1)]


def test_a_picture_has_no_frame_rate(capsys: pytest.CaptureFixture[str]) -> None:
    assert cv2.imwrite("face.png", np.zeros((48, 64, 3), np.uint8))
    assert main(["probe", "face.png", "--no-faces"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "  video 0: png, 64x48, rgb24"


def test_probe_tells_what_is_missing(
    video: Path, faces: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = FakeClip([], 5, "breaks off after 0.10 s of 0.20 s")
    monkeypatch.setattr(sys.modules["talkingface.faces.video"], "track_video", lambda path, **settings: damaged)
    assert main(["probe", "clip.mp4"]) == 0
    told = capsys.readouterr().out
    assert "  damaged: breaks off after 0.10 s of 0.20 s; dub needs --allow-damaged\n" in told


def test_probe_of_what_is_no_media(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "nothing.mp4"]) == 3
    assert "nothing.mp4" in capsys.readouterr().err


def test_models_are_listed(other_package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["broken", "incomplete", "scripted", "video_retalking", "wav2lip"]
    assert "(package scripted-model 1.5)" in lines[2] and "(built in)" in lines[3]
    assert main(["models", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[3]["name"] == "video_retalking"


def test_doctor_ends_with_the_status_of_the_first_bad_thing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = Check("Python", True, "3.11"), Check("a.onnx", False, "missing", 5)
    monkeypatch.setattr(installation, "check_installation", lambda: [good, bad])
    assert main(["doctor"]) == 5
    assert capsys.readouterr().out.splitlines() == ["ok  Python  3.11", "BAD a.onnx  missing"]
    monkeypatch.setattr(installation, "check_installation", lambda: [good])
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"name": "Python", "ok": True, "detail": "3.11", "exit_code": 1}]
