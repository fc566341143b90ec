"""What a way to speak lips has to offer so that ``dub`` can work with it: how other models than VideoReTalking join."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from talkingface.dubbing.analysis_store import Analysis
from talkingface.dubbing.plan_faces import PlannedByNetworks
from talkingface.progress import Cancellation

FACE_WEIGHTS = (  # which find and follow faces, whatever speaks their lips
    "face_detector_short.onnx",
    "face_detector_full.onnx",
    "face_mesh_attention.onnx",
    "face_identity.onnx",
    "sync_expert.onnx",  # who speaks in a clip of several people
)


class DubMethod(Protocol):
    """A way to speak lips.

    Attributes:
        name: For the report, where it stands as the backend.
        why: One line for the user.
        key: What decides the result and is neither in the dub's options nor in ``files`` nor in this package:
            JSON-ready, such as options of the method's own.
        files: Every file of weights that was brought and is used, by name.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - described above

    @property
    def why(self) -> str: ...  # noqa: D102

    @property
    def key(self) -> Any: ...  # noqa: D102

    @property
    def files(self) -> Mapping[str, Path]: ...  # noqa: D102

    def pipeline(self, analysis: Analysis, folder: Path, cancel: Cancellation) -> PlannedByNetworks:
        """Make a pipeline for one person: it is planned once and then asked for frames in rising order.

        Args:
            analysis: What pass 1 found.
            folder: For what does not fit in memory.
            cancel: To be checked in long work.
        """
