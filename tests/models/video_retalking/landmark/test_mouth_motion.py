"""From sound to the motion of one person's mouth."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from talkingface.faces.geometry import gap_of, smooth_in_time, width_of
from talkingface.faces.track import FaceTrack
from talkingface.models.video_retalking.landmark.canonicalize import (
    CanonicalFace,
    MouthShapeModel,
    MouthStyle,
    TemplateCanonicalizer,
)
from talkingface.models.video_retalking.landmark.hearing import (
    GRID_RATE,
    HeardSpeech,
    MouthMotionNetwork,
    hear,
    speech_gate,
)
from talkingface.models.video_retalking.landmark.mouth_motion import (
    CLOSED_MORE,
    CLOSING_SHARE,
    SHAPE_GAIN,
    SMOOTHINGS,
    STILL_OPENING,
    TRUSTED_FRAMES,
    USUAL_SMOOTHING,
    at_times,
    closed_share,
    kept_within,
    left_open,
    own_pace,
    personalise_stored,
    resting_mouth,
    shape_gain,
    spoken_gaps,
    wanted_quantiles,
)

RATE = 16_000


def babble(seconds: float, level: float = 0.1, seed: int = 0) -> np.ndarray:
    """Noise in syllables, as loud as speech."""
    random = np.random.default_rng(seed)
    count = round(seconds * RATE)
    syllables = np.abs(np.sin(np.pi * 4 * np.arange(count) / RATE)) + 0.05
    return (level * random.normal(size=count) * syllables).astype(np.float32)


@pytest.fixture(scope="module")
def talker(make_track) -> CanonicalFace:
    """Someone who opens up to 0.3."""
    return TemplateCanonicalizer().canonicalise(make_track(0.14 + 0.14 * np.sin(np.arange(200) / 2.3)))


@pytest.fixture(scope="module")
def still(make_track) -> CanonicalFace:
    """Someone who never spoke in the clip."""
    return TemplateCanonicalizer().canonicalise(make_track(np.full(100, 0.01)))


OPEN = -20.0  # log odds of closed lips


def personalise(
    motion: np.ndarray,
    face: CanonicalFace,
    gate: np.ndarray,
    model: MouthShapeModel,
    closed: np.ndarray | float = OPEN,
) -> np.ndarray:
    """All rows of a person's motion."""
    odds = np.broadcast_to(np.float32(closed), len(motion))
    return personalise_stored(HeardSpeech(motion, odds, gate), face, model).rows(0, len(motion))


def test_silence_gives_exactly_the_closed_mouth(talker: CanonicalFace, mouths) -> None:
    silence = np.zeros(2 * RATE, np.float32)
    motion = MouthMotionNetwork()(silence).displacement
    moved = personalise(motion, talker, speech_gate(silence, len(motion)), mouths)
    assert moved.shape == motion.shape
    assert np.abs(moved).max() == 0


def test_silence_between_words_too(talker: CanonicalFace, mouths) -> None:
    sound = np.concatenate([babble(2), np.zeros(RATE, np.float32), babble(2, seed=1)])
    motion = MouthMotionNetwork()(sound).displacement
    gate = speech_gate(sound, len(motion))
    moved = personalise(motion, talker, gate, mouths)
    assert np.abs(moved[60:69]).max() == 0
    assert gap_of(moved)[10:40].max() > 0.05


def wave(frames: int, low: float, high: float, mouths) -> np.ndarray:
    """A motion whose gap sweeps slowly and evenly between two openings."""
    gap = low + (high - low) * np.abs(np.arange(frames) * 0.02 % 2 - 1)
    return gap[:, None, None] * mouths.closing_direction[None].astype(np.float64)


def test_openings_become_the_persons_own(talker: CanonicalFace, mouths) -> None:
    motion = wave(1500, 0.03, 0.12, mouths)  # a minute of timid speech
    moved = gap_of(personalise(motion, talker, np.ones(1500), mouths))
    wanted = wanted_quantiles(talker, mouths)
    levels = (0.1, 0.5, 0.9)
    expected = np.interp(levels, mouths.gap_levels, wanted)
    np.testing.assert_allclose(np.quantile(moved, levels), expected, atol=0.03)
    assert np.quantile(moved, 0.95) > 0.15


