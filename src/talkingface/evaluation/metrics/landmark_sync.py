"""Lips and sound by the shipped landmark sync expert that only judges: confidence, offset and distance."""

from __future__ import annotations

from typing import Any

import numpy as np

from talkingface.errors import MediaError
from talkingface.evaluation.controls import (
    FROZEN,
    NEW_SOUND,
    OWN_SOUND,
    SILENCE,
    all_without,
    moved_note,
    new_sound,
    original_lips,
    own_sound,
)
from talkingface.evaluation.family import FamilyScores, MetricFamily
from talkingface.evaluation.material import Material
from talkingface.evaluation.metrics.sync import (
    MAX_OFFSET,
    SyncFigures,
    distances_at,
    sync_figures,
    sync_scores,
)
from talkingface.evaluation.observation import Library, Observation
from talkingface.evaluation.result import Score
from talkingface.models.syncnet.landmark_expert import GRID_RATE, Embeddings

SYNC_METRICS = ("sync_confidence", "sync_offset", "sync_distance")


class LandmarkSyncFamily(MetricFamily):
    """``sync_confidence``, ``sync_offset`` and ``sync_distance``."""

    def score(self, material: Material, wanted: frozenset[str], library: Library) -> FamilyScores:
        """Score the lips of one clip against its sound; see ``MetricFamily.score``.

        Raises:
            MediaError: the sound cannot be read, or there is too little of face and sound.
        """
        mouth, sound = library.mouth(material.generated), library.sound(material.row.audio)
        figures = sync_figures(mouth, sound, str(material.row.generated))
        notes: list[str] = []
        if abs(figures.offset) == MAX_OFFSET and figures.decided:
            notes.append(
                f"{material.row.name}: its sync_offset lies at the edge of the search; a better one may lie beyond"
            )
        controls = self._controls(material, library, notes)
        return FamilyScores(
            scores={name: score for name, score in sync_scores(figures).items() if name in wanted},
            controls={
                control: {name: score for name, score in scores.items() if name in wanted}
                for control, scores in controls.items()
            },
            details={"sync": _details(figures, mouth), "curves": _curves(figures, mouth, sound)},
            notes=tuple(notes),
        )

    def _controls(self, material: Material, library: Library, notes: list[str]) -> dict[str, dict[str, Score]]:
        row = material.row
        asked = library.sound(row.audio)
        mouth = library.mouth(material.generated)
        found = {
            FROZEN: _control(library.frozen_mouth(material.generated), asked, row.name),
            SILENCE: _control(mouth, library.silence(len(mouth.vectors) + MAX_OFFSET), row.name),
        }
        original = original_lips(material)
        if isinstance(original, str):
            without = all_without(SYNC_METRICS, original)
            return found | {OWN_SOUND: without, NEW_SOUND: without}
        lips = library.mouth(original)
        try:
            found[OWN_SOUND] = _control(lips, library.sound(own_sound(material)), row.name)
        except MediaError:
            found[OWN_SOUND] = all_without(SYNC_METRICS, "n/a: the original has no sound")
        found[NEW_SOUND] = self._with_new_sound(material, original, library, notes)
        return found

    def _with_new_sound(
        self, material: Material, original: Observation, library: Library, notes: list[str]
    ) -> dict[str, Score]:
        lips = library.mouth(original)
        borrowed = new_sound(material, library.sound)
        sound = library.sound(borrowed.path)
        if borrowed.moved:
            rows = min(len(lips.vectors), len(sound.vectors))
            if rows < 4 * MAX_OFFSET:
                return all_without(SYNC_METRICS, "n/a: no other sound")
            notes.append(moved_note(material))
            sound = Embeddings(np.roll(sound.vectors[:rows], rows // 2, axis=0), sound.valid[:rows])
        return _control(lips, sound, material.row.name)


def _control(mouth: Embeddings, sound: Embeddings, name: str) -> dict[str, Score]:
    try:
        return sync_scores(sync_figures(mouth, sound, name))
    except MediaError:
        return all_without(SYNC_METRICS, "n/a: too short")


def _details(figures: SyncFigures, mouth: Embeddings) -> dict[str, Any]:
    return {
        "offset": figures.offset,
        "lips_late_by": list(range(-MAX_OFFSET, MAX_OFFSET + 1)),
        "distance": [round(float(value), 6) for value in figures.curve],
        "windows": [int(count) for count in figures.windows],
        "windows_with_face": int(mouth.valid.sum()),
        "windows_without_face": int((~mouth.valid).sum()),
    }


def _curves(figures: SyncFigures, mouth: Embeddings, sound: Embeddings) -> dict[str, Any]:
    """Distance and confidence of each window, at the offset that fits the whole clip best."""
    rows, distances, confidence = distances_at(mouth, sound, figures.offset)
    return {
        "sync_time": [round(float(row) / GRID_RATE, 3) for row in rows],
        "sync_distance": [round(float(value), 4) for value in distances],
        "sync_confidence": [round(float(value), 4) for value in confidence],
    }
