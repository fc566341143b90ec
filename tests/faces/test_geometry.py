"""Alignment, smoothing and the numbers that describe a mouth."""

from __future__ import annotations

import numpy as np
import pytest

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import (
    align,
    align_to_own_mean,
    canonical_frame,
    inner_lip_gap,
    interocular_distance,
    mouth_width,
    smooth_in_time,
    smoothstep,
)

SIDE = 400.0


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    """A canonical face: a random cloud, brought into canonical coordinates by its own eyes, forehead and chin."""
    random = np.random.default_rng(7)
    cloud = random.normal(size=(478, 3)) * 40
    for points, place in ((mesh.EYE_LEFT_CORNERS, (-60, 0, 0)), (mesh.EYE_RIGHT_CORNERS, (60, 0, 0))):
        cloud[list(points)] = place
    cloud[mesh.FOREHEAD], cloud[mesh.CHIN] = (0, -90, 0), (0, 130, 0)
    return canonical_frame(cloud)


def turn(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """A rotation that takes canonical axes to the picture's: roll in the picture, after pitch, after yaw (degrees)."""
    a, b, c = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return about_z @ about_x @ about_y


def test_canonical_frame_has_the_eyes_at_distance_one_about_the_origin(face: np.ndarray) -> None:
    left, right = face[list(mesh.EYE_LEFT_CORNERS)].mean(0), face[list(mesh.EYE_RIGHT_CORNERS)].mean(0)
    np.testing.assert_allclose((left + right) / 2, 0, atol=1e-12)
    np.testing.assert_allclose(right - left, [1, 0, 0], atol=1e-12)
    assert face[mesh.CHIN, 1] > face[mesh.FOREHEAD, 1]
    assert interocular_distance(face) == pytest.approx(1)


def test_canonical_frame_does_not_depend_on_pose(face: np.ndarray) -> None:
    seen = (face @ turn(20, -8, 35).T) * 83 + [300, 200, 15]
    np.testing.assert_allclose(canonical_frame(seen), face, atol=1e-9)


def test_align_recovers_known_similarities(face: np.ndarray) -> None:
    rotations = np.stack([turn(), turn(30, 10, -20), turn(-25, -12, 170)])
    scales, shifts = np.array([90.0, 140.0, 31.0]), np.array([[10.0, 20, 0], [300, 200, 5], [-40, 700, -9]])
    seen = np.einsum("nj,tij->tni", face, rotations) * scales[:, None, None] + shifts[:, None]
    pose = align(seen, face)
    assert len(pose) == 3
    np.testing.assert_allclose(pose.scale, 1 / scales, rtol=1e-9)
    np.testing.assert_allclose(pose.rotation, rotations.transpose(0, 2, 1), atol=1e-9)
    np.testing.assert_allclose(pose.to_canonical(seen), np.broadcast_to(face, (3, *face.shape)), atol=1e-9)
    for index in range(3):
        np.testing.assert_allclose(pose.to_picture(index, face), seen[index], atol=1e-7)


def test_align_never_mirrors_a_face(face: np.ndarray) -> None:
    mirrored = face * [-1, 1, 1] * 100
    found = align(mirrored[None], face).rotation[0]
    assert np.linalg.det(found) == pytest.approx(1)
    # of all turns it is the one that comes nearest
    stable = list(mesh.STABLE_POINTS)
    source, target = (points[stable] - points[stable].mean(0) for points in (mirrored, face))

    def likeness(rotation: np.ndarray) -> float:
        return float((source @ rotation.T * target).sum())

    random = np.random.default_rng(0)
    others = [turn(*random.uniform(-180, 180, 3)) for _ in range(3000)]
    assert likeness(found) >= max(likeness(other) for other in others)


def test_align_looks_at_stable_points_only(face: np.ndarray) -> None:
    talking = face * 100
    talking[list(mesh.LIPS_INNER)] += 50
    pose = align(talking[None], face)
    assert pose.scale[0] == pytest.approx(0.01)
    np.testing.assert_allclose(pose.rotation[0], np.eye(3), atol=1e-9)


@pytest.mark.parametrize(
    ("angles", "which", "expected"),
    [((25, 0, 0), 0, 25), ((-25, 0, 0), 0, -25), ((0, 0, 15), 2, -15), ((0, 0, -30), 2, 30)],
)
def test_angles(face: np.ndarray, angles: tuple[float, ...], which: int, expected: float) -> None:
    pose = align((face @ turn(*angles).T)[None] * 100, face)
    found = pose.yaw_pitch_roll()[0]
    assert found[which] == pytest.approx(expected, abs=1e-6)
    others = [index for index in range(3) if index != which]
    np.testing.assert_allclose(found[others], 0, atol=1e-6)


def test_yaw_and_roll_do_not_disturb_each_other(face: np.ndarray) -> None:
    for roll in (-90, -30, 45, 120):
        found = align((face @ turn(20, 5, roll).T)[None] * 100, face).yaw_pitch_roll()[0]
        np.testing.assert_allclose(found, [20, 5, -roll], atol=1e-6)


def test_positive_yaw_looks_to_the_viewers_right(face: np.ndarray) -> None:
    towards_viewer = np.array([0.0, 0.0, -1.0]) @ turn(25).T
    assert towards_viewer[0] > 0  # the nose points to larger x
    assert align((face @ turn(25).T)[None] * 100, face).yaw_pitch_roll()[0, 0] > 0


def test_own_mean_takes_identity_out_of_the_pose(face: np.ndarray) -> None:
    other = face.copy()
    other[list(mesh.STABLE_POINTS)] += np.random.default_rng(1).normal(size=(len(mesh.STABLE_POINTS), 3)) * 0.05
    rotations = np.stack([turn(angle) for angle in np.linspace(-20, 20, 9)])
    seen = np.einsum("nj,tij->tni", other, rotations) * 100
    pose, shape = align_to_own_mean(seen, face)
    np.testing.assert_allclose(shape, np.broadcast_to(shape.mean(0), shape.shape), atol=1e-3)
    between = pose.rotation[0] @ pose.rotation[-1].T
    assert np.degrees(np.arccos((np.trace(between) - 1) / 2)) == pytest.approx(40, abs=0.1)


def test_gap_and_width_of_a_mouth() -> None:
    shape = np.zeros((5, 478, 3))
    shape[:, list(mesh.INNER_LOWER_MIDDLE), 1] = np.linspace(0, 0.2, 5)[:, None]
    shape[:, mesh.MOUTH_LEFT_CORNER, 0], shape[:, mesh.MOUTH_RIGHT_CORNER, 0] = -0.4, 0.5
    np.testing.assert_allclose(inner_lip_gap(shape), np.linspace(0, 0.2, 5))
    np.testing.assert_allclose(mouth_width(shape), 0.9)


def uneven_times() -> np.ndarray:
    """A variable rate, and a hole of a second."""
    random = np.random.default_rng(3)
    steps = random.choice([1 / 60, 1 / 30, 1 / 15], size=80)
    steps[40] = 1.0
    return np.cumsum(steps)


@pytest.mark.parametrize("times", [np.arange(60) / 25, np.arange(60) / 60, uneven_times()], ids=["25", "60", "uneven"])
def test_smoothing_does_not_move_a_straight_line(times: np.ndarray) -> None:
    line = np.stack([200 + 150 * times, 90 - 40 * times], 1)
    np.testing.assert_allclose(smooth_in_time(line, times, 0.05), line, atol=1e-6)


def test_smoothing_does_not_lag() -> None:
    times = np.arange(120) / 30
    wave = np.sin(2 * np.pi * 0.8 * times)
    smooth = smooth_in_time(wave, times, 0.05)
    inner = slice(20, -20)
    shifts = range(-3, 4)
    likeness = [float(np.corrcoef(np.roll(smooth, shift)[inner], wave[inner])[0, 1]) for shift in shifts]
    assert list(shifts)[int(np.argmax(likeness))] == 0
    assert smooth[inner].max() == pytest.approx(np.exp(-0.5 * (2 * np.pi * 0.8 * 0.05) ** 2), abs=0.01)


def test_smoothing_takes_noise_away() -> None:
    times = np.arange(300) / 30
    noise = np.random.default_rng(0).normal(size=(300, 4))
    assert smooth_in_time(noise, times, 0.08)[5:-5].std() < 0.45


def test_smoothing_respects_real_times() -> None:
    times = np.concatenate([np.arange(10) / 30, 5 + np.arange(10) / 30])
    steps = np.repeat([0.0, 100.0], 10)
    np.testing.assert_allclose(smooth_in_time(steps, times, 0.1), steps, atol=1e-9)  # five seconds apart: untouched
    together = smooth_in_time(steps, np.arange(20) / 30, 0.1)
    assert 20 < together[9] < 50 < together[10] < 80


def test_smoothing_of_one_row_and_of_none() -> None:
    np.testing.assert_array_equal(smooth_in_time(np.array([[3.0]]), np.array([0.5]), 0.1), [[3.0]])
    values = np.array([1.0, 5.0, 2.0])
    np.testing.assert_array_equal(smooth_in_time(values, np.arange(3.0), 0), values)


def test_smoothing_keeps_the_shape_of_its_rows() -> None:
    assert smooth_in_time(np.ones((4, 478, 3), np.float32), np.arange(4) / 25, 0.02).shape == (4, 478, 3)


def test_smoothstep() -> None:
    np.testing.assert_allclose(smoothstep(1, 3, np.array([0, 1, 2, 3, 9])), [0, 0, 0.5, 1, 1])
