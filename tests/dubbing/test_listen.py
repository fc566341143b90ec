"""The new sound."""

from __future__ import annotations

import wave
from pathlib import Path

import av
import numpy as np
import pytest

from talkingface.dubbing.listen import listen
from talkingface.errors import MediaError


def write(path: Path, samples: np.ndarray, rate: int = 22_050) -> Path:
    """(n, channels) in -1..1 as a 16-bit WAV file."""
    with path.open("wb") as file, wave.open(file, "wb") as sound:
        sound.setnchannels(samples.shape[1])
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(np.clip(samples * 32767, -32768, 32767).astype("<i2").tobytes())
    return path


def tone(seconds: float, amplitude: float = 0.4, rate: int = 22_050, channels: int = 1) -> np.ndarray:
    wave_form = amplitude * np.sin(2 * np.pi * 300 * np.arange(round(seconds * rate)) / rate)
    return np.repeat(wave_form[:, None], channels, 1)


def test_both_forms_of_the_sound_last_equally_long(tmp_path: Path) -> None:
    speech = listen(write(tmp_path / "a.wav", tone(1.3, channels=2)))
    assert speech.duration == pytest.approx(1.3, abs=1e-4)
    assert speech.track.samples.shape[1] == 2
    assert speech.track.sample_rate == 22_050
    assert len(speech.samples) == pytest.approx(1.3 * 16_000, abs=2)
    assert speech.samples.dtype == np.float32
    assert 0.35 < np.abs(speech.samples).max() < 0.6  # both channels mixed
    assert speech.notes == ()


def test_silence_is_told(tmp_path: Path) -> None:
    (note,) = listen(write(tmp_path / "quiet.wav", np.zeros((16_000, 1)))).notes
    assert "quiet.wav" in note
    assert "silent" in note


def test_clipping_is_told(tmp_path: Path) -> None:
    (note,) = listen(write(tmp_path / "loud.wav", np.clip(tone(1, 3.0), -1, 1))).notes
    assert "clipped" in note


def test_too_short(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"short\.wav.*20 ms.*50 ms"):
        listen(write(tmp_path / "short.wav", tone(0.02)))


def test_no_sound_in_a_video(tmp_path: Path) -> None:
    path = tmp_path / "mute.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        output.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")))
        output.mux(stream.encode(None))
    with pytest.raises(MediaError, match=r"mute\.mp4"):
        listen(path)


@pytest.mark.parametrize("content", [b"", b"no sound at all"])
def test_no_media(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "text.wav"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"text\.wav"):
        listen(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"nowhere\.wav"):
        listen(tmp_path / "nowhere.wav")
