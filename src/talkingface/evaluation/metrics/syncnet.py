"""Lips and sound by SyncNet v2, the field's usual judge: LSE-C, LSE-D and the offset.

Its weights are its authors' and come from the user; without them these scores do not apply. Nothing here loads torch
before there are weights to run.
"""

from __future__ import annotations

import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from talkingface.errors import MediaError, OptionError, nearest_names
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
from talkingface.evaluation.metrics.syncnet_distance import MAX_SHIFT, SyncNetFigures, checked_figures
from talkingface.evaluation.observation import Library, Observation, file_key
from talkingface.evaluation.result import Score
from talkingface.media.audio import store_audio, store_speech_integers
from talkingface.media.reader import VideoReader
from talkingface.models.syncnet.embedding import SyncNetEmbedder, WindowEmbeddings, choose_device
from talkingface.models.syncnet.lip_crops import (
    TICK_RATE,
    WINDOW_TICKS,
    LipPlan,
    lip_crops,
    plan_face,
    plan_whole_pictures,
)
from talkingface.models.syncnet.syncnet_weights import find_syncnet, load_syncnet

if TYPE_CHECKING:
    from talkingface.models.syncnet.network import SyncNetWidths
    from talkingface.models.syncnet.syncnet_weights import SyncNetWeights

SYNCNET_METRICS = ("lse_c", "lse_d", "av_offset")
NO_WEIGHTS = "n/a: SyncNet's weights are missing: put syncnet_v2.model in {folder}/LSE (see docs/evaluation.md)"
NO_TORCH = "n/a: needs torch: pip install 'talkingface[eval]'"
TRACKED, WHOLE_PICTURE = MODES = ("tracked", "lrs")
KEPT_SOUNDS = 4  # a clip asks for three: its own, the one it was to speak, another's
LONG_CLIP = 1500  # windows: about a minute of work on a processor


