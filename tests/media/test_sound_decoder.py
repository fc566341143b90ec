"""Gaps, wrong timestamps, damage and files that break off."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from talkingface.errors import MediaError
from talkingface.media import sound_decoder
from talkingface.media.audio import store_audio
from talkingface.media.sound_decoder import SoundDecoder

RATE = 8_000
FRAME = 800


def noise(seconds: float, channels: int = 1, rate: int = 44_100) -> np.ndarray:
    return (0.2 * np.random.default_rng(1).normal(size=(round(seconds * rate), channels))).astype(np.float32)


def write(path: Path, samples: np.ndarray, codec: str, rate: int = 44_100, **options: str) -> Path:
    layout = "mono" if samples.shape[1] == 1 else "stereo"
    with av.open(str(path), "w", container_options=options) as output:
        stream = output.add_stream(codec, rate=rate)
        stream.codec_context.layout = layout
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples).reshape(1, -1), "flt", layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def placed(path: Path, times: Sequence[float]) -> Path:
    """100 ms of the value 0.5 at each of these seconds, after a moment at 0."""
    with av.open(str(path), "w", container_options={"max_interleave_delta": "0"}) as output:
        stream = output.add_stream("pcm_f32le", rate=RATE)
        stream.codec_context.layout = "mono"
        for time in times:
            frame = av.AudioFrame.from_ndarray(np.full((1, FRAME), 0.5, np.float32), "flt", "mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, round(time * RATE), Fraction(1, RATE)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def damaged(path: Path, source: Path, low: float, high: float) -> Path:
    """A copy with random bytes between two shares of its length."""
    content = bytearray(source.read_bytes())
    begin, end = int(low * len(content)), int(high * len(content))
    content[begin:end] = np.random.default_rng(2).integers(0, 256, end - begin, dtype=np.uint8).tobytes()
    path.write_bytes(content)
    return path


def cut(path: Path, source: Path, share: float) -> Path:
    content = source.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    return path


def test_gaps_are_silent(tmp_path: Path) -> None:
    sound = store_audio(placed(tmp_path / "a.mka", [0, 0.1, 2.0, 2.1]), tmp_path / "rows")
    heard = sound.rows[:][:, 0]
    assert sound.length == round(2.2 * RATE)
    assert set(np.flatnonzero(heard)) == {*range(2 * FRAME), *range(2 * RATE, 2 * RATE + 2 * FRAME)}


def test_a_small_jump_is_rounding(tmp_path: Path) -> None:
    sound = store_audio(placed(tmp_path / "a.mka", [0, 0.13, 0.23, 0.33]), tmp_path / "rows")
    assert sound.length == 4 * FRAME


def test_a_single_wrong_timestamp_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decode = SoundDecoder._decoded

    def decode_wrongly(decoder: SoundDecoder) -> Iterator[av.AudioFrame]:
        for number, frame in enumerate(decode(decoder)):
            if number == 3:
                frame.pts += round(5 / frame.time_base)
            yield frame

    path = placed(tmp_path / "a.mka", [0, 0.1, 0.2, 0.3, 0.4, 0.5, 9.0])
    monkeypatch.setattr(SoundDecoder, "_decoded", decode_wrongly)
    sound = store_audio(path, tmp_path / "rows")
    assert sound.length == 7 * FRAME


def test_a_jump_before_the_last_frame_is_not_believed(tmp_path: Path) -> None:
    sound = store_audio(placed(tmp_path / "a.mka", [0, 0.1, 0.2, 50_000.0]), tmp_path / "rows")
    assert sound.length == 4 * FRAME


def test_a_jump_of_hours_is_left_out_and_told(tmp_path: Path) -> None:
    late = 20_000.0
    sound = store_audio(placed(tmp_path / "a.mka", [0, 0.1, late, late + 0.1, late + 0.2]), tmp_path / "rows")
    assert sound.length == 5 * FRAME
    assert sound.loss is not None
    assert "a jump of 20000 s" in sound.loss


def test_many_gaps_do_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_decoder, "LONGEST_SILENCE_SECONDS", 5.0)
    times = [start + step for start in (0, 3, 6, 9) for step in (0, 0.1)]
    sound = store_audio(placed(tmp_path / "a.mka", times), tmp_path / "rows")
    assert sound.length < 9 * RATE
    assert sound.loss is not None
    assert "left out" in sound.loss


@pytest.mark.parametrize(
    ("name", "codec", "options", "says"),
    [
        ("a.wav", "pcm_s16le", {}, "breaks off after 1.0. s of 2.00 s"),
        ("a.flac", "flac", {}, "breaks off after .* s of 2.00 s"),
        ("a.mp3", "libmp3lame", {}, "breaks off after .* s of 2.00 s"),
        ("a.m4a", "aac", {"movflags": "faststart"}, "breaks off after .* s of 2.00 s"),
        ("a.mp4", "aac", {"movflags": "frag_keyframe+empty_moov+default_base_moof"}, "breaks off after .* s of 2"),
        ("a.mka", "aac", {}, "breaks off after .* s of 2.0"),
        ("a.webm", "libopus", {}, "breaks off after .* s of 2.0"),
        ("a.ogg", "libopus", {}, "breaks off after .* s"),
        ("a.avi", "pcm_s16le", {}, "breaks off after .* s"),
        ("a.aiff", "pcm_s16be", {}, "breaks off after 1.0. s of 2.00 s"),
        ("a.wv", "wavpack", {}, "breaks off after .* s of 2.00 s"),
    ],
)
def test_files_that_break_off(tmp_path: Path, name: str, codec: str, options: dict[str, str], says: str) -> None:
    rate = 48_000
    whole = write(tmp_path / name, noise(2, 2, rate), codec, rate, **options)
    assert store_audio(whole, tmp_path / "whole").loss is None
    sound = store_audio(cut(tmp_path / f"cut-{name}", whole, 0.52), tmp_path / "rows")
    assert sound.loss is not None
    assert sound.duration == pytest.approx(1.0, abs=0.3)
    assert re.search(says, sound.loss), sound.loss


@pytest.mark.parametrize(
    ("name", "codec", "says"),
    [
        ("a.mp3", "libmp3lame", "damaged packet"),
        ("a.m4a", "aac", "damaged packet"),
        ("a.ts", "mp2", "damaged packet|missing"),
        ("a.flac", "flac", "missing on the way|damaged"),
        ("a.ogg", "libopus", "missing on the way|damaged"),
    ],
)
def test_damage_in_the_middle(tmp_path: Path, name: str, codec: str, says: str) -> None:
    rate = 48_000
    whole = write(tmp_path / name, noise(4, 2, rate), codec, rate)
    sound = store_audio(damaged(tmp_path / f"hit-{name}", whole, 0.5, 0.53), tmp_path / "rows")
    assert sound.loss is not None
    assert re.search(says, sound.loss), sound.loss
    assert sound.duration == pytest.approx(4.0, abs=0.3)


def test_what_follows_the_sound_is_no_damage(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.mp3", noise(1, 2), "libmp3lame")
    tagged = tmp_path / "tagged.mp3"
    tagged.write_bytes(whole.read_bytes() + b"TAG" + bytes(125))
    assert store_audio(tagged, tmp_path / "rows").loss is None


def test_a_guessed_length_is_no_claim(tmp_path: Path) -> None:
    """Without a length tag the length of an MP3 follows from its first frames' bit rate, and is often wrong."""
    whole = write(tmp_path / "a.mp3", noise(2, 2), "libmp3lame", write_xing="0")
    assert store_audio(cut(tmp_path / "cut.mp3", whole, 0.5), tmp_path / "rows").loss is None


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_wave_file_out_of_a_pipe_is_whole(tmp_path: Path, size: int) -> None:
    path = write(tmp_path / "a.wav", noise(1, 2), "pcm_s16le")
    content = bytearray(path.read_bytes())
    content[4:8] = size.to_bytes(4, "little")
    place = content.index(b"data") + 4
    content[place : place + 4] = size.to_bytes(4, "little")
    path.write_bytes(content)
    sound = store_audio(path, tmp_path / "rows")
    assert sound.loss is None
    assert sound.length == 44_100


