"""The neural backend in a dub: loaded before the long work, planned after pass 1. Loads torch only when it is used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talkingface.dubbing.analysis_store import Analysis
from talkingface.dubbing.plan import Schedule
from talkingface.dubbing.plan_faces import Voice, plan_voices
from talkingface.dubbing.work_folder import WorkFolder
from talkingface.models.video_retalking.neural.settings import settings_of
from talkingface.models.video_retalking.pipeline import FramePipeline
from talkingface.options import SynthesisOptions
from talkingface.progress import Cancellation

if TYPE_CHECKING:
    from talkingface.models.video_retalking.neural.backend import NeuralBackend
    from talkingface.models.video_retalking.neural.neural_pipeline import NeuralPipeline


class DubNetworks:
    """The networks of a dub."""

    def __init__(self, backend: NeuralBackend) -> None:
        """Take over what is loaded."""
        self.backend = backend

    def plan(
        self, analysis: Analysis, voices: Sequence[Voice], planned: Schedule, source: Path, folder: WorkFolder,
        threads: int, cancel: Cancellation,
    ) -> Sequence[FramePipeline]:  # fmt: skip
        """Plan every mouth of the result; see ``plan_faces.plan_voices``.

        Args:
            analysis: What pass 1 found.
            voices: Who speaks what.
            planned: The frames of the result.
            source: The video, looked through once more.
            folder: Of the job.
            threads: Decoder threads.
            cancel: Checked at every frame.
        """
        from talkingface.models.video_retalking.neural.neural_pipeline import SourceClip

        rotation = analysis.clip.info.video[0].rotation
        pts, marks = analysis.clip.frame_pts.tolist(), analysis.marks.tolist()
        clip = SourceClip(source, pts, marks, analysis.layout, rotation, threads)

        def pipeline() -> NeuralPipeline:
            return self.backend.pipeline(clip, folder.path, cancel)

        return plan_voices(analysis, voices, planned, folder, cancel, networks=pipeline)

    def described(self) -> dict[str, Any]:
        """What a report says of the expression."""
        return self.backend.described()

    @staticmethod
    def torch_threads(count: int) -> AbstractContextManager[None]:
        """Let torch use so many processor threads meanwhile."""
        from talkingface.models.video_retalking.neural.backend import torch_threads

        return torch_threads(count)


def networks_of(options: SynthesisOptions, cancel: Cancellation, say: Callable[[str], None]) -> DubNetworks:
    """Load the networks.

    Args:
        options: ``choose_backend`` has found that they can run.
        cancel: Checked while a reference's expression is measured.
        say: Told what a user should know of them.

    Raises:
        WeightsMissingError: a file is missing, or not what its name says.
        OptionError: the device or precision asked for cannot be had.
        MediaError: the picture of the expression cannot be read.
        NoFaceError: it shows no face.
    """
    from talkingface.models.video_retalking.neural.backend import NeuralBackend

    backend = NeuralBackend(settings_of(options), options.checkpoint_dir, cancel)
    for note in backend.notes:
        say(note)
    return DubNetworks(backend)
