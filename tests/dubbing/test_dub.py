"""``talkingface.dub`` from end to end, on clips made from the sample's portrait."""

from __future__ import annotations

import json
import re
import threading
import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from talkingface import dub
from talkingface.cli import main
from talkingface.errors import (
    Cancelled,
    MediaError,
    NoFaceError,
    OptionError,
    OutputError,
    TalkingFaceError,
    WeightsMissingError,
)
from talkingface.media.segments import SegmentWriter
from talkingface.progress import Cancellation, SilentProgress

LOSSLESS: dict[str, Any] = {"video_codec": "ffv1"}
MAJORITY = 0.5


def helper_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("talkingface-")]


def box_share(masks: list[Any]) -> float:
    """How much of a picture the rectangle round all changed samples of a frame's luma takes."""
    rows, columns = np.nonzero(masks[0])
    return float(np.ptp(rows) + 1) * float(np.ptp(columns) + 1) / masks[0].size


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, face: Path, speech: Path) -> Any:
    """One dub with the defaults, and its report, for tests that only look at it."""
    folder = tmp_path_factory.mktemp("plain")
    progress = SilentProgress()
    result = dub(face, speech, folder / "out.mp4", threads=2, report=folder / "report.json", progress=progress)
    return result, progress


# what comes out


def test_the_result_plays_with_the_whole_sound(plain, decode, decode_samples, speech: Path) -> None:
    result, _ = plain
    video = decode(result.output)
    assert len(video.frames) == 30
    assert video.times == [Fraction(number, 25) for number in range(30)]
    with wave.open(str(speech)) as source:
        expected = np.frombuffer(source.readframes(source.getnframes()), "<i2") / 32768
        rate = source.getframerate()
    samples, found_rate = decode_samples(result.output)
    assert found_rate == rate
    assert len(samples) / rate == pytest.approx(len(expected) / rate, abs=1024 / rate + 1e-6)
    likeness = np.corrcoef(samples[: len(expected), 0][: len(samples)], expected[: len(samples)])[0, 1]
    assert likeness > 0.95  # the very speech, not shifted


def test_the_result_object(plain) -> None:
    result, _ = plain
    assert result.output.name == "out.mp4"
    assert (result.frames_total, result.frames_dubbed, result.frames_passed) == (30, 30, 0)
    assert result.duration == pytest.approx(1.2)
    assert result.real_time_factor == pytest.approx(result.seconds / result.duration)
    assert result.seconds > 0


def test_the_report_has_every_promised_field(plain) -> None:
    result, _ = plain
    report = json.loads((result.output.parent / "report.json").read_text(encoding="utf-8"))
    assert report == json.loads(json.dumps(result.report))
    assert report["backend"] == "landmark"
    assert report["options"]["threads"] == 2
    assert report["options"]["crf"] == 18
    assert report["seed"] == 0
    assert {"talkingface", "numpy", "av", "onnxruntime"} <= set(report["versions"])
    assert all(len(digest) == 64 for digest in report["weights"].values())
    assert report["frames"] == {
        "total": 30, "dubbed": 30, "passed_through": 0, "passed_through_ranges": [], "source": 30,
        "from_interrupted_run": 0,
    }  # fmt: skip
    (found,) = report["faces"]
    assert found["chosen"] is True
    assert found["frames"] == 30
    assert "auto" in report["chosen_because"]
    assert {"listen", "analyse", "plan", "synthesise", "finish"} <= set(report["seconds_per_stage"])
    assert sum(report["seconds_per_stage"].values()) <= report["seconds"] + 0.01
    assert report["real_time_factor"] > 0
    assert report["peak_memory_mb"] > 50
    assert report["cuts"] == []


def test_nothing_lies_beside_the_result(plain) -> None:
    result, _ = plain
    assert sorted(path.name for path in result.output.parent.iterdir()) == ["out.mp4", "report.json"]
    assert helper_threads() == []


