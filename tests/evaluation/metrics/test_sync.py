from __future__ import annotations

import numpy as np
import pytest

from talkingface.errors import MediaError
from talkingface.evaluation.metrics.sync import (
    MAX_OFFSET,
    MIN_WINDOWS,
    SHORTEST_ROWS,
    distance_curve,
    sync_figures,
    sync_scores,
)
from talkingface.models.syncnet.landmark_expert import Embeddings


def random_vectors(rows: int, seed: int = 0) -> np.ndarray:
    """Unit vectors that change slowly, as those of speech do."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=(rows + 4, 96))
    smooth = raw[:-4] + 2 * raw[1:-3] + 3 * raw[2:-2] + 2 * raw[3:-1] + raw[4:]
    return (smooth / np.linalg.norm(smooth, axis=1, keepdims=True)).astype(np.float32)


def embeddings(vectors: np.ndarray, valid: np.ndarray | None = None) -> Embeddings:
    return Embeddings(vectors, np.ones(len(vectors), bool) if valid is None else valid)


@pytest.mark.parametrize("late", [-15, -4, 0, 1, 15])
def test_a_known_shift_is_recovered_with_its_sign(late: int) -> None:
    vectors = random_vectors(140)
    sound = embeddings(vectors[20:120])
    mouth = embeddings(vectors[20 - late : 120 - late])  # row k shows what is heard in row k - late: lips are late
    figures = sync_figures(mouth, sound, "clip")
    assert figures.offset == late
    assert figures.distance == pytest.approx(0, abs=1e-3)
    assert figures.confidence == pytest.approx(np.median(figures.curve) - figures.curve.min())
    assert figures.confidence > 1


def test_unrelated_sound_has_no_confidence() -> None:
    figures = sync_figures(embeddings(random_vectors(300)), embeddings(random_vectors(300, 1)), "clip")
    assert figures.confidence < 0.1
    assert figures.distance == pytest.approx(np.sqrt(2), abs=0.1)


def test_outer_offsets_of_a_short_clip_are_not_pushed_up() -> None:
    constant = np.zeros((SHORTEST_ROWS, 96), np.float32)
    constant[:, 0] = 1
    other = np.zeros_like(constant)
    other[:, :2] = np.sqrt(0.5)
    curve, windows = distance_curve(embeddings(constant), embeddings(other))
    assert np.ptp(curve) < 1e-6
    assert windows[MAX_OFFSET] == SHORTEST_ROWS
    assert windows[0] == windows[-1] == MIN_WINDOWS


def test_rows_without_a_face_take_no_part() -> None:
    vectors = random_vectors(120)
    spoiled, valid = vectors.copy(), np.ones(120, bool)
    spoiled[40:60] = random_vectors(20, 9)
    valid[40:60] = False
    whole = sync_figures(embeddings(vectors), embeddings(vectors), "clip")
    part = sync_figures(embeddings(spoiled, valid), embeddings(vectors), "clip")
    assert part.distance == pytest.approx(whole.distance, abs=1e-4)
    assert part.windows[MAX_OFFSET] == 100
    assert sync_figures(embeddings(spoiled), embeddings(vectors), "clip").distance > 0.1


def test_a_longer_sound_is_used_as_far_as_the_lips_reach() -> None:
    vectors = random_vectors(400)
    curve, windows = distance_curve(embeddings(vectors[:50]), embeddings(vectors))
    assert windows[MAX_OFFSET] == 50
    assert windows[0] == 50  # lips 15 frames early: sound rows 15 to 64
    assert windows[-1] == 35
    assert int(np.argmin(curve)) == MAX_OFFSET


@pytest.mark.parametrize(("mouth", "sound"), [(SHORTEST_ROWS - 1, 100), (100, SHORTEST_ROWS - 16), (0, 100), (100, 0)])
def test_too_short_is_said(mouth: int, sound: int) -> None:
    with pytest.raises(MediaError, match=r"clip\.mp4: too short to judge sync"):
        sync_figures(embeddings(random_vectors(mouth)), embeddings(random_vectors(sound)), "clip.mp4")


def test_scores_have_the_names_of_the_metric_table() -> None:
    vectors = random_vectors(60)
    figures = sync_figures(embeddings(vectors), embeddings(vectors), "clip")
    scores = sync_scores(figures)
    assert {name: score.value for name, score in scores.items()} == {
        "sync_confidence": figures.confidence,
        "sync_offset": 0.0,
        "sync_distance": figures.distance,
    }
