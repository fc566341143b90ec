"""The bank of mouth crops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talkingface.media.planes import PlaneLayout
from talkingface.models.video_retalking.landmark.donor_look import mouth_look
from talkingface.models.video_retalking.landmark.donors import DonorBank, MemoryBudget
from talkingface.models.video_retalking.landmark.packed_donors import PackedDonors, RecentDonors


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
    bank = DonorBank(tmp_path / "bank", layout, budget=MemoryBudget(memory))
    kept = [planes_maker(bits, shift_x, shift_y, seed) for seed in range(3)]
    for frame, planes in enumerate(kept):
        bank.add(frame, track.landmarks[frame], planes)
    bank.pack(tmp_path / "packed")
    assert len(bank) == 0
    assert not (tmp_path / "bank").exists()
    packed = PackedDonors(tmp_path / "packed", layout, RecentDonors(50_000))
    assert packed.frames.tolist() == [0, 1, 2]
    for frame in (2, 0, 1, 1):
        donor = packed.get(frame)
        assert donor.frame == frame
        assert donor.x0 % 2 == donor.y0 % 2 == 0
        look = mouth_look(kept[frame][0], 0, 0, track.landmarks[frame], (1 << bits) - 1)
        np.testing.assert_allclose(packed.looks(np.array([frame]))[0], look.cells, atol=1e-3)
        np.testing.assert_allclose(packed.seam(frame), look.seam, atol=0.1)
        for number, (crop, plane) in enumerate(zip(donor.planes, kept[frame], strict=True)):
            sx, sy = (shift_x, shift_y) if number else (0, 0)
            x, y = donor.x0 >> sx, donor.y0 >> sy
            assert crop.dtype == plane.dtype
            np.testing.assert_array_equal(crop, plane[y : y + crop.shape[0], x : x + crop.shape[1]])
    lips = track.landmarks[0][[61, 291, 0, 17], :2]
    donor = packed.get(0)
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
    bank = DonorBank(tmp_path, layout, capacity=30, budget=MemoryBudget(0))
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


def test_reading_a_crop_again_is_the_same_object(tmp_path: Path, make_track, layout, planes) -> None:
    bank = DonorBank(tmp_path / "bank", layout)
    bank.add(0, make_track([0.1]).landmarks[0], planes)
    bank.pack(tmp_path / "packed")
    packed = PackedDonors(tmp_path / "packed", layout)
    assert packed.get(0) is packed.get(0)


def test_banks_share_their_memory(tmp_path: Path, make_track, layout, planes) -> None:
    landmarks = make_track([0.1]).landmarks[0]
    size = DonorBank(tmp_path / "size", layout)
    size.add(0, landmarks, planes)
    budget = MemoryBudget(sum(plane.nbytes for plane in size.get(0).planes))
    banks = [DonorBank(tmp_path / name, layout, budget=budget) for name in "ab"]
    for bank in banks:
        bank.add(0, landmarks, planes)
    assert [len(list(bank.folder.iterdir())) for bank in banks] == [0, 1]


def test_files_that_were_cut_short_are_refused(tmp_path: Path, make_track, layout, planes) -> None:
    bank = DonorBank(tmp_path / "bank", layout)
    bank.add(0, make_track([0.1]).landmarks[0], planes)
    bank.pack(tmp_path / "packed")
    (tmp_path / "packed").write_bytes((tmp_path / "packed").read_bytes()[:-1])
    with pytest.raises(ValueError, match="length"):
        PackedDonors(tmp_path / "packed", layout)


def test_an_empty_bank_is_packed(tmp_path: Path, layout) -> None:
    DonorBank(tmp_path / "bank", layout).pack(tmp_path / "packed")
    assert len(PackedDonors(tmp_path / "packed", layout)) == 0


def test_fewer_crops_can_be_packed_and_rare_mouths_stay(tmp_path: Path, make_track, layout, planes) -> None:
    track = make_track([0.3 if number == 10 else 0.02 for number in range(40)])
    bank = DonorBank(tmp_path / "bank", layout)
    for frame in range(40):
        bank.add(frame, track.landmarks[frame], planes)
    size = bank.pack(tmp_path / "packed", most=12)
    assert size == (tmp_path / "packed").stat().st_size > 0
    packed = PackedDonors(tmp_path / "packed", layout)
    assert len(packed) == 12
    assert 10 in packed.frames
