"""What a way to speak lips has to offer so that ``dub`` can work with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from talkingface.dubbing.analysis_store import Analysis
from talkingface.dubbing.result import weight_hashes
from talkingface.media.planes import Plane
from talkingface.media.row_file import RowFile
from talkingface.models.video_retalking.backends import LANDMARK_WEIGHTS, choose_backend, landmark_pipeline
from talkingface.models.video_retalking.emotion import Look
from talkingface.models.video_retalking.landmark.hearing import HeardSpeech, hear
from talkingface.models.video_retalking.landmark.smooth_landmarks import RecentBlocks
from talkingface.models.video_retalking.pipeline import Pipeline, Shot
from talkingface.models.video_retalking.stages import RegionPatch
from talkingface.options import SynthesisOptions
from talkingface.progress import Cancellation


class PersonPipeline(Protocol):
    """Speaks the lips of one person: first the whole result is planned, then its frames are made in rising order.

    Attributes:
        batch: How many frames it likes to see at a time; it takes fewer as well.
    """

    @property
    def batch(self) -> int: ...  # noqa: D102 - described above

    def plan(self, shots: Sequence[Shot], times: NDArray[np.float64], speech: Any) -> None:
        """Look at the whole clip and the whole sound.

        Args:
            shots: The person, wherever it is seen; no frame of the result in two of them.
            times: (N,) seconds of the sound each frame of the result speaks.
            speech: What the method's ``hear`` made of the sound.
        """

    def frames(self, numbers: Sequence[int], planes: Sequence[list[Plane]]) -> list[list[RegionPatch]]:
        """Make some frames of the result, each over its own planes.

        Returns:
            For every frame what to put into it, in this order; nothing when nothing of it is to change.
        """


class DubMethod(Protocol):
    """A way to speak lips.

    Attributes:
        name: For the report.
        why: One line for the user.
        key: All that decides what it makes and is neither in the dub's options nor in this package, JSON-ready: whose
            weights, which options of its own.
        weights: SHA-256 of every file of weights it uses, by name.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - described above

    @property
    def why(self) -> str: ...  # noqa: D102

    @property
    def key(self) -> Any: ...  # noqa: D102

    @property
    def weights(self) -> Mapping[str, str]: ...  # noqa: D102

    def hear(self, speech: RowFile, folder: Path, cancel: Cancellation) -> Any:
        """Listen to a sound, mono 16 kHz, -1..1; the folder is for what does not fit in memory."""

    def pipeline(self, analysis: Analysis, folder: Path, look: Look | None, cancel: Cancellation) -> PersonPipeline:
        """Make a pipeline for one person.

        Args:
            analysis: What pass 1 found.
            folder: For what does not fit in memory.
            look: The expression the person takes on; its own when None.
            cancel: Checked while the result is planned.
        """


@dataclass(frozen=True)
class LandmarkMethod:
    """The embedded networks; see ``DubMethod``.

    Attributes:
        why: One line for the user.
        recent: Landmarks read last, shared by all persons of a job.
    """

    why: str
    recent: RecentBlocks
    name: str = "landmark"
    key: None = None

    @property
    def weights(self) -> Mapping[str, str]:
        """SHA-256 of the embedded files."""
        return weight_hashes(LANDMARK_WEIGHTS)

    def hear(self, speech: RowFile, folder: Path, cancel: Cancellation) -> HeardSpeech:
        """What the sound says to an average mouth."""
        return hear(speech, folder, cancel)

    def pipeline(self, analysis: Analysis, folder: Path, look: Look | None, cancel: Cancellation) -> Pipeline:
        """Canonical face, lips and detail of one person."""
        return landmark_pipeline(analysis.layout, folder, self.recent, cancel, look)


def method_of(options: SynthesisOptions) -> DubMethod:
    """The method that ``backend`` asks for.

    Raises:
        WeightsMissingError: it lacks weights.
    """
    choice = choose_backend(options.backend, options.device, options.checkpoint_dir)
    return LandmarkMethod(choice.why, RecentBlocks())
