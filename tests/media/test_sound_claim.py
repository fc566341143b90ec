"""What files claim of their sound."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import av
import pytest

from talkingface.media.sound_claim import SoundClaim, sound_claim


def claim(path: Path) -> SoundClaim:
    with av.open(str(path)) as container:
        return sound_claim(path, container, container.streams.audio[0], Fraction(0))


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(b"\1\0" * 16_000)
    return tmp_path / "a.wav"


def test_a_whole_file_lacks_nothing(tone: Path) -> None:
    assert claim(tone) == SoundClaim()
    assert claim(tone).end_when(1.0) is None


def test_a_file_that_was_cut_tells_how_much_there_was(tone: Path) -> None:
    content = tone.read_bytes()
    tone.write_bytes(content[: len(content) // 2])
    found = claim(tone)
    assert found.missing_share == pytest.approx(0.5, abs=0.01)
    assert found.end_when(0.5) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("size", [0, 0x7FFF0000, 0xFFFFFFFF])
def test_sizes_of_files_written_into_a_pipe_claim_nothing(tone: Path, size: int) -> None:
    content = tone.read_bytes()
    tone.write_bytes(content[:4] + size.to_bytes(4, "little") + content[8:])
    assert claim(tone) == SoundClaim()


def test_a_known_end_counts_for_more_than_a_share() -> None:
    assert SoundClaim(end=3.0, missing_share=0.5).end_when(1.0) == 3.0
