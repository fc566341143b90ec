"""Who says what: selectors, speaker maps, the video's own sound, previews."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from talkingface import dub
from talkingface.cli import main
from talkingface.errors import MediaError, NoFaceError, OptionError
from talkingface.media.audio import read_audio

FRAMES = 15


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, pictures) -> tuple[Path, list[np.ndarray]]:
    """Two faces side by side; the right one is mirrored and darker."""
    from .conftest import write_video

    shown = []
    for picture in pictures[:FRAMES]:
        one = picture[:, 96:416]
        shown.append(np.hstack([one, (one[:, ::-1] * 0.8).astype(np.uint8)]))
    return write_video(tmp_path_factory.mktemp("pair") / "pair.mp4", shown), shown


@pytest.fixture
def sides(pair, desk: Path, speech: Path, decode, differing) -> Any:
    """``sides(face=...)``: which halves of the picture were changed, per frame, and the result."""
    source = decode(pair[0])
    middle = pair[1][0].shape[1] // 2

    def run(audio: Path | None = speech, **how: Any) -> tuple[np.ndarray, np.ndarray, Any]:
        how = {"threads": 2, "length": "cut", "video_codec": "ffv1", **how}
        result = dub(pair[0], audio, desk / "out.mkv", overwrite=True, **how)
        masks = [frame[0] for frame in differing(source.frames, decode(result.output).frames)]
        left, right = (
            np.array([mask[:, part].any() for mask in masks]) for part in (slice(middle), slice(middle, None))
        )
        return left, right, result

    return run


def test_all_speak(sides) -> None:
    left, right, result = sides(face="all")
    assert left.mean() > 0.8
    assert right.mean() > 0.8
    assert [face["chosen"] for face in result.report["faces"]] == [True, True]


def test_a_stream_of_no_sound_is_refused(sides, speech: Path) -> None:
    with pytest.raises(OptionError, match="--audio-stream 1 chooses a stream of AUDIO, which is not given"):
        sides(audio=None, speaker_map=f"index:0={speech}", audio_stream=1)


def test_index_counts_people(sides) -> None:
    changed = [sides(face=f"index:{number}")[:2] for number in (0, 1)]
    assert sorted((left.any(), right.any()) for left, right in changed) == [(False, True), (True, False)]
    with pytest.raises(NoFaceError, match=r"index:2.*only 2"):
        sides(face="index:2")


def test_the_person_of_a_picture_speaks(sides, pair, desk: Path) -> None:
    portrait = desk / "him.png"
    assert cv2.imwrite(str(portrait), pair[1][3][:, : pair[1][0].shape[1] // 2])
    left, _, result = sides(face=f"image:{portrait}")
    assert left.any() or result.report["faces"][0]["chosen"]
    with pytest.raises(MediaError, match=r"nobody\.png"):
        sides(face=f"image:{desk / 'nobody.png'}")
    assert cv2.imwrite(str(desk / "wall.png"), np.full((200, 200, 3), 90, np.uint8))
    with pytest.raises(NoFaceError, match=r"wall\.png"):
        sides(face=f"image:{desk / 'wall.png'}")


def test_a_map_gives_each_face_its_sound(sides, pair, make_speech, speech: Path) -> None:
    quiet = make_speech("quiet.wav", np.zeros(16_000, np.int16), 16_000)
    middle = pair[1][0].shape[1] // 2
    entries = f"point:0.2,{middle // 2},150={speech}; point:0.2,{middle + middle // 2},150={quiet}"
    left, right, result = sides(audio=None, speaker_map=entries)
    assert left.mean() > 0.8
    assert right.mean() > 0.8  # its mouth is closed, which is a change too
    speaks = {Path(face["speaks"]).name for face in result.report["faces"]}
    assert speaks == {"speech.wav", "quiet.wav"}
    given, carried = read_audio(speech), read_audio(result.output)
    count = min(len(given.samples), len(carried.samples))
    np.testing.assert_allclose(carried.samples[:count, 0], given.samples[:count, 0], atol=2e-4)


def test_a_given_sound_is_carried_instead_of_the_maps_mix(sides, make_speech, speech: Path) -> None:
    tone = (8000 * np.sin(np.arange(16_000) / 7)).astype(np.int16)
    music = make_speech("music.wav", tone, 16_000)
    _, _, result = sides(audio=music, speaker_map=f"index:0={speech}")
    carried = read_audio(result.output)
    np.testing.assert_allclose(carried.samples[:4000, 0] * 32768, tone[:4000], atol=4)
    assert sum(face["chosen"] for face in result.report["faces"]) == 1


def test_one_person_cannot_say_two_things(sides, pair, speech: Path) -> None:
    middle = pair[1][0].shape[1] // 2
    with pytest.raises(OptionError, match="same person"):
        sides(speaker_map=f"point:0.2,{middle // 2},150={speech};point:0.3,{middle // 2},150={speech}")


def test_a_map_may_do_without_a_sound_but_not_the_other_way_round(
    pair, desk: Path, speech: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(desk / "out.mp4")
    assert main(["dub", str(pair[0]), "-o", out]) == 2
    assert "which sound" in capsys.readouterr().err
    assert main(["dub", str(pair[0]), "-o", out, "--length", "cut", "--speaker-map", f"index:0={speech}"]) == 0
    with pytest.raises(OptionError, match="which sound"):
        dub(pair[0], None, desk / "other.mp4")


def test_a_kept_background_lies_under_the_new_sound(desk: Path, pictures, speech: Path, make_clip, make_speech) -> None:
    tone = (3000 * np.sin(np.arange(24_000) * 2 * np.pi * 1000 / 16_000)).astype(np.int16)
    clip = make_clip("with sound.mp4", pictures, sound=make_speech("tone.wav", tone, 16_000))
    how = {"threads": 2, "video_codec": "ffv1"}
    alone = read_audio(dub(clip, speech, desk / "alone.mkv", **how).output)
    mixed = read_audio(dub(clip, speech, desk / "mixed.mkv", keep_background=0.5, **how).output)
    count = min(len(alone.samples), len(mixed.samples))
    rest = mixed.samples[:count, 0] - alone.samples[:count, 0]
    spectrum = np.abs(np.fft.rfft(rest[2000:12_000]))
    assert np.argmax(spectrum) * mixed.sample_rate / 10_000 == pytest.approx(1000, abs=5)
    own = read_audio(clip)
    assert rest[2000:12_000].std() == pytest.approx(0.5 * float(own.samples[2000:12_000, 0].std()), rel=0.03)


def test_a_video_without_sound_has_no_background_to_keep(desk: Path, face: Path, speech: Path) -> None:
    result = dub(face, speech, desk / "out.mp4", threads=2, keep_background=1.0, preview=0.4)
    assert any("no sound of its own" in note for note in result.report["notes"])


def test_a_preview_is_the_beginning(desk: Path, face: Path, speech: Path) -> None:
    result = dub(face, speech, desk / "out.mp4", threads=2, preview=0.4)
    assert result.frames_total == 10
    assert result.duration == pytest.approx(0.4)
    assert read_audio(result.output).duration == pytest.approx(0.4, abs=0.05)


def test_a_still_moves_nothing_but_the_mouth(desk: Path, pictures, speech: Path, decode) -> None:
    portrait = desk / "portrait.png"
    assert cv2.imwrite(str(portrait), pictures[0])
    result = dub(portrait, speech, desk / "out.mkv", threads=2, still=True, video_codec="ffv1", length="cut")
    frames = decode(result.output).frames
    assert len(frames) == 30
    moved = np.any([frame[0] != frames[0][0] for frame in frames], axis=0)
    rows, columns = np.nonzero(moved)
    assert 0 < np.ptp(rows) * np.ptp(columns) < 0.2 * moved.size
    assert any("kept still" in note for note in result.report["notes"])


def test_damaged_media_are_refused_unless_allowed(desk: Path, face: Path, speech: Path, make_speech) -> None:
    broken = desk / "broken.mp4"
    content = face.read_bytes()
    with av.open(str(face)) as source:
        packets = [packet for packet in source.demux(video=0) if packet.size]
    start, stop = packets[-5].pos, packets[-5].pos + packets[-5].size  # late: a face that is damaged is none
    assert start is not None
    broken.write_bytes(content[: start + 4] + b"\xff" * (stop - start - 4) + content[stop:])
    with pytest.raises(MediaError, match=r"broken\.mp4: .*--allow-damaged"):
        dub(broken, speech, desk / "out.mp4", threads=2)
    assert not (desk / "out.mp4").exists()
    result = dub(broken, speech, desk / "out.mp4", threads=2, allow_damaged=True)
    assert any("broken.mp4" in note and "the rest is used" in note for note in result.report["notes"])
