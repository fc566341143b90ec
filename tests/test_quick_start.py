from __future__ import annotations

import hashlib
import json
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from talkingface.errors import Cancelled, MediaError, NoFaceError, OptionError, WeightsMissingError
from talkingface.progress import Cancellation, SilentProgress
from talkingface.quick_start import run

pytestmark = pytest.mark.usefixtures("workplace", "other_package")
DatasetMaker = Callable[..., Path]


@pytest.fixture
def go(dataset_maker: DatasetMaker) -> Callable[..., Any]:
    """Run the scripted model on faces of these names."""

    def start(*faces: str, **settings: Any) -> Any:
        dataset_maker(Path("dataset/clips"), [f"{face}.mp4" for face in faces])
        return run("scripted", "clips", **settings)

    return start


def report_of(result: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((result.folder / "report.json").read_text())
    return content


def test_a_whole_run_leaves_everything_in_its_folder(go: Any, scorer: Any) -> None:
    progress = SilentProgress()
    result = go("anna", "bert", config={"loudness": 0.75}, progress=progress)
    assert result.exit_code == 0
    assert result.success_rate == 1.0
    assert result.folder.parent == Path("results")
    assert result.folder.name.startswith("scripted-clips-20")
    names = sorted(path.relative_to(result.folder).as_posix() for path in result.folder.rglob("*") if path.is_file())
    assert names == [
        "config.yaml", "report.html", "report.json", "report.md", "run.log", "versions.json",
        "videos/anna_hello.mp4", "videos/bert_hello.mp4",
    ]  # fmt: skip
    assert [path.read_text() for path in result.videos] == ["anna says hello at 0.75", "bert says hello at 0.75"]
    report = report_of(result)
    assert report["status"] == "done: 2 of 2 generated"
    assert report["pairs"][0]["sha256"] == hashlib.sha256(result.videos[0].read_bytes()).hexdigest()
    assert report["pairs"][0]["report"] == {"loudness": 0.75}
    assert report["evaluation"]["means"]["sync_confidence"]["value"] == 0.75
    assert report["configuration"]["loudness"] == {"value": 0.75, "origin": "run()"}
    assert "| sync_confidence ↑ | **0.750** | 0.250 |" in (result.folder / "report.md").read_text()
    assert yaml.safe_load((result.folder / "config.yaml").read_text())["loudness"] == 0.75
    assert "numpy" in json.loads((result.folder / "versions.json").read_text())["packages"]
    log = (result.folder / "run.log").read_text()
    assert "stage 2/2 bert_hello: synthesise (2 steps)" in log
    assert "ended: done" in log
    assert "2/2 bert_hello: 2.0 s of video in 1.0 s" in progress.messages


def test_the_resolved_configuration_runs_again(go: Any, scorer: Any) -> None:
    first = go("anna", config={"loudness": 0.25})
    again = run(config_file_list=str(first.folder / "config.yaml"))
    assert again.folder != first.folder
    assert again.videos[0].read_bytes() == first.videos[0].read_bytes()


def test_a_failing_pair_is_listed_and_lowers_the_success_rate(go: Any, scorer: Any) -> None:
    result = go("anna", "noface", "zoe", "bert")
    assert result.exit_code == NoFaceError.exit_code
    assert result.success_rate == 0.75
    assert list(result.failures) == ["noface_hello"]
    assert "no face found" in result.failures["noface_hello"]
    assert [outcome.output is not None for outcome in result.outcomes] == [True, True, False, True]
    assert [row.name for row in scorer.rows] == ["anna_hello", "bert_hello", "noface_hello", "zoe_hello"]
    failed = scorer.rows[2]
    assert failed.generated is None and "no face found" in failed.failure
    report = report_of(result)
    assert report["exit_code"] == 4
    assert report["success_rate"] == 0.75
    assert report["status"] == "partly failed: 3 of 4 generated"
    assert "noface_hello: FAILED" in (result.folder / "report.md").read_text()


def test_an_unforeseen_error_is_listed_and_its_traceback_logged(go: Any, scorer: Any) -> None:
    result = go("anna", "crash")
    assert result.exit_code == 1
    assert result.failures == {"crash_hello": "unforeseen ValueError: broken arithmetic"}
    assert "Traceback" in (result.folder / "run.log").read_text()


def test_different_failures_end_with_status_one(go: Any, scorer: Any) -> None:
    assert go("noface", "partial", "anna").exit_code == 1


def test_when_all_fail_nothing_is_scored_and_earlier_outputs_stay(go: Any, scorer: Any) -> None:
    earlier = go("anna")
    before = {path: path.read_bytes() for path in earlier.folder.rglob("*") if path.is_file()}
    Path("dataset/clips/val/face/anna.mp4").unlink()
    assert scorer.calls == 1
    result = go("noface", "noface2")
    assert scorer.calls == 1
    assert result.exit_code == 4
    assert result.success_rate == 0.0
    assert result.evaluation is None
    report = report_of(result)
    assert report["evaluation"] is None
    assert report["status"].startswith("failed")
    assert "nothing was scored" in (result.folder / "report.md").read_text()
    assert list((result.folder / "videos").iterdir()) == []
    assert {path: path.read_bytes() for path in earlier.folder.rglob("*") if path.is_file()} == before


def test_missing_weights_end_with_their_own_status(go: Any, scorer: Any) -> None:
    assert go("noweights").exit_code == 5


def test_a_model_that_names_an_older_file_has_failed(go: Any, scorer: Any) -> None:
    result = go("stale")
    assert result.exit_code == 6
    assert "did not write this file" in result.failures["stale_hello"]
    assert scorer.calls == 0


def test_only_files_of_this_run_are_scored(go: Any, scorer: Any) -> None:
    go("anna", config={"loudness": 0.0})
    result = go("anna", config={"loudness": 1.0})
    assert [row.generated for row in scorer.rows] == list(result.videos)
    assert scorer.generated_bytes == [b"anna says hello at 1.0"]
    assert all(result.folder in path.parents for path in result.videos)


def test_half_written_files_do_not_stay(go: Any, scorer: Any) -> None:
    result = go("partial")
    assert result.exit_code == MediaError.exit_code
    assert list((result.folder / "videos").iterdir()) == []


def test_stopping_keeps_finished_videos_and_writes_no_report(go: Any, scorer: Any) -> None:
    with pytest.raises(Cancelled, match="1 of 2 made, nothing scored; results/scripted-clips-"):
        go("anna", "stop", cancel=Cancellation())
    (folder,) = Path("results").iterdir()
    assert [path.name for path in (folder / "videos").iterdir()] == ["anna_hello.mp4"]
    assert not (folder / "report.json").exists()
    assert "ended early: Cancelled" in (folder / "run.log").read_text()
    assert scorer.calls == 0


def test_failed_scoring_is_reported_and_keeps_the_videos(go: Any, scorer: Any) -> None:
    scorer.error = ZeroDivisionError("no frames")
    result = go("anna")
    assert result.exit_code == 1
    assert result.evaluation_failure == "unforeseen ZeroDivisionError: no frames"
    assert result.videos[0].is_file()
    assert report_of(result)["evaluation_failure"] == result.evaluation_failure
    assert "Scoring failed" in (result.folder / "report.md").read_text()


def test_a_clip_that_cannot_be_scored_counts_as_failed(go: Any, scorer: Any) -> None:
    scorer.unscored = {"anna_hello": "no face in the generated video"}
    scorer.unscored_code = NoFaceError.exit_code
    result = go("anna", "bert")
    assert result.exit_code == NoFaceError.exit_code
    assert result.success_rate == 0.5
    assert result.status == "partly failed: 2 of 2 generated, 1 of them scored"
    assert report_of(result)["failures"] == scorer.unscored


def test_without_metrics_nothing_is_scored(go: Any, scorer: Any) -> None:
    result = go("anna", arguments=["--metrics="])
    assert (result.exit_code, scorer.calls) == (0, 0)


def test_bad_options_do_nothing_at_all(go: Any, scorer: Any) -> None:
    with pytest.raises(OptionError, match="did you mean 'loudness'"):
        go("anna", arguments=["--loudnes=1"])
    assert not Path("results").exists()


def test_a_lossless_run_writes_matroska_and_two_runs_in_a_second_do_not_meet(go: Any, scorer: Any) -> None:
    results = [go("anna", config={"video_codec": "ffv1"}) for _ in range(3)]
    assert len({result.folder for result in results}) == 3
    assert results[0].videos[0].name == "anna_hello.mkv"


def test_a_model_that_lacks_weights_stops_the_run_before_anything_is_made(scorer: Any) -> None:
    with pytest.raises(WeightsMissingError, match="--backend neural cannot run"):
        run("video_retalking", "video-retalking", config={"backend": "neural"})
    assert not Path("results").exists()
    assert not Path("dataset").exists()


def test_a_run_reads_other_layouts_and_pairs_with_its_seed(scorer: Any) -> None:
    for clip in ("100/00001", "200/00001", "300/00001", "400/00001"):
        path = Path("dataset/lrs2/mvlrs_v1/main") / f"{clip}.mp4"
        path.parent.mkdir(parents=True)
        with wave.open(str(path), "wb") as sound:  # a sound track is all that is asked of it
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(16000)
            sound.writeframes(bytes(3200))
    Path("dataset/lrs2/test.txt").write_text("100/00001 NF\n200/00001\n300/00001 MV\n400/00001\n")
    config = {"split": "test", "layout": "lrs2", "pairing": "cross", "seed": 5, "limit": 3}
    result = run("scripted", "lrs2", config=config)
    names = [outcome.pair.name for outcome in result.outcomes]
    assert [name.partition("_")[0] for name in names] == ["100", "200", "300"]
    assert all(outcome.pair.face.parent != outcome.pair.audio.parent for outcome in result.outcomes)
    again = run("scripted", "lrs2", config={**config, "layout": "auto"})
    assert [outcome.pair.name for outcome in again.outcomes] == names
