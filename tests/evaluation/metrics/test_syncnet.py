from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="SyncNet needs torch")

from talkingface.errors import MediaError, OptionError, WeightsUnusableError  # noqa: E402
from talkingface.evaluation.controls import FROZEN, NEW_SOUND, OWN_SOUND, SILENCE  # noqa: E402
from talkingface.evaluation.family import FamilyScores  # noqa: E402
from talkingface.evaluation.material import look_at  # noqa: E402
from talkingface.evaluation.metrics.syncnet import KEPT_SOUNDS, SYNCNET_METRICS, SyncNetFamily  # noqa: E402
from talkingface.evaluation.metrics.syncnet_distance import syncnet_figures  # noqa: E402
from talkingface.evaluation.observation import EvaluationSettings, Library  # noqa: E402
from talkingface.evaluation.protocol import evaluate  # noqa: E402
from talkingface.evaluation.result import EvaluationRow  # noqa: E402
from talkingface.media.mfcc import mfcc  # noqa: E402
from talkingface.media.planes import picture_bgr  # noqa: E402
from talkingface.media.reader import VideoReader  # noqa: E402
from talkingface.models.syncnet.embedding import SyncNetEmbedder  # noqa: E402
from talkingface.models.syncnet.lip_crops import plan_face  # noqa: E402
from talkingface.models.syncnet.network import SyncNetWidths, small_syncnet  # noqa: E402
from talkingface.progress import Cancellation, SilentProgress  # noqa: E402

from ...faces import scenes  # noqa: E402
from ...models.syncnet.painted_clips import write_pictures  # noqa: E402

WIDTHS = SyncNetWidths().narrowed(64)
ALL = frozenset(SYNCNET_METRICS)


@pytest.fixture
def checkpoints(tmp_path: Path) -> Path:
    """A folder with weights of a narrow network."""
    folder = tmp_path / "checkpoints"
    (folder / "LSE").mkdir(parents=True)
    torch.save(small_syncnet(64, seed=2).state_dict(), folder / "LSE" / "syncnet_v2.model")
    return folder


@pytest.fixture
def clips(painted: list[int], make_clip: Any, make: Any) -> list[Path]:
    """Three clips of 3 s with sounds of their own."""
    return [
        make_clip(f"{seed}.mkv", make.speech_like(3.0, seed), samples=make.voice(3.0, seed), noise=4.0)
        for seed in range(3)
    ]


def library(checkpoints: Path, **how: Any) -> Library:
    return Library(1, SilentProgress(), Cancellation(), EvaluationSettings(checkpoints, device="cpu", **how))


def row(generated: Path, face: Path | None = None, audio: Path | None = None) -> EvaluationRow:
    return EvaluationRow(generated.stem, generated, face or generated, audio or generated)


def score(rows: list[EvaluationRow], library: Library, family: SyncNetFamily | None = None) -> FamilyScores:
    """The first row's."""
    assert rows[0].generated is not None
    material = look_at(rows[0], rows[0].generated, rows, library)
    return (family or SyncNetFamily(WIDTHS)).score(material, ALL, library)


def values(scores: Any) -> list[float | None]:
    return [scores[name].value for name in SYNCNET_METRICS]


def test_a_clip_is_scored_with_its_controls(clips: list[Path], checkpoints: Path) -> None:
    said = score([row(clips[0]), row(clips[1])], library(checkpoints))
    assert set(said.scores) == ALL
    confidence, distance, offset = values(said.scores)
    details = said.details["syncnet"]
    assert json.loads(json.dumps(said.details)) == said.details
    assert details["lips_late_by"] == list(range(-15, 16))
    best = int(np.argmin(details["distance"]))
    assert offset == details["offset"] == details["lips_late_by"][best]
    assert distance == pytest.approx(details["distance"][best], abs=1e-5)
    assert confidence == pytest.approx(np.median(details["distance"]) - min(details["distance"]), abs=1e-5)
    assert (details["lse_mode"], details["tracks"], details["windows"]) == ("tracked", 1, 70)
    assert details["window_times"][:2] == [0.0, 0.04] and len(details["window_times"]) == 70
    assert len(details["frame_confidence"]) == len(details["frame_distance"]) == 70
    assert details["weights"].endswith("LSE/syncnet_v2.model") and len(details["weights_sha256"]) == 64
    assert values(said.controls[OWN_SOUND]) == values(said.scores)  # the clip is its own original
    found = [tuple(values(said.controls[name])) for name in (OWN_SOUND, NEW_SOUND, FROZEN, SILENCE)]
    assert len(set(found)) == 4 and None not in {value for control in found for value in control}