def test_lips_close_though_the_network_never_quite_does(talker: CanonicalFace, mouths) -> None:
    moved = gap_of(personalise(wave(1500, 0.03, 0.12, mouths), talker, np.ones(1500), mouths))
    assert (moved < 0.01).mean() > 0.03
    assert moved.min() > -0.01


def test_lips_close_where_the_network_says_so(talker: CanonicalFace, mouths) -> None:
    closed = np.full(400, -6.0)
    closed[200:204] = 4.0
    motion = wave(400, 0.1, 0.3, mouths)
    plain = gap_of(personalise(motion, talker, np.ones(400), mouths, np.full(400, -6.0)))
    moved = gap_of(personalise(motion, talker, np.ones(400), mouths, closed))
    assert np.abs(moved[200:204]).max() < 1e-6
    assert plain[200:204].min() > 0.02
    np.testing.assert_allclose(moved[:190], plain[:190], atol=0.02)


def test_who_rounds_the_lips_much_is_made_to(talker: CanonicalFace, still: CanonicalFace) -> None:
    assert talker.style is not None
    little, much = (replace(talker, style=replace(talker.style, rounding=r)) for r in (0.01, 0.06))
    assert shape_gain(little, 0.04, 10_000) < SHAPE_GAIN < shape_gain(much, 0.04, 10_000) <= 1.6
    assert shape_gain(much, 0.04, 3) == pytest.approx(SHAPE_GAIN, abs=0.1)  # a word is no measure
    assert shape_gain(still, 0.04, 10_000) == SHAPE_GAIN


def test_no_mouth_is_made_wider_than_it_was_seen() -> None:
    opened = np.array([0.0, 0.0, 0.0, 0.12, 0.2])
    rounded = np.array([0.05, 0.3, -0.3, -0.1, 0.1])
    share = kept_within(opened, rounded, (-0.08, 0.08))
    np.testing.assert_allclose(share, [1, 1 / 3, 1 / 3, 1, 0], atol=1e-9)
    assert kept_within(opened, rounded, (-np.inf, np.inf)).min() == 1


def test_who_never_closes_the_mouth_rests_with_it_ajar(make_track, mouths) -> None:
    gaps = 0.16 + 0.13 * np.sin(np.arange(200) / 2.3)  # never below 0.03
    face = TemplateCanonicalizer().canonicalise(make_track(gaps))
    motion = wave(100, 0.1, 0.2, mouths)
    gate = np.zeros(100)
    gate[:50] = 1
    moved = gap_of(personalise(motion, face, gate, mouths))
    np.testing.assert_allclose(moved[50:], 0.03, atol=0.01)
    assert np.ptp(moved[50:]) == 0


def test_as_many_closures_as_the_person_makes() -> None:
    odds = np.random.default_rng(0).normal(size=1000) * 0.6 - 1.5
    level, speaking = np.full(1000, 0.1), np.ones(1000, bool)
    shares = [float((left_open(odds, level, speaking, share) < 0.5).mean()) for share in (0.0, 0.03, 0.1)]
    assert shares[0] < 0.01
    assert shares[1] == pytest.approx(CLOSED_MORE * 0.03, abs=0.01)
    assert shares[2] == pytest.approx(CLOSED_MORE * 0.1, abs=0.01)
    lone = np.full(50, -9.0)
    lone[20] = 9.0
    kept = left_open(lone, level[:50], speaking[:50], 0.02)
    assert kept[20] == 0 and kept[19] == kept[21] == pytest.approx(1 - CLOSING_SHARE)  # lips do not snap shut
    assert kept[18] == kept[22] == 1
    assert left_open(np.full(50, -9.0), level[:50], speaking[:50], 0.2).min() == 1  # nothing is closed by force
    assert left_open(np.full(50, 9.0), level[:50], speaking[:50], 0.0).max() == 0  # what is sure is closed


