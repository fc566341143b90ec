from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from talkingface.errors import MediaError
from talkingface.media.audio import (
    AudioTrack,
    read_audio,
    store_audio,
    store_speech,
    store_speech_integers,
    to_mono_16k,
)
from talkingface.media.reader import VideoReader


def plain_wav(path: Path, samples: np.ndarray, rate: int = 48_000) -> Path:
    """An old-style WAV, which names no speakers for its channels."""
    with wave.open(str(path), "wb") as file:
        file.setparams((samples.shape[1], 2, rate, 0, "NONE", ""))
        file.writeframes(np.ascontiguousarray(samples, "<i2").tobytes())
    return path


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 6, 7, 8, 10])
def test_channels_without_names_are_read(tmp_path: Path, channels: int) -> None:
    samples = np.random.default_rng(0).integers(-32768, 32767, (5000, channels)).astype(np.int16)
    track = read_audio(plain_wav(tmp_path / "a.wav", samples))
    np.testing.assert_array_equal(track.samples, samples.astype(np.float32) / 32768)
    assert len(to_mono_16k(track)) == round(5000 / 3)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_float_wav_comes_back_sample_for_sample(make_sound: Callable[..., Path], rate: int, channels: int) -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, (rate // 3 + 7, channels)).astype(np.float32)
    track = read_audio(make_sound("a.wav", samples, rate=rate))
    assert (track.sample_rate, track.channels, track.start) == (rate, channels, 0.0)
    np.testing.assert_array_equal(track.samples, samples)


@pytest.mark.parametrize(
    ("name", "codec", "tolerance"),
    [
        ("a.wav", "pcm_s16le", 1e-4),
        ("a.wav", "pcm_u8", 2e-2),
        ("a.wav", "pcm_f64le", 1e-6),
        ("a.flac", "flac", 1e-4),
        ("a.m4a", "aac", 0.1),
        ("a.mp3", "libmp3lame", 0.1),
        ("a.ogg", "libopus", 0.1),
    ],
)
def test_any_codec_is_read_whole_and_in_place(
    make_sound: Callable[..., Path], click: Callable[..., np.ndarray], name: str, codec: str, tolerance: float
) -> None:
    samples = click(48_000, 2)
    track = read_audio(make_sound(name, samples, codec=codec))
    assert len(samples) <= len(track.samples) <= len(samples) + 2048
    difference = track.samples[: len(samples)] - samples
    assert np.sqrt(np.mean(difference**2)) < tolerance
    assert np.abs(track.samples[len(samples) - 2400 : len(samples)]).max() > 0.4, "the tail is missing"


def test_range_is_cut_on_the_clock(make_sound: Callable[..., Path], click: Callable[..., np.ndarray]) -> None:
    path = make_sound("a.wav", click(48_000))
    whole = read_audio(path)
    part = read_audio(path, start=0.25, end=0.75)
    assert part.start == pytest.approx(0.25)
    np.testing.assert_array_equal(part.samples, whole.samples[12_000:36_000])


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("v.mp4", "aac"),
        ("v.mkv", "flac"),
        ("v.mkv", "aac"),
        ("v.mkv", "libopus"),
        ("v.ts", "aac"),
        ("v.mov", "pcm_s16le"),
    ],
)
@pytest.mark.parametrize("delay", [0.0, 0.5])
def test_sound_of_a_video_stays_on_its_clock(
    make_video: Callable[..., Path],
    make_sound: Callable[..., Path],
    click: Callable[..., np.ndarray],
    name: str,
    codec: str,
    delay: float,
) -> None:
    sound = make_sound("a.wav", click(48_000, 2))
    path = make_video(name, frames=50, sound=sound, sound_codec=codec, sound_delay=delay)
    with VideoReader(path) as reader:
        shown = next(reader.frames()).time
    track = read_audio(path)
    loud = np.flatnonzero(np.abs(track.samples[:, 0]) > 0.1)
    # A transport stream cannot say that an encoder put 1024 samples of its own in front.
    primed = 1024 / 48_000 if name == "v.ts" else 0.0
    assert loud[0] / track.sample_rate - shown == pytest.approx(0.3 + delay, abs=0.005 + primed)
    assert shown == pytest.approx(0.0, abs=0.001 + primed)
    assert track.duration >= 1.0 + delay