def test_controls_are_what_they_say(clips: list[Path], checkpoints: Path) -> None:
    shelf, family = library(checkpoints), SyncNetFamily(WIDTHS)
    rows = [row(clips[0], clips[1], clips[2])]  # made of another clip, to speak a third one's sound
    said = score(rows, shelf, family)
    lips = [family._lips(shelf.video(path), shelf) for path in clips]
    sound = [family._sound(path, shelf) for path in clips]
    for control, seen, heard in (
        (OWN_SOUND, lips[1], sound[1]),
        (NEW_SOUND, lips[1], sound[2]),
        (FROZEN, lips[0].frozen(), sound[2]),
    ):
        figures = syncnet_figures(seen, heard)
        assert values(said.controls[control]) == [figures.confidence, figures.distance, figures.offset]
    assert values(said.scores)[1] == syncnet_figures(lips[0], sound[2]).distance


def test_lips_are_embedded_once_a_video(clips: list[Path], checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    plain = SyncNetEmbedder.embed_lips
    monkeypatch.setattr(SyncNetEmbedder, "embed_lips", lambda *a: calls.append(1) or plain(*a))
    score([row(clips[0])], library(checkpoints))
    assert len(calls) == 1
    score([row(clips[0], clips[1], clips[2])], library(checkpoints))
    assert len(calls) == 3


def test_without_another_sound_its_own_is_moved(clips: list[Path], checkpoints: Path) -> None:
    said = score([row(clips[0])], library(checkpoints))
    assert any("moved by half its length" in note for note in said.notes)
    assert values(said.controls[NEW_SOUND]) != values(said.controls[OWN_SOUND])


def test_scored_twice_it_is_the_same(clips: list[Path], checkpoints: Path) -> None:
    rows = [row(clips[0]), row(clips[1])]
    first, second = (score(rows, library(checkpoints)) for _ in range(2))
    assert first == second


def test_modes_show_the_network_different_pictures(clips: list[Path], checkpoints: Path) -> None:
    tracked = score([row(clips[0])], library(checkpoints))
    whole = score([row(clips[0])], library(checkpoints, lse_mode="lrs"))
    assert whole.details["syncnet"]["lse_mode"] == "lrs"
    assert whole.details["syncnet"]["windows"] == tracked.details["syncnet"]["windows"]
    assert values(whole.scores) != values(tracked.scores)
    with pytest.raises(OptionError, match=r"'lsr'.*did you mean 'lrs'"):
        score([row(clips[0])], library(checkpoints, lse_mode="lsr"))


def test_gaps_part_the_face_and_are_said(painted: list[int], make_clip: Any, make: Any, checkpoints: Path) -> None:
    openings = make.speech_like(4.0)
    openings[[40, 50]] = -1
    said = score([row(make_clip("gap.mkv", openings, samples=make.voice(4.0)))], library(checkpoints))
    details = said.details["syncnet"]
    assert (details["tracks"], details["tracks_too_short"], details["windows"]) == (2, 1, 35 + 44)
    assert details["ticks_left_out"] == 11
    assert any("the 79 windows of its 2 tracks together" in note for note in said.notes)
    assert any("leaves out 1 track of" in note for note in said.notes)


def test_without_weights_the_scores_do_not_apply(clips: list[Path], tmp_path: Path) -> None:
    said = score([row(clips[0])], library(tmp_path / "empty"))
    assert set(said.scores) == ALL and not said.controls and not said.details
    for found in said.scores.values():
        assert found.value is None
        assert found.reason == (
            f"n/a: SyncNet's weights are missing: put syncnet_v2.model in {tmp_path / 'empty'}/LSE "
            "(see docs/evaluation.md)"
        )


def test_without_torch_the_scores_do_not_apply(
    clips: list[Path], checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    said = score([row(clips[0])], library(checkpoints))
    assert {found.reason for found in said.scores.values()} == {"n/a: needs torch: pip install 'talkingface[eval]'"}


def test_torch_is_not_loaded_before_there_are_weights() -> None:
    program = "import sys, talkingface.evaluation.metrics.syncnet; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_broken_weights_end_the_evaluation(clips: list[Path], checkpoints: Path) -> None:
    with pytest.raises(WeightsUnusableError, match="has the shape"):  # the narrow ones are not the released ones
        evaluate([row(clips[0])], ["lse_c"], settings=EvaluationSettings(checkpoints))
    (checkpoints / "LSE" / "syncnet_v2.model").write_bytes(b"not weights")
    with pytest.raises(WeightsUnusableError, match="cannot be read"):
        evaluate([row(clips[0])], ["lse_c"], settings=EvaluationSettings(checkpoints))


def test_too_short_and_silent_files_fail_the_clip(
    painted: list[int], make_clip: Any, make: Any, checkpoints: Path
) -> None:
    short = make_clip("short.mkv", make.speech_like(0.9), samples=make.voice(3.0))
    with pytest.raises(MediaError, match=r"short\.mkv: too short for SyncNet: 0 windows"):
        score([row(short)], library(checkpoints))
    mute = make_clip("mute.mkv", make.speech_like(2.0))
    with pytest.raises(MediaError, match=r"mute\.mkv"):
        score([row(mute)], library(checkpoints))


def test_few_sounds_are_kept(clips: list[Path], checkpoints: Path, make_clip: Any, make: Any) -> None:
    shelf, family = library(checkpoints), SyncNetFamily(WIDTHS)
    score([row(clips[0])], shelf, family)
    for seed in range(KEPT_SOUNDS + 2):
        family._sound(make_clip(f"s{seed}.mkv", [0.1] * 5, samples=make.voice(0.5)), shelf)
    assert len(family._sounds) == KEPT_SOUNDS


@scenes.needs_clips
def test_a_real_clip_of_varying_rate_stays_aligned_from_first_to_last(checkpoints: Path, tmp_path: Path) -> None:
    """The same pictures at the same times, stored 25 times a second and at a rate that varies between 25 and 100."""
    clip = scenes.CLIPS / "grid_bbaf2n.mp4"
    with VideoReader(clip, threads=1) as reader:
        pictures = [np.ascontiguousarray(picture_bgr(decoded.frame, None)[..., ::-1]) for decoded in reader.frames()]
    constant = write_pictures(tmp_path / "constant.mp4", pictures, range(0, 40 * len(pictures), 40))
    splits = np.random.default_rng(0).choice(4, len(pictures))
    begins = [
        (40 * k + part, k) for k, split in enumerate(splits) for part in ((0,), (0, 10), (0, 20), (0, 12, 25))[split]
    ]
    varying = write_pictures(tmp_path / "varying.mp4", [pictures[k] for _, k in begins], [time for time, _ in begins])
    assert len(begins) > 1.5 * len(pictures)
    seen = [library(checkpoints).video(path) for path in (constant, varying)]
    plans = [plan_face(shown.frame_times, shown.face, shown.cuts) for shown in seen]
    (same,), (track,) = (plan.tracks for plan in plans)
    assert [begins[index][1] for index in track.frames] == same.frames.tolist() == list(range(len(pictures)))
    assert same.boxes is not None and track.boxes is not None
    assert np.abs(same.boxes - track.boxes).max() < 1.5  # pixels: more frames are smoothed differently
    family = SyncNetFamily(WIDTHS)
    said, lips = [], []
    for path in (constant, varying):
        shelf = library(checkpoints, lse_mode="lrs")
        said.append(score([row(path, audio=clip)], shelf, family))
        lips.append(family._lips(shelf.video(path), shelf))
    assert lips[0].ticks.tolist() == lips[1].ticks.tolist() == list(range(70))
    np.testing.assert_allclose(lips[0].vectors, lips[1].vectors, atol=0.02 * lips[0].vectors.std(0).max())
    assert values(said[0].scores) == pytest.approx(values(said[1].scores), rel=1e-3)


@scenes.needs_clips
@pytest.mark.parametrize("name", ["grid_bbaf2n.mp4", "vrt_face3.mp4"])  # stereo at 44.1 kHz, 25 fps
def test_pre_cut_files_score_as_in_the_plain_procedure(checkpoints: Path, name: str) -> None:
    """OpenCV's frames, resized; FFmpeg's 16 kHz mono integers; distances by torch: all at once, as it is published."""
    clip = scenes.CLIPS / name
    capture, frames = cv2.VideoCapture(str(clip)), []
    while (read := capture.read())[0]:
        frames.append(cv2.resize(read[1], (224, 224)))
    with av.open(str(clip)) as container:
        resampler = av.AudioResampler("s16", "mono", 16_000)
        decoded = [*container.decode(audio=0), None]
        sound = np.concatenate([part.to_ndarray()[0] for frame in decoded for part in resampler.resample(frame)])
    count = min(len(frames), len(sound) // 640) - 5
    columns = torch.from_numpy(mfcc(sound).T.astype(np.float32))
    pictures = torch.from_numpy(np.stack(frames)).float().permute(3, 0, 1, 2)
    network = small_syncnet(64, seed=2)
    with torch.inference_mode():
        lips = torch.cat([network.forward_lip(pictures[None, :, k : k + 5]) for k in range(count)])
        heard = torch.cat([network.forward_aud(columns[None, None, :, 4 * k : 4 * k + 20]) for k in range(count)])
        padded = torch.nn.functional.pad(heard, (0, 0, 15, 15))
        distance = torch.nn.functional.pairwise_distance
        curves = [distance(lips[[k]].repeat(31, 1), padded[k : k + 31]) for k in range(count)]
        curve = torch.stack(curves).mean(0)
    least, best = curve.min(0)
    said = score([row(clip)], library(checkpoints, lse_mode="lrs"))
    assert said.details["syncnet"]["windows"] == count
    np.testing.assert_allclose(said.details["syncnet"]["distance"][::-1], curve, rtol=1e-4)
    expected = [float(curve.median() - least), float(least), 15.0 - int(best)]
    assert values(said.scores) == pytest.approx(expected, rel=1e-3)