def test_reading_a_part_says_nothing_of_the_rest(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.flac", noise(4, 1), "flac")
    broken = cut(tmp_path / "cut.flac", whole, 0.5)
    assert store_audio(broken, tmp_path / "rows", end=1.0).loss is None
    loss = store_audio(broken, tmp_path / "rows", end=3.0).loss
    assert loss is not None
    assert "of 3.00 s" in loss


def test_absurd_claims_are_refused_before_decoding(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", noise(0.2, 1), "pcm_s16le")
    content = bytearray(path.read_bytes())
    place = content.index(b"fmt ") + 12
    content[place : place + 4] = (2_000_000_000).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(MediaError, match="2000000000 samples of sound a second"):
        store_audio(path, tmp_path / "rows")
    content[place : place + 4] = (8).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(MediaError, match="8 samples of sound a second"):
        store_audio(path, tmp_path / "rows")
    content[place : place + 4] = (8_000).to_bytes(4, "little")
    content[place - 2 : place] = (5_000).to_bytes(2, "little")
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"a\.wav"):
        store_audio(path, tmp_path / "rows")


def test_the_streams_there_are_get_named(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as output:
        streams = []
        for language in ("eng", "deu", None):
            stream = output.add_stream("pcm_s16le", rate=RATE)
            stream.codec_context.layout = "mono"
            if language:
                stream.metadata["language"] = language
            streams.append(stream)
        for value, stream in enumerate(streams):
            frame = av.AudioFrame.from_ndarray(np.full((1, FRAME), 1000 * value, np.int16), "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
            output.mux(stream.encode(frame))
        for stream in streams:
            output.mux(stream.encode(None))
    with pytest.raises(MediaError, match=r"no audio stream 3; it has 3, counted from 0: 0 \(eng\), 1 \(deu\), 2"):
        store_audio(path, tmp_path / "rows", stream=3)
    heard = [float(store_audio(path, tmp_path / "rows", stream=number).rows[9][0]) for number in range(3)]
    np.testing.assert_allclose(heard, [0, 1000 / 32768, 2000 / 32768])


def test_sound_that_never_ends_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.flac", noise(3, 1), "flac")
    monkeypatch.setattr(sound_decoder, "MAX_SECONDS", 2.0)
    with pytest.raises(MediaError, match=r"a\.flac: its sound lasts longer than"):
        store_audio(path, tmp_path / "rows")


def test_a_stream_that_changes_its_rate_and_channels_goes_on(tmp_path: Path) -> None:
    """As broadcasts do between film and advertisement: the first programme's rate and channels are kept."""
    parts = [write(tmp_path / f"{n}.ts", noise(1, n, rate), "mp2", rate) for n, rate in ((2, 48_000), (1, 32_000))]
    both = tmp_path / "both.ts"
    both.write_bytes(b"".join(part.read_bytes() for part in parts))
    sound = store_audio(both, tmp_path / "rows")
    assert (sound.sample_rate, sound.channels) == (48_000, 2)
    assert sound.duration == pytest.approx(2.0, abs=0.15)
