from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from talkingface.errors import Cancelled, OptionError
from talkingface.evaluation.controls import CONTROLS, NEW_SOUND, OWN_SOUND
from talkingface.evaluation.protocol import evaluate
from talkingface.evaluation.registry import METRICS
from talkingface.evaluation.report import result_to_json, result_to_markdown
from talkingface.evaluation.result import EvaluationRow
from talkingface.progress import Cancellation, SilentProgress

ALL = tuple(METRICS)


class Steps(SilentProgress):
    def __init__(self) -> None:
        super().__init__()
        self.total: int | None = None
        self.done = 0

    def stage(self, name: str, total: int | None) -> None:
        self.total = total

    def advance(self, steps: int = 1) -> None:
        self.done += steps


@pytest.fixture
def source(painted: list[int], make_clip: Any, make: Any) -> Path:
    """A speaking face with its own sound, 3 s."""
    return make_clip("face.mkv", make.speech_like(3), samples=make.voice(3))


@pytest.fixture
def sound(make_clip: Any, make: Any) -> Path:
    return make_clip("sound.mkv", [0.1] * 3, samples=make.voice(3, 7))


def value(result: Any, clip: str, metric: str) -> float:
    found = result.rows[clip][metric].value
    assert found is not None, result.rows[clip][metric].reason
    return float(found)


def test_a_copy_of_its_source_is_as_good_as_it(source: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(source, tmp_path / "copy.mkv"))
    result = evaluate([EvaluationRow("copy", copy, source, source, seconds=1.5, media_seconds=3)], ALL, threads=1)
    assert result.failures == {}
    assert value(result, "copy", "sharpness_ratio") == 1
    assert value(result, "copy", "flicker_ratio") == 1
    assert value(result, "copy", "aperture_correlation") == pytest.approx(1)
    assert value(result, "copy", "mouth_landmark_distance") == 0
    assert value(result, "copy", "real_time_factor") == 0.5
    assert value(result, "copy", "success_rate") == 1
    own = result.clip_controls["copy"][OWN_SOUND]
    assert {name: own[name] for name in own if name.startswith("sync")} == {
        name: score for name, score in result.rows["copy"].items() if name.startswith("sync")
    }
    assert result.means["sync_confidence"] == result.rows["copy"]["sync_confidence"]
    assert result.means["sync_offset"].value == abs(value(result, "copy", "sync_offset"))


def test_what_is_worse_scores_worse(source: Path, sound: Path, make_clip: Any, make: Any) -> None:
    openings = make.speech_like(3)
    rows = [
        EvaluationRow("blurred", make_clip("b.mkv", openings, blur=1.2), source, sound),
        EvaluationRow("noisy", make_clip("n.mkv", openings, noise=30), source, sound),
        EvaluationRow("other", make_clip("o.mkv", make.speech_like(3, 4)), source, source),
        EvaluationRow("frozen", make_clip("f.mkv", [openings[0]] * 75), source, source),
    ]
    result = evaluate(rows, ALL, threads=1)
    assert value(result, "blurred", "sharpness_ratio") < 0.8
    assert value(result, "noisy", "flicker_ratio") > 1.3
    assert value(result, "frozen", "flicker_ratio") < 0.3
    assert value(result, "other", "aperture_correlation") < 0.7
    assert value(result, "other", "mouth_landmark_distance") > 1
    assert result.rows["blurred"]["aperture_correlation"].reason == "n/a: no truth"
    assert result.rows["blurred"]["real_time_factor"].reason == "n/a: not timed"
    assert result.means["aperture_correlation"].value is not None


def test_bad_rows_stay_in_the_table_as_failed(
    source: Path, sound: Path, make_clip: Any, make: Any, tmp_path: Path
) -> None:
    good = make_clip("good.mkv", make.speech_like(3, 2))
    short = make_clip("short.mkv", make.speech_like(0.8))
    rows = [
        EvaluationRow("good", good, source, sound),
        EvaluationRow("not made", None, source, sound, failure="no face was found"),
        EvaluationRow("gone", tmp_path / "gone.mp4", source, sound),
        EvaluationRow("faceless", make_clip("faceless.mkv", [-1.0] * 40), source, sound),
        EvaluationRow("mute", good, source, short),
        EvaluationRow("short", short, source, sound),
    ]
    result = evaluate(rows, ALL, threads=1)
    assert list(result.rows) == [row.name for row in rows]
    assert list(result.failures) == ["not made", "gone", "faceless", "mute", "short"]
    assert result.failures["not made"] == "no face was found"
    assert "gone.mp4" in result.failures["gone"]
    assert "no face was found in any of its 40 frames" in result.failures["faceless"]
    assert "no audio" in result.failures["mute"]
    assert "too short to judge sync" in result.failures["short"]
    assert result.failure_codes == {"not made": 3, "gone": 3, "faceless": 4, "mute": 3, "short": 3}
    assert result.success_rate == pytest.approx(1 / 6)
    assert result.means["success_rate"].value == pytest.approx(1 / 6)
    for name, reason in result.failures.items():
        assert result.rows[name]["success_rate"].value == 0
        assert result.rows[name]["sync_confidence"].reason == f"failed: {reason}"
    assert result.means["sync_confidence"] == result.rows["good"]["sync_confidence"]
    assert "| short | failed |" in result_to_markdown(result)


