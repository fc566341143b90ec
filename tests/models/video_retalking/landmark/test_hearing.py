"""What a sound says to an average mouth, and where it is silent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talkingface.faces.geometry import gap_of
from talkingface.media.audio import read_audio, to_mono_16k
from talkingface.models.video_retalking.landmark.hearing import MouthMotionNetwork, hear, loudness_db, speech_gate
from talkingface.weights.embedded import asset_path

RATE = 16_000


def babble(seconds: float, level: float = 0.1, seed: int = 0) -> np.ndarray:
    """Noise in syllables, as loud as speech."""
    random = np.random.default_rng(seed)
    count = round(seconds * RATE)
    syllables = np.abs(np.sin(np.pi * 4 * np.arange(count) / RATE)) + 0.05
    return (level * random.normal(size=count) * syllables).astype(np.float32)


def test_loudness_of_a_level_tone() -> None:
    tone = (0.5 * np.sin(2 * np.pi * 250 * np.arange(RATE) / RATE)).astype(np.float32)
    level = loudness_db(tone, 26)
    np.testing.assert_allclose(level[1:23], 20 * np.log10(0.5 / np.sqrt(2)), atol=0.1)
    assert loudness_db(np.zeros(RATE, np.float32), 26).max() == pytest.approx(-100)


@pytest.mark.parametrize("samples", [0, 1, 640, 900])
def test_the_shortest_sounds(samples: int) -> None:
    frames = samples // 640 + 1
    assert speech_gate(np.zeros(samples, np.float32), frames).shape == (frames,)
    assert loudness_db(np.ones(samples, np.float32), frames).shape == (frames,)


def test_silence_never_opens_the_gate() -> None:
    assert speech_gate(np.zeros(3 * RATE, np.float32), 76).max() == 0
    hiss = (np.random.default_rng(0).normal(size=3 * RATE) * 1e-4).astype(np.float32)
    assert speech_gate(hiss, 76).max() == 0


def test_the_gate_opens_before_speech_and_closes_after_it() -> None:
    sound = np.zeros(4 * RATE, np.float32)
    sound[RATE : 2 * RATE] = babble(1)
    gate = speech_gate(sound, 101)
    assert np.all((gate >= 0) & (gate <= 1 + 1e-12))
    assert gate[:19].max() == 0
    assert gate[25:50].min() == pytest.approx(1)  # all of the speech
    assert gate[23] > 0.5  # 80 ms before it
    assert gate[60:].max() == 0
    assert gate[52] > 0.5


def test_the_gate_stays_open_between_two_words() -> None:
    def gate(pause: float) -> np.ndarray:
        silence = np.zeros(round(pause * RATE), np.float32)
        sound = np.concatenate([babble(1), silence, babble(1)])
        return speech_gate(sound, len(sound) // 640 + 1)

    assert gate(0.4)[5:-5].min() == pytest.approx(1)
    assert gate(1.0)[33:44].max() == 0


def test_silence_put_before_a_recording_is_not_its_room() -> None:
    rng = np.random.default_rng(4)
    recording = rng.normal(0, 0.004, RATE * 4).astype(np.float32)
    recording[2 * RATE : 3 * RATE] += babble(1, 0.2)
    sound = np.concatenate([np.zeros(2 * RATE, np.float32), recording])
    gate = speech_gate(sound, 151)
    assert gate[102:123].min() > 0.999
    assert gate[55:95].max() == 0
    assert gate[132:].max() == 0


def test_quiet_speech_is_speech_and_a_pause_is_not() -> None:
    whispered = speech_gate(babble(2, 0.004), 51)
    assert whispered[3:-3].min() == pytest.approx(1)
    sound = np.concatenate([babble(1, 0.2), babble(1, 0.001), babble(1, 0.2)])
    assert speech_gate(sound, 76)[33:44].max() == 0


def test_the_network_gives_a_row_a_frame_and_one_more() -> None:
    motion, closed = MouthMotionNetwork()(babble(2))
    assert motion.shape == (51, 80, 2)
    assert closed.shape == (51,)
    assert motion.dtype == closed.dtype == np.float32
    assert np.isfinite(motion).all() and np.isfinite(closed).all()
    assert MouthMotionNetwork()(np.zeros(0, np.float32)).displacement.shape == (1, 80, 2)


def test_long_sounds_have_no_seams() -> None:
    network = MouthMotionNetwork()
    sound = np.tile(babble(5), 13)  # 65 s, the same every 5 s
    motion, closed = network(sound)
    assert motion.shape == (1626, 80, 2)
    np.testing.assert_allclose(closed[730:800], closed[230:300], atol=0.05)
    np.testing.assert_allclose(motion[750:800], motion[250:300], atol=2e-3)  # across the first seam
    np.testing.assert_allclose(motion[730:750], motion[230:250], atol=2e-3)


def test_the_network_opens_the_mouth_for_speech() -> None:
    voice = to_mono_16k(read_audio(asset_path("sample/hello.flac")))
    sound = np.concatenate([np.zeros(RATE, np.float32), voice, np.zeros(RATE, np.float32)])
    motion, closed = MouthMotionNetwork()(sound)
    gap, speech = gap_of(motion), slice(30, 25 + len(voice) // 640 - 5)
    assert gap[speech].mean() > gap[:15].mean() + 0.02
    assert gap[speech].std() > 0.02
    assert closed[:15].mean() > closed[speech].mean() + 1


def test_a_room_that_is_heard_in_the_pauses_does_not_open_the_mouth() -> None:
    rng = np.random.default_rng(4)
    room = rng.normal(0, 0.003, 16_000 * 4).astype(np.float32)
    sound = room.copy()
    sound[16_000:32_000] += rng.normal(0, 0.1, 16_000).astype(np.float32)
    gate = speech_gate(sound, 100)
    assert gate[27:48].min() > 0.999
    assert gate[:20].max() == 0
    assert gate[60:].max() == 0


def whole_loudness(samples: np.ndarray, frames: int) -> np.ndarray:
    """``loudness_db`` on the whole array."""
    padded = np.pad(np.asarray(samples, np.float64) ** 2, (160, 1280))
    starts = np.minimum(np.arange(frames) * 640, len(padded) - 960)
    return np.array([10 * np.log10(padded[start : start + 960].mean() + 1e-10) for start in starts])


@pytest.mark.parametrize("samples", [1, 640, 4_000, 16_000 * 31 + 77, 16_000 * 65])
def test_loudness_in_windows_is_that_of_the_whole(samples: int) -> None:
    sound = babble(samples / RATE)[:samples]
    frames = samples // 640 + 3
    np.testing.assert_allclose(loudness_db(sound, frames), whole_loudness(sound, frames), atol=1e-6)


def test_hearing_gives_what_the_network_and_the_gate_say(tmp_path: Path) -> None:
    sound = np.concatenate([babble(11), np.zeros(RATE, np.float32), babble(2, seed=3)])
    heard = hear(sound, tmp_path)
    motion, closed = MouthMotionNetwork()(sound)
    np.testing.assert_array_equal(heard.motion[:], motion)
    np.testing.assert_array_equal(heard.closed, closed)
    np.testing.assert_array_equal(heard.gate, speech_gate(sound, len(motion)))
