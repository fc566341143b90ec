"""Where a face is in every frame of a shot, smoothed: what is cut out for which network.

All places are pixels of the picture as it is shown (turned upright), at the coded frame's scale, counted from the
picture's outer edges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkingface.faces.track import FaceTrack
from talkingface.models.video_retalking.neural.face_square import square_of
from talkingface.models.video_retalking.neural.smoothing import in_stretches
from talkingface.models.video_retalking.neural.standard_points import EyesNoseMouth, eyes_nose_mouth, ibug_points
from talkingface.options import Pads

FloatArray = NDArray[np.float64]
CROP = 256  # pixels across of what D-Net and the coefficients' network are given
POINTS_WINDOW, POINTS_DEGREE = 9, 3  # 0.36 s at 25 frames a second: takes the jitter, keeps the nod
CROP_WINDOW, CROP_DEGREE = 25, 2  # a second: the crop follows the head, not its shaking
BOX_WINDOW, BOX_DEGREE = 5, 1  # as many boxes as the released program takes the mean of, but as many before as after
AT_ONCE = 256  # rows of landmarks read together
LIPS = 62, 66  # inner middle of the upper and of the lower lip among the 68 points


@dataclass(frozen=True)
class FaceFrames:
    """A face in all frames of a track.

    Attributes:
        five: (T, 5, 2) eyes, nose, corners of the mouth.
        crops: (T, 3) upright squares round the head: left, top, side.
        boxes: (T, 4) left, top, right, bottom of what the lips' network repaints.
        openings: (T,) between the lips, in distances between the eyes.
    """

    five: FloatArray
    crops: FloatArray
    boxes: FloatArray
    openings: FloatArray

    def crop_to_shown(self, row: int, size: int = CROP) -> FloatArray:
        """(2, 3) from a crop of ``size`` pixels across to the shown picture."""
        left, top, side = self.crops[row]
        return np.array([[side / size, 0, left], [0, side / size, top]])

    def box_to_shown(self, row: int, size: int) -> FloatArray:
        """(2, 3) from a box's picture of ``size`` x ``size`` pixels to the shown picture."""
        left, top, right, bottom = self.boxes[row]
        return np.array([[(right - left) / size, 0, left], [0, (bottom - top) / size, top]])


def shown_to_coded(rotation: int, width: int, height: int) -> FloatArray:
    """(2, 3) from the shown picture to the coded frame.

    Args:
        rotation: Degrees clockwise that a player turns the coded frame.
        width: Of the coded frame.
        height: Of the coded frame.
    """
    turns = {
        0: [[1, 0, 0], [0, 1, 0]],
        90: [[0, 1, 0], [-1, 0, height]],
        180: [[-1, 0, width], [0, -1, height]],
        270: [[0, -1, width], [1, 0, 0]],
    }
    return np.array(turns[rotation % 360], np.float64)


def chained(first: NDArray[np.floating], then: NDArray[np.floating]) -> FloatArray:
    """(..., 2, 3) maps that do the first, then the other."""
    turn = then[..., :2] @ first[..., :2]
    shift = (then[..., :2] @ first[..., 2:])[..., 0] + then[..., 2]
    return np.concatenate([turn, shift[..., None]], -1)


def undone(map_: NDArray[np.floating]) -> FloatArray:
    """The map that undoes a (2, 3) map."""
    turn = np.linalg.inv(map_[:, :2])
    return np.concatenate([turn, -turn @ map_[:, 2:]], 1)


def face_frames(track: FaceTrack, rotation: int, pads: Pads) -> FaceFrames:
    """Work out where a face is, without ever holding more than some landmarks.

    Args:
        track: The face, in coded pixels.
        rotation: Degrees clockwise that a player turns the coded frame.
        pads: Widen the boxes so much.
    """
    back = undone(shown_to_coded(rotation, track.width, track.height))
    parts, boxes, openings = [], [], []
    for start in range(0, len(track), AT_ONCE):
        mesh = np.asarray(track.landmarks[start : start + AT_ONCE], np.float64)[..., :2] @ back[:, :2].T + back[:, 2]
        points = ibug_points(mesh)
        parts.append(eyes_nose_mouth(points))
        boxes.append(np.concatenate([mesh.min(1), mesh.max(1)], 1))
        gap = np.linalg.norm(points[:, LIPS[0]] - points[:, LIPS[1]], axis=-1)
        openings.append(gap / np.linalg.norm(parts[-1].right_eye - parts[-1].left_eye, axis=-1))
    seen = EyesNoseMouth(*(np.concatenate(values) for values in zip(*parts, strict=True)))
    steady = EyesNoseMouth(*(in_stretches(value, track.frames, POINTS_WINDOW, POINTS_DEGREE) for value in seen))
    crops = np.empty((len(track), 3))
    for row, (_, left, right, mouth) in enumerate(zip(*steady, strict=True)):
        square = square_of(left, right, mouth)
        corners = square.corners()
        side = float(np.ptp(corners, axis=0).max())
        crops[row] = [*(square.centre - side / 2), side]
    box = in_stretches(np.concatenate(boxes), track.frames, BOX_WINDOW, BOX_DEGREE)
    wide = box + np.array([-pads.left, -pads.top, pads.right, pads.bottom])
    return FaceFrames(
        steady.five, in_stretches(crops, track.frames, CROP_WINDOW, CROP_DEGREE), wide, np.concatenate(openings)
    )
