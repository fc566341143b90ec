"""Brows and lids moved in a frame's own planes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from talkingface.compose.paste import paste, plane_alpha
from talkingface.errors import Cancelled
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import gap_of
from talkingface.media.planes import PlaneLayout
from talkingface.models.video_retalking.emotion import EMOTIONS, EXPRESSIONS, Look
from talkingface.models.video_retalking.face_measures import BROWS, UPPER_LIDS
from talkingface.models.video_retalking.landmark.canonicalize import CanonicalFace, TemplateCanonicalizer
from talkingface.models.video_retalking.landmark.eyelids import EyeOpenings, openings
from talkingface.models.video_retalking.landmark.upper_face import RIM, UpperFaceEditor, UpperFacePlan
from talkingface.models.video_retalking.stages import RegionPatch
from talkingface.progress import Cancellation

GAPS = 0.1 + 0.1 * np.sin(np.arange(50) / 3)
ROWS = np.arange(50)


def edited(face: CanonicalFace, layout: PlaneLayout) -> tuple[UpperFacePlan, UpperFaceEditor]:
    editor = UpperFaceEditor(layout)
    plan = editor.plan(face, ROWS)
    assert plan is not None
    return plan, editor


def canonical(track, emotion: str = "surprise") -> CanonicalFace:
    return TemplateCanonicalizer(look=Look(None, EMOTIONS[emotion])).canonicalise(track)


def pasted(planes: list[np.ndarray], patch: RegionPatch, layout: PlaneLayout) -> list[np.ndarray]:
    result = [plane.copy() for plane in planes]
    for index, plane in enumerate(result):
        sx, sy = (layout.chroma_shift_x, layout.chroma_shift_y) if index else (0, 0)
        alpha = plane_alpha(patch.alpha, sx, sy)
        paste(plane, patch.x0 >> sx, patch.y0 >> sy, patch.planes[index], alpha, layout.bits)
    return result


def shift_at(before: np.ndarray, after: np.ndarray, point: np.ndarray, size: int = 12) -> np.ndarray:
    """By how many pixels the picture moved round a point, (2,)."""
    x, y = np.round(point).astype(int)
    cut = np.s_[y - size : y + size, x - size : x + size]
    window = cv2.createHanningWindow((2 * size, 2 * size), cv2.CV_32F)
    moved, _ = cv2.phaseCorrelate(before[cut].astype(np.float32), after[cut].astype(np.float32), window)
    return np.array(moved)


def test_brows_rise_and_all_else_keeps_its_very_bits(make_track, layout, planes) -> None:
    face = canonical(make_track(GAPS, unit=110.0, middle=(240.0, 190.0)))
    plan, editor = edited(face, layout)
    before = [plane.copy() for plane in planes]
    patch = editor.edit(plan, 10, planes)
    assert patch is not None
    for plane, copy in zip(planes, before, strict=True):
        np.testing.assert_array_equal(plane, copy)
    after = pasted(planes, patch, layout)
    here = face.landmarks[10]
    unit = face.interocular[10]
    brow = here[list(BROWS[0][1][1:4]), :2].mean(0)
    up = -shift_at(before[0], after[0], np.add(brow, [0, -0.06 * unit]))[1]
    assert 0.03 * unit < up < 0.12 * unit
    changed = np.abs(after[0].astype(int) - before[0]) > 0
    y, x = np.nonzero(changed)
    assert y.max() < here[mesh.NOSE_TIP, 1]
    outline = here[[127, 356, 10], :2]
    assert x.min() >= outline[0, 0] - 2
    assert x.max() <= outline[1, 0] + 2
    assert y.min() >= outline[2, 1] - 2


@pytest.mark.parametrize(
    ("form", "bits", "shift_x", "shift_y"),
    [("yuv420p", 8, 1, 1), ("yuv422p10le", 10, 1, 0), ("yuv444p", 8, 0, 0), ("gray", 8, 0, 0)],
)
def test_patches_fit_their_planes(make_track, planes_maker, form: str, bits: int, shift_x: int, shift_y: int) -> None:
    layout = PlaneLayout(form, 480, 400, bits, shift_x, shift_y, False, "bt709")
    planes = planes_maker(bits, shift_x, shift_y)[: 1 if form == "gray" else 3]
    plan, editor = edited(canonical(make_track(GAPS, roll=20, middle=(240, 200)), "angry"), layout)
    patch = editor.edit(plan, 17, planes)
    assert patch is not None
    height, width = patch.alpha.shape
    assert patch.x0 % 2 == patch.y0 % 2 == 0
    assert patch.alpha.max() == 1
    for edge in (patch.alpha[0], patch.alpha[-1], patch.alpha[:, 0], patch.alpha[:, -1]):
        assert edge.max() == 0
    for number, plane in enumerate(patch.planes):
        sx, sy = (shift_x, shift_y) if number else (0, 0)
        assert plane.shape == (height >> sy, width >> sx)


def test_eyeballs_stay_where_they_are(make_track, layout, planes) -> None:
    for emotion in ("sad", "surprise"):
        face = canonical(make_track(GAPS, unit=110.0, middle=(240.0, 190.0)), emotion)
        plan, editor = edited(face, layout)
        patch = editor.edit(plan, 10, planes)
        assert patch is not None
        after = pasted(planes, patch, layout)
        for side in range(2):
            eye = face.landmarks[10][[UPPER_LIDS[side][3], (145, 374)[side]], :2].mean(0)
            x, y = np.round(eye).astype(int)
            np.testing.assert_array_equal(after[0][y, x - 2 : x + 3], planes[0][y, x - 2 : x + 3])


def test_lids_move_as_far_as_the_eye_is_open(make_track, layout, planes) -> None:
    track = make_track(GAPS)
    landmarks = np.array(track.landmarks)
    for upper, lower in ((mesh.EYE_LEFT_UPPER, mesh.EYE_LEFT_LOWER), (mesh.EYE_RIGHT_UPPER, mesh.EYE_RIGHT_LOWER)):
        landmarks[20:26, list(upper)] = landmarks[20:26, list(lower)]
    face = canonical(replace(track, landmarks=landmarks))
    eyes = EyeOpenings(face)
    np.testing.assert_allclose(eyes.openness(5), 1, atol=0.05)
    np.testing.assert_allclose(eyes.openness(23), 0, atol=0.02)
    assert openings(face.landmarks[5]).min() > 0.05 * face.interocular[5]
    plan, editor = edited(face, layout)
    patch = editor.edit(plan, 23, planes)
    assert patch is not None  # the brows still rise


def test_what_is_not_surely_seen_fades_by_its_shape(make_track, layout, planes) -> None:
    seen = np.concatenate([np.full(20, 1.0), np.full(10, 0.5), np.full(20, 0.0)]).astype(np.float32)
    face = canonical(replace(make_track(GAPS), confidence=seen))
    plan, editor = edited(face, layout)
    np.testing.assert_allclose(plan.strength, seen)
    whole, half = editor.edit(plan, 19, planes), editor.edit(plan, 20, planes)
    assert whole is not None
    assert half is not None
    assert half.alpha.max() == 1
    own = planes[0][half.y0 :, half.x0 :][: half.alpha.shape[0], : half.alpha.shape[1]]
    assert np.abs(half.planes[0] - own).mean() < np.abs(whole.planes[0] - own).mean()
    assert editor.edit(plan, 45, planes) is None


def test_a_face_outside_the_picture_gives_no_patch(make_track, layout, planes) -> None:
    plan, editor = edited(canonical(make_track(GAPS, middle=(240.0, 3000.0))), layout)
    assert editor.edit(plan, 5, planes) is None


def test_skin_behind_the_rims_of_glasses_stays(make_track, layout, planes) -> None:
    face = canonical(make_track(GAPS, unit=110.0, middle=(240.0, 190.0)))
    here, moved = face.landmarks[10], []
    rim = here[list(BROWS[0][0][1:4]), :2].mean(0) * RIM + here[list(UPPER_LIDS[0][2:5]), :2].mean(0) * (1 - RIM)
    for glasses in (0.0, 1.0):
        editor = UpperFaceEditor(layout, glasses)
        plan = editor.plan(face, ROWS)
        assert plan is not None
        patch = editor.edit(plan, 10, planes)
        assert patch is not None
        x, y = np.round(rim).astype(int)
        around = np.s_[y - 4 : y + 5, x - 4 : x + 5]
        after = pasted(planes, patch, layout)[0]
        moved.append(float(np.abs(after[around].astype(float) - planes[0][around]).mean()))
    assert moved[1] < 0.5 * moved[0]


def test_planning_can_be_stopped(make_track, layout) -> None:
    cancel = Cancellation()
    cancel.cancel()
    with pytest.raises(Cancelled):
        UpperFaceEditor(layout, cancel=cancel).plan(canonical(make_track(GAPS)), ROWS)


def test_without_a_change_there_is_no_plan(make_track, layout) -> None:
    assert UpperFaceEditor(layout).plan(TemplateCanonicalizer().canonicalise(make_track(GAPS)), ROWS) is None


def test_the_template_takes_on_the_expression_and_stays_closed(make_track) -> None:
    track = make_track(GAPS)
    plain = TemplateCanonicalizer().canonicalise(track)
    happy = TemplateCanonicalizer(look=Look(EXPRESSIONS["happy"], EMOTIONS["none"])).canonicalise(track)
    np.testing.assert_allclose(happy.own_closed_mouth, plain.closed_mouth, atol=1e-12)
    corners = [mesh.MOUTH_POINTS.index(point) for point in (mesh.MOUTH_LEFT_CORNER, mesh.MOUTH_RIGHT_CORNER)]
    moved = (happy.closed_mouth - plain.closed_mouth)[corners]
    assert np.all(moved[:, 1] < -0.03)
    assert moved[0, 0] < -0.02 < 0.02 < moved[1, 0]
    assert float(gap_of(happy.closed_mouth)) == pytest.approx(float(gap_of(plain.closed_mouth)), abs=0.003)


def test_the_same_frame_twice_gives_the_same_patch(make_track, layout, planes, tmp_path: Path) -> None:
    plan, editor = edited(canonical(make_track(GAPS)), layout)
    one, two = editor.edit(plan, 8, planes), editor.edit(plan, 8, planes)
    assert one is not None
    assert two is not None
    for a, b in zip([*one.planes, one.alpha], [*two.planes, two.alpha], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("middle", [(240.0, 20.0), (20.0, 150.0), (470.0, 390.0)], ids=["top", "left", "corner"])
def test_a_face_cut_by_the_border_fits_the_picture(make_track, layout, planes, middle: tuple[float, float]) -> None:
    plan, editor = edited(canonical(make_track(GAPS, yaw=35, middle=middle)), layout)
    patch = editor.edit(plan, 10, planes)
    assert patch is not None
    height, width = patch.alpha.shape
    assert patch.x0 >= 0
    assert patch.y0 >= 0
    assert patch.x0 + width <= 480
    assert patch.y0 + height <= 400
    assert all(np.isfinite(plane).all() for plane in patch.planes)
    for before, after in zip(planes, pasted(planes, patch, layout), strict=True):
        assert before.shape == after.shape