class SyncNetFamily(MetricFamily):
    """``lse_c``, ``lse_d`` and ``av_offset``."""

    def __init__(self, widths: SyncNetWidths | None = None) -> None:
        """Nothing is opened before the first clip.

        Args:
            widths: Of the network that the weights must fit; None for the released one's.
        """
        self._widths = widths
        self._weights: SyncNetWeights | None = None
        self._embedder: SyncNetEmbedder | None = None
        self._sounds: OrderedDict[Path, WindowEmbeddings] = OrderedDict()

    def score(self, material: Material, wanted: frozenset[str], library: Library) -> FamilyScores:
        """Score the lips of one clip against its sound; see ``MetricFamily.score``.

        Raises:
            MediaError: the sound cannot be read, or there is too little of face and sound.
            WeightsUnusableError: there is a file of weights, and it is not SyncNet's.
        """
        missing = self._open(library)
        if missing is not None:
            return FamilyScores(all_without(sorted(wanted), missing))
        row = material.row
        plan = _plan(material.generated, library.settings.lse_mode)
        lips = self._lips(material.generated, library)
        figures = checked_figures(lips, self._sound(row.audio, library), str(row.generated))
        notes = _notes(row.name, plan, figures)
        controls = self._controls(material, lips, library, notes)
        return FamilyScores(
            scores={name: score for name, score in _scores(figures).items() if name in wanted},
            controls={
                control: {name: score for name, score in scores.items() if name in wanted}
                for control, scores in controls.items()
            },
            details={"syncnet": self._details(library, plan, figures)},
            notes=tuple(notes),
        )

    def _open(self, library: Library) -> str | None:
        """Load the network, once. Returns why there is none, or None."""
        if self._embedder is not None:
            return None
        folder = library.settings.checkpoint_dir
        path = find_syncnet(folder)
        if path is None:
            return NO_WEIGHTS.format(folder=folder)
        try:
            import torch  # noqa: F401
        except ImportError:
            return NO_TORCH
        self._weights = load_syncnet(path, self._widths)
        self._embedder = SyncNetEmbedder(self._weights.network, choose_device(library.settings.device))
        return None

    def _lips(self, seen: Observation, library: Library) -> WindowEmbeddings:
        mode = library.settings.lse_mode
        return library.once(("syncnet lips", file_key(seen.path), mode), lambda: self._embed_lips(seen, library))

    def _embed_lips(self, seen: Observation, library: Library) -> WindowEmbeddings:
        assert self._embedder is not None
        plan = _plan(seen, library.settings.lse_mode)
        windows = sum(track.windows for track in plan.tracks)
        if windows > LONG_CLIP:
            library.progress.message(f"{seen.path}: SyncNet looks at {windows} windows")
        with VideoReader(seen.path, threads=library.threads) as reader:
            crops = lip_crops(reader, plan, library.cancel.check)
            return self._embedder.embed_lips(crops, plan.length)

    def _sound(self, path: Path, library: Library) -> WindowEmbeddings:
        """Embeddings of a file's sound; only the latest are kept, so that memory does not grow with the clips."""
        key = file_key(path)
        if key not in self._sounds:
            self._sounds[key] = self._embed_sound(path, library)
        self._sounds.move_to_end(key)
        while len(self._sounds) > KEPT_SOUNDS:
            self._sounds.popitem(last=False)
        return self._sounds[key]

    def _embed_sound(self, path: Path, library: Library) -> WindowEmbeddings:
        assert self._embedder is not None
        check = library.cancel.check
        with tempfile.TemporaryDirectory(prefix="talkingface-") as folder:
            sound = store_audio(path, Path(folder) / "sound", check=check)
            with store_speech_integers(sound, Path(folder) / "speech", check) as samples:
                return self._embedder.embed_sound(samples, check)

    def _controls(
        self, material: Material, lips: WindowEmbeddings, library: Library, notes: list[str]
    ) -> dict[str, dict[str, Score]]:
        assert self._embedder is not None
        name = material.row.name
        found = {
            FROZEN: _control(lips.frozen(), self._sound(material.row.audio, library), name),
            SILENCE: _control(lips, self._embedder.embed_silence(lips.length), name),
        }
        original = original_lips(material)
        if isinstance(original, str):
            without = all_without(SYNCNET_METRICS, original)
            return found | {OWN_SOUND: without, NEW_SOUND: without}
        real = self._lips(original, library)
        try:
            found[OWN_SOUND] = _control(real, self._sound(own_sound(material), library), name)
        except MediaError:
            found[OWN_SOUND] = all_without(SYNCNET_METRICS, "n/a: the original has no sound")
        found[NEW_SOUND] = self._with_new_sound(material, real, library, notes)
        return found

    def _with_new_sound(
        self, material: Material, real: WindowEmbeddings, library: Library, notes: list[str]
    ) -> dict[str, Score]:
        borrowed = new_sound(material, lambda path: self._sound(path, library))
        sound = self._sound(borrowed.path, library)
        if borrowed.moved:
            windows = min(real.length, sound.length) - WINDOW_TICKS
            if windows < 4 * MAX_SHIFT:
                return all_without(SYNCNET_METRICS, "n/a: no other sound")
            notes.append(moved_note(material))
            moved = np.roll(sound.vectors[:windows], windows // 2, axis=0)
            sound = WindowEmbeddings(moved, sound.ticks[:windows], windows + WINDOW_TICKS)
        return _control(real, sound, material.row.name)

    def _details(self, library: Library, plan: LipPlan, figures: SyncNetFigures) -> dict[str, Any]:
        assert self._weights is not None and self._embedder is not None
        late, distance = figures.by_lateness()
        return {
            "lse_mode": library.settings.lse_mode,
            "weights": str(self._weights.path),
            "weights_sha256": self._weights.sha256,
            "device": self._embedder.device,
            "tracks": len(plan.tracks),
            "tracks_too_short": plan.short_tracks,
            "windows": len(figures.ticks),
            "ticks": plan.length,
            "ticks_left_out": plan.ticks_left_out,
            "offset": figures.offset,
            "lips_late_by": late,
            "distance": [round(value, 6) for value in distance],
            "window_times": [round(int(tick) / TICK_RATE, 3) for tick in figures.ticks],
            "frame_distance": [round(float(value), 4) for value in figures.window_distance],
            "frame_confidence": [round(float(value), 4) for value in figures.window_confidence],
        }


def _plan(seen: Observation, mode: str) -> LipPlan:
    if mode == WHOLE_PICTURE:
        return plan_whole_pictures(seen.frame_times)
    if mode != TRACKED:
        raise OptionError(f"there is no way {mode!r} of showing SyncNet a face; {nearest_names(mode, MODES)}")
    return plan_face(seen.frame_times, seen.face, seen.cuts, seen.rotation)


def _scores(figures: SyncNetFigures) -> dict[str, Score]:
    return {
        "lse_c": Score(figures.confidence),
        "lse_d": Score(figures.distance),
        "av_offset": Score(float(figures.offset)),
    }


def _control(lips: WindowEmbeddings, sound: WindowEmbeddings, name: str) -> dict[str, Score]:
    try:
        return _scores(checked_figures(lips, sound, name))
    except MediaError:
        return all_without(SYNCNET_METRICS, "n/a: too short")


def _notes(name: str, plan: LipPlan, figures: SyncNetFigures) -> list[str]:
    notes = []
    if abs(figures.offset) == MAX_SHIFT:
        notes.append(
            f"{name}: its av_offset lies at the edge of SyncNet's search: lips and sound fit nowhere, or further away"
        )
    if len(plan.tracks) > 1:
        notes.append(
            f"{name}: SyncNet scores the {len(figures.ticks)} windows of its {len(plan.tracks)} tracks together"
        )
    if plan.short_tracks:
        tracks = f"{plan.short_tracks} track{'s' * (plan.short_tracks != 1)}"
        notes.append(f"{name}: SyncNet leaves out {tracks} of less than a second")
    return notes
