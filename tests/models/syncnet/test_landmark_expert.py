from __future__ import annotations

import numpy as np
import pytest

from talkingface.models.syncnet.landmark_expert import (
    CHUNK_FRAMES,
    JUDGE_WEIGHTS,
    SHORTEST_STRETCH,
    WEIGHTS,
    LandmarkSyncExpert,
    MouthOnGrid,
    mouth_on_grid,
)
from talkingface.weights.embedded import asset_path


@pytest.fixture(scope="module", params=[WEIGHTS, JUDGE_WEIGHTS])
def expert(request: pytest.FixtureRequest) -> LandmarkSyncExpert:
    return LandmarkSyncExpert(request.param)


def test_the_judge_is_another_network() -> None:
    points = np.random.default_rng(0).normal(size=(40, 80, 2)) * 0.05
    mouth = mouth_on_grid(points, np.arange(40) / 25)
    one, other = LandmarkSyncExpert().embed_mouth(mouth), LandmarkSyncExpert.judge().embed_mouth(mouth)
    assert one.vectors.shape == other.vectors.shape
    assert np.abs(one.vectors - other.vectors).mean() > 0.01
    assert asset_path(WEIGHTS).stat().st_size + asset_path(JUDGE_WEIGHTS).stat().st_size < 1.6e6


SIZE = 96  # numbers of an embedding


def motion(times: np.ndarray, seed: int = 0) -> np.ndarray:
    """(N, 80, 2) points that swing at 3 Hz and below, the same at the same time whatever the frame rate."""
    rng = np.random.default_rng(seed)
    way, phase = rng.normal(size=(4, 80, 2)) * 0.05, rng.uniform(0, 6, 4)
    swing = np.sin(2 * np.pi * np.array([0.7, 1.3, 2.1, 3.0]) * times[:, None] + phase)
    return np.einsum("tk,kij->tij", swing, way)


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    loudness = np.repeat(rng.uniform(0, 0.2, int(seconds * 10) + 1), 1600)[: int(seconds * 16_000)]
    return (rng.normal(size=len(loudness)) * loudness).astype(np.float32)


@pytest.mark.parametrize("rate", [23.976, 25.0, 29.97, 60.0])
def test_motion_lands_on_the_grid_at_its_real_times(rate: float) -> None:
    times = 0.1 + np.arange(int(4 * rate)) / rate
    mouth = mouth_on_grid(motion(times), times)
    assert mouth.stretches == ((3, int(times[-1] * 25) + 1),)
    assert not mouth.present[:3].any() and mouth.present[3:].all()
    wanted = motion(np.arange(len(mouth.points)) / 25)
    error = np.abs(mouth.points[6:-4] - wanted[6:-4]).max()
    assert error < 0.06 * np.ptp(wanted)


def test_uneven_frame_times_are_taken_as_they_are() -> None:
    times = np.sort(np.random.default_rng(2).uniform(0, 5, 200))
    mouth = mouth_on_grid(motion(times), times)
    wanted = motion(np.arange(len(mouth.points)) / 25)
    assert np.corrcoef(mouth.points[5:-5].ravel(), wanted[5:-5].ravel())[0, 1] > 0.99


def test_long_holes_part_the_motion_and_short_ones_are_left_out() -> None:
    times = np.arange(200) / 50
    kept = (times < 1) | ((times > 1.16) & (times < 2)) | ((times > 2.5) & (times < 3)) | (times > 3.5)
    mouth = mouth_on_grid(motion(times)[kept], times[kept])
    assert mouth.stretches == ((0, 50),)  # the last two stretches are shorter than a window
    assert not mouth.present[[27]].any() and mouth.present[[24, 30]].all()
    assert not mouth.present[50:].any()
    assert mouth.rows == int(mouth.present.sum()) < 50


def test_no_motion_at_all_is_empty(expert: LandmarkSyncExpert) -> None:
    mouth = mouth_on_grid(np.zeros((0, 80, 2)), np.zeros(0))
    assert mouth.rows == 0 and mouth.stretches == ()
    assert expert.embed_mouth(mouth).vectors.shape == (0, SIZE)
    assert mouth.frozen().points.shape == (0, 80, 2)
    one = mouth_on_grid(np.zeros((1, 80, 2)), np.zeros(1))
    assert one.rows == 0 and not expert.embed_mouth(one).valid.any()


def test_embeddings_are_unit_vectors_where_there_is_a_face(expert: LandmarkSyncExpert) -> None:
    times = np.arange(60) / 25 + 0.4
    embedded = expert.embed_mouth(mouth_on_grid(motion(times), times))
    assert embedded.vectors.shape == (70, SIZE)
    assert list(embedded.valid) == [False] * 10 + [True] * 60
    assert np.linalg.norm(embedded.vectors[10:], axis=1) == pytest.approx(1, abs=1e-4)
    assert not embedded.vectors[:10].any()


def test_identity_and_amplitude_do_not_matter(expert: LandmarkSyncExpert) -> None:
    times = np.arange(80) / 25
    plain = expert.embed_mouth(mouth_on_grid(motion(times), times)).vectors
    other = expert.embed_mouth(mouth_on_grid(motion(times) * 1.4 + 0.3, times)).vectors
    assert other == pytest.approx(plain, abs=2e-2)
    different = expert.embed_mouth(mouth_on_grid(motion(times, 5), times)).vectors
    assert np.abs(different - plain).mean() > 0.03


def test_a_frozen_mouth_says_the_same_all_the_time(expert: LandmarkSyncExpert) -> None:
    times = np.arange(80) / 25
    frozen = mouth_on_grid(motion(times), times).frozen()
    assert isinstance(frozen, MouthOnGrid)
    vectors = expert.embed_mouth(frozen).vectors
    assert np.abs(vectors[13:-13] - vectors[40]).max() < 1e-4


def test_sound_has_a_row_for_each_40_ms_and_is_the_same_in_chunks(expert: LandmarkSyncExpert) -> None:
    samples = noise(CHUNK_FRAMES / 25 + 3)
    embedded = expert.embed_sound(samples)
    assert embedded.vectors.shape == (CHUNK_FRAMES + 75, SIZE)
    assert embedded.valid.all()
    assert np.linalg.norm(embedded.vectors, axis=1) == pytest.approx(1, abs=1e-4)
    seam = embedded.vectors[CHUNK_FRAMES - 30 : CHUNK_FRAMES + 30]
    # the same 60 rows from the middle of another chunk; only the level of the whole sound is different
    again = expert.embed_sound(samples[16_000 * 10 :]).vectors[CHUNK_FRAMES - 280 : CHUNK_FRAMES - 220]
    assert np.abs(seam - again).max() < 0.1
    assert expert.embed_sound(np.zeros(100, np.float32)).vectors.shape == (0, SIZE)


def test_a_delayed_sound_gives_delayed_embeddings(expert: LandmarkSyncExpert) -> None:
    samples = noise(4)
    plain = expert.embed_sound(samples).vectors
    late = expert.embed_sound(np.concatenate([np.zeros(6 * 640, np.float32), samples])).vectors
    assert np.abs(late[6 + 15 : 6 + 85] - plain[15:85]).mean() < 0.02
    assert np.abs(late[15:85] - plain[15:85]).mean() > 0.05


def test_the_shortest_stretch_is_embedded(expert: LandmarkSyncExpert) -> None:
    times = np.arange(SHORTEST_STRETCH) / 25
    assert expert.embed_mouth(mouth_on_grid(motion(times), times)).valid.all()