def test_nothing_scored_is_a_result_too(source: Path, sound: Path) -> None:
    result = evaluate([EvaluationRow("a", None, source, sound)], ALL)
    assert result.success_rate == 0
    assert result.failures == {"a": "it was not generated"}
    assert all(score.value is None for control in result.controls.values() for score in control.values())
    assert evaluate([], ALL).rows == {}


def test_controls_are_in_every_result(source: Path, sound: Path, make_clip: Any, make: Any) -> None:
    rows = [
        EvaluationRow(name, make_clip(f"{name}.mkv", make.speech_like(3, seed)), source, sound)
        for seed, name in enumerate(("a", "b"), 2)
    ]
    result = evaluate(rows, ALL, threads=1)
    assert tuple(result.controls) == CONTROLS
    for name in CONTROLS:
        per_clip = [result.clip_controls[row.name][name]["sync_confidence"].value for row in rows]
        assert None not in per_clip
        assert result.controls[name]["sync_confidence"].value == pytest.approx(np.mean([v for v in per_clip if v]))
    assert result.controls[OWN_SOUND] != result.controls[NEW_SOUND]
    json.dumps(result_to_json(result), allow_nan=False)


def test_each_file_is_decoded_once(source: Path, sound: Path, make_clip: Any, make: Any, painted: list[int]) -> None:
    progress = Steps()
    rows = [EvaluationRow(name, make_clip(f"{name}.mkv", make.speech_like(3)), source, sound) for name in ("a", "b")]
    evaluate(rows, ALL, threads=1, progress=progress)
    assert painted == [75, 75, 75]
    assert progress.done == 225
    assert progress.total in (None, 225)


def test_scores_come_from_the_files_as_they_are_now(source: Path, sound: Path, make_clip: Any, make: Any) -> None:
    rows = [EvaluationRow("a", make_clip("a.mkv", make.speech_like(3, 2)), source, sound)]
    first, again = (evaluate(rows, ALL, threads=1).to_json() for _ in range(2))
    assert first == again
    make_clip("a.mkv", make.speech_like(3, 3), blur=1.0)
    changed = evaluate(rows, ALL, threads=1).to_json()
    for metric in ("sync_distance", "sharpness_ratio"):
        assert changed["rows"]["a"][metric] != first["rows"]["a"][metric]


def test_without_a_source_there_is_nothing_to_compare_with(source: Path, make: Any) -> None:
    result = evaluate([EvaluationRow("a", source, source, source)], ALL, threads=1)
    assert result.rows["a"]["sharpness_ratio"].reason == "n/a: no source given"
    assert result.rows["a"]["aperture_correlation"].reason == "n/a: no truth"
    assert result.rows["a"]["sync_confidence"] == result.controls[OWN_SOUND]["sync_confidence"]
    assert result.controls[NEW_SOUND]["sync_confidence"].value is not None


def test_a_given_truth_is_used_and_a_source_without_a_face_is_said(
    source: Path, sound: Path, make_clip: Any, make: Any
) -> None:
    spoken = make.speech_like(3, 2)
    row = EvaluationRow("a", make_clip("a.mkv", spoken), source, sound, truth=make_clip("truth.mkv", spoken))
    result = evaluate([row], ALL, threads=1)
    assert value(result, "a", "aperture_correlation") == pytest.approx(1, abs=1e-3)
    assert result.details["a"]["truth"]["frames_compared"] >= 60  # those that hold another are left out
    assert (result.controls[NEW_SOUND]["mouth_landmark_distance"].value or 0) > 1
    empty = make_clip("empty.mkv", [-1.0] * 10)
    result = evaluate([EvaluationRow("b", row.generated, empty, sound)], ALL, threads=1)
    assert result.failures == {}
    assert "no face was found" in (result.rows["b"]["sharpness_ratio"].reason or "")
    assert value(result, "b", "sync_distance") > 0


def test_frames_without_a_face_are_counted_and_said(source: Path, sound: Path, make_clip: Any, make: Any) -> None:
    openings = make.speech_like(3)
    openings[70:] = -1
    result = evaluate([EvaluationRow("a", make_clip("a.mkv", openings), source, sound)], ALL, threads=1)
    assert result.details["a"]["frames_without_face"] == 5
    assert "a: 5 of 75 frames do not show the scored face; they are left out" in result.notes
    assert value(result, "a", "sharpness_ratio") == pytest.approx(1, abs=0.02)


