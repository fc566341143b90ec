"""From one picture to the frames of a clip."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import NoFaceError
from talkingface.faces.detect import FaceDetector
from talkingface.faces.landmarks import FaceMesh, region_of
from talkingface.faces.sampling import BgrSampler, OrientedSquare
from talkingface.still.eyes import Eye
from talkingface.still.head import Head
from talkingface.still.motion import plan_motion

MIN_PRESENCE = 0.5


def animate_still(
    picture: NDArray[np.uint8],
    frames: int,
    rate: float,
    seed: int,
    *,
    landmarks: NDArray[np.floating] | None = None,
) -> Iterator[NDArray[np.uint8]]:
    """Make the person of a picture sit for a camera: small turns of the head, breath, blinks; the mouth rests.

    Args:
        picture: BGR uint8 (height, width, 3), upright.
        frames: How many frames to give.
        rate: Frames per second.
        seed: The same picture and seed give the same frames.
        landmarks: (478, 3) pixels of the face to move; None for the most certain one.

    Yields:
        BGR uint8 pictures of the same size. The picture's border and what is far from the person never change.

    Raises:
        NoFaceError: when there is no face in the picture (before the first frame).
    """
    height, width = picture.shape[:2]
    if landmarks is None:
        landmarks = locate_face(picture)
    head = Head(landmarks, width, height)
    eyes = [Eye(landmarks, side, width, height) for side in (0, 1)]
    motion = plan_motion(frames, rate, seed)
    for frame in range(frames):
        still = picture.copy()
        for eye in eyes:
            eye.render(still, float(motion.closure[frame]), motion.gaze[frame])
        yield head.render(still, motion, frame)


def locate_face(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Landmarks (478, 3) in pixels of the most certain face of a BGR picture, steadier than one look gives.

    Raises:
        NoFaceError: when there is none.
    """
    found = FaceDetector().detect(picture)
    if not found:
        raise NoFaceError("no face found in the picture; use one that shows a face from the front, large and well lit")
    mesh, sampler = FaceMesh(), BgrSampler(picture)
    first, presence = mesh.locate(sampler, found[0].region())
    if presence < MIN_PRESENCE:
        raise NoFaceError("the face in the picture cannot be made out; use one that shows it larger or better lit")
    square = region_of(first)
    looks = [
        mesh.locate(
            sampler, OrientedSquare(square.centre_x, square.centre_y, square.size * scale, square.angle + turn)
        )[0]
        for scale, turn in ((1.0, 0.0), (0.95, 0.04), (0.95, -0.04), (1.05, 0.03), (1.05, -0.03))
    ]
    return np.asarray(np.mean(looks, axis=0, dtype=np.float64))