def test_rest_says_nothing_of_speech(make_track) -> None:
    """Someone who speaks for two seconds and then listens for ten with closed lips."""
    speech = 0.14 + 0.12 * np.sin(np.arange(50) / 1.7)
    face = TemplateCanonicalizer().canonicalise(make_track(np.concatenate([speech, np.zeros(250)])))
    assert closed_share(face) < 0.25
    assert np.median(spoken_gaps(face)) > 0.05


def test_the_mouth_is_held_and_opened_as_the_person_does(make_track, mouths) -> None:
    """Someone whose corners move to one side with every opening."""
    track = make_track(0.14 + 0.14 * np.sin(np.arange(200) / 2.3))
    face = TemplateCanonicalizer().canonicalise(track)
    assert face.style is not None
    np.testing.assert_allclose(face.style.direction, mouths.closing_direction, atol=0.02)
    own = face.style.direction.copy()
    own[:, 0] += 0.3
    posture = np.full((80, 2), [0.01, 0.0])
    odd = replace(face, style=MouthStyle(posture, own, 0.02, (-1.0, 1.0)))
    moved = personalise(wave(400, 0.02, 0.3, mouths), odd, np.ones(400), mouths)
    gap = gap_of(moved)
    np.testing.assert_allclose(moved, posture + gap[:, None, None] * own, atol=1e-6)


def test_wider_stays_wider(talker: CanonicalFace, mouths) -> None:
    motion = wave(400, 0.0, 0.3, mouths)
    moved = gap_of(personalise(motion, talker, np.ones(400), mouths))
    rising, falling = np.diff(gap_of(motion)) > 0, np.diff(gap_of(motion)) < 0
    assert np.diff(moved)[rising].min() > -1e-3
    assert np.diff(moved)[falling].max() < 1e-3


def test_quantiles_rise_and_keep_to_what_was_seen(talker: CanonicalFace, still: CanonicalFace, mouths) -> None:
    for face in (talker, still):
        wanted = wanted_quantiles(face, mouths)
        assert wanted.shape == mouths.gap_levels.shape
        assert np.all(np.diff(wanted) >= 0)
        assert wanted[0] == pytest.approx(0, abs=1e-3)
    assert wanted_quantiles(talker, mouths)[-1] <= 1.1 * talker.gap.max() + 1e-9
    assert wanted_quantiles(still, mouths)[-1] <= STILL_OPENING + 1e-6


def test_a_blip_of_sound_is_no_speech(talker: CanonicalFace, mouths) -> None:
    gate = np.zeros(50)
    gate[20:22] = 1
    assert np.abs(personalise(wave(50, 0.1, 0.2, mouths), talker, gate, mouths)).max() == 0


def test_the_motion_asked_for_is_left_alone(talker: CanonicalFace, mouths) -> None:
    motion = wave(100, 0, 0.2, mouths)
    before = motion.copy()
    personalise(motion, talker, np.ones(100), mouths)
    np.testing.assert_array_equal(motion, before)


def test_interpolation_is_exact_on_the_grid() -> None:
    motion = np.random.default_rng(0).normal(size=(20, 80, 2))
    np.testing.assert_allclose(at_times(motion, np.arange(20) / GRID_RATE), motion, atol=1e-12)


def test_interpolation_of_a_parabola_is_exact_between() -> None:
    clock = np.arange(30.0)
    motion = np.broadcast_to((0.3 * clock**2 - 2 * clock + 1)[:, None, None], (30, 80, 2))
    times = np.array([2.25, 10.5, 17.9]) / GRID_RATE
    expected = 0.3 * (times * 25) ** 2 - 2 * times * 25 + 1
    np.testing.assert_allclose(at_times(motion, times)[:, 0, 0], expected, atol=1e-9)


