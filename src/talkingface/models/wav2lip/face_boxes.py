"""Where Wav2Lip looks: the box of a face in every frame of its track, in the picture as it is shown."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkingface.faces.geometry import smooth_in_time
from talkingface.faces.track import FaceTrack
from talkingface.models.syncnet.lip_crops import shown_boxes
from talkingface.options import Pads

# Seconds. The released program averages five boxes of 25 a second, of which four lie ahead, so that the box runs before
# the face; a bell of the same spread that is centred on the frame's own time does not.
SMOOTHING = 0.057
SMALLEST_SIDE = 16.0  # pixels: a smaller face has nothing to read lips from


def face_boxes(track: FaceTrack, rotation: int, pads: Pads, smooth: bool = True) -> NDArray[np.float64]:
    """The boxes of a track, where the landmarks' own bounding box stands for the released program's detector.

    Args:
        track: The face.
        rotation: Degrees clockwise that a player turns the coded picture.
        pads: Added in the picture as shown.
        smooth: Steady them in time.

    Returns:
        (T, 4) x0, y0, x1, y1, pixels of the picture as shown; they may reach beyond it, and are no smaller than
        ``SMALLEST_SIDE`` whatever the pads take away.
    """
    boxes = shown_boxes(np.asarray(track.boxes, np.float64), rotation, track.width, track.height)
    if smooth:
        boxes = smooth_in_time(boxes, track.times, SMOOTHING)
    boxes = boxes + np.array([-pads.left, -pads.top, pads.right, pads.bottom], np.float64)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = np.maximum(boxes[:, 2:] - boxes[:, :2], SMALLEST_SIDE) / 2
    return np.concatenate([middle - half, middle + half], 1)
