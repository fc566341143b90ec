from __future__ import annotations

import numpy as np

from talkingface.evaluation.observation import generic_face
from talkingface.faces import canonical_track, mesh_topology
from talkingface.faces.canonical_track import canonical_points, mean_face
from talkingface.faces.geometry import align_to_own_mean


def test_pieces_give_what_the_whole_gives(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    reference = generic_face()
    landmarks = (reference[None] * rng.uniform(50, 60, (23, 1, 1)) + rng.normal(0, 0.4, (23, 478, 3))).astype(
        np.float32
    )
    _, whole = align_to_own_mean(landmarks, reference)
    mouth = list(mesh_topology.MOUTH_POINTS)
    for at_once in (5, 1000):
        monkeypatch.setattr(canonical_track, "FRAMES_AT_ONCE", at_once)
        own = mean_face(landmarks, reference)
        assert np.abs(canonical_points(landmarks, own, mouth) - whole[:, mouth, :2]).max() < 1e-12
        assert canonical_points(landmarks[:0], own, slice(7)).shape == (0, 7, 2)