def test_another_frame_rate_and_size_are_dealt_with(source: Path, sound: Path, make_clip: Any, make: Any) -> None:
    rows = [
        EvaluationRow("fast", make_clip("fast.mkv", make.speech_like(3, rate=50), rate=50), source, sound),
        EvaluationRow("large", make_clip("large.mkv", make.speech_like(3), size=320), source, source),
    ]
    result = evaluate(rows, ALL, threads=1)
    assert result.rows["fast"]["flicker_ratio"].reason == "n/a: the frame rate differs from the source's"
    assert value(result, "fast", "sharpness_ratio") == pytest.approx(1, abs=0.1)
    assert value(result, "large", "sharpness_ratio") == pytest.approx(1, abs=0.3)
    assert value(result, "large", "aperture_correlation") > 0.99


def test_only_what_was_asked_for_is_worked_out(source: Path, make_clip: Any, make: Any, tmp_path: Path) -> None:
    row = EvaluationRow("a", make_clip("a.mkv", make.speech_like(1)), source, tmp_path / "no-sound.wav")
    result = evaluate([row], ("sharpness_ratio",), threads=1)
    assert tuple(result.rows["a"]) == result.metrics == ("sharpness_ratio",)
    assert result.failures == {} and result.notes == ()


def test_wrong_questions_and_stopping(source: Path, sound: Path) -> None:
    row = EvaluationRow("a", source, source, sound)
    with pytest.raises(OptionError, match="no metric 'sync'"):
        evaluate([row], ("sync",))
    with pytest.raises(OptionError, match="two clips to evaluate are named 'a'"):
        evaluate([row, row], ALL)
    cancel = Cancellation()
    cancel.cancel()
    with pytest.raises(Cancelled):
        evaluate([row], ALL, cancel=cancel)


@pytest.fixture(scope="module")
def shared() -> Path:
    folder = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    if not (folder / "clips" / "test" / "vrt_face4.mp4").is_file():
        pytest.skip("the real test clips are not beside this checkout")
    return folder


def test_a_real_face_is_in_sync_with_its_own_sound_only(shared: Path) -> None:
    face = shared / "clips" / "test" / "vrt_face4.mp4"
    row = EvaluationRow("vrt_face4", face, face, shared / "audio" / "vrt_audio1.wav")
    result = evaluate([row], ("sync_confidence", "sync_offset", "sync_distance"), threads=1)
    own, new = result.controls[OWN_SOUND], result.controls[NEW_SOUND]
    assert (own["sync_offset"].value or 0) <= 2
    assert (own["sync_confidence"].value or 0) > 0.25 > 0.15 > (new["sync_confidence"].value or 1)
    assert (own["sync_distance"].value or 2) < (new["sync_distance"].value or 0) - 0.15
    assert result.rows["vrt_face4"]["sync_confidence"] == new["sync_confidence"]
    for name in ("frozen frame", "silence"):
        assert (result.controls[name]["sync_confidence"].value or 0) < 0.1


def test_no_torch_is_loaded() -> None:
    code = "import sys, talkingface.evaluation.protocol; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_picture_is_every_frames_source(
    painted: list[int], make_clip: Any, make: Any, sound: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "face.png"
    cv2.imwrite(str(picture), make.texture(0.1, 0))
    row = EvaluationRow("held", make_clip("held.mkv", [0.1] * 75), picture, sound)
    result = evaluate([row], ALL, threads=1)
    assert result.failures == {}
    assert value(result, "held", "sharpness_ratio") == pytest.approx(1, abs=0.05)
    assert result.rows["held"]["flicker_ratio"].reason == "n/a: the source is a picture"
    assert result.controls[OWN_SOUND]["sync_offset"].reason == "n/a: the original is a picture"
    own = evaluate([EvaluationRow("own", row.generated, picture, picture)], ("sharpness_ratio",), threads=1)
    assert own.failures == {}


def test_a_dub_whose_first_frame_was_moved_to_second_0_is_compared_with_what_it_was_made_from(
    painted: list[int], make_clip: Any, make: Any, tmp_path: Path
) -> None:
    openings = make.speech_like(3)
    plain = make_clip("plain.mkv", openings, samples=make.voice(3))
    late = tmp_path / "late.mkv"  # its pictures begin 0.2 s after its sound
    with av.open(str(plain)) as source, av.open(str(late), "w") as target:
        streams = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "video":
                packet.pts += round(0.2 / packet.time_base)
                packet.dts += round(0.2 / packet.time_base)
            packet.stream = streams[packet.stream.index]
            target.mux(packet)
    row = EvaluationRow("a", make_clip("dub.mkv", openings), late, late)
    result = evaluate([row], ("aperture_correlation", "mouth_landmark_distance"), threads=1)
    assert value(result, "a", "aperture_correlation") == pytest.approx(1, abs=1e-6)
    assert value(result, "a", "mouth_landmark_distance") == pytest.approx(0, abs=1e-6)
