"""The expression of a reference picture, or of a reference video: without its person, and without what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import NoFaceError
from talkingface.faces.geometry import align
from talkingface.faces.video import track_video
from talkingface.models.video_retalking.emotion import expressed
from talkingface.models.video_retalking.face_measures import closed, measure

REFERENCE_SECONDS = 20.0  # of a video; what comes later is not looked at


def reference_expression(
    path: Path, reference: NDArray[np.floating], closing_direction: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Measure the expression of the most present face.

    Args:
        path: A picture, or a video: then its most usual expression (the median of each measure) within the first
            ``REFERENCE_SECONDS``.
        reference: (478, 3) generic face.
        closing_direction: (80, 2) how each mouth point moves per unit of inner-lip gap.

    Returns:
        (7,) measures as a difference from an average person's, see ``emotion.expressed``.

    Raises:
        MediaError: the file cannot be read.
        NoFaceError: no face is in it.
    """
    found = track_video(path, end=REFERENCE_SECONDS)
    if not found.tracks:
        raise NoFaceError(
            f"{path}: no face found whose expression could be taken; give --expression a picture with a large face "
            "that looks at the camera"
        )
    track = max(found.tracks, key=lambda track: track.prominence)
    landmarks = np.asarray(track.landmarks[:])
    shapes = align(landmarks, reference).to_canonical(landmarks)
    return expressed(np.median(measure(closed(shapes, closing_direction)), axis=0))
