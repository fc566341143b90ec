"""Any sound format: complete, and in its place to the millisecond."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from talkingface.media.audio import StoredSound, store_audio, store_speech

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


def murmur(rate: int, channels: int = 1, seconds: float = 0.7) -> np.ndarray:
    """Noise between 100 and 3000 Hz that comes and goes: it is found again at one place only."""
    count = round(rate * seconds) + 7
    spectrum = np.fft.rfft(np.random.default_rng(5).normal(size=count))
    hertz = np.fft.rfftfreq(count, 1 / rate)
    spectrum[(hertz < 100) | (hertz > 3000)] = 0
    sound = np.fft.irfft(spectrum, count)
    sound *= 0.3 + 0.7 * (np.sin(2 * np.pi * 4 * np.arange(count) / rate) > 0)
    return np.repeat((0.5 * sound / np.abs(sound).max())[:, None], channels, 1).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate: int, codec: str, *, cover: bool = False, first: int = 0) -> Path:
    layout = LAYOUTS[samples.shape[1]]
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream(codec, rate=rate, options={"strict": "experimental"})
        stream.codec_context.layout = layout
        if codec.startswith("wma"):
            stream.codec_context.bit_rate = 96_000
        picture = None
        if cover:
            picture = output.add_stream("png", rate=1)
            picture.width, picture.height, picture.pix_fmt = 32, 32, "rgb24"
            picture.disposition = av.stream.Disposition.attached_pic
            output.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")))
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples).reshape(1, -1), "flt", layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, first, Fraction(1, rate)
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def lag(heard: np.ndarray, given: np.ndarray) -> int:
    """By how many samples the one lies later than the other."""
    size = 2 * max(len(heard), len(given))
    correlation = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(given, size)), size)
    place = int(np.argmax(correlation))
    return place - size if place > size // 2 else place


def stored(path: Path) -> StoredSound:
    return store_audio(path, path.with_suffix(".rows"))


@pytest.mark.parametrize("codec", ["pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"])
@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (44_100, 2), (96_000, 6), (192_000, 8)])
def test_wave_files_are_exact(tmp_path: Path, codec: str, rate: int, channels: int) -> None:
    given = murmur(rate, channels, 0.2)
    sound = stored(write(tmp_path / "a.wav", given, rate, codec))
    assert (sound.sample_rate, sound.channels, sound.length) == (rate, channels, len(given))
    assert sound.loss is None
    step = {"pcm_u8": 1 / 128, "pcm_s16le": 1 / 32768}.get(codec, 1e-6)
    assert np.abs(sound.rows[:] - given).max() <= step


@pytest.mark.parametrize(
    ("name", "codec", "rate", "channels"),
    [
        ("a.wav", "pcm_alaw", 8_000, 1),
        ("a.wav", "pcm_mulaw", 8_000, 1),
        ("a.flac", "flac", 44_100, 2),
        ("a.flac", "flac", 192_000, 1),
        ("a.m4a", "alac", 48_000, 2),
        ("a.wv", "wavpack", 44_100, 2),
        ("a.tta", "tta", 44_100, 1),
        ("a.aiff", "pcm_s16be", 96_000, 2),
        ("a.au", "pcm_s16be", 22_050, 1),
        ("a.caf", "pcm_s24le", 48_000, 2),
        ("a.w64", "pcm_s16le", 11_025, 1),
    ],
)
def test_formats_that_lose_no_sample(tmp_path: Path, name: str, codec: str, rate: int, channels: int) -> None:
    given = murmur(rate, channels)
    sound = stored(write(tmp_path / name, given, rate, codec))
    assert (sound.sample_rate, sound.channels, sound.length) == (rate, channels, len(given))
    assert sound.loss is None
    assert lag(sound.rows[:][:, 0], given[:, 0]) == 0


@pytest.mark.parametrize(
    ("name", "codec", "rate", "channels", "codec_frame"),
    [
        ("a.mp3", "libmp3lame", 44_100, 2, 1152),
        ("a.mp3", "libmp3lame", 16_000, 1, 576),
        ("a.m4a", "aac", 44_100, 2, 1024),
        ("a.m4a", "aac", 8_000, 1, 1024),
        ("a.mp4", "aac", 48_000, 6, 1024),
        ("a.mka", "aac", 48_000, 8, 1024),
        ("a.ogg", "vorbis", 44_100, 2, 2048),
        ("a.ogg", "libopus", 48_000, 2, 960),
        ("a.webm", "libopus", 48_000, 1, 960),
        ("a.mka", "ac3", 48_000, 6, 1536),
        ("a.wav", "adpcm_ima_wav", 22_050, 1, 2041),
    ],
)
def test_formats_that_compress_are_complete_and_in_place(
    tmp_path: Path, name: str, codec: str, rate: int, channels: int, codec_frame: int
) -> None:
    given = murmur(rate, channels)
    sound = stored(write(tmp_path / name, given, rate, codec))
    assert (sound.sample_rate, sound.channels) == (rate, channels)
    assert abs(sound.length - len(given)) <= codec_frame
    assert sound.loss is None
    assert abs(lag(sound.rows[:][:, 0], given[:, 0])) <= rate / 1000


@pytest.mark.parametrize(
    ("name", "codec", "most_ms"),
    [("a.aac", "aac", 21.4), ("a.ac3", "ac3", 5.4), ("a.mp2", "mp2", 10.1), ("a.wma", "wmav2", 46.5)],
)
def test_some_files_cannot_say_what_their_encoder_put_in_front(
    tmp_path: Path, name: str, codec: str, most_ms: float
) -> None:
    given = murmur(48_000, 2)
    sound = stored(write(tmp_path / name, given, 48_000, codec))
    assert sound.loss is None
    assert 0 <= lag(sound.rows[:][:, 0], given[:, 0]) <= most_ms * 48


def test_a_song_with_a_cover_picture(tmp_path: Path) -> None:
    given = murmur(44_100, 2)
    sound = stored(write(tmp_path / "a.mp3", given, 44_100, "libmp3lame", cover=True))
    assert sound.length == len(given)
    assert abs(lag(sound.rows[:][:, 0], given[:, 0])) <= 44


@pytest.mark.parametrize(
    ("name", "codec"), [("v.mp4", "aac"), ("v.mov", "pcm_s16le"), ("v.mkv", "flac"), ("v.mkv", "libopus")]
)
@pytest.mark.parametrize("later", [0.0, 0.4])
def test_sound_of_a_video_that_begins_later_than_its_picture(
    make_video: Callable[..., Path], tmp_path: Path, name: str, codec: str, later: float
) -> None:
    given = murmur(48_000)
    source = write(tmp_path / "a.wav", given, 48_000, "pcm_f32le")
    sound = stored(make_video(name, frames=30, sound=source, sound_codec=codec, sound_delay=later))
    heard = sound.rows[:][:, 0]
    assert lag(heard, given[:, 0]) / 48_000 == pytest.approx(later, abs=0.00101)
    assert np.abs(heard[: max(0, round((later - 0.03) * 48_000))]).max(initial=0) < 0.01
    assert sound.loss is None


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (44_100, 2), (48_000, 6), (192_000, 8)])
def test_speech_lies_where_the_sound_does(tmp_path: Path, rate: int, channels: int) -> None:
    sound = stored(write(tmp_path / "a.wav", murmur(rate, channels), rate, "pcm_f32le"))
    speech = store_speech(sound, tmp_path / "speech.rows")
    assert len(speech) == round(sound.duration * 16_000)
    assert abs(lag(speech[:], murmur(16_000)[:, 0]) if rate == 16_000 else lag_across(speech[:], sound)) <= 16


def lag_across(speech: np.ndarray, sound: StoredSound) -> int:
    """Lag of the 16 kHz speech against the sound's own samples, taken where the 16 kHz ones lie."""
    own = sound.rows[:][:, 0]
    there = np.arange(len(speech)) * sound.sample_rate / 16_000
    return lag(speech, np.interp(there, np.arange(len(own)), own))
