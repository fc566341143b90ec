"""Whether a backend's weights may be used commercially."""

from __future__ import annotations

from talkingface.models.video_retalking.backends import LANDMARK_WEIGHTS
from talkingface.weights.store import refuse_non_commercial

# those that every choice of the backend's options loads
_WEIGHTS = {
    "landmark": (*LANDMARK_WEIGHTS, "inner_mouth.onnx"),
    "neural": ("DNet", "LNet", "ENet", "Deep3DRecon"),
}


def refuse_unlicensed(backend: str, commercial_only: bool) -> None:
    """Refuse a backend whose weights' licences do not allow commercial use, where only such may be used.

    Raises:
        WeightsMissingError: naming those weights.
    """
    if commercial_only:
        refuse_non_commercial(_WEIGHTS[backend])
