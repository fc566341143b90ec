"""Which backend a run uses, and what it needs."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from talkingface.errors import WeightsMissingError
from talkingface.media.planes import PlaneLayout
from talkingface.models.video_retalking.emotion import Look, look_of
from talkingface.models.video_retalking.landmark.canonicalize import MouthShapeModel, TemplateCanonicalizer
from talkingface.models.video_retalking.landmark.refine import DetailRefiner
from talkingface.models.video_retalking.landmark.smooth_landmarks import RecentBlocks
from talkingface.models.video_retalking.landmark.synthesizer import DonorLipSynthesizer
from talkingface.models.video_retalking.landmark.upper_face import UpperFaceEditor
from talkingface.models.video_retalking.pipeline import Pipeline
from talkingface.options import SynthesisOptions
from talkingface.progress import Cancellation

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
NEURAL_CHECKPOINTS = ("DNet.pt", "LNet.pth", "ENet.pth", "face3d_pretrain_epoch_20.pth", "GPEN-BFR-512.pth")


@dataclass(frozen=True)
class BackendChoice:
    """The backend a run uses.

    Attributes:
        name: ``landmark`` or ``neural``.
        why: One line for the user.
    """

    name: str
    why: str


def missing_for_neural(checkpoint_dir: Path) -> list[str]:
    """What stands between this installation and the neural backend, a line each."""
    missing = []
    if importlib.util.find_spec("torch") is None:
        missing.append("PyTorch (pip install 'talkingface[neural]')")
    folders = (checkpoint_dir, checkpoint_dir / "video-retalking")
    absent = [name for name in NEURAL_CHECKPOINTS if not any((folder / name).is_file() for folder in folders)]
    if absent:
        missing.append(f"{', '.join(absent)} in {checkpoint_dir}/ or {checkpoint_dir}/video-retalking/")
    missing.append("the VideoReTalking networks themselves, which this version of talkingface does not have yet")
    return missing


def choose_backend(asked: str, device: str, checkpoint_dir: Path) -> BackendChoice:
    """Decide on a backend.

    Args:
        asked: ``auto``, ``landmark`` or ``neural``.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        checkpoint_dir: Where a user's checkpoints lie.

    Raises:
        WeightsMissingError: ``neural`` was asked for and something it needs is missing.
    """
    if asked == "neural":
        needed = "; ".join(missing_for_neural(checkpoint_dir))
        raise WeightsMissingError(f"--backend neural cannot run; missing: {needed}. Use --backend landmark meanwhile")
    where = "" if device in ("auto", "cpu") else f"; it runs on the CPU, so --device {device} changes nothing"
    if asked == "landmark":
        return BackendChoice("landmark", f"backend landmark, as asked{where}")
    return BackendChoice("landmark", f"backend landmark (auto: the one this version ships with weights){where}")


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