def test_files_without_usable_sound_are_refused(
    make_video: Callable[..., Path], make_sound: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(MediaError, match=r"v\.mp4: has no audio stream"):
        read_audio(make_video("v.mp4"))
    with pytest.raises(MediaError, match=r"empty\.wav.*no samples"):
        read_audio(plain_wav(tmp_path / "empty.wav", np.zeros((0, 1), np.int16)))
    with pytest.raises(MediaError, match="no such file"):
        read_audio(tmp_path / "none.wav")
    fine = make_sound("fine.wav", np.zeros((100, 1), np.float32))
    with pytest.raises(MediaError, match="no audio stream 3"):
        read_audio(fine, stream=3)
    with pytest.raises(MediaError, match="no samples between 5 s"):
        read_audio(fine, start=5.0)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_speech_rate_keeps_time_and_length(click: Callable[..., np.ndarray], rate: int) -> None:
    track = AudioTrack(click(rate, 2), rate, Path("a.wav"), 0.0, "stereo")
    speech = to_mono_16k(track)
    assert speech.shape == (16_000,)
    assert speech.dtype == np.float32
    loud = np.flatnonzero(np.abs(speech) > 0.1)
    assert loud[0] / 16_000 == pytest.approx(0.3, abs=0.002)
    assert np.abs(speech[-320:]).max() > 0.4


def test_surround_and_long_sound_become_one_channel(click: Callable[..., np.ndarray]) -> None:
    surround = AudioTrack(click(48_000, 6), 48_000, Path("a.wav"), 0.0, "5.1")
    assert np.abs(to_mono_16k(surround)).max() > 0.3
    minutes = AudioTrack(np.zeros((48_000 * 61, 1), np.float32), 48_000, Path("a.wav"), 0.0, "mono")
    assert len(to_mono_16k(minutes)) == 16_000 * 61


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(click: Callable[..., np.ndarray], value: float) -> None:
    samples = click(16_000)
    samples[77] = value
    with pytest.raises(MediaError, match="NaN or infinite"):
        to_mono_16k(AudioTrack(samples, 16_000, Path("a.wav"), 0.0, "mono"))


def test_sound_of_a_real_clip_is_complete(clips: Path) -> None:
    track = read_audio(clips / "vrt_face1.mp4")
    assert (track.sample_rate, track.channels) == (44_100, 2)
    assert track.duration == pytest.approx(6.107, abs=1024 / 44_100)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize(("start", "end"), [(None, None), (0.5, 11.25)])
def test_sound_on_disk_equals_sound_in_memory(
    make_sound: Callable[..., Path], tmp_path: Path, rate: int, channels: int, start: float | None, end: float | None
) -> None:
    samples = np.random.default_rng(3).uniform(-0.4, 0.4, (rate * 12 + 345, channels)).astype(np.float32)
    path = make_sound("a.wav", samples, rate=rate)
    track = read_audio(path, start=start, end=end)
    sound = store_audio(path, tmp_path / "sound.rows", start=start, end=end)
    assert (sound.sample_rate, sound.channels, sound.layout, sound.start) == (
        track.sample_rate, track.channels, track.layout, track.start,
    )  # fmt: skip
    np.testing.assert_array_equal(sound.rows[:], track.samples)
    speech = store_speech(sound, tmp_path / "speech.rows")
    assert len(speech) == round(sound.duration * 16_000)
    np.testing.assert_allclose(speech[:], to_mono_16k(track), atol=1e-6)


def test_speech_of_values_that_are_no_numbers_is_refused(make_sound: Callable[..., Path], tmp_path: Path) -> None:
    samples = np.zeros((16_000, 1), np.float32)
    samples[15_999] = np.nan
    sound = store_audio(make_sound("a.wav", samples, rate=16_000), tmp_path / "sound.rows")
    assert not sound.finite
    with pytest.raises(MediaError, match="NaN or infinite"):
        store_speech(sound, tmp_path / "speech.rows")


def test_a_part_beyond_the_end(make_sound: Callable[..., Path], tmp_path: Path) -> None:
    fine = make_sound("fine.wav", np.zeros((100, 1), np.float32))
    with pytest.raises(MediaError, match="no samples between 5 s"):
        store_audio(fine, tmp_path / "rows", start=5.0)


def test_speech_as_integers_is_what_a_sound_file_would_hold(make_sound: Callable[..., Path], tmp_path: Path) -> None:
    """Stereo at full scale: channels are averaged, not added, and nothing is cut off."""
    time = np.arange(48_000) / 48_000
    tone = 0.95 * np.sin(2 * np.pi * 300 * time)
    both = np.stack([tone, tone], 1).astype(np.float32)
    sound = store_audio(make_sound("loud.wav", both), tmp_path / "sound")
    integers = store_speech_integers(sound, tmp_path / "integers")
    assert integers.dtype == np.int16 and len(integers) == 16_000
    expected = 32768 * 0.95 * np.sin(2 * np.pi * 300 * np.arange(16_000) / 16_000)
    np.testing.assert_allclose(integers[200:-200], expected[200:-200], atol=30)
    floats = store_speech(sound, tmp_path / "floats")
    assert np.abs(floats[200:-200]).max() == pytest.approx(0.95 * 2**0.5, rel=0.01)
    one = store_audio(make_sound("mono.wav", both[:, :1]), tmp_path / "mono")
    np.testing.assert_allclose(store_speech_integers(one, tmp_path / "same")[:], integers[:], atol=1)
    assert len(store_speech_integers(one, tmp_path / "same")) == 16_000  # what the file held before is gone
