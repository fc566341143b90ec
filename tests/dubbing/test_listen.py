"""The new sound."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from talkingface.dubbing.listen import listen
from talkingface.errors import Cancelled, MediaError
from talkingface.progress import Cancellation


def write(path: Path, samples: np.ndarray, rate: int = 22_050) -> Path:
    """(n, channels) in -1..1 as a 16-bit WAV file."""
    with path.open("wb") as file, wave.open(file, "wb") as sound:
        sound.setnchannels(samples.shape[1])
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(np.clip(samples * 32767, -32768, 32767).astype("<i2").tobytes())
    return path


def write_float(path: Path, samples: np.ndarray, rate: int = 22_050) -> Path:
    """(n, 1) as 32-bit floating point."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("pcm_f32le", rate=rate)
        stream.codec_context.layout = "mono"
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1).astype(np.float32), "flt", "mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def tone(seconds: float, amplitude: float = 0.4, rate: int = 22_050, channels: int = 1) -> np.ndarray:
    wave_form = amplitude * np.sin(2 * np.pi * 300 * np.arange(round(seconds * rate)) / rate)
    return np.repeat(wave_form[:, None], channels, 1)


def test_both_forms_of_the_sound_last_equally_long(tmp_path: Path) -> None:
    speech = listen(write(tmp_path / "a.wav", tone(1.3, channels=2)), tmp_path)
    assert speech.duration == pytest.approx(1.3, abs=1e-4)
    assert (speech.sound.channels, speech.sound.sample_rate) == (2, 22_050)
    assert len(speech.speech) == round(speech.duration * 16_000)
    assert speech.speech[:].dtype == np.float32
    assert 0.35 < np.abs(speech.speech[:]).max() < 0.6  # both channels mixed
    assert speech.notes == ()


def test_a_preview_reads_no_more_than_it_needs(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(3))
    speech = listen(path, tmp_path, seconds=1.25)
    assert speech.duration == pytest.approx(1.25, abs=1e-4)
    assert len(speech.speech) == round(speech.duration * 16_000)
    assert listen(path, tmp_path, seconds=0.04).duration == pytest.approx(0.05, abs=1e-4)
    assert listen(path, tmp_path, seconds=60).duration == pytest.approx(3)


def test_silence_is_told(tmp_path: Path) -> None:
    (note,) = listen(write(tmp_path / "quiet.wav", np.zeros((16_000, 1))), tmp_path).notes
    assert "quiet.wav" in note
    assert "silent" in note


def test_clipping_is_told(tmp_path: Path) -> None:
    (note,) = listen(write(tmp_path / "loud.wav", np.clip(tone(1, 3.0), -1, 1)), tmp_path).notes
    assert "clipped" in note


def test_too_short(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"short\.wav.*20 ms.*50 ms"):
        listen(write(tmp_path / "short.wav", tone(0.02)), tmp_path)


def test_fifty_milliseconds_are_enough(tmp_path: Path) -> None:
    assert listen(write(tmp_path / "short.wav", tone(0.05), 22_000), tmp_path).duration >= 0.05


def test_no_samples(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"empty\.wav.*no samples"):
        listen(write(tmp_path / "empty.wav", tone(0)), tmp_path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers(tmp_path: Path, value: float) -> None:
    samples = tone(1)
    samples[5000] = value
    with pytest.raises(MediaError, match=r"odd\.wav.*NaN"):
        listen(write_float(tmp_path / "odd.wav", samples), tmp_path)


def test_damage_is_refused_unless_allowed(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.wav", tone(2)).read_bytes()
    path = tmp_path / "cut.wav"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MediaError, match=r"cut\.wav.*breaks off after 1\.00 s of 2\.00 s.*--allow-damaged"):
        listen(path, tmp_path)
    speech = listen(path, tmp_path, allow_damaged=True)
    assert speech.duration == pytest.approx(1.0, abs=0.01)
    assert "breaks off after 1.00 s of 2.00 s" in speech.notes[0]
    assert listen(path, tmp_path, seconds=0.5).notes == ()  # what is needed is whole


def test_an_audio_stream_that_is_not_there(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(1))
    assert listen(path, tmp_path, stream=0).duration == pytest.approx(1)
    with pytest.raises(MediaError, match=r"no audio stream 2; it has 1, counted from 0: 0"):
        listen(path, tmp_path, stream=2)


def test_no_sound_in_a_video(tmp_path: Path) -> None:
    path = tmp_path / "mute.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        output.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")))
        output.mux(stream.encode(None))
    with pytest.raises(MediaError, match=r"mute\.mp4: has no audio stream"):
        listen(path, tmp_path)


@pytest.mark.parametrize("content", [b"", b"no sound at all"])
def test_no_media(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "text.wav"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"text\.wav"):
        listen(path, tmp_path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"nowhere\.wav"):
        listen(tmp_path / "nowhere.wav", tmp_path)


def test_listening_can_be_stopped(tmp_path: Path) -> None:
    cancel = Cancellation()
    cancel.cancel()
    with pytest.raises(Cancelled):
        listen(write(tmp_path / "a.wav", tone(1)), tmp_path, cancel=cancel)
