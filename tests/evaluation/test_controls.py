from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from talkingface.evaluation.controls import CONTROLS, FROZEN, NEW_SOUND, OWN_SOUND, SILENCE
from talkingface.evaluation.material import Material
from talkingface.evaluation.metrics.landmark_sync import SYNC_METRICS, LandmarkSyncFamily
from talkingface.evaluation.metrics.mouth_movement import TRUTH_METRICS, ArticulationFamily
from talkingface.evaluation.metrics.sync import UNDECIDED_CONFIDENCE
from talkingface.evaluation.observation import Library
from talkingface.evaluation.result import EvaluationRow, Score
from talkingface.progress import Cancellation, SilentProgress

METRICS = (*SYNC_METRICS, *TRUTH_METRICS)


def control_scores(
    look: Material, rows: list[EvaluationRow], metrics: tuple[str, ...], library: Library
) -> tuple[dict[str, dict[str, Score]], list[str]]:
    look = replace(look, rows=rows)
    controls: dict[str, dict[str, Score]] = {name: {} for name in CONTROLS}
    notes: list[str] = []
    for family, own in ((LandmarkSyncFamily(), SYNC_METRICS), (ArticulationFamily(), TRUTH_METRICS)):
        wanted = frozenset(own) & frozenset(metrics)
        if wanted:
            said = family.score(look, wanted, library)
            notes += said.notes
            for name, scores in said.controls.items():
                controls[name] |= scores
    return controls, notes


@pytest.fixture
def library(painted: list[int]) -> Library:
    return Library(1, SilentProgress(), Cancellation())


@pytest.fixture
def files(make_clip: Any, make: Any) -> dict[str, Path]:
    source, made = make.speech_like(4), make.speech_like(4, 3)
    return {
        "face": make_clip("face.mkv", source, samples=make.voice(4)),
        "silent": make_clip("silent.mkv", source),
        "made": make_clip("made.mkv", made),
        "sound": make_clip("sound.mkv", made[:5], samples=make.voice(4, 3)),
    }


def material(library: Library, row: EvaluationRow, self_driven: bool) -> Material:
    source, generated = library.video(row.face), library.video(row.generated or row.face)
    truth = library.video(row.truth) if row.truth else source if self_driven else None
    return Material(row, generated, source, None, truth, self_driven, [row])


def test_every_control_is_there_with_every_metric(library: Library, files: dict[str, Path]) -> None:
    row = EvaluationRow("clip", files["made"], files["face"], files["sound"])
    scores, notes = control_scores(material(library, row, False), [row], METRICS, library)
    assert tuple(scores) == CONTROLS
    assert all(set(found) >= set(SYNC_METRICS) for found in scores.values())
    for name in CONTROLS:
        assert scores[name]["sync_confidence"].value is not None
        assert scores[name]["aperture_correlation"].reason == "n/a: no truth"
    assert notes == []
    assert (scores[FROZEN]["sync_confidence"].value or 1) < 0.05
    assert (scores[SILENCE]["sync_confidence"].value or 1) < 0.05
    assert scores[OWN_SOUND]["sync_distance"] != scores[NEW_SOUND]["sync_distance"]


def test_controls_reuse_what_was_embedded(library: Library, files: dict[str, Path], monkeypatch: Any) -> None:
    row = EvaluationRow("clip", files["made"], files["face"], files["sound"])
    look = material(library, row, False)
    for seen in (look.generated, look.source):
        assert seen is not None
        library.mouth(seen)
    calls: list[int] = []
    embed = library.judge.embed_mouth
    monkeypatch.setattr(library.judge, "embed_mouth", lambda mouth: calls.append(1) or embed(mouth))
    control_scores(look, [row], METRICS, library)
    assert len(calls) == 1  # the frozen mouth


def test_a_self_driven_clip_borrows_another_sound(library: Library, files: dict[str, Path]) -> None:
    row = EvaluationRow("self", files["made"], files["face"], files["face"])
    other = EvaluationRow("other", files["made"], files["face"], files["sound"])
    look = material(library, row, True)
    borrowed, notes = control_scores(look, [row, other], SYNC_METRICS, library)
    assert notes == []
    undubbed, _ = control_scores(material(library, other, False), [row, other], SYNC_METRICS, library)
    assert borrowed[NEW_SOUND] == undubbed[NEW_SOUND]
    alone, notes = control_scores(look, [row], SYNC_METRICS, library)
    assert notes == ["self: there is no other sound; 'original, new sound' is its own sound moved by half its length"]
    assert alone[NEW_SOUND]["sync_distance"].value != borrowed[NEW_SOUND]["sync_distance"].value
    assert alone[OWN_SOUND] == borrowed[OWN_SOUND]


def test_controls_that_do_not_apply_say_why(library: Library, files: dict[str, Path], make_clip: Any) -> None:
    row = EvaluationRow("clip", files["made"], files["silent"], files["sound"])
    look = material(library, row, False)
    scores, _ = control_scores(look, [row], SYNC_METRICS, library)
    assert scores[OWN_SOUND]["sync_offset"].reason == "n/a: the original has no sound"
    assert scores[NEW_SOUND]["sync_distance"].value is not None
    assert look.source is not None
    picture = replace(look, source=replace(look.source, still=True))
    scores, _ = control_scores(picture, [row], SYNC_METRICS, library)
    assert {scores[name]["sync_offset"].reason for name in (OWN_SOUND, NEW_SOUND)} == {"n/a: the original is a picture"}
    lost = replace(look, source=None, no_source="n/a: no face in it")
    scores, _ = control_scores(lost, [row], SYNC_METRICS, library)
    assert scores[NEW_SOUND]["sync_offset"].reason == "n/a: no face in it"


def test_an_offset_that_is_one_among_many_is_not_given(library: Library, files: dict[str, Path]) -> None:
    row = EvaluationRow("clip", files["made"], files["face"], files["sound"])
    scores, _ = control_scores(material(library, row, False), [row], SYNC_METRICS, library)
    for name in (FROZEN, SILENCE):
        assert (scores[name]["sync_confidence"].value or 1) < UNDECIDED_CONFIDENCE
        assert "undecided" in (scores[name]["sync_offset"].reason or "")


def test_with_a_truth_the_controls_are_compared_with_it(library: Library, files: dict[str, Path]) -> None:
    row = EvaluationRow("clip", files["made"], files["face"], files["sound"], truth=files["made"])
    look = material(library, row, False)
    scores, _ = control_scores(look, [row], METRICS, library)
    assert scores[FROZEN]["aperture_correlation"].reason == "n/a: the mouth does not move"
    assert (scores[FROZEN]["mouth_landmark_distance"].value or 0) > 1
    doing_nothing = scores[NEW_SOUND]["mouth_landmark_distance"].value
    assert doing_nothing is not None and doing_nothing > 1
    own = EvaluationRow("self", files["made"], files["face"], files["face"])
    look = material(library, own, True)
    scores, _ = control_scores(look, [own], TRUTH_METRICS, library)
    assert scores[NEW_SOUND]["mouth_landmark_distance"].reason == "n/a: the original is the truth"