def test_times_outside_hold_the_ends() -> None:
    motion = np.random.default_rng(0).normal(size=(5, 80, 2))
    found = at_times(motion, np.array([-1.0, 0.16, 9.0]))
    np.testing.assert_allclose(found, motion[[0, 4, 4]], atol=1e-12)
    one = at_times(motion[:1], np.array([0.0, 0.02, 5.0]))
    np.testing.assert_allclose(one, np.broadcast_to(motion[:1], (3, 80, 2)))
    assert at_times(motion, np.zeros(0)).shape == (0, 80, 2)


def test_lips_keep_the_persons_own_pace(make_track, mouths) -> None:
    """The same sound moves a slow speaker's lips less quickly than a quick one's."""
    opening = np.random.default_rng(11).uniform(0, 0.25, 400)
    motion = opening[:, None, None] * mouths.closing_direction
    gate = np.ones(400)
    own, made = [], []
    for frames_a_syllable in (14, 5):
        gaps = 0.14 + 0.14 * np.sin(2 * np.pi * np.arange(200) / frames_a_syllable)
        face = TemplateCanonicalizer().canonicalise(make_track(gaps))
        pace = own_pace(face)
        assert pace is not None
        own.append(pace)
        made.append(np.abs(np.diff(gap_of(personalise(motion, face, gate, mouths)))).mean() * 25)
    assert own[0] < 0.6 * own[1]
    assert made[0] < 0.9 * made[1]


def test_who_never_spoke_has_no_pace(still: CanonicalFace) -> None:
    assert own_pace(still) is None


def whole_motion(
    motion: np.ndarray, closed: np.ndarray, face: CanonicalFace, gate: np.ndarray, model: MouthShapeModel
) -> np.ndarray:
    """``PersonalMotion`` on whole arrays: all points are smoothed and opened in every way, and the best is taken."""
    speaking = gate > 0.5
    wanted = wanted_quantiles(face, model)
    times = np.arange(len(motion)) / GRID_RATE
    pace = own_pace(face)
    both = speaking[1:] & speaking[:-1]
    best, least = np.zeros(motion.shape), np.inf
    for sigma in SMOOTHINGS if pace is not None else (USUAL_SMOOTHING,):
        smooth = smooth_in_time(motion, times, sigma)
        gap = gap_of(smooth)
        shape = smooth - gap[:, None, None] * model.closing_direction
        mean = shape[speaking].mean(0)
        posture, direction = mean, model.closing_direction
        if face.style is not None:
            posture, direction = face.style.posture, face.style.direction
        gain = shape_gain(face, float(width_of(shape[speaking]).std()), int(speaking.sum()))
        rounded = gain * (shape - mean)
        trust = speaking.sum() / (speaking.sum() + TRUSTED_FRAMES)
        heard = trust * np.quantile(gap[speaking], model.gap_levels) + (1 - trust) * model.predicted_gap
        opening = np.interp(gap, heard, wanted)
        opening[gap > heard[-1]] = wanted[-1] + 0.3 * (gap[gap > heard[-1]] - heard[-1])
        kept = left_open(closed, gap_of(motion), speaking, closed_share(face))
        opened = posture + (np.maximum(opening, 0) * kept)[:, None, None] * direction
        widths = (-np.inf, np.inf) if face.style is None else face.style.widths
        moved = opened + kept_within(width_of(opened), width_of(rounded), widths)[:, None, None] * rounded
        moved = moved * gate[:, None, None] + resting_mouth(face) * (1 - gate[:, None, None])
        speed = np.abs(np.diff(gap_of(moved)))[both].mean() * GRID_RATE
        difference = 0.0 if pace is None else abs(speed - pace)
        if difference < least:
            best, least = moved, difference
    return best


