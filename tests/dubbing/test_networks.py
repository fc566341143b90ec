"""Dubs by the neural backend, its networks narrow and random, on clips made from the sample's portrait."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from talkingface import dub
from talkingface.errors import Cancelled, OptionError, WeightsMissingError
from talkingface.progress import Cancellation
from talkingface.weights import store
from talkingface.weights.catalog import catalog_entry

torch = pytest.importorskip("torch")

from .small_networks import changeless, narrow, write_files  # noqa: E402

LOSSLESS: dict[str, Any] = {"video_codec": "ffv1", "threads": 2, "backend": "neural", "device": "cpu"}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of the released files' names; loading gives narrow networks."""
    folder = write_files(tmp_path_factory.mktemp("checkpoints"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "load", lambda name, folder, **how: narrow(name))
        yield folder


@pytest.fixture(scope="module")
def speak(checkpoints: Path, face: Path, speech: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """``speak(clip=..., **options)``: a dub of the first 0.24 s and its frames; the same one is made once."""
    from .conftest import decode_video

    folder, cache, made = tmp_path_factory.mktemp("dubs"), tmp_path_factory.mktemp("cache"), {}

    def run(clip: Path | None = None, **options: Any) -> Any:
        key = repr((clip, sorted(options.items())))
        if key not in made:
            settings = {**LOSSLESS, "checkpoint_dir": checkpoints, "cache_dir": cache, "batch_size": 8, "preview": 0.24}
            settings |= options
            result = dub(clip or face, speech, folder / f"{len(made)}.mkv", **settings)
            made[key] = result, decode_video(result.output)
        return made[key]

    return run


@pytest.fixture(scope="module")
def source(face: Path) -> Any:
    from .conftest import decode_video

    return decode_video(face)


def differences(one: Any, other: Any) -> np.ndarray:
    """(N, H, W) of lumas."""
    pairs = zip(one.frames, other.frames, strict=False)  # of one there may be only the beginning
    return np.stack([np.abs(a[0].astype(int) - b[0]) for a, b in pairs])


def box(changed: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is True in (H, W)."""
    rows, columns = np.nonzero(changed)
    return int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())


def test_the_result_is_whole_and_says_what_made_it(speak, source, checkpoints: Path) -> None:
    result, video = speak(preview=None)
    assert video.times == source.times  # 1.2 s of sound, 30 frames: no tail is lost
    assert (result.frames_total, result.frames_dubbed) == (30, 30)
    report = result.report
    assert report["backend"] == "neural"
    for name in ("DNet", "LNet", "ENet", "Deep3DRecon", "GFPGANv1Clean512", "ParseNet512"):
        assert re.fullmatch("[0-9a-f]{64}", report["weights"][catalog_entry(name).files[0]])
    assert "GPEN-BFR-512.pth" not in report["weights"]  # balanced does not read it
    assert any("similarity_Lm3D_all.mat" in note for note in report["notes"])
    assert any("expression.mat" in note for note in report["notes"])


@pytest.mark.parametrize("options", [{}, {"quality": "fast"}, {"emotion": "sad"}, {"enhance": "face"}])
def test_outside_the_face_every_bit_stays(speak, source, options: dict[str, Any]) -> None:
    _, video = speak(**options)
    changed = differences(source, video) > 0
    assert changed.any((1, 2)).all()
    left, top, right, bottom = box(changed.any(0))
    height, width = changed.shape[1:]
    assert left > 0.1 * width and right < 0.9 * width
    assert (right - left) * (bottom - top) < 0.25 * width * height
    for place, (own, made) in enumerate(zip(source.frames, video.frames, strict=False)):
        for plane in (1, 2):
            other = own[plane] != made[plane]
            other[top // 2 : bottom // 2 + 1, left // 2 : right // 2 + 1] = False
            assert other.sum() <= 0.002 * other.size, place


def test_the_same_again_gives_the_same_bits(speak, tmp_path: Path) -> None:
    _, one = speak()
    _, two = speak(work_dir=tmp_path)
    assert not differences(one, two).any()


def test_frames_made_together_are_those_made_alone(speak) -> None:
    _, together = speak()
    _, alone = speak(batch_size=1)
    assert differences(together, alone).max() <= 1  # sums of floats in another order


def test_an_interrupted_run_gives_the_same_frames(
    speak, checkpoints: Path, face: Path, speech: Path, tmp_path: Path, watcher, decode, monkeypatch
) -> None:
    _, whole = speak(preview=None)
    monkeypatch.setattr("talkingface.dubbing.dub.SEGMENT_FRAMES", 8)
    monkeypatch.setattr("talkingface.dubbing.synthesise.GROUPS_END", 8)
    settings = {**LOSSLESS, "checkpoint_dir": checkpoints, "batch_size": 8, "work_dir": tmp_path / "work"}
    cancel = Cancellation()
    progress = watcher("speak lips", 20, cancel)
    with pytest.raises(Cancelled, match="--resume"):
        dub(face, speech, tmp_path / "out.mkv", progress=progress, cancel=cancel, **settings)
    result = dub(face, speech, tmp_path / "out.mkv", resume=True, **settings)
    assert result.report["frames"]["from_interrupted_run"] in (8, 16)
    assert not differences(whole, decode(result.output)).any()


def test_other_weights_are_another_job(
    speak, checkpoints: Path, face: Path, speech: Path, tmp_path: Path, watcher
) -> None:
    settings = {**LOSSLESS, "checkpoint_dir": checkpoints, "batch_size": 8, "work_dir": tmp_path / "work"}
    cancel = Cancellation()
    with pytest.raises(Cancelled):
        dub(face, speech, tmp_path / "out.mkv", progress=watcher("speak lips", 9, cancel), cancel=cancel, **settings)
    (before,) = (tmp_path / "work").iterdir()
    (checkpoints / "DNet.pt").write_text("other")
    try:
        result = dub(face, speech, tmp_path / "out.mkv", resume=True, **settings)
    finally:
        (checkpoints / "DNet.pt").write_text("DNet")
    assert any("no interrupted run" in note or "nothing" in note for note in result.report["notes"]) or before.exists()
    assert result.report["frames"]["from_interrupted_run"] == 0


def test_frames_without_the_face_pass_through(
    speak, pictures, make_clip: Callable[..., Path], decode: Callable[[Path], Any]
) -> None:
    wall = np.full_like(pictures[0], 90)
    clip = make_clip("gap.mp4", [*pictures[:12], *[wall] * 8, *pictures[12:22]])
    result, video = speak(clip=clip, preview=None)
    changed = differences(decode(clip), video).any((1, 2))
    assert not changed[12:20].any()
    assert changed[2:10].all() and changed[23:28].all()
    assert result.frames_passed >= 8


def test_ten_bits_and_colour_at_full_size_stay(speak, pictures, make_clip, decode) -> None:
    clip = make_clip("deep.mp4", pictures[:8], codec="libx265", pixel_format="yuv444p10le")
    _, video = speak(clip=clip, pixel_format="keep")
    given = decode(clip)
    assert video.pixel_format == given.pixel_format == "yuv444p10le"
    changed = differences(given, video) > 0
    assert changed.any((1, 2)).all()
    assert changed.any(0).mean() < 0.25


def test_a_picture_is_animated_and_speaks(speak, pictures, tmp_path: Path) -> None:
    path = tmp_path / "portrait.png"
    cv2.imwrite(str(path), pictures[0])
    result, video = speak(clip=path)
    assert result.frames_dubbed == result.frames_total == len(video.frames) > 3


def test_a_longer_sound_bounces(speak, pictures, make_clip: Callable[..., Path]) -> None:
    result, video = speak(clip=make_clip("short.mp4", pictures[:12]), preview=None)
    assert (len(video.frames), result.frames_dubbed) == (30, 30)


def test_a_longer_video_goes_on_in_silence(speak, pictures, make_clip) -> None:
    clip = make_clip("long.mp4", [*pictures, *pictures[::-1][1:7]])
    assert speak(clip=clip, length="bounce,pad", preview=None)[0].frames_dubbed == 36


# options


def lower_than_eyes(changed: np.ndarray, face_box: tuple[int, int, int, int]) -> bool:
    """Whether only the lower half of the box (in which the network repaints) is True."""
    _, top, _, bottom = face_box
    return not changed[:, : (top + bottom) // 2 - (bottom - top) // 8].any()


def test_the_upper_face_can_be_kept(speak, source) -> None:
    whole = differences(source, speak()[1]).any(0) > 0
    kept = differences(source, speak(keep_upper_face=True)[1]) > 0
    assert kept.any((1, 2)).all()
    assert lower_than_eyes(kept, box(whole))


@pytest.mark.parametrize("emotion", ["sad", "angry", "surprise", "happy"])
def test_an_emotion_changes_the_upper_half_of_the_frames_own_face(speak, source, emotion: str) -> None:
    _, plain = speak(keep_upper_face=True)
    _, moved = speak(emotion=emotion)
    _, top, _, bottom = box(differences(source, speak()[1]).any(0))
    upper = slice(0, (top + bottom) // 2 - (bottom - top) // 8)
    whole = differences(plain, moved)[:, upper]
    assert whole.any()  # without any other option
    other = speak(emotion="angry" if emotion == "sad" else "sad")[1]
    assert differences(moved, other)[:, upper].any()


def test_no_strength_is_no_emotion(speak) -> None:
    assert differences(speak(emotion="sad")[1], speak(emotion="sad", strength=0.2)[1]).any()
    assert not differences(speak()[1], speak(emotion="sad", strength=0)[1]).any()


@pytest.mark.parametrize(
    "options",
    [
        {"enhancer": "none"},
        {"enhancer": "gpen"},
        {"enhance": "face"},
        {"quality": "best"},
        {"one_shot": True},
        {"pads": "0,40,0,0"},
        {"seed": 7},
        {"dtype": "bf16"},
    ],
)
def test_every_option_changes_the_face(speak, source, options: dict[str, Any]) -> None:
    plain, other = speak()[1], speak(**options)[1]
    changed = differences(plain, other)
    assert changed.any((1, 2)).mean() > 0.8
    either = (differences(source, plain) + differences(source, other)).any(0)
    assert not changed.any(0)[~either].any()  # nothing where neither touches the frame


def test_fast_restores_nothing_and_asks_for_no_restorer(speak) -> None:
    result, fast = speak(quality="fast")
    assert "GFPGANv1.3.pth" not in result.report["weights"]
    assert not differences(fast, speak(enhancer="none")[1]).any()
    assert not differences(speak()[1], speak(enhancer="gfpgan")[1]).any()


def test_bfloat16_is_near_float32(speak) -> None:
    assert differences(speak()[1], speak(dtype="bf16")[1]).mean() < 2


def test_the_expression_of_a_picture(speak, pictures, tmp_path: Path) -> None:
    path = tmp_path / "shown.png"
    cv2.imwrite(str(path), pictures[0])
    result, shown = speak(expression=str(path))
    assert differences(speak()[1], shown).any()
    assert not any("expression.mat" in note for note in result.report["notes"])
    assert not differences(speak()[1], speak(expression="neutral")[1]).any()


def test_what_the_networks_have_no_template_of(speak, checkpoints: Path) -> None:
    with pytest.raises(OptionError, match=r"sad.*--emotion sad"):
        speak(expression="sad")
    with pytest.raises(WeightsMissingError, match=r"expression\.mat"):
        speak(expression="happy")


@pytest.mark.parametrize(("device", "dtype", "words"), [("cuda", "fp32", "cuda"), ("cpu", "fp16", "fp16")])
def test_a_device_or_precision_that_cannot_be(speak, device: str, dtype: str, words: str) -> None:
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(OptionError, match=words):
        speak(device=device, dtype=dtype)


@pytest.mark.parametrize(
    ("quality", "missing"), [("fast", "ENet"), ("balanced", "GFPGANv1Clean512"), ("best", "GPEN512")]
)
def test_what_is_missing_is_named(speak, face, speech, tmp_path: Path, quality: str, missing: str) -> None:
    folder = write_files(tmp_path / "some")
    file = catalog_entry(missing).files[0]
    (folder / file).unlink()
    with pytest.raises(WeightsMissingError, match=re.escape(file)) as caught:
        speak(quality=quality, checkpoint_dir=folder)
    assert caught.value.exit_code == 5


# networks that change nothing show where everything is put


@pytest.mark.parametrize(
    ("rotation", "quality"), [(0, "fast"), (90, "fast"), (180, "fast"), (270, "fast"), (0, "best"), (90, "best")]
)
def test_networks_that_change_nothing_give_the_frame_back(
    speak, pictures, make_clip, decode, monkeypatch, rotation: int, quality: str
) -> None:
    monkeypatch.setattr(store, "load", lambda name, folder, **how: changeless(name))
    turned = [np.ascontiguousarray(np.rot90(picture, rotation // 90)) for picture in pictures[:8]]
    clip = make_clip(f"turned{rotation}.mp4", turned, rotation=rotation)
    result, video = speak(clip=clip, quality=quality, preview=0.32)
    assert result.frames_dubbed == 8
    given = decode(clip)
    off = differences(given, video)
    assert (off > 0).any((1, 2)).all()
    left, top, right, bottom = box((off > 0).any(0))
    assert off[:, top:bottom, left:right].mean() < 3  # what resampling takes of a picture this sharp
    for own, made in zip(given.frames, video.frames, strict=True):
        inner = [_detail(planes[0][top:bottom, left:right]) for planes in (own, made)]
        window = cv2.createHanningWindow(inner[0].shape[::-1], cv2.CV_32F)
        (across, down), _ = cv2.phaseCorrelate(*inner, window)
        assert max(abs(across), abs(down)) < 0.3  # pixels: everything lies where it was


def _detail(luma: np.ndarray) -> np.ndarray:
    picture = luma.astype(np.float32)
    return picture - cv2.GaussianBlur(picture, (0, 0), 4)


# what is planned


class _PlannedError(Exception):
    pass


@pytest.fixture
def planned(checkpoints: Path, face: Path, speech: Path, tmp_path: Path, monkeypatch) -> Any:
    """A planned pipeline, and the planes of the clip's frames; called with options."""

    def plan(clip: Path | None = None, **options: Any) -> Any:
        found: list[Any] = []

        def catch(source: Path, analysis: Any, schedule: Any, pipelines: Any, writer: Any, **how: Any) -> None:
            found.append((pipelines[0], schedule))
            raise _PlannedError

        monkeypatch.setattr("talkingface.dubbing.dub.synthesise", catch)
        settings = {**LOSSLESS, "checkpoint_dir": checkpoints, "work_dir": tmp_path / "work", "cache": False}
        with pytest.raises(_PlannedError):
            dub(clip or face, speech, tmp_path / "out.mkv", **{**settings, **options})
        return found[0]

    return plan


def test_a_frame_is_the_same_in_any_company(planned, source) -> None:
    pipeline, _ = planned(batch_size=3)
    alone = pipeline.frames([5], [source.frames[5]])
    among = pipeline.frames([9, 5, 2, 21], [source.frames[n] for n in (9, 5, 2, 21)])
    (one,), (other,) = alone[0], among[1]
    assert (one.x0, one.y0) == (other.x0, other.y0)
    np.testing.assert_array_equal(one.alpha, other.alpha)
    for a, b in zip(one.planes, other.planes, strict=True):
        np.testing.assert_allclose(a, b, atol=0.05)


def test_windows_are_those_of_the_whole_clip(planned) -> None:
    from talkingface.models.video_retalking.neural.semantic_window import semantic_window, with_expression

    pipeline, _ = planned()
    (shot,) = pipeline._shots
    rows = shot.coefficients[:]
    assert rows.shape == (30, 262)
    np.testing.assert_array_equal(rows[:, 257:259], 256)
    for row in (0, 5, 14, 29):
        whole = with_expression(semantic_window(rows, row), pipeline.template)
        np.testing.assert_array_equal(pipeline._window(shot, row), whole)


def test_every_frame_hears_its_own_time(planned, source, pictures, make_clip, decode) -> None:
    pts = [0, *np.cumsum(np.random.default_rng(2).choice([256, 427, 512, 1100], len(pictures) - 1)).tolist()]
    clip = make_clip("uneven.mp4", pictures, pts=pts)
    pipeline, schedule = planned(clip, length="bounce,pad")
    frames = decode(clip).frames
    number = 11
    found = pipeline._asked(number, frames[number])
    start = int(pts[number] / 12_800 * 80 + 1e-6)
    assert schedule.times[number] == pytest.approx(pts[number] / 12_800)
    np.testing.assert_array_equal(found.mel, pipeline._mel.columns(start, 16))
    last = pipeline._asked(29, frames[29])
    assert last.mel.shape == (80, 16)  # however little sound is left


# real clips


@pytest.mark.parametrize("name", ["vrt_face1.mp4", "vrt_face5.mp4", "grid_bbaf2n.mp4"])
def test_a_real_clip(speak, decode, real_clips: Path, name: str) -> None:
    clip = real_clips / name
    result, video = speak(clip=clip, preview=0.5)
    assert result.frames_dubbed == result.frames_total == len(video.frames)
    assert result.duration == pytest.approx(0.5, abs=0.1)
    given = decode(clip)
    off = [abs(one - other) for one, other in zip(video.times, given.times, strict=False)]
    assert max(off) <= 0.001  # Matroska counts milliseconds
    changed = differences(given, video) > 0
    assert changed.any((1, 2)).all()
    assert changed.any(0).mean() < 0.4
    assert not any(edge.any() for edge in (changed[:, 0], changed[:, :, 0], changed[:, :, -1]))
