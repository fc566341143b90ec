"""The choice of a mouth for every frame."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from talkingface.faces import mesh_topology as mesh
from talkingface.models.video_retalking.landmark import donor_choice
from talkingface.models.video_retalking.landmark.canonicalize import (
    CanonicalFace,
    MouthShapeModel,
    TemplateCanonicalizer,
)
from talkingface.models.video_retalking.landmark.donor_choice import choose_donors
from talkingface.models.video_retalking.landmark.donors import DonorBank

LIPS = 40


def person(make_track, gaps, tmp_path: Path, layout, planes, **how: Any) -> tuple[CanonicalFace, DonorBank]:
    track = make_track(gaps, **how)
    bank = DonorBank(tmp_path, layout)
    for frame, landmarks in zip(track.frames, track.landmarks, strict=True):
        bank.add(int(frame), landmarks, planes)
    return TemplateCanonicalizer().canonicalise(track), bank


def targets(face: CanonicalFace, mouths: MouthShapeModel, gaps: np.ndarray) -> np.ndarray:
    return face.closed_mouth[None, :LIPS] + mouths.closing_direction[None, :LIPS] * np.asarray(gaps)[:, None, None]


def test_the_obvious_donor_is_chosen(tmp_path: Path, make_track, mouths, layout, planes) -> None:
    gaps = np.concatenate([np.full(20, 0.0), np.full(20, 0.12), np.full(20, 0.25)])
    face, bank = person(make_track, gaps, tmp_path, layout, planes)
    wanted = np.concatenate([np.full(8, 0.25), np.full(8, 0.0), np.full(8, 0.12)])
    chosen = choose_donors(face, np.arange(24), targets(face, mouths, wanted), bank, tmp_path)
    np.testing.assert_allclose(gaps[chosen], wanted, atol=1e-9)


def test_donors_run_on_instead_of_jumping(tmp_path: Path, make_track, mouths, layout, planes) -> None:
    gaps = 0.12 + 0.1 * np.sin(np.arange(60) / 4)
    face, bank = person(make_track, gaps, tmp_path, layout, planes)
    rows = np.arange(60)
    chosen = choose_donors(face, rows, targets(face, mouths, gaps), bank, tmp_path)
    steps = np.abs(np.diff(chosen))
    assert (steps <= 1).mean() > 0.9
    assert np.abs(gaps[chosen] - gaps).max() < 0.05
    noisy = gaps + np.random.default_rng(0).normal(size=60) * 0.01
    jumps = np.abs(np.diff(choose_donors(face, rows, targets(face, mouths, noisy), bank, tmp_path))) > 1
    assert jumps.mean() < 0.25


def test_a_like_head_pose_is_preferred(tmp_path: Path, make_track, mouths, layout, planes) -> None:
    yaw = np.concatenate([np.full(20, -15.0), np.full(20, 15.0)])
    face, bank = person(make_track, [0.1] * 40, tmp_path, layout, planes, yaw=yaw)
    for rows, side in ((np.arange(5), -15), (np.arange(30, 35), 15)):
        chosen = choose_donors(face, rows, targets(face, mouths, np.full(5, 0.1)), bank, tmp_path)
        assert (yaw[chosen] == side).all()


def test_rows_are_of_the_track_not_of_the_clip(tmp_path: Path, make_track, mouths, layout, planes) -> None:
    frames = [*range(100, 120), *range(300, 320)]
    gaps = np.concatenate([np.full(20, 0.0), np.full(20, 0.2)])
    face, bank = person(make_track, gaps, tmp_path, layout, planes, frames=frames)
    chosen = choose_donors(face, np.zeros(6, np.int64), targets(face, mouths, np.full(6, 0.2)), bank, tmp_path)
    assert chosen.min() >= 20
    assert chosen.max() < 40


def test_an_empty_result_needs_no_donor(tmp_path: Path, make_track, mouths, layout, planes) -> None:
    face, bank = person(make_track, [0.0, 0.1], tmp_path, layout, planes)
    assert choose_donors(face, np.zeros(0, np.int64), targets(face, mouths, np.zeros(0)), bank, tmp_path).shape == (0,)


def test_a_sharper_donor_wins_among_equals(tmp_path: Path, make_track, mouths, layout, planes) -> None:
    track = make_track([0.1] * 12)
    bank = DonorBank(tmp_path, layout)
    for frame in range(12):
        crisp = frame in (5, 6, 7, 8, 9, 10, 11)
        bank.add(frame, track.landmarks[frame], planes if crisp else [np.full_like(plane, 120) for plane in planes])
    face = TemplateCanonicalizer().canonicalise(track)
    chosen = choose_donors(face, np.arange(6, 10), targets(face, mouths, np.full(4, 0.1)), bank, tmp_path)
    assert chosen.min() >= 5


def test_windows_find_the_same_path(tmp_path: Path, make_track, mouths, layout, planes, monkeypatch) -> None:
    gaps = 0.12 + 0.1 * np.sin(np.arange(150) / 4)
    face, bank = person(make_track, gaps, tmp_path, layout, planes)
    wanted = targets(face, mouths, gaps + np.random.default_rng(0).normal(size=150) * 0.03)
    whole = choose_donors(face, np.arange(150), wanted, bank, tmp_path)
    before = set(tmp_path.iterdir())
    monkeypatch.setattr(donor_choice, "STEPS", 7)
    np.testing.assert_array_equal(choose_donors(face, np.arange(150), wanted, bank, tmp_path), whole)
    assert set(tmp_path.iterdir()) == before


def test_a_hidden_mouth_is_no_donor(tmp_path: Path, make_track, mouths, layout, planes) -> None:
    gaps = np.concatenate([np.full(20, 0.0), np.full(20, 0.2)])
    track = make_track(gaps)
    hidden = np.arange(40) % 2 == 0
    track = replace(track, confidence=np.where(hidden, 0.1, 1).astype(np.float32))
    bank = DonorBank(tmp_path, layout)
    for frame, landmarks in zip(track.frames, track.landmarks, strict=True):
        bank.add(int(frame), landmarks, planes)
    face = TemplateCanonicalizer().canonicalise(track)
    chosen = choose_donors(face, np.arange(40), targets(face, mouths, gaps), bank, tmp_path)
    assert not hidden[chosen].any()


def test_donors_change_where_they_look_alike(tmp_path: Path, make_track, mouths, layout, planes) -> None:
    """Two takes of the same closing and opening mouth, one with white teeth: the change waits for closed lips."""
    gaps = np.tile(0.1 + 0.1 * np.cos(np.arange(40) / 40 * 2 * np.pi), 2)
    yaw = np.repeat([-12.0, 12.0], 40)
    track = make_track(gaps, yaw=yaw)
    bank = DonorBank(tmp_path, layout)
    for frame in range(80):
        lips = track.landmarks[frame][list(mesh.LIPS_INNER), :2]
        own = [plane.copy() for plane in planes]
        cv2.fillPoly(own[0], [np.round(lips).astype(np.int32)], 240 if frame < 40 else 20)
        bank.add(frame, track.landmarks[frame], own)
    face = TemplateCanonicalizer().canonicalise(track)
    # the head turns over where the mouth is wide open, and speaks on
    wanted = np.roll(gaps, 20)
    chosen = choose_donors(face, np.arange(80), targets(face, mouths, wanted), bank, tmp_path)
    change = np.flatnonzero((chosen[1:] >= 40) != (chosen[:-1] >= 40)) + 1
    assert len(change) == 1
    assert abs(int(change[0]) - 40) <= 12
    assert min(wanted[change[0] - 1], wanted[change[0]]) < 0.05


def test_a_mouth_that_looks_odd_is_avoided(tmp_path: Path, make_track, mouths, layout, planes) -> None:
    track = make_track([0.1] * 12)
    bank = DonorBank(tmp_path, layout)
    for frame in range(12):
        own = [plane.copy() for plane in planes]
        if frame < 4:  # something bright on the lips
            lips = track.landmarks[frame][list(mesh.LIPS_OUTER), :2]
            cv2.fillPoly(own[0], [np.round(lips).astype(np.int32)], 250)
        bank.add(frame, track.landmarks[frame], own)
    face = TemplateCanonicalizer().canonicalise(track)
    chosen = choose_donors(face, np.arange(4), targets(face, mouths, np.full(4, 0.1)), bank, tmp_path)
    assert chosen.min() >= 4


def test_blurred_frames_are_given_blurred_mouths(tmp_path: Path, make_track, mouths, layout, planes) -> None:
    track = make_track([0.1] * 60)
    bank = DonorBank(tmp_path, layout)
    soft = [cv2.GaussianBlur(plane, (0, 0), 0.8) for plane in planes]
    blurred = (np.arange(60) // 10) % 2 == 1
    for frame in range(60):
        bank.add(frame, track.landmarks[frame], soft if blurred[frame] else planes)
    face = TemplateCanonicalizer().canonicalise(track)
    chosen = choose_donors(face, np.arange(60), targets(face, mouths, np.full(60, 0.1)), bank, tmp_path)
    assert (blurred[chosen] == blurred).mean() > 0.9


def test_a_mouth_cut_by_the_border_is_avoided(tmp_path: Path, make_track, mouths, layout, planes) -> None:
    whole, cut = make_track([0.1] * 6), make_track([0.1] * 6, middle=(240.0, 270.0))
    assert cut.landmarks[0, 17, 1] < 400 < cut.landmarks[0, 152, 1]
    track = replace(make_track([0.1] * 12), landmarks=np.concatenate([whole.landmarks, cut.landmarks]))
    bank = DonorBank(tmp_path, layout)
    for frame in range(12):
        bank.add(frame, track.landmarks[frame], planes)
    face = TemplateCanonicalizer().canonicalise(track)
    chosen = choose_donors(face, np.arange(12), targets(face, mouths, np.full(12, 0.1)), bank, tmp_path)
    assert chosen.max() < 6