@pytest.mark.parametrize("syllable", [None, 3, 6, 9, 14, 25])
@pytest.mark.parametrize("seconds", [1.0, 23.4])
def test_motion_in_windows_is_that_of_the_whole(
    make_track: Callable[..., FaceTrack], mouths: MouthShapeModel, syllable: int | None, seconds: float, tmp_path: Path
) -> None:
    gaps: Sequence[float] = np.full(100, 0.01)
    if syllable is not None:
        gaps = 0.14 + 0.14 * np.sin(2 * np.pi * np.arange(200) / syllable)
    face = TemplateCanonicalizer().canonicalise(make_track(gaps))
    sound = np.concatenate([babble(seconds), np.zeros(RATE, np.float32), babble(seconds, seed=3)])
    heard = hear(sound, tmp_path)
    motion = heard.motion[:]
    expected = whole_motion(motion, heard.closed, face, heard.gate, mouths)
    np.testing.assert_allclose(personalise(motion, face, heard.gate, mouths, heard.closed), expected, atol=1e-6)
    personal = personalise_stored(heard, face, mouths)
    times = np.sort(np.random.default_rng(1).uniform(-0.2, len(motion) / GRID_RATE + 0.5, 700))
    found = np.concatenate([personal.at(times[low : low + 61]) for low in range(0, len(times), 61)])
    np.testing.assert_allclose(found, at_times(expected, times), atol=1e-6)
    np.testing.assert_allclose(personal.at(times[5:9]), at_times(expected, times[5:9]), atol=1e-6)  # and back again
    assert personal.at(np.zeros(0)).shape == (0, 80, 2)


def test_motion_of_a_real_voice_in_windows(mouths: MouthShapeModel, talker: CanonicalFace, tmp_path: Path) -> None:
    from talkingface.media.audio import read_audio, to_mono_16k
    from talkingface.weights.embedded import asset_path

    sound = np.tile(to_mono_16k(read_audio(asset_path("sample/hello.flac"))), 4)
    heard = hear(sound, tmp_path)
    expected = whole_motion(heard.motion[:], heard.closed, talker, heard.gate, mouths)
    times = np.arange(0, len(sound) / RATE, 1 / 29.97)
    found = personalise_stored(heard, talker, mouths).at(times)
    np.testing.assert_allclose(found, at_times(expected, times), atol=1e-6)


def test_stored_silence_keeps_the_mouth_closed(talker: CanonicalFace, mouths, tmp_path: Path) -> None:
    personal = personalise_stored(hear(np.zeros(3 * RATE, np.float32), tmp_path), talker, mouths)
    moved = personal.at(np.linspace(0, 3, 40))
    assert moved.shape == (40, 80, 2)
    assert np.abs(moved).max() == 0


GROWTH = """
import sys, tempfile
from pathlib import Path
from types import SimpleNamespace
import numpy as np
from talkingface.models.video_retalking.landmark.canonicalize import MouthShapeModel
from talkingface.models.video_retalking.landmark.hearing import hear
from talkingface.models.video_retalking.landmark.mouth_motion import personalise_stored
from talkingface.media.row_file import RowFile

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

minutes = int(sys.argv[1])
with tempfile.TemporaryDirectory() as name:
    speech = RowFile(Path(name) / "speech", ())
    second = (0.1 * np.random.default_rng(0).normal(size=16000) * np.abs(np.sin(np.arange(16000) / 800)))
    for _ in range(60 * minutes):
        speech.extend(second.astype(np.float32))
    gap = 0.14 + 0.14 * np.sin(np.arange(200) / 2.3)
    face = SimpleNamespace(speaks=True, style=None, gap=gap, track=SimpleNamespace(times=np.arange(200) / 25))
    motion = personalise_stored(hear(speech, Path(name)), face, MouthShapeModel.load())
    for start in range(60 * minutes):
        motion.at(start + np.arange(25) / 25)
    print(peak())
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux to tell peak memory")
def test_memory_does_not_grow_with_the_sound() -> None:
    def peak(minutes: int) -> float:
        quiet = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        found = subprocess.run(
            [sys.executable, "-c", GROWTH, str(minutes)], capture_output=True, text=True, check=True, env=quiet
        )
        return float(found.stdout)

    assert peak(10) - peak(1) < 10  # MB
