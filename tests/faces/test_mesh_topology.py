"""The tables of mesh points agree with one another."""

from __future__ import annotations

import numpy as np
import pytest

from talkingface.faces import mesh_topology as mesh
from talkingface.models.video_retalking.landmark.canonicalize import MouthShapeModel

TABLES = {name: value for name, value in vars(mesh).items() if isinstance(value, tuple)}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_points_exist_and_are_named_once(name: str) -> None:
    points = TABLES[name]
    assert len(set(points)) == len(points)
    assert all(0 <= point < mesh.MESH_POINTS for point in points)


def test_sizes() -> None:
    assert len(mesh.MOUTH_POINTS) == 80
    assert {
        len(ring) for ring in (mesh.LIPS_OUTER, mesh.LIPS_INNER, mesh.LIPS_MIDDLE_OUTER, mesh.LIPS_MIDDLE_INNER)
    } == {20}
    assert len(mesh.REFINED_LIPS) == 80
    assert len(mesh.REFINED_LEFT_EYE) == len(mesh.REFINED_RIGHT_EYE) == 71
    rings = {*mesh.LIPS_OUTER, *mesh.LIPS_INNER, *mesh.LIPS_MIDDLE_OUTER, *mesh.LIPS_MIDDLE_INNER}
    assert rings == set(mesh.REFINED_LIPS)


def test_left_is_the_viewers() -> None:
    face = MouthShapeModel.load().reference
    assert face[mesh.MOUTH_LEFT_CORNER, 0] < 0 < face[mesh.MOUTH_RIGHT_CORNER, 0]
    assert face[list(mesh.EYE_LEFT_UPPER), 0].max() < 0 < face[list(mesh.EYE_RIGHT_UPPER), 0].min()


def test_rings_run_from_corner_to_corner_over_the_upper_lip() -> None:
    face = MouthShapeModel.load().reference
    for ring in (mesh.LIPS_OUTER, mesh.LIPS_INNER):
        points = face[list(ring)]
        assert np.all(np.diff(points[:11, 0]) > 0)
        assert np.all(np.diff(points[10:, 0]) < 0)
        assert points[1:10, 1].mean() < points[11:, 1].mean()


def test_middles_of_the_inner_contour_face_each_other() -> None:
    face = MouthShapeModel.load().reference
    upper, lower = face[list(mesh.INNER_UPPER_MIDDLE)], face[list(mesh.INNER_LOWER_MIDDLE)]
    np.testing.assert_allclose(upper[:, 0], lower[:, 0], atol=0.03)
    assert set(mesh.INNER_UPPER_MIDDLE) <= set(mesh.LIPS_INNER[:11])
    assert set(mesh.INNER_LOWER_MIDDLE) <= set(mesh.LIPS_INNER[10:])
