"""The expression that D-Net gives every frame: 64 coefficients, the same for a whole clip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import NoFaceError, WeightsUnusableError
from talkingface.faces.video import track_video
from talkingface.media.ordered_reader import frames_in_order
from talkingface.media.planes import layout_of, plane_views
from talkingface.media.row_file import Rows
from talkingface.models.video_retalking.neural.coefficient_pass import CropReader, coefficient_rows, pose_in_crop
from talkingface.models.video_retalking.neural.face_frames import face_frames, shown_to_coded
from talkingface.models.video_retalking.neural.network_set import NetworkSet
from talkingface.models.video_retalking.neural.semantic_window import EXPRESSION, EXPRESSION_COUNT
from talkingface.options import Pads
from talkingface.weights.matlab import read_mat

FloatArray = NDArray[np.float64]
RELEASED = {"neutral": "expression_center", "happy": "expression_mouth"}  # names in expression.mat
QUIET = 0.2  # of a person's frames: those whose lips are least apart
REFERENCE_SECONDS = 20.0  # of a video whose expression is taken
REFERENCE_FRAMES = 16  # of them, those whose lips are least apart


def released_template(path: Path, name: str) -> FloatArray:
    """A template of ``expression.mat``.

    Args:
        path: The file.
        name: ``neutral`` or ``happy``.

    Raises:
        WeightsUnusableError: it does not hold it.
    """
    values = read_mat(path).get(RELEASED[name])
    if values is None or values.ndim != 2 or values.shape[0] < 1 or values.shape[1] < EXPRESSION_COUNT:
        raise WeightsUnusableError(f"{path}: does not hold {EXPRESSION_COUNT} numbers {RELEASED[name]!r}; get it again")
    template = values[0, :EXPRESSION_COUNT]
    if not np.isfinite(template).all():
        raise WeightsUnusableError(f"{path}: {RELEASED[name]!r} holds values that are no numbers; get it again")
    return np.asarray(template)


def quiet_frames(openings: NDArray[np.floating]) -> NDArray[np.int64]:
    """The frames whose lips are least apart, rising; at least one.

    Args:
        openings: (T,) between the lips.
    """
    count = max(1, round(QUIET * len(openings)))
    return np.sort(np.argsort(openings, kind="stable")[:count])


def mean_expression(rows: Sequence[Rows], openings: Sequence[NDArray[np.floating]]) -> FloatArray:
    """A person's expression when it does not speak: the mean over frames with closed lips.

    Args:
        rows: Coefficients in every shot, (T, 262) each.
        openings: (T,) between the lips in every shot.
    """
    everywhere = np.concatenate([np.asarray(one) for one in openings])
    limit = everywhere[quiet_frames(everywhere)].max()
    total, count = np.zeros(EXPRESSION_COUNT), 0
    for shot, opening in zip(rows, openings, strict=True):
        for row in np.flatnonzero(opening <= limit).tolist():
            total += shot[row][EXPRESSION]
            count += 1
    return np.asarray(total / count)


def expression_of_file(
    path: Path, networks: NetworkSet, space: NDArray[np.floating], check: Callable[[], None]
) -> FloatArray:
    """The expression of the most present face of a picture or video.

    Args:
        path: The file; of a video the first seconds count, and of them the frames with lips least apart.
        networks: Whose ``coefficients`` is run.
        space: (5, 3) the standard face.
        check: Called for every frame; may raise.

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
    rotation = found.info.video[0].rotation
    face = face_frames(track, rotation, Pads(0, 0, 0, 0))
    rows = quiet_frames(face.openings)[:REFERENCE_FRAMES]
    to_coded = shown_to_coded(rotation, track.width, track.height)
    total = np.zeros(EXPRESSION_COUNT)
    frames = frames_in_order(path, track.frames[rows].tolist(), found.frame_pts.tolist())
    for row, frame in zip(rows.tolist(), frames, strict=True):
        check()
        crop = CropReader(layout_of(frame), to_coded).crop(plane_views(frame), face, row)
        total += coefficient_rows(networks, [crop], [pose_in_crop(face, row, space)])[0, EXPRESSION]
    return np.asarray(total / len(rows))