def test_the_user_is_told_the_backend_and_the_result_is_marked(plain) -> None:
    result, progress = plain
    assert progress.messages[0].startswith("backend landmark")
    with av.open(str(result.output)) as source:
        assert "Synthetic media" in source.metadata["comment"]


def test_no_mark_when_not_wanted(desk: Path, face: Path, speech: Path) -> None:
    result = dub(face, speech, desk / "out.mp4", threads=2, mark=False, end=0.4, length="cut")
    with av.open(str(result.output)) as source:
        assert "Synthetic" not in source.metadata.get("comment", "")


def test_the_stages_are_told(desk: Path, face: Path, speech: Path, watcher) -> None:
    progress = watcher()
    dub(face, speech, desk / "out.mp4", threads=2, progress=progress, cache=False)
    assert [name for name, _ in progress.stages][-2:] == ["find faces", "speak lips"]
    assert progress.stages[-1][1] == progress.steps["speak lips"] == 30


# what stays as it was


def test_outside_the_region_every_bit_stays(desk: Path, face: Path, speech: Path, decode, differing) -> None:
    result = dub(face, speech, desk / "out.mkv", threads=2, **LOSSLESS)
    source, made = decode(face), decode(result.output)
    assert made.pixel_format == source.pixel_format == "yuv420p"
    assert len(made.frames) == len(source.frames)
    masks = differing(source.frames, made.frames)
    for luma, *chroma in masks:
        assert luma.any()
        rows, columns = np.nonzero(luma)
        region = slice(rows.min() // 2, rows.max() // 2 + 1), slice(columns.min() // 2, columns.max() // 2 + 1)
        for plane in chroma:
            outside = plane.copy()
            outside[region] = False
            assert outside.sum() <= 0.002 * outside.size  # of chroma a rim where luma happened to round to its code
    assert max(box_share(frame) for frame in masks) < MAJORITY
    union = np.any([frame[0] for frame in masks], axis=0)
    assert not union[: union.shape[0] // 4].any()  # hair and forehead
    for edge in (union[0], union[:, 0], union[:, -1]):
        assert not edge.any()
    assert union.mean() < 0.3


def test_the_given_sound_is_kept_sample_for_sample_beside_lossless_video(
    desk: Path, face: Path, speech: Path, decode_samples
) -> None:
    result = dub(face, speech, desk / "out.mkv", threads=2, end=0.5, length="bounce", **LOSSLESS)
    with wave.open(str(speech)) as source:
        expected = np.frombuffer(source.readframes(source.getnframes()), "<i2") / 32768
    samples, _ = decode_samples(result.output)
    assert len(samples) == len(expected)
    np.testing.assert_allclose(samples[:, 0], expected, atol=1.01 / 32768)


def test_ten_bits_stay_ten_bits(desk: Path, pictures, speech: Path, make_clip, decode, differing) -> None:
    deep = make_clip("deep.mp4", pictures[:20], codec="libx265", pixel_format="yuv420p10le")
    result = dub(deep, speech, desk / "out.mkv", threads=2, length="cut", **LOSSLESS)
    source, made = decode(deep), decode(result.output)
    assert made.pixel_format == "yuv420p10le"
    masks = differing(source.frames, made.frames)
    assert all(frame[0].any() for frame in masks)
    assert max(box_share(frame) for frame in masks) < MAJORITY
    plays = dub(deep, speech, desk / "out.mp4", threads=2, length="cut", end=0.3)
    assert decode(plays.output).pixel_format == "yuv420p10le"
    assert any("HEVC" in note for note in plays.report["notes"])


def test_the_same_again_gives_the_same_frames(desk: Path, face: Path, speech: Path, decode, differing) -> None:
    made = [
        decode(dub(face, speech, desk / f"{name}.mp4", threads=2, seed=3, end=0.8).output) for name in ("one", "two")
    ]
    assert made[0].times == made[1].times
    assert not any(plane.any() for frame in differing(made[0].frames, made[1].frames) for plane in frame)


def test_uneven_frame_times_are_kept(desk: Path, pictures, speech: Path, make_clip, decode) -> None:
    steps = np.random.default_rng(2).choice([256, 427, 512, 1100], len(pictures) - 1)
    pts = [0, *np.cumsum(steps).tolist()]
    clip = make_clip("uneven.mp4", pictures, pts=pts)
    source = decode(clip)
    result = dub(clip, speech, desk / "out.mp4", threads=2, length="bounce,pad")
    made = decode(result.output)
    assert made.times[: len(source.times)] == source.times
    assert made.times == sorted(set(made.times))


def test_bounce_over_uneven_times_fills_the_sound(desk: Path, pictures, speech: Path, make_clip, decode) -> None:
    pts = [0, *np.cumsum(np.random.default_rng(2).choice([256, 427, 512], 9)).tolist()]
    clip = make_clip("short.mp4", pictures[:10], pts=pts)
    result = dub(clip, speech, desk / "out.mp4", threads=2)
    made = decode(result.output)
    assert made.times == sorted(set(made.times))
    assert 1.2 - 1e-3 <= result.duration <= 1.2 + 512 / 12_800
    assert len(made.frames) == result.frames_total > 20


def test_frames_without_the_face_pass_through(desk: Path, pictures, speech: Path, make_clip, decode, differing) -> None:
    wall = np.full_like(pictures[0], 90)
    wall[:, ::32] = 160
    clip = make_clip("gap.mp4", [*pictures[:12], *[wall] * 10, *pictures[12:20]])
    result = dub(clip, speech, desk / "out.mkv", threads=2, **LOSSLESS)
    masks = differing(decode(clip).frames, decode(result.output).frames)
    touched = [bool(frame[0].any()) for frame in masks]
    assert touched[:12] == [True] * 12
    assert touched[12:22] == [False] * 10
    frames = result.report["frames"]
    assert frames["total"] == 30
    assert frames["passed_through"] == result.frames_passed >= 10
    assert frames["dubbed"] == sum(touched)
    first = frames["passed_through_ranges"][0]
    assert first["from"] == pytest.approx(12 / 25, abs=1e-3)
    assert first["frames"] >= 10
    assert result.report["cuts"] == pytest.approx([12 / 25, 22 / 25], abs=1e-3)


def test_a_turned_clip(desk: Path, pictures, speech: Path, make_clip, decode, differing) -> None:
    """The coded picture lies on its side; the display matrix stands it up."""
    lying = [np.rot90(picture, 1) for picture in pictures[:20]]  # against the clock; players turn it back
    clip = make_clip("turned.mp4", lying, rotation=90)
    result = dub(clip, speech, desk / "out.mp4", threads=2, length="cut")
    assert result.frames_dubbed == 20
    made, source = decode(result.output), decode(clip)
    assert made.rotation == source.rotation != 0
    lossless = dub(clip, speech, desk / "out.mkv", threads=2, length="cut", **LOSSLESS)
    masks = differing(source.frames, decode(lossless.output).frames)
    assert max(box_share(frame) for frame in masks) < MAJORITY
    union = np.rot90(np.any([frame[0] for frame in masks], axis=0), -1)
    assert not union[: union.shape[0] // 4].any()


def test_a_turned_clip_says_the_same(desk: Path, pictures, speech: Path, make_clip, decode) -> None:
    upright = make_clip("upright.mkv", pictures[:12], codec="ffv1", tick=Fraction(1, 25), pts=range(12))
    lying = [np.ascontiguousarray(np.rot90(picture, 1)) for picture in pictures[:12]]
    turned = make_clip("turned.mp4", lying, rotation=90)
    one = decode(dub(upright, speech, desk / "one.mkv", threads=2, length="cut", **LOSSLESS).output)
    other = decode(dub(turned, speech, desk / "other.mkv", threads=2, length="cut", **LOSSLESS).output)
    for first, second in zip(one.frames[::4], other.frames[::4], strict=True):
        difference = np.abs(first[0].astype(int) - np.rot90(second[0], -1).astype(int))
        assert difference.mean() < 2
        assert cv2.blur(difference.astype(np.float32), (9, 9)).max() < 30


# lengths, ranges, sources


@pytest.mark.parametrize(("rule", "frames", "seconds"), [("bounce", 30, 1.2), ("hold", 30, 1.2), ("cut", 10, 0.4)])
def test_a_longer_sound(desk: Path, face: Path, speech: Path, decode_samples, rule, frames, seconds) -> None:
    result = dub(face, speech, desk / "out.mp4", threads=2, end=0.4, length=rule)
    assert result.frames_total == frames
    assert result.duration == pytest.approx(seconds)
    samples, rate = decode_samples(result.output)
    assert len(samples) / rate == pytest.approx(seconds, abs=0.07)


def test_a_shorter_sound(desk: Path, face: Path, speech: Path, make_speech, decode, decode_samples) -> None:
    with wave.open(str(speech)) as source:
        rate = source.getframerate()
        short = make_speech("short.wav", np.frombuffer(source.readframes(rate // 2), "<i2"), rate)
    assert dub(face, short, desk / "cut.mp4", threads=2).frames_total == 13
    padded = dub(face, short, desk / "pad.mp4", threads=2, length="pad")
    assert padded.frames_total == len(decode(padded.output).frames) == 30
    assert len(decode_samples(padded.output)[0]) / rate == pytest.approx(0.5, abs=0.07)


def test_a_range_of_the_clip(desk: Path, face: Path, speech: Path, decode, differing) -> None:
    result = dub(face, speech, desk / "out.mkv", threads=2, start=0.4, end=0.8, length="cut", **LOSSLESS)
    made = decode(result.output)
    assert made.times == [Fraction(number, 25) for number in range(10)]
    masks = differing(decode(face).frames[10:20], made.frames)
    assert max(box_share(frame) for frame in masks) < MAJORITY


def test_the_sound_of_a_video_is_taken(
    desk: Path, pictures, face: Path, speech: Path, make_clip, decode_samples
) -> None:
    talking = make_clip("talking.mp4", pictures[:8], sound=speech)
    result = dub(face, talking, desk / "out.mp4", threads=2)
    samples, rate = decode_samples(result.output)
    assert len(samples) / rate == pytest.approx(1.2, abs=0.15)
    assert np.abs(samples).max() > 0.05


def test_silence_closes_the_mouth(desk: Path, face: Path, make_speech) -> None:
    silence = make_speech("silence.wav", np.zeros(16_000), 16_000)
    result = dub(face, silence, desk / "out.mp4", threads=2)
    assert any("silent" in note for note in result.report["notes"])
    from talkingface.faces.geometry import inner_lip_gap, interocular_distance
    from talkingface.faces.video import track_video

    (before,), (after,) = track_video(face).tracks, track_video(result.output).tracks
    gaps = [
        float(np.median(inner_lip_gap(track.landmarks) / interocular_distance(track.landmarks[..., :2])))
        for track in (before, after)
    ]
    assert gaps[1] < 0.03
    assert gaps[1] < gaps[0] + 0.005


def test_speech_moves_the_mouth(plain, face: Path) -> None:
    from talkingface.faces.geometry import inner_lip_gap, interocular_distance
    from talkingface.faces.video import track_video

    moves = []
    for path in (face, plain[0].output):
        (track,) = track_video(path).tracks
        moves.append(float(np.std(inner_lip_gap(track.landmarks) / interocular_distance(track.landmarks[..., :2]))))
    assert moves[1] > 0.01
    assert moves[1] > 2 * moves[0]


def test_a_picture_of_a_face(desk: Path, pictures, speech: Path, decode) -> None:
    path = desk / "portrait.png"
    assert cv2.imwrite(str(path), pictures[0])
    result = dub(path, speech, desk / "out.mp4", threads=2)
    assert result.frames_total == len(decode(result.output).frames) == 30
    assert result.duration == pytest.approx(1.2)


def test_still_is_said_to_mean_nothing_of_a_video(desk: Path, face: Path, speech: Path) -> None:
    result = dub(face, speech, desk / "out.mp4", threads=2, still=True, preview=0.2)
    assert any("--still" in note for note in result.report["notes"])


def test_a_picture_has_no_start_and_no_end(desk: Path, pictures, speech: Path, decode) -> None:
    path = desk / "portrait.png"
    assert cv2.imwrite(str(path), pictures[0])
    result = dub(path, speech, desk / "out.mp4", threads=2, start=50.0, end=51.0)
    assert result.frames_total == 30
    assert any("--start and --end" in note for note in result.report["notes"])


@pytest.mark.parametrize(
    ("choice", "error"), [("index:4", "asks for person number 5"), ("point:0,1,1", "no face at 1,1")]
)
def test_a_face_that_a_picture_lacks_is_told_of_the_picture(
    desk: Path, pictures, speech: Path, choice: str, error: str
) -> None:
    path = desk / "portrait.png"
    assert cv2.imwrite(str(path), pictures[0])
    with pytest.raises(NoFaceError, match=rf"^{re.escape(str(path))}: .*{error}"):
        dub(path, speech, desk / "out.mp4", threads=2, face=choice)


def test_a_picture_without_a_face_is_named(desk: Path, speech: Path) -> None:
    path = desk / "wall.png"
    assert cv2.imwrite(str(path), np.full((240, 320, 3), 90, np.uint8))
    with pytest.raises(NoFaceError, match=r"wall\.png: no face found"):
        dub(path, speech, desk / "out.mp4", threads=2)


@pytest.mark.parametrize("suffix", [".mov", ".mkv", ".m4v"])
def test_other_containers(desk: Path, face: Path, speech: Path, decode, suffix: str) -> None:
    result = dub(face, speech, desk / f"out{suffix}", threads=2, end=0.3, length="cut")
    assert len(decode(result.output).frames) == 8


def test_odd_names(desk: Path, face: Path, speech: Path, decode) -> None:
    folder = desk / 'it\'s a "folder" 100% 映像'
    folder.mkdir()
    source = folder / "-face %d.mp4"
    source.write_bytes(face.read_bytes())
    result = dub(source, speech, folder / "выход 1.mp4", threads=2, end=0.3, length="cut", report=folder / "r.json")
    assert len(decode(result.output).frames) == 8
    assert json.loads((folder / "r.json").read_text(encoding="utf-8"))["face"] == str(source)


def test_of_two_faces_the_one_pointed_at_speaks(
    desk: Path, pictures, speech: Path, make_clip, decode, differing
) -> None:
    pair = [np.hstack([picture[:, 96:416], picture[:, 96:416]]) for picture in pictures[:10]]
    clip = make_clip("pair.mp4", pair)
    source = decode(clip)
    middle = pair[0].shape[1] // 2
    for x, side in ((middle // 2, "left"), (middle + middle // 2, "right")):
        result = dub(clip, speech, desk / f"{side}.mkv", threads=2, length="cut", face=f"point:0.2,{x},150", **LOSSLESS)
        union = np.any([frame[0] for frame in differing(source.frames, decode(result.output).frames)], axis=0)
        assert union[:, :middle].any() == (side == "left")
        assert union[:, middle:].any() == (side == "right")
        assert len(result.report["faces"]) == 2


# what can go wrong


@pytest.fixture
def bench(tmp_path: Path, face: Path, speech: Path, faceless: Path) -> Any:
    """Names for the error table: inputs, and an empty folder for results and one for work."""
    out, work = tmp_path / "out", tmp_path / "work"
    out.mkdir()
    work.mkdir()
    there = out / "there.mp4"
    there.write_bytes(b"an earlier result")
    text = tmp_path / "text.mp4"
    text.write_text("not a video")
    empty = tmp_path / "empty.mp4"
    empty.touch()
    return {
        "face": face, "speech": speech, "faceless": faceless, "out": out / "new.mp4", "there": there, "text": text,
        "empty": empty, "missing": tmp_path / "nowhere.mp4", "folder": tmp_path, "work": work,
        "nofolder": tmp_path / "no" / "such" / "new.mp4", "filefolder": text / "new.mp4", "suffix": out / "new.xyz",
    }  # fmt: skip


ERRORS = [
    ("missing", "speech", "out", {}, MediaError, "nowhere.mp4"),
    ("face", "missing", "out", {}, MediaError, "nowhere.mp4"),
    ("folder", "speech", "out", {}, MediaError, "director|folder"),
    ("face", "folder", "out", {}, MediaError, "director|folder"),
    ("text", "speech", "out", {}, MediaError, "text.mp4"),
    ("empty", "speech", "out", {}, MediaError, "empty.mp4"),
    ("speech", "speech", "out", {}, MediaError, "speech.wav"),
    ("face", "face", "out", {}, MediaError, "face.mp4"),
    ("faceless", "speech", "out", {}, NoFaceError, "faceless.mp4: no face"),
    ("face", "speech", "out", {"face": "index:4"}, NoFaceError, "index:4"),
    ("face", "speech", "out", {"face": "point:0.2,3,3"}, NoFaceError, "no face at 3,3"),
    ("face", "speech", "there", {}, OutputError, "there.mp4: is already there"),
    ("face", "speech", "face", {"overwrite": True}, OutputError, "face.mp4"),
    ("face", "speech", "folder", {}, OutputError, "director"),
    ("face", "speech", "nofolder", {}, OutputError, "new.mp4|such"),
    ("face", "speech", "filefolder", {}, OutputError, "text.mp4"),
    ("face", "speech", "suffix", {}, OutputError, "suffix '.xyz'"),
    ("face", "speech", "out", {"crff": 3}, OptionError, "crff"),
    ("face", "speech", "out", {"crf": 99}, OptionError, "crf"),
    ("face", "speech", "out", {"face": "the left one"}, OptionError, "the left one"),
    ("face", "speech", "out", {"start": 1.0, "end": 0.5}, OptionError, "end"),
    ("face", "speech", "out", {"backend": "neural"}, WeightsMissingError, "LNet.pth"),
    ("face", "speech", "out", {"start": 77.0}, MediaError, "face.mp4"),
]


@pytest.mark.parametrize(("video", "sound", "output", "changes", "kind", "text"), ERRORS)
def test_errors_are_typed_and_leave_nothing(
    bench: Any, video: str, sound: str, output: str, changes: dict[str, Any], kind: type[TalkingFaceError], text: str
) -> None:
    before = {path: path.stat().st_mtime_ns for path in bench["folder"].rglob("*") if path.is_file()}
    with pytest.raises(kind, match=text) as caught:
        dub(bench[video], bench[sound], bench[output], work_dir=bench["work"], threads=2, **changes)
    assert "\n" not in str(caught.value)
    after = {path: path.stat().st_mtime_ns for path in bench["folder"].rglob("*") if path.is_file()}
    assert after == before
    assert list(bench["work"].iterdir()) == []
    assert helper_threads() == []


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        ("{missing} {speech} -o {out}", 3, "nowhere.mp4"),
        ("{face} {face} -o {out}", 3, "face.mp4"),
        ("{faceless} {speech} -o {out}", 4, "no face"),
        ("{face} {speech} -o {out} --backend neural", 5, "LNet.pth"),
        ("{face} {speech} -o {there}", 6, "already there"),
        ("{face} {speech} -o {nofolder}", 6, "no such folder"),
        ("{face} {speech} -o {out} --crf 99", 2, "crf"),
        ("{face} {speech} -o {out} --crff 9", 2, "crff"),
    ],
)
def test_exit_statuses(bench: Any, capsys: pytest.CaptureFixture[str], arguments: str, status: int, text: str) -> None:
    command = ["dub", *(word.format(**bench) for word in arguments.split())]
    try:
        code = main(command)
    except SystemExit as left:
        code = int(left.code or 0)
    assert code == status
    captured = capsys.readouterr()
    assert text in captured.err
    assert "Traceback" not in captured.err
    assert not bench["out"].exists()


def test_dub_on_the_command_line(bench: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dub", str(bench["face"]), str(bench["speech"]), "-o", str(bench["out"]), "--end", "0.3"]) == 0
    assert bench["out"].is_file()
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("stage", "steps"), [("find faces", 1), ("find faces", 12), ("speak lips", 1), ("speak lips", 15)]
)
def test_cancelling_leaves_only_what_can_be_gone_on_with(bench: Any, watcher, stage: str, steps: int) -> None:
    cancel = Cancellation()
    with pytest.raises(Cancelled) as caught:
        dub(
            bench["face"], bench["speech"], bench["there"], overwrite=True, work_dir=bench["work"], threads=2,
            report=bench["there"].with_suffix(".json"), progress=watcher(stage, steps, cancel), cancel=cancel,
            cache=False,
        )  # fmt: skip
    assert caught.tb is not None
    assert helper_threads() == []  # though the traceback is still there
    resumable = stage == "speak lips"
    assert ("--resume" in str(caught.value)) == resumable
    assert len(list(bench["work"].iterdir())) == resumable
    assert [path.name for path in bench["there"].parent.iterdir()] == ["there.mp4"]
    assert bench["there"].read_bytes() == b"an earlier result"


def test_a_file_that_appears_meanwhile_is_kept(bench: Any, watcher) -> None:
    class Neighbour(SilentProgress):
        def message(self, text: str) -> None:
            bench["out"].write_text("of another job")

    with pytest.raises(OutputError, match=r"already there.*--resume"):
        dub(bench["face"], bench["speech"], bench["out"], work_dir=bench["work"], threads=2, progress=Neighbour())
    assert bench["out"].read_text() == "of another job"
    other, progress = bench["out"].with_name("other.mp4"), watcher()
    result = dub(
        bench["face"], bench["speech"], other, work_dir=bench["work"], threads=2, resume=True, progress=progress
    )
    assert result.report["frames"]["from_interrupted_run"] == result.frames_total
    assert other.is_file()
    assert list(bench["work"].iterdir()) == []


def test_a_full_disk_is_said_and_can_be_gone_on_from(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    write = SegmentWriter.write

    def fill(self: SegmentWriter, frame: av.VideoFrame, pts: int, unchanged: bool = False) -> None:
        written.append(pts)
        if len(written) == 17:
            raise OutputError("the work folder is full")
        write(self, frame, pts, unchanged)

    monkeypatch.setattr("talkingface.dubbing.dub.SEGMENT_FRAMES", 10)
    monkeypatch.setattr(SegmentWriter, "write", fill)
    with pytest.raises(OutputError, match=r"full.*--resume"):
        dub(bench["face"], bench["speech"], bench["out"], work_dir=bench["work"], threads=2)
    assert helper_threads() == []
    assert not bench["out"].exists()
    (left,) = bench["work"].iterdir()
    assert not list(left.rglob("*.part"))
    result = dub(bench["face"], bench["speech"], bench["out"], work_dir=bench["work"], threads=2, resume=True)
    assert result.report["frames"]["from_interrupted_run"] == 10
    assert list(bench["work"].iterdir()) == []


def test_overwriting_when_allowed(bench: Any, decode) -> None:
    result = dub(bench["face"], bench["speech"], bench["there"], overwrite=True, end=0.3, length="cut", threads=2)
    assert len(decode(result.output).frames) == 8


def test_a_report_that_cannot_be_written_is_found_out_at_once(bench: Any, watcher) -> None:
    for report in (bench["folder"], bench["nofolder"], bench["face"], bench["out"]):
        progress = watcher()
        with pytest.raises(OutputError, match="report"):
            dub(bench["face"], bench["speech"], bench["out"], report=report, progress=progress)
        assert progress.stages == []


def test_a_face_that_comes_too_late(bench: Any, pictures, make_clip) -> None:
    wall = np.full_like(pictures[0], 90)
    clip = make_clip("late.mp4", [*[wall] * 20, *pictures[:10]])
    with wave.open(str(bench["speech"])) as source:
        short = bench["folder"] / "short.wav"
        with wave.open(str(short), "wb") as made:
            made.setparams(source.getparams())
            made.writeframes(source.readframes(source.getframerate() // 2))
    with pytest.raises(NoFaceError, match=r"first seen at 0\.\d+ s.*--start"):
        dub(clip, short, bench["out"], threads=2)


# real clips


def test_a_real_variable_rate_clip_keeps_its_timestamps(desk: Path, real_clips: Path, decode) -> None:
    clip, sound = real_clips / "vrt_face1.mp4", real_clips.parents[1] / "audio" / "vrt_audio1.wav"
    result = dub(clip, sound, desk / "out.mp4", threads=2, end=1.2, length="cut")
    made = decode(result.output)
    times = []
    with av.open(str(clip)) as source:
        for frame in source.decode(video=0):
            assert frame.time is not None
            if frame.time >= 1.2:
                break
            times.append(Fraction(frame.pts) * source.streams.video[0].time_base)
    assert len(made.times) == len(times)
    lead = times[0] - made.times[0]
    assert [time - lead for time in times] == made.times
    assert len(set(np.diff([float(time) for time in times]).round(6))) > 1  # it is variable indeed
    assert result.frames_dubbed == len(times)


@pytest.mark.parametrize("name", ["vrt_face3.mp4", "grid_lbax4n.mp4", "quiz_are_you_well.mp4"])
def test_real_clips_change_only_round_the_mouth(desk: Path, real_clips: Path, decode, differing, name: str) -> None:
    clip, sound = real_clips / name, real_clips.parents[1] / "audio" / "vrt_audio2.wav"
    result = dub(clip, sound, desk / "out.mkv", threads=2, end=0.6, length="cut", **LOSSLESS)
    made = decode(result.output)
    source = decode(clip).frames[: len(made.frames)]
    masks = differing(source, made.frames)
    assert result.frames_dubbed == result.frames_total == len(made.frames)
    assert all(frame[0].any() for frame in masks)
    assert max(box_share(frame) for frame in masks) < MAJORITY


def test_a_face_whose_mouth_is_never_in_the_picture(bench: Any, tmp_path: Path) -> None:
    """The detector finds a face by its eyes; without a mouth there is nothing to speak with."""
    cropped = tmp_path / "eyes.mp4"
    with av.open(str(bench["face"])) as reader, av.open(str(cropped), "w") as writer:
        source = reader.streams.video[0]
        height = round(source.height * 0.39) // 2 * 2
        stream = writer.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = source.width, height, "yuv420p"
        for number, frame in enumerate(reader.decode(source)):
            if number == 12:
                break
            picture = np.ascontiguousarray(frame.to_ndarray(format="bgr24")[:height])
            writer.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        writer.mux(stream.encode(None))
    with pytest.raises(NoFaceError, match="mouth of the face chosen is never in the picture"):
        dub(cropped, bench["speech"], bench["out"], threads=2)
    assert not bench["out"].exists()
