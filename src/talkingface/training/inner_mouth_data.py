"""What the inner-mouth painter learns from: pixels between the lips of people who speak, with their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.errors import MediaError
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.track import FaceTrack
from talkingface.media.planes import picture_bgr
from talkingface.media.reader import VideoReader
from talkingface.models.video_retalking.landmark.canonicalize import CanonicalFace, TemplateCanonicalizer
from talkingface.models.video_retalking.landmark.mouth_colours import PATCH, SKIN, median_at
from talkingface.models.video_retalking.landmark.mouth_layer import fit_affine
from talkingface.models.video_retalking.landmark.mouth_space import (
    LEAST_DISTANCE,
    LIP_PLANE,
    MOUTH,
    mouth_space,
    seam_of,
)

INNER_MOUTH_VERSION = 1  # of the extraction
DENSITY = 96  # samples an inter-ocular distance
REACH = (-0.5, -0.2, 0.5, 0.46)  # left, top, right, bottom of what is looked at, round the closed lips
LEAST_GAP = 0.015
SUREST = 0.9  # presence of the mesh network
LARGEST_TURN = 25.0  # degrees of yaw
VIEWS_PER_CLIP = 10
LEAST_PIXELS = 6


@dataclass(frozen=True)
class InnerMouths:
    """Mouths of many clips, pixel by pixel.

    Attributes:
        places: (P, 6) float16, the first six fields of ``MouthSpace``.
        colours: (P, 3) uint8 B, G, R.
        view: (P,) int32 number of the frame, rising.
        opening: (V, 5) float32 of each frame, ``MouthSpace.opening``.
        clip: (V,) int32 number of the frame's clip.
        skin: (C, 3) float32 B, G, R beside the nose, of each clip.
        lips: (C, 3) float32 B, G, R.
        identity: (C, D) float32 embedding of each clip's face.
        names: (C,) of the files.
    """

    places: NDArray[np.float16]
    colours: NDArray[np.uint8]
    view: NDArray[np.int32]
    opening: NDArray[np.float32]
    clip: NDArray[np.int32]
    skin: NDArray[np.float32]
    lips: NDArray[np.float32]
    identity: NDArray[np.float32]
    names: NDArray[np.str_]

    def of_clips(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Rows of the pixels of some clips, (C,) True."""
        return np.flatnonzero(chosen[self.clip][self.view])


def mouths_of_clip(path: Path, track: FaceTrack, views: int = VIEWS_PER_CLIP) -> InnerMouths | None:
    """Cut the open mouths out of a clip.

    Args:
        path: The video.
        track: The face in it, with its embedding.
        views: Frames used, from hardly open to widest.

    Returns:
        One clip's share; None when the mouth is never seen open.

    Raises:
        MediaError: when the video cannot be read.
    """
    face = TemplateCanonicalizer().canonicalise(track)
    turn = np.abs(face.pose.yaw_pitch_roll()[:, 0])
    fit = (face.gap > LEAST_GAP) & face.trusted & (track.presence > SUREST) & (turn < LARGEST_TURN)
    rows = np.flatnonzero(fit)
    if not len(rows):
        return None
    order = rows[np.argsort(face.gap[rows], kind="stable")]
    chosen = np.unique(order[np.linspace(0, len(order) - 1, min(views, len(order))).astype(int)])
    wanted = {int(track.frames[row]): int(row) for row in chosen}
    cut = []
    with VideoReader(path) as reader:
        for number, decoded in enumerate(reader.frames()):
            if number in wanted:
                cut.append(_view(picture_bgr(decoded.frame, None), face, wanted[number]))
    cut = [view for view in cut if len(view[0]) >= LEAST_PIXELS]
    if not cut:
        return None
    places, colours, opening, skin, lips = zip(*cut, strict=True)
    identity = track.identity if track.identity is not None else np.zeros(1, np.float32)
    return InnerMouths(
        np.concatenate(places),
        np.concatenate(colours),
        np.repeat(np.arange(len(cut), dtype=np.int32), [len(place) for place in places]),
        np.stack(opening),
        np.zeros(len(cut), np.int32),
        np.median(skin, 0)[None].astype(np.float32),
        np.median(lips, 0)[None].astype(np.float32),
        np.asarray(identity, np.float32)[None],
        np.array([path.stem]),
    )


_View = tuple[NDArray[np.float16], NDArray[np.uint8], NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]


def _view(picture: NDArray[np.uint8], face: CanonicalFace, row: int) -> _View:
    """Places, colours, opening, skin and lips of one frame."""
    landmarks, shape = face.landmarks[row], face.shape(row)[MOUTH, :2]
    to_picture = fit_affine(shape[LIP_PLANE], landmarks[MOUTH][LIP_PLANE, :2])
    left, top, right, bottom = REACH
    xs = np.arange(left, right, 1 / DENSITY)
    ys = np.arange(top, bottom, 1 / DENSITY)
    where = np.stack(np.meshgrid(xs, ys), -1) + seam_of(face.closed_mouth)
    space, inside = mouth_space(shape, face.closed_mouth, where, margin=-LEAST_DISTANCE)
    pixels = where @ to_picture[:, :2].T + to_picture[:, 2]
    cut = cv2.remap(
        picture, pixels[..., 0].astype(np.float32), pixels[..., 1].astype(np.float32), cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    smooth = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), max(0.6, PATCH * float(face.interocular[row])))
    skin = median_at(smooth, landmarks[list(SKIN), :2])
    lips = median_at(smooth, landmarks[list(mesh.LIPS_MIDDLE_OUTER), :2])
    return space.places().astype(np.float16), np.asarray(cut[inside], np.uint8), space.opening, skin, lips


def joined(parts: Sequence[InnerMouths]) -> InnerMouths:
    """The mouths of several clips as one.

    Raises:
        MediaError: when there is none.
    """
    if not parts:
        raise MediaError("no clip shows an open mouth")
    views = np.cumsum([0] + [len(part.opening) for part in parts])
    clips = np.cumsum([0] + [len(part.names) for part in parts])
    moved = [
        {f.name: getattr(part, f.name) for f in fields(part)}
        | {"view": part.view + np.int32(view), "clip": part.clip + np.int32(clip)}
        for part, view, clip in zip(parts, views, clips, strict=False)
    ]
    return InnerMouths(**{f.name: np.concatenate([part[f.name] for part in moved]) for f in fields(InnerMouths)})


def save_mouths(path: Path, mouths: InnerMouths) -> None:
    """Write mouths as ``.npz``, whole or not at all."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, version=INNER_MOUTH_VERSION, **{f.name: getattr(mouths, f.name) for f in fields(mouths)})
    part.replace(path)


def load_mouths(path: Path) -> InnerMouths:
    """Read what ``save_mouths`` wrote.

    Raises:
        MediaError: when it is not there, is no such file, or another version made it.
    """
    try:
        with np.load(path, allow_pickle=False) as packed:
            if int(packed["version"]) != INNER_MOUTH_VERSION:
                raise MediaError(f"{path}: another version made it; make it again from the videos")
            return InnerMouths(**{f.name: packed[f.name] for f in fields(InnerMouths)})
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise MediaError(f"{path}: is no packed file of mouths ({error})") from None
