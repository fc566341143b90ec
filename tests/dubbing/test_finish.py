"""The end of a dub."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from talkingface import __version__
from talkingface.dubbing.finish import SYNTHETIC_MARK, kept_sound, result_metadata
from talkingface.dubbing.plan import Schedule
from talkingface.media.audio import AudioTrack

SOUND = AudioTrack(
    np.random.default_rng(0).normal(size=(48_000, 2)).astype(np.float32), 48_000, Path("a.wav"), 0.0, "stereo"
)


def planned(seconds: float) -> Schedule:
    return Schedule(np.arange(5), np.arange(5), Fraction(1, 25), 1, seconds)


@pytest.mark.parametrize("seconds", [1.0, 1.0000001, 3.0])
def test_all_of_the_sound_is_kept(seconds: float) -> None:
    assert kept_sound(SOUND, planned(seconds)) is SOUND


def test_a_cut_sound_keeps_its_beginning() -> None:
    kept = kept_sound(SOUND, planned(0.25))
    assert kept.samples.shape == (12_000, 2)
    np.testing.assert_array_equal(kept.samples, SOUND.samples[:12_000])
    assert kept.sample_rate == 48_000


def test_mark() -> None:
    source = {"title": "Talk", "artist": "Someone"}
    marked = result_metadata(source, True)
    assert marked["title"] == "Talk"
    assert marked["comment"] == f"{SYNTHETIC_MARK} {__version__}"
    assert source == {"title": "Talk", "artist": "Someone"}
    assert result_metadata(source, False) == source


def test_the_files_own_comment_stays_beside_the_mark() -> None:
    marked = result_metadata({"comment": "filmed in May"}, True)
    assert marked["comment"].startswith("filmed in May")
    assert SYNTHETIC_MARK in marked["comment"]


def test_a_dub_of_a_dub_is_marked_once() -> None:
    once = result_metadata({"comment": "filmed in May"}, True)
    assert result_metadata(once, True) == once
