"""Which backend a run uses, and what it needs."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from talkingface.errors import OptionError, WeightsMissingError
from talkingface.media.planes import PlaneLayout
from talkingface.models.video_retalking.emotion import Look, look_of
from talkingface.models.video_retalking.landmark.canonicalize import MouthShapeModel, TemplateCanonicalizer
from talkingface.models.video_retalking.landmark.refine import DetailRefiner
from talkingface.models.video_retalking.landmark.smooth_landmarks import RecentBlocks
from talkingface.models.video_retalking.landmark.synthesizer import DonorLipSynthesizer
from talkingface.models.video_retalking.landmark.upper_face import UpperFaceEditor
from talkingface.models.video_retalking.neural.settings import (
    STANDARD_POINTS,
    TEMPLATES,
    NeuralSettings,
    settings_of,
)
from talkingface.models.video_retalking.pipeline import Pipeline
from talkingface.options import SynthesisOptions
from talkingface.progress import Cancellation
from talkingface.weights import store

LANDMARK_WEIGHTS = (
    "face_detector_short.onnx",
    "face_detector_full.onnx",
    "face_mesh_attention.onnx",
    "face_identity.onnx",
    "mouth_motion.onnx",
    "mouth_shape.npz",
    "speech_embedding.onnx",
    "sync_expert.onnx",  # who speaks in a clip of several people
)


@dataclass(frozen=True)
class BackendChoice:
    """The backend a run uses.

    Attributes:
        name: ``landmark`` or ``neural``.
        why: One line for the user.
    """

    name: str
    why: str


def missing_for_neural(settings: NeuralSettings, checkpoint_dir: Path) -> list[str]:
    """What stands between this installation and the neural backend, a line each."""
    missing = []
    if importlib.util.find_spec("torch") is None:
        missing.append("PyTorch: pip install 'talkingface[neural]'")
    return missing + store.missing(settings.weights, checkpoint_dir)


def choose_backend(options: SynthesisOptions) -> BackendChoice:
    """Decide on a backend: ``auto`` takes the neural one where its weights lie and a GPU runs it.

    Raises:
        WeightsMissingError: ``neural`` was asked for and something it needs is missing.
        OptionError: the networks cannot do what the options ask for.
    """
    asked, folder = options.backend, options.checkpoint_dir
    where = "" if options.device in ("auto", "cpu") else f"; it runs on the CPU, so --device {options.device} "
    where += "changes nothing" if where else ""
    if asked == "landmark":
        return BackendChoice("landmark", f"backend landmark, as asked{where}")
    if asked == "neural":
        settings = settings_of(options)
        missing = missing_for_neural(settings, folder)
        if missing:
            raise WeightsMissingError(
                f"--backend neural cannot run: {'; '.join(missing)}. Use --backend landmark meanwhile"
            )
        return BackendChoice("neural", "backend neural, as asked")
    try:
        missing = missing_for_neural(settings_of(options), folder)
    except OptionError:
        return BackendChoice("landmark", f"backend landmark (auto: the networks have no such expression){where}")
    if missing:
        reason = f"{len(missing)} things the neural one needs are missing" if len(missing) > 1 else missing[0]
        return BackendChoice("landmark", f"backend landmark (auto: {reason}){where}")
    from talkingface.models.video_retalking.neural.devices import usable_gpu  # loads torch

    gpu = usable_gpu()
    if gpu is None or options.device == "cpu":
        return BackendChoice("landmark", f"backend landmark (auto: no GPU is to be used for the neural one){where}")
    return BackendChoice("neural", f"backend neural (auto: its weights are there, and a GPU: {gpu})")


def weight_files(options: SynthesisOptions) -> dict[str, Path]:
    """The files that the neural backend reads, by name."""
    names = (*settings_of(options).weights, STANDARD_POINTS, TEMPLATES)
    found = {name: store.find(name, options.checkpoint_dir) for name in dict.fromkeys(names)}
    return {path.name: path for path in found.values() if path is not None}


def landmark_pipeline(
    layout: PlaneLayout,
    folder: Path,
    recent: RecentBlocks | None = None,
    cancel: Cancellation | None = None,
    look: Look | None = None,
) -> Pipeline:
    """The three stages of the landmark backend for one person.

    Args:
        layout: Of the clip's frames.
        folder: For what does not fit in memory while the result is planned.
        recent: Landmarks read last, shared by the persons of a job.
        cancel: Checked while the result is planned.
        look: The expression the person takes on; its own when None.

    Raises:
        WeightsMissingError: when the installation lacks an embedded file.
    """
    model = MouthShapeModel.load()
    return Pipeline(
        TemplateCanonicalizer(model, recent, cancel, look),
        DonorLipSynthesizer(layout, folder, model, cancel),
        DetailRefiner(),
        layout,
        None if look is None or look.changes_nothing else UpperFaceEditor(layout, look.glasses, cancel),
    )


def landmark_look(options: SynthesisOptions) -> Look:
    """The expression and emotion the options ask for.

    Raises:
        MediaError: the reference picture cannot be read.
        NoFaceError: it shows no face.
        WeightsMissingError: when the installation lacks an embedded file.
    """
    model = MouthShapeModel.load()
    return look_of(options, model.reference, model.closing_direction)
