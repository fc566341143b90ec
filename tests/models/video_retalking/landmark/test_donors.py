"""The bank of mouth crops, and the choice from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from talkingface.media.planes import PlaneLayout
from talkingface.models.video_retalking.landmark.canonicalize import (
    CanonicalFace,
    MouthShapeModel,
    TemplateCanonicalizer,
)
from talkingface.models.video_retalking.landmark.donors import DonorBank, choose_donors

LIPS = 40


@pytest.mark.parametrize(
    ("form", "bits", "shift_x", "shift_y"),
    [
        ("yuv420p", 8, 1, 1),
        ("yuv422p", 8, 1, 0),
        ("yuv444p", 8, 0, 0),
        ("yuv420p10le", 10, 1, 1),
        ("yuv422p12le", 12, 1, 0),
    ],
)
@pytest.mark.parametrize("memory", [0, 40_000, 32 << 20], ids=["on disk", "one in memory", "in memory"])
def test_crops_come_back_as_they_were(
    tmp_path: Path, make_track, planes_maker, memory: int, form: str, bits: int, shift_x: int, shift_y: int
) -> None:
    layout = PlaneLayout(form, 480, 400, bits, shift_x, shift_y, False, "bt709")
    track = make_track([0.0, 0.1, 0.2])
    bank = DonorBank(tmp_path / "bank", layout, memory_bytes=memory)
    kept = [planes_maker(bits, shift_x, shift_y, seed) for seed in range(3)]
    for frame, planes in enumerate(kept):
        bank.add(frame, track.landmarks[frame], planes)
    assert bank.frames.tolist() == [0, 1, 2]
    for frame in (2, 0, 1, 1):
        donor = bank.get(frame)
        assert donor.frame == frame
        assert donor.x0 % 2 == donor.y0 % 2 == 0
        for number, (crop, plane) in enumerate(zip(donor.planes, kept[frame], strict=True)):
            sx, sy = (shift_x, shift_y) if number else (0, 0)
            x, y = donor.x0 >> sx, donor.y0 >> sy
            assert crop.dtype == plane.dtype
            np.testing.assert_array_equal(crop, plane[y : y + crop.shape[0], x : x + crop.shape[1]])
    lips = track.landmarks[0][[61, 291, 0, 17], :2]
    donor = bank.get(0)
    assert donor.x0 < lips[:, 0].min()
    assert donor.y0 < lips[:, 1].min()
    assert donor.x0 + donor.planes[0].shape[1] > lips[:, 0].max()
    assert donor.y0 + donor.planes[0].shape[0] > lips[:, 1].max()


def test_gray_frames_have_one_plane(tmp_path: Path, make_track, planes) -> None:
    layout = PlaneLayout("gray", 480, 400, 8, 0, 0, False, "bt601")
    bank = DonorBank(tmp_path, layout)
    bank.add(0, make_track([0.1]).landmarks[0], planes[:1])
    assert len(bank.get(0).planes) == 1


@pytest.mark.parametrize("middle", [(-900.0, 100.0), (2000.0, 100.0), (200.0, -900.0), (200.0, 2000.0)])
def test_mouths_outside_the_picture_are_not_kept(tmp_path: Path, make_track, layout, planes, middle) -> None:
    bank = DonorBank(tmp_path, layout)
    bank.add(0, make_track([0.1], middle=middle).landmarks[0], planes)
    assert len(bank) == 0


def test_a_mouth_cut_by_the_border_of_an_odd_picture(tmp_path: Path, make_track) -> None:
    layout = PlaneLayout("yuv420p", 481, 401, 8, 1, 1, False, "bt709")
    random = np.random.default_rng(0)
    planes = [random.integers(0, 255, size).astype(np.uint8) for size in ((401, 481), (201, 241), (201, 241))]
    bank = DonorBank(tmp_path, layout)
    bank.add(0, make_track([0.1], middle=(440.0, 300.0)).landmarks[0], planes)
    donor = bank.get(0)
    assert donor.x0 + donor.planes[0].shape[1] == 481
    assert (donor.x0 >> 1) + donor.planes[1].shape[1] == 241
    np.testing.assert_array_equal(donor.planes[2], planes[2][donor.y0 >> 1 :, donor.x0 >> 1 :])


def test_the_bank_is_bounded_and_keeps_rare_mouths(tmp_path: Path, make_track, layout, planes) -> None:
    gaps = [0.3 if number == 40 else 0.02 for number in range(150)]
    track = make_track(gaps)
    bank = DonorBank(tmp_path, layout, capacity=30, memory_bytes=0)
    most = 0
    for frame in range(150):
        bank.add(frame, track.landmarks[frame], planes)
        most = max(most, len(list(tmp_path.iterdir())))
    assert len(bank) <= 30 + 64
    assert most <= 30 + 65
    assert len(list(tmp_path.iterdir())) == len(bank)
    assert 40 in bank.frames


def test_of_like_mouths_the_blurred_ones_go_first(tmp_path: Path, make_track, layout, planes) -> None:
    track = make_track([0.05] * 120)
    blurred = [np.full_like(plane, 120) for plane in planes]
    bank = DonorBank(tmp_path, layout, capacity=40)
    for frame in range(120):
        bank.add(frame, track.landmarks[frame], blurred if frame % 3 else planes)
    sharp = bank.sharpness(bank.frames)
    kept_sharp = bank.frames[sharp > 1]
    assert len(kept_sharp) == 40  # all of them
    assert len(bank) < 60


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
    chosen = choose_donors(face, np.arange(24), targets(face, mouths, wanted), bank)
    np.testing.assert_allclose(gaps[chosen], wanted, atol=1e-9)


def test_donors_run_on_instead_of_jumping(tmp_path: Path, make_track, mouths, layout, planes) -> None:
    gaps = 0.12 + 0.1 * np.sin(np.arange(60) / 4)
    face, bank = person(make_track, gaps, tmp_path, layout, planes)
    rows = np.arange(60)
    chosen = choose_donors(face, rows, targets(face, mouths, gaps), bank)
    steps = np.abs(np.diff(chosen))
    assert (steps <= 1).mean() > 0.9
    assert np.abs(gaps[chosen] - gaps).max() < 0.05
    noisy = gaps + np.random.default_rng(0).normal(size=60) * 0.01
    jumps = np.abs(np.diff(choose_donors(face, rows, targets(face, mouths, noisy), bank))) > 1
    assert jumps.mean() < 0.25


def test_a_like_head_pose_is_preferred(tmp_path: Path, make_track, mouths, layout, planes) -> None:
    yaw = np.concatenate([np.full(20, -15.0), np.full(20, 15.0)])
    face, bank = person(make_track, [0.1] * 40, tmp_path, layout, planes, yaw=yaw)
    for rows, side in ((np.arange(5), -15), (np.arange(30, 35), 15)):
        chosen = choose_donors(face, rows, targets(face, mouths, np.full(5, 0.1)), bank)
        assert (yaw[chosen] == side).all()


def test_rows_are_of_the_track_not_of_the_clip(tmp_path: Path, make_track, mouths, layout, planes) -> None:
    frames = [*range(100, 120), *range(300, 320)]
    gaps = np.concatenate([np.full(20, 0.0), np.full(20, 0.2)])
    face, bank = person(make_track, gaps, tmp_path, layout, planes, frames=frames)
    chosen = choose_donors(face, np.zeros(6, np.int64), targets(face, mouths, np.full(6, 0.2)), bank)
    assert chosen.min() >= 20
    assert chosen.max() < 40


def test_an_empty_result_needs_no_donor(tmp_path: Path, make_track, mouths, layout, planes) -> None:
    face, bank = person(make_track, [0.0, 0.1], tmp_path, layout, planes)
    assert choose_donors(face, np.zeros(0, np.int64), targets(face, mouths, np.zeros(0)), bank).shape == (0,)


def test_a_sharper_donor_wins_among_equals(tmp_path: Path, make_track, mouths, layout, planes) -> None:
    track = make_track([0.1] * 12)
    bank = DonorBank(tmp_path, layout)
    for frame in range(12):
        crisp = frame in (5, 6, 7, 8, 9, 10, 11)
        bank.add(frame, track.landmarks[frame], planes if crisp else [np.full_like(plane, 120) for plane in planes])
    face = TemplateCanonicalizer().canonicalise(track)
    chosen = choose_donors(face, np.arange(4), targets(face, mouths, np.full(4, 0.1)), bank)
    assert chosen.min() >= 5


def test_reading_a_crop_again_is_the_same_object(tmp_path: Path, make_track, layout, planes) -> None:
    bank = DonorBank(tmp_path, layout, memory_bytes=0)
    bank.add(0, make_track([0.1]).landmarks[0], planes)
    assert bank.get(0) is bank.get(0)
    assert replace(bank.get(0), frame=3).frame == 3
