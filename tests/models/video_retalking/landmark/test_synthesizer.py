"""Motion, donors, base warp and mouth layer put together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from talkingface.errors import Cancelled
from talkingface.faces.geometry import gap_of
from talkingface.media.planes import PlaneLayout
from talkingface.models.video_retalking.backends import landmark_pipeline
from talkingface.models.video_retalking.landmark.canonicalize import TemplateCanonicalizer
from talkingface.models.video_retalking.landmark.donors import DonorBank
from talkingface.models.video_retalking.landmark.hearing import hear
from talkingface.models.video_retalking.landmark.planned_motion import RECENT_MOTION
from talkingface.models.video_retalking.landmark.synthesizer import (
    MOUTH,
    DonorLipSynthesizer,
    LipPlan,
    faded,
)
from talkingface.models.video_retalking.pipeline import Pipeline, Shot
from talkingface.progress import Cancellation

GAPS = 0.1 + 0.1 * np.sin(np.arange(50) / 2.5)
SILENCE = np.zeros(32_000, np.float32)


def noise(seconds: float) -> np.ndarray:
    random = np.random.default_rng(0)
    count = round(16_000 * seconds)
    return (0.1 * random.normal(size=count) * np.abs(np.sin(np.arange(count) / 1500))).astype(np.float32)


def filled_bank(folder: Path, track, layout: PlaneLayout, planes) -> DonorBank:
    bank = DonorBank(folder, layout)
    for frame, landmarks in zip(track.frames, track.landmarks, strict=True):
        bank.add(int(frame), landmarks, planes)
    return bank


def planned(folder: Path, track, layout: PlaneLayout, planes, samples) -> tuple[LipPlan, DonorLipSynthesizer]:
    """A plan for every frame of a track, 25 a second."""
    heard = hear(samples, folder)
    synthesizer = DonorLipSynthesizer(layout, folder)
    face = TemplateCanonicalizer().canonicalise(track)
    count = len(track)
    bank = filled_bank(folder / "bank", track, layout, planes)
    voice = synthesizer.voice([face], heard)
    return synthesizer.plan(face, bank, np.arange(count), np.arange(count) / 25, voice), synthesizer


def pipeline_for(folder: Path, track, bank: DonorBank, layout: PlaneLayout, samples) -> Pipeline:
    folder.mkdir(exist_ok=True)
    pipeline = landmark_pipeline(layout, folder)
    shot = Shot(track, bank, np.arange(50), np.arange(50))
    pipeline.plan([shot], np.arange(50) / 25, hear(samples, folder))
    return pipeline


def test_in_silence_every_frame_is_given_the_closed_mouth(tmp_path: Path, make_track, layout, planes) -> None:
    plan, _ = planned(tmp_path, make_track(GAPS), layout, planes, SILENCE)
    face = plan.face
    assert np.abs(plan.displacement.between(0, 50)).max() == 0
    assert np.abs(plan.displacement[33]).max() == 0
    assert face.gap[plan.donors].max() < 0.06


def test_strength_fades_with_the_mesh_networks_doubt(tmp_path: Path, make_track, layout, planes) -> None:
    presence = np.concatenate([np.full(20, 1.0), np.linspace(1, 0.5, 20), np.full(10, 0.5)])
    plan, synthesizer = planned(tmp_path, make_track(GAPS, presence=presence), layout, planes, noise(2))
    assert plan.strength[:20].min() == 1
    assert plan.strength[-10:].max() == 0
    assert np.all(np.diff(plan.strength) <= 0)
    assert synthesizer.speak(plan, 45, planes) is None


def test_strength_follows_what_is_known_of_the_mouths_visibility(tmp_path: Path, make_track, layout, planes) -> None:
    seen = np.concatenate([np.full(20, 1.0), np.linspace(1, 0, 10), np.full(20, 0.0)]).astype(np.float32)
    plan, synthesizer = planned(tmp_path, replace(make_track(GAPS), confidence=seen), layout, planes, noise(2))
    np.testing.assert_allclose(plan.strength, seen)
    for number, low, high in ((24, 0.95, 1.01), (28, 0.05, 0.6)):
        part = synthesizer.speak(plan, number, planes)
        assert part is not None
        assert low < part.alpha.max() < high
    assert synthesizer.speak(plan, 40, planes) is None


def test_motion_at_a_frame_is_that_of_its_window(tmp_path: Path, make_track, layout, planes) -> None:
    plan, _ = planned(tmp_path, make_track(GAPS), layout, planes, noise(2))
    together = plan.displacement.between(0, 50)
    for number in (49, 0, 17):
        np.testing.assert_allclose(plan.displacement[number], together[number], atol=1e-9)


@pytest.mark.parametrize(
    ("form", "bits", "shift_x", "shift_y"),
    [("yuv420p", 8, 1, 1), ("yuv422p", 8, 1, 0), ("yuv444p", 8, 0, 0), ("yuv420p10le", 10, 1, 1), ("gray", 8, 0, 0)],
)
@pytest.mark.parametrize("roll", [0, 90])
def test_patches_fit_their_planes(
    tmp_path: Path, make_track, planes_maker, form: str, bits: int, shift_x: int, shift_y: int, roll: float
) -> None:
    layout = PlaneLayout(form, 480, 400, bits, shift_x, shift_y, False, "bt709")
    planes = planes_maker(bits, shift_x, shift_y)[: 1 if form == "gray" else 3]
    track = make_track(GAPS, roll=roll, middle=(240, 200))
    bank = filled_bank(tmp_path / "bank", track, layout, planes)
    pipeline = pipeline_for(tmp_path / "work", track, bank, layout, noise(2))
    before = [plane.copy() for plane in planes]
    (patch,) = pipeline.frame(17, planes)
    assert patch.x0 % 2 == patch.y0 % 2 == 0
    height, width = patch.alpha.shape
    assert patch.x0 + width <= 480
    assert patch.y0 + height <= 400
    assert patch.alpha.max() > 0.95
    for edge in (patch.alpha[0], patch.alpha[-1], patch.alpha[:, 0], patch.alpha[:, -1]):
        assert edge.max() == 0
    assert len(patch.planes) == len(planes)
    for number, plane in enumerate(patch.planes):
        sx, sy = (shift_x, shift_y) if number else (0, 0)
        assert plane.shape == (height >> sy, width >> sx)
        assert np.isfinite(plane).all()
        own = planes[number][patch.y0 >> sy :, patch.x0 >> sx :][: plane.shape[0], : plane.shape[1]]
        assert abs(float(plane.mean()) - float(own.mean())) < 6 * (1 << (bits - 8))
    for plane, copy in zip(planes, before, strict=True):
        np.testing.assert_array_equal(plane, copy)


def test_the_same_plan_twice_gives_the_same_patches(tmp_path: Path, make_track, layout, planes) -> None:
    track = make_track(GAPS)
    made = []
    for folder in ("one", "two"):
        bank = filled_bank(tmp_path / folder, track, layout, planes)
        pipeline = pipeline_for(tmp_path / f"work {folder}", track, bank, layout, noise(2))
        made.append([patch for number in (30, 3, 12) for patch in pipeline.frame(number, planes)])
    assert len(made[0]) == 3
    for one, two in zip(*made, strict=True):
        for a, b in zip([*one.planes, one.alpha], [*two.planes, two.alpha], strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_face_outside_the_picture_gives_no_patch(tmp_path: Path, make_track, layout, planes) -> None:
    track = make_track(GAPS)
    bank = filled_bank(tmp_path / "bank", track, layout, planes)
    gone = make_track(GAPS, middle=(240.0, 3000.0))
    pipeline = pipeline_for(tmp_path / "work", gone, bank, layout, noise(2))
    assert pipeline.frame(5, planes) == []


def test_a_fading_mouth_takes_the_frames_own_shape(make_track) -> None:
    face = TemplateCanonicalizer().canonicalise(make_track(GAPS))
    wanted = np.zeros((80, 2))
    own = face.shape(7)[MOUTH, :2] - face.closed_mouth
    assert faded(face, 7, wanted, 1.0) is wanted
    np.testing.assert_allclose(faded(face, 7, wanted, 0.05), own)
    gaps = [float(gap_of(faded(face, 7, wanted, strength))) for strength in (0.1, 0.4, 0.7, 1.0)]
    assert gaps == sorted(gaps, reverse=True)


def test_many_shots_take_no_more_memory_than_a_few(tmp_path: Path, make_track, layout, planes) -> None:
    synthesizer = DonorLipSynthesizer(layout, tmp_path)
    faces = [TemplateCanonicalizer().canonicalise(make_track(GAPS, middle=(240, 200 + n))) for n in range(8)]
    voice = synthesizer.voice(faces, hear(noise(2), tmp_path))
    bank = filled_bank(tmp_path / "bank", faces[0].track, layout, planes)
    plans = [synthesizer.plan(face, bank, np.arange(50), np.arange(50) / 25, voice) for face in faces]
    first = synthesizer.speak(plans[0], 7, planes)
    for plan in plans[1:]:
        synthesizer.speak(plan, 7, planes)
    shared = {id(plan.displacement._recent) for plan in plans}
    assert len(shared) == 1
    assert len(plans[0].displacement._recent._blocks) == RECENT_MOTION
    again = synthesizer.speak(plans[0], 7, planes)
    assert first is not None
    assert again is not None
    np.testing.assert_array_equal(first.planes[0], again.planes[0])


def test_planning_can_be_stopped(tmp_path: Path, make_track, layout, planes) -> None:
    cancel = Cancellation()
    heard = hear(noise(2), tmp_path, cancel)
    track = make_track(GAPS)
    bank = filled_bank(tmp_path / "bank", track, layout, planes)
    pipeline = landmark_pipeline(layout, tmp_path, cancel=cancel)
    face = pipeline.canonicalizer.canonicalise(track)
    voice = pipeline.synthesizer.voice([face], heard)
    cancel.cancel()
    for step in (
        lambda: hear(noise(2), tmp_path, cancel),
        lambda: pipeline.canonicalizer.canonicalise(track),
        lambda: pipeline.synthesizer.plan(face, bank, np.arange(50), np.arange(50) / 25, voice),
    ):
        with pytest.raises(Cancelled):
            step()


def test_a_still_opens_on_paint_and_a_talker_on_its_own_mouths(tmp_path: Path, make_track, layout, planes) -> None:
    asked = []

    def painter(space, colours) -> np.ndarray:
        asked.append(float(space.opening[0]))
        return np.full((len(space), 3), 0.9, np.float32)

    for name, gaps in (("talker", GAPS), ("still", np.zeros(50))):
        asked.clear()
        folder = tmp_path / name
        folder.mkdir()
        track = make_track(gaps)
        synthesizer = DonorLipSynthesizer(layout, folder, painter=painter)
        face = TemplateCanonicalizer().canonicalise(track)
        bank = filled_bank(folder / "bank", track, layout, planes)
        heard = hear(noise(2), folder)
        plan = synthesizer.plan(face, bank, np.arange(50), np.arange(50) / 25, synthesizer.voice([face], heard))
        for number in range(0, 50, 5):
            assert synthesizer.speak(plan, number, planes) is not None
        if name == "still":
            assert plan.seam is not None and len(asked) >= 3 and max(asked) > 0.03
        else:
            assert plan.seam is None
            few = len(asked)
    assert few < 5
