"""Stage 1: pose and shape apart, and the person's own closed mouth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import align_to_own_mean, gap_of, inner_lip_gap
from talkingface.media.row_file import RowFile
from talkingface.models.video_retalking.landmark.canonicalize import (
    MOUTH,
    MouthShapeModel,
    TemplateCanonicalizer,
    own_share,
)
from talkingface.models.video_retalking.landmark.smooth_landmarks import without_jitter

TALK = 0.11 + 0.11 * np.sin(np.arange(60) / 3)


def test_asset_is_whole(mouths: MouthShapeModel) -> None:
    assert mouths.reference.shape == (478, 3)
    assert mouths.closing_direction.shape == (80, 2)
    assert len(mouths.gap_levels) == len(mouths.true_gap) == len(mouths.predicted_gap)
    assert mouths.gap_levels[0] == 0
    assert mouths.gap_levels[-1] == 1
    for rising in (mouths.gap_levels, mouths.true_gap, mouths.predicted_gap):
        assert np.all(np.diff(rising) >= 0)


def test_closing_direction_opens_by_one(mouths: MouthShapeModel) -> None:
    assert float(gap_of(mouths.closing_direction)) == pytest.approx(1, abs=0.02)


def test_pose_is_taken_out(make_track) -> None:
    still = TemplateCanonicalizer().canonicalise(make_track([0.1] * 40, yaw=np.linspace(-15, 15, 40), roll=25))
    shapes = np.stack([still.shape(row) for row in range(40)])
    assert np.ptp(shapes, axis=0).max() < 0.01
    assert np.ptp(still.pose.yaw_pitch_roll()[:, 0]) == pytest.approx(30, abs=1.5)


def test_openings_are_measured_in_the_persons_own_unit(make_track) -> None:
    face = TemplateCanonicalizer().canonicalise(make_track(TALK, unit=133.0))
    np.testing.assert_allclose(face.gap[2:-2], TALK[2:-2], atol=0.015)
    np.testing.assert_allclose(face.interocular, 133, rtol=0.03)
    low, high = face.opening_range
    assert low < 0.03
    assert high > 0.19
    assert face.speaks


def test_a_mouth_that_never_opens_has_not_spoken(make_track) -> None:
    face = TemplateCanonicalizer().canonicalise(make_track([0.02] * 30))
    assert not face.speaks


@pytest.mark.parametrize("gaps", [TALK, np.full(40, 0.15), TALK + 0.05], ids=["talks", "smiles", "never shut"])
def test_the_template_is_closed_whatever_the_clip_shows(make_track, gaps: np.ndarray) -> None:
    face = TemplateCanonicalizer().canonicalise(make_track(gaps))
    assert face.closed_mouth.shape == (80, 2)
    assert float(gap_of(face.closed_mouth)) == pytest.approx(0, abs=0.006)


def test_target_without_displacement_closes_the_lips_of_every_frame(make_track) -> None:
    face = TemplateCanonicalizer().canonicalise(make_track(TALK, yaw=10, roll=-12))
    for row in (0, 20, 45):
        target = face.target(row, np.zeros((80, 2)))
        upper = target[[MOUTH.index(i) for i in mesh.INNER_UPPER_MIDDLE]]
        lower = target[[MOUTH.index(i) for i in mesh.INNER_LOWER_MIDDLE]]
        assert np.linalg.norm(lower - upper, axis=1).mean() < 0.02 * face.interocular[row]


def test_target_with_the_frames_own_displacement_moves_nothing(make_track) -> None:
    face = TemplateCanonicalizer().canonicalise(make_track(TALK, roll=30))
    for row in (5, 31):
        own = face.shape(row)[MOUTH, :2] - face.closed_mouth
        np.testing.assert_allclose(face.target(row, own), face.landmarks[row][MOUTH, :2], atol=1e-6)


def test_displacement_opens_by_as_much_as_it_says(make_track, mouths: MouthShapeModel) -> None:
    face = TemplateCanonicalizer().canonicalise(make_track(TALK))
    target = face.target(10, 0.2 * mouths.closing_direction)
    assert float(gap_of(target)) == pytest.approx(0.2 * face.interocular[10], rel=0.08)


def test_lips_keep_nothing_of_the_old_speech_and_the_nose_everything(make_track) -> None:
    face = TemplateCanonicalizer().canonicalise(make_track(TALK))
    share = own_share(face.mean)
    assert share.shape == (80,)
    assert np.all((share >= 0) & (share <= 1))
    assert np.all(share[:40] == 0)
    assert share[MOUTH.index(mesh.CHIN)] < 0.05
    assert share[MOUTH.index(393)] >= share[MOUTH.index(18)]


def test_gap_in_a_track_does_not_smear(make_track) -> None:
    frames = [*range(10), *range(60, 70)]
    track = make_track([0.0] * 10 + [0.2] * 10, frames=frames)
    face = TemplateCanonicalizer().canonicalise(track)
    gaps = [float(inner_lip_gap(face.shape(row))) for row in (9, 10)]
    np.testing.assert_allclose(gaps, [0.0, 0.2], atol=0.012)


def test_windows_give_what_the_whole_track_would(make_track, mouths: MouthShapeModel, tmp_path) -> None:
    random = np.random.default_rng(0)
    gaps = 0.1 + 0.1 * np.sin(np.arange(600) / 3)
    track = make_track(gaps, yaw=10 * np.sin(np.arange(600) / 40), frames=np.cumsum(random.integers(1, 4, 600)))
    noisy = (track.landmarks + random.normal(size=track.landmarks.shape)).astype(np.float32)
    stored = RowFile(tmp_path / "rows", (478, 3))
    stored.extend(noisy)
    face = TemplateCanonicalizer().canonicalise(replace(track, landmarks=stored))
    landmarks = without_jitter(noisy, track.times)
    pose, shape = align_to_own_mean(landmarks, mouths.reference)
    np.testing.assert_allclose(face.gap, inner_lip_gap(shape), atol=1e-9)
    np.testing.assert_allclose(face.mean, shape.mean(0), atol=1e-9)
    np.testing.assert_allclose(face.pose.rotation, pose.rotation, atol=1e-9)
    for row in (599, 0, 63, 64, 300):
        np.testing.assert_allclose(face.landmarks[row], landmarks[row], atol=1e-9)
        np.testing.assert_allclose(face.shape(row), shape[row], atol=1e-9)


def test_frames_in_which_the_mouth_is_hidden_teach_nothing(make_track) -> None:
    hidden = np.arange(60) % 20 < 6
    plain = make_track(np.where(hidden, 0.05, TALK))
    wrong = make_track(np.where(hidden, 0.6, TALK))
    doubtful = replace(wrong, confidence=np.where(hidden, 0.2, 1).astype(np.float32))
    face, right = (TemplateCanonicalizer().canonicalise(track) for track in (doubtful, plain))
    assert not face.trusted[hidden].any()
    assert face.gap.max() < 0.4
    np.testing.assert_allclose(face.closed_mouth, right.closed_mouth, atol=0.02)


def test_a_mouth_hardly_ever_sure_is_still_taken_apart(make_track) -> None:
    track = replace(make_track(TALK), confidence=np.zeros(len(TALK), np.float32))
    assert TemplateCanonicalizer().canonicalise(track).trusted.all()


def test_a_style_is_how_points_follow_the_gap(make_track, mouths: MouthShapeModel) -> None:
    """The track's mouth opens along the usual direction, and its width varies with nothing else."""
    face = TemplateCanonicalizer().canonicalise(make_track(0.14 + 0.14 * np.sin(np.arange(200) / 2.3)))
    assert face.style is not None
    np.testing.assert_allclose(face.style.direction, mouths.closing_direction, atol=0.02)
    assert np.abs(face.style.posture).max() < 0.01
    assert face.style.rounding < 0.01
    silent = TemplateCanonicalizer().canonicalise(make_track(np.full(100, 0.01)))
    assert silent.style is None
