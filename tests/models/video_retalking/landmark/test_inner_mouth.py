"""The inside of a mouth that was never seen, painted into a frame's planes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from talkingface.media.planes import PlaneLayout, bgr_from_planes
from talkingface.models.video_retalking.landmark import inner_mouth
from talkingface.models.video_retalking.landmark.canonicalize import (
    CanonicalFace,
    MouthShapeModel,
    TemplateCanonicalizer,
)
from talkingface.models.video_retalking.landmark.donors import DonorBank
from talkingface.models.video_retalking.landmark.inner_mouth import InnerMouth
from talkingface.models.video_retalking.landmark.learnt_mouth import BRIGHTEST, LearntMouth, crispness
from talkingface.models.video_retalking.landmark.mouth_colours import LUMA, MouthColours
from talkingface.models.video_retalking.landmark.mouth_space import MouthSpace, mouth_space, seam_of
from talkingface.models.video_retalking.landmark.thin_plate import Box

COLOURS = MouthColours(np.array([150.0, 150.0, 190.0]), np.array([75.0, 72.0, 120.0]))


def still_face(make_track, unit: float = 90.0) -> CanonicalFace:
    return TemplateCanonicalizer().canonicalise(make_track([0.0] * 3, unit=unit))


def opened(face: CanonicalFace, mouths: MouthShapeModel, gap: float) -> MouthSpace:
    xs, ys = np.arange(-0.45, 0.45, 0.008), np.arange(-0.15, 0.4, 0.008)
    where = np.stack(np.meshgrid(xs, ys), -1) + seam_of(face.closed_mouth)
    return mouth_space(face.closed_mouth + mouths.closing_direction * gap, face.closed_mouth, where, 0.0)[0]


@pytest.fixture(scope="module")
def learnt() -> LearntMouth:
    return LearntMouth()


def even_paint(space: MouthSpace, colours: MouthColours) -> np.ndarray:
    return np.tile(np.array([0.5, 0.4, 0.6]) * 200 / colours.white, (len(space), 1)).astype(np.float32)


@pytest.mark.parametrize("gap", [0.12, 0.25])
def test_every_opening_has_light_in_the_middle_and_dark_corners(make_track, mouths, learnt, gap) -> None:
    space = opened(still_face(make_track), mouths, gap)
    painted = learnt(space, COLOURS) @ LUMA
    assert painted.min() >= 0 and painted.max() <= BRIGHTEST
    middle, corner = np.abs(space.along) < 0.2, np.abs(space.along) > 0.42
    assert painted[middle].mean() > 1.4 * painted[corner].mean()
    assert painted[corner].mean() < 0.45


def test_teeth_are_seen_when_the_mouth_is_wide(make_track, mouths, learnt) -> None:
    space = opened(still_face(make_track), mouths, 0.2)
    luma = learnt(space, COLOURS) @ LUMA
    middle = np.abs(space.along) < 0.15
    assert luma[middle].max() > 0.6
    assert luma[middle].min() < 0.5 * luma[middle].max()


def test_the_upper_teeth_stay_with_the_skull(make_track, mouths, learnt) -> None:
    face = still_face(make_track)
    edges = []
    for gap in (0.17, 0.25):
        space = opened(face, mouths, gap)
        luma = learnt(space, COLOURS) @ LUMA
        column = np.abs(space.across) < 0.1
        heights = np.unique(space.skull[column])
        profile = np.array([luma[column & (space.skull == height)].mean() for height in heights])
        peak = int(profile[heights < 0.02].argmax())
        edges.append(heights[peak + int((profile[peak:] < 0.6 * profile[peak]).argmax())])
    assert edges[0] == pytest.approx(edges[1], abs=0.015)


def test_the_lips_colour_reaches_the_paint(make_track, mouths, learnt) -> None:
    space = opened(still_face(make_track), mouths, 0.15)
    pale = learnt(space, COLOURS)
    red = learnt(space, MouthColours(COLOURS.white, np.array([60.0, 50.0, 150.0])))
    assert np.abs(pale - red).max() > 0.02


def test_a_place_looks_alike_whatever_else_is_painted(make_track, mouths, learnt) -> None:
    space = opened(still_face(make_track), mouths, 0.2)
    some = np.arange(0, len(space), 7)
    part = MouthSpace(*space.places()[some].T, space.opening)
    np.testing.assert_allclose(learnt(part, COLOURS), learnt(space, COLOURS)[some], atol=1e-5)


def test_sharp_pictures_get_edges_and_soft_ones_what_the_network_says() -> None:
    soft = np.repeat(np.linspace(0.05, 0.95, 91)[:, None], 3, 1)
    np.testing.assert_array_equal(crispness(soft, 0.0), 1)
    factors = crispness(soft, 1.0)
    np.testing.assert_allclose(factors[(soft[:, 0] < 0.15) | (soft[:, 0] > 0.81)], 1)
    between = (soft[:, 0] > 0.2) & (soft[:, 0] < 0.3)
    assert factors[between].max() < 1
    assert factors.min() > 0.4


def planes_of(
    tmp_path: Path, make_track, mouths, layout: PlaneLayout, planes, gap: float, painter, unit: float = 90.0
) -> tuple[list[np.ndarray], Box]:
    track = make_track([0.0] * 3, unit=unit)
    face = TemplateCanonicalizer().canonicalise(track)
    bank = DonorBank(tmp_path, layout)
    for row in range(3):
        bank.add(row, track.landmarks[row], planes)
    displacement = mouths.closing_direction * gap
    target = face.target(1, displacement)
    box = Box.around(target[:20].min(0) - 10, target[:20].max(0) + 10, 2, layout.width, layout.height)
    return InnerMouth(face, bank, layout, painter).paint(1, displacement, target, box), box


@pytest.mark.parametrize(
    ("form", "bits", "shift_x", "shift_y", "full", "matrix"),
    [
        ("yuv420p", 8, 1, 1, False, "bt709"),
        ("yuv422p10le", 10, 1, 0, False, "bt2020"),
        ("yuv444p", 8, 0, 0, True, "bt601"),
    ],
)
def test_paint_has_its_colour_in_every_coding(
    tmp_path: Path, make_track, mouths, planes_maker, form, bits, shift_x, shift_y, full, matrix
) -> None:
    layout = PlaneLayout(form, 480, 400, bits, shift_x, shift_y, full, matrix)
    planes = [np.full_like(plane, 128 << (bits - 8)) for plane in planes_maker(bits, shift_x, shift_y)]
    painted, box = planes_of(tmp_path, make_track, mouths, layout, planes, 0.25, even_paint)
    assert painted[0].shape == (box.height, box.width)
    assert painted[1].shape == (box.height >> shift_y, box.width >> shift_x)
    kind = np.uint8 if bits == 8 else np.uint16
    size = (box.width, box.height)
    full_planes = [cv2.resize(plane, size).round().clip(0, (1 << bits) - 1).astype(kind) for plane in painted]
    middle = bgr_from_planes(*full_planes, layout)[box.height // 2, box.width // 2]
    np.testing.assert_allclose(middle, [100, 80, 120], atol=4)


def test_gray_pictures_get_one_plane(tmp_path: Path, make_track, mouths, planes) -> None:
    layout = PlaneLayout("gray", 480, 400, 8, 0, 0, True, "bt709")
    painted, _ = planes_of(tmp_path, make_track, mouths, layout, planes[:1], 0.2, even_paint)
    assert len(painted) == 1 and painted[0].max() > 60


def test_large_faces_are_painted_coarsely_and_enlarged(
    tmp_path: Path, make_track, mouths, layout, planes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inner_mouth, "FINEST", 100)
    asked = []

    def counting(space: MouthSpace, colours: MouthColours) -> np.ndarray:
        asked.append(len(space))
        return even_paint(space, colours)

    for unit in (95.0, 190.0):
        painted, box = planes_of(tmp_path / str(unit), make_track, mouths, layout, planes, 0.2, counting, unit)
        assert painted[0].shape == (box.height, box.width)
    assert 0 < asked[1] < 1.6 * asked[0]
