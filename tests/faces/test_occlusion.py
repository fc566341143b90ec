"""What is usual among frames, and which runs of unusual ones count."""

from __future__ import annotations

import numpy as np
import pytest

from talkingface.faces import occlusion
from talkingface.faces.occlusion import LookComparer, LowerFaceLooks
from talkingface.faces.visibility import sample_points
from talkingface.weights.embedded import asset_path


@pytest.fixture(scope="module")
def comparer() -> LookComparer:
    with np.load(asset_path("mouth_shape.npz")) as packed:
        reference = packed["reference"]
    return LookComparer(reference, sample_points(reference)[0])


def looks(comparer: LookComparer, count: int, mouth: float = 1.0, seed: int = 0) -> LowerFaceLooks:
    """Mouths on skin (or, for ``mouth`` 0, something flat), with noise."""
    dice = np.random.default_rng(seed)
    values = dice.normal(0, 0.8, (count, len(comparer.pattern), 3))
    values[..., 0] += 100 + 120 * mouth * comparer.pattern
    return LowerFaceLooks(values.astype(np.float32), np.full(count, 2, np.float32), np.zeros(count, np.float32))


def test_a_pattern_for_every_point(comparer: LookComparer) -> None:
    assert len(occlusion.MOUTH_PATTERN) == len(comparer.neighbourhoods) == len(comparer.facing)
    np.testing.assert_allclose(comparer.neighbourhoods.sum(1), 1, rtol=1e-5)
    assert comparer.likeness(looks(comparer, 9)) > 0.9
    assert comparer.likeness(looks(comparer, 9, mouth=-1)) < -0.9


def test_a_patch_counts_where_it_is_and_even_light_does_not_change_the_pattern(comparer: LookComparer) -> None:
    usual, other = looks(comparer, 1), looks(comparer, 1, seed=1)
    assert comparer.difference(other, usual)[0] < 0.6
    patched = LowerFaceLooks(other.values.copy(), other.noise, other.yaw)
    patched.values[0, :30] += 60
    assert comparer.difference(patched, usual)[0] > 2
    lit = LowerFaceLooks(other.values.copy(), other.noise, other.yaw)
    lit.values[..., 0] += (40 * comparer.shading[:, 1] + 15).astype(np.float32)
    assert comparer.same_pattern(lit, usual)[0] > 0.9
    assert comparer.same_pattern(looks(comparer, 1, mouth=0, seed=2), usual)[0] < 0.6


def test_points_that_face_away_do_not_count(comparer: LookComparer) -> None:
    right = comparer.facing > 40
    usual, other = looks(comparer, 1), looks(comparer, 1, seed=1)
    other.values[0, right] += 200
    assert comparer.difference(other, usual)[0] > 2
    turned = LowerFaceLooks(other.values, other.noise, np.array([30], np.float32))
    assert comparer.difference(turned, usual)[0] < 1


def test_groups_need_neighbours() -> None:
    places = np.concatenate([np.linspace(0, 1, 20), np.linspace(9, 10, 8), [5]])
    table = np.abs(places[:, None] - places[None]).astype(np.float32)
    groups = occlusion.dense_groups(table, near=0.5)
    assert [len(rows) for rows in groups] == [20, 8]
    assert occlusion.spread_out(table, groups[0], 3).tolist()[1:] in ([0, 19], [19, 0])
    assert len(occlusion.spread_out(table, groups[1], 20)) == 8


def test_the_mouth_is_usual_even_when_it_is_seldom_seen(comparer: LookComparer) -> None:
    mouths, flats = looks(comparer, 30), looks(comparer, 90, mouth=0, seed=1)
    usual = occlusion.usual_looks(comparer, mouths.joined(flats))
    assert occlusion.strangeness(comparer, mouths, usual).max() < 1
    other = LowerFaceLooks(flats.values + np.float32([50, 0, 0]), flats.noise, flats.yaw)
    usual = occlusion.usual_looks(comparer, mouths.joined(other))
    assert occlusion.strangeness(comparer, mouths, usual).max() < 1
    assert occlusion.strangeness(comparer, other, usual).min() > occlusion.FAR
    # a stretch of the clip in which only the other thing is seen says nothing new
    assert occlusion.usual_looks(comparer, other, usual) is usual


def test_frames_without_likes_are_all_usual(comparer: LookComparer) -> None:
    dice = np.random.default_rng(3)
    wild = looks(comparer, 6)
    wild.values[...] += dice.normal(0, 80, wild.values.shape).astype(np.float32)
    usual = occlusion.usual_looks(comparer, wild)
    assert occlusion.strangeness(comparer, wild, usual).max() < 0.1


def test_runs_of_strange_frames() -> None:
    assert occlusion.runs(np.array([True, False, True, True])) == [(0, 1), (2, 4)]
    strange = np.array([1.0, 1.6, 1.9, 1.9, 1.6, 1.0, 1.9, 1.0, 2.6, 1.0, 1.6, 1.6, 1.6], np.float32)
    assert np.flatnonzero(occlusion.occluded_frames(strange)).tolist() == [1, 2, 3, 4, 8]
