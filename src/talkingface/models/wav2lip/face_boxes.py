"""Where Wav2Lip looks: the box of a face in every frame of its track, in the picture as it is shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import OptionError
from talkingface.faces.geometry import smooth_in_time
from talkingface.faces.track import FaceTrack
from talkingface.models.syncnet.lip_crops import shown_boxes

# Seconds. The released program averages five boxes of 25 a second, of which four lie ahead, so that the box runs before
# the face; a bell of the same spread that is centred on the frame's own time does not.
SMOOTHING = 0.057
SMALLEST_SIDE = 16.0  # pixels: a smaller face has nothing to read lips from


@dataclass(frozen=True)
class Pads:
    """Pixels added to a box on each side; negative ones take away."""

    top: int = 0
    bottom: int = 10
    left: int = 0
    right: int = 0

    def __str__(self) -> str:
        return f"{self.top} {self.bottom} {self.left} {self.right}"


def parse_pads(text: str) -> Pads:
    """Read pads as the released program writes them: ``top bottom left right``, commas or spaces between.

    Raises:
        OptionError: they are not four whole numbers.
    """
    words = text.replace(",", " ").split()
    try:
        top, bottom, left, right = (int(word) for word in words)
    except ValueError:
        raise OptionError(f"{text!r} is not four whole numbers: top bottom left right, such as 0 10 0 0") from None
    return Pads(top, bottom, left, right)


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
