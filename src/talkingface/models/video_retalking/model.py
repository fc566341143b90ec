"""VideoReTalking as a model of the toolkit: each pair is one dub."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from talkingface.models.base import Generated
from talkingface.options import ToolkitOptions
from talkingface.progress import Cancellation, Progress


class VideoRetalking:
    """Re-speaks real videos; ``backend`` chooses between the embedded networks and the official ones."""

    options_class: ClassVar[type[ToolkitOptions]] = ToolkitOptions

    def prepare(self, options: ToolkitOptions, progress: Progress, cancel: Cancellation) -> None:
        """Make sure that the backend asked for can run.

        Raises:
            WeightsMissingError: when it lacks weights, or may use only freer ones.
        """
        from talkingface.models.video_retalking.backends import choose_backend  # numpy, which listing must not load
        from talkingface.models.video_retalking.licences import refuse_unlicensed

        backend = choose_backend(options)
        refuse_unlicensed(backend.name, options.commercial_only)

    def generate(
        self,
        face: Path,
        audio: Path,
        output: Path,
        options: ToolkitOptions,
        progress: Progress,
        cancel: Cancellation,
    ) -> Generated:
        """Dub ``face`` with ``audio``; see ``talkingface.dub`` for the errors raised."""
        from talkingface.dubbing.dub import dub  # numpy, PyAV and onnxruntime, which listing models must not load

        return dub(face, audio, output, options.dub_options(), progress=progress, cancel=cancel)
