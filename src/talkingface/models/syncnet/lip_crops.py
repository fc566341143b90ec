"""What SyncNet is shown of a face: 25 pictures a second of 224 by 224 pixels, cut out as its authors do.

Their program (``run_pipeline.py`` of syncnet_python) cuts a detector's box out, widened and moved down. Our landmarks'
bounding box stands for that detector's. The frames go from the decoder to the network; theirs are compressed three
times in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.faces.track import FaceTrack
from talkingface.media.planes import picture_bgr
from talkingface.media.reader import VideoReader
from talkingface.media.ticks import frames_at_ticks

TICK_RATE = 25
WINDOW_TICKS = 5
PICTURE_SIDE = 224
CROP_SCALE = 0.40  # of the box, added to each side
PADDING_GREY = 110
SMOOTHED_BOXES = 13  # boxes in the median filter
SHORTEST_TRACK = 25  # ticks; the authors leave out what is no longer than 100
LEAST_OVERLAP = 0.5  # of the box with the one before it, over their union


@dataclass(frozen=True)
class LipTrack:
    """Ticks that follow each other and show one face, in one shot.

    Attributes:
        first: The first tick.
        frames: (n,) index of the frame on screen at each tick.
        boxes: (n, 3) centre x, centre y and half the longer side of the face's box, pixels of the picture as shown
            (upright), smoothed; None for the whole picture.
    """

    first: int
    frames: NDArray[np.int64]
    boxes: NDArray[np.float64] | None

    @property
    def windows(self) -> int:
        """How many windows are scored: one fewer than there could be, as the released program does."""
        return max(0, len(self.frames) - WINDOW_TICKS)


@dataclass(frozen=True)
class LipPlan:
    """Where the lips of a clip are.

    Attributes:
        length: Ticks from second 0 to the clip's end.
        tracks: In time, each long enough to be scored.
        short_tracks: How many were too short.
        ticks_left_out: Ticks that are in none of them: no face, or a track too short.
    """

    length: int
    tracks: tuple[LipTrack, ...]
    short_tracks: int
    ticks_left_out: int


@dataclass(frozen=True)
class LipCrop:
    """One picture for the network.

    Attributes:
        tick: Its place in time.
        picture: (224, 224, 3) BGR uint8.
        begins: It is the first of its track.
    """

    tick: int
    picture: NDArray[np.uint8]
    begins: bool


def plan_whole_pictures(times: NDArray[np.float64]) -> LipPlan:
    """Plan for a file that is a face cut out already: everything it shows is one track."""
    shown = frames_at_ticks(times, TICK_RATE)
    return _plan(len(shown), [LipTrack(start, shown[start:stop], None) for start, stop in _runs(shown >= 0)])


def plan_face(times: NDArray[np.float64], face: FaceTrack, cuts: Sequence[int], rotation: int = 0) -> LipPlan:
    """Plan for a face in a video.

    A track ends at a cut, where the face is not seen, and where its box leaps.

    Args:
        times: (N,) seconds of every frame of the video.
        face: The face, over several shots maybe.
        cuts: Indices of frames that begin a new shot.
        rotation: Degrees clockwise that a player turns the coded frames.
    """
    shown = frames_at_ticks(times, TICK_RATE)
    row_of_frame = np.full(len(times), -1, np.int64)
    row_of_frame[face.frames] = np.arange(len(face))
    rows = np.where(shown >= 0, row_of_frame[shown], -1)
    corners = shown_boxes(np.asarray(face.boxes, np.float64), rotation, face.width, face.height)
    shot = np.searchsorted(np.asarray(sorted(cuts), np.int64), shown, side="right")
    tracks = []
    for start, stop in _runs(rows >= 0):
        within = corners[rows[start:stop]]
        apart = (np.diff(shot[start:stop]) != 0) | (_overlaps(within) < LEAST_OVERLAP)
        edges = [0, *(np.flatnonzero(apart) + 1).tolist(), stop - start]
        for low, high in pairwise(edges):
            tracks.append(LipTrack(start + low, shown[start + low : start + high], _smooth_boxes(within[low:high])))
    return _plan(len(shown), tracks)


def lip_crops(reader: VideoReader, plan: LipPlan, check: Callable[[], None] | None = None) -> Iterator[LipCrop]:
    """Cut the pictures of a plan out of a video while it is decoded.

    The last tick of each track is not cut: see ``LipTrack.windows``.

    Args:
        reader: Of the video that the plan was made for.
        plan: What to cut.
        check: Called at every frame; what it raises ends the work.
    """
    waiting = [(track, row) for track in plan.tracks for row in range(len(track.frames) - 1)]
    place = 0
    for decoded in reader.frames():
        if check is not None:
            check()
        picture: NDArray[np.uint8] | None = None
        while place < len(waiting) and waiting[place][0].frames[waiting[place][1]] == decoded.index:
            track, row = waiting[place]
            if picture is None:
                picture = picture_bgr(decoded.frame, None, reader.stream.rotation)
            crop = resized(picture) if track.boxes is None else cut_out(picture, *track.boxes[row])
            yield LipCrop(track.first + row, crop, row == 0)
            place += 1
        if place == len(waiting):
            return


def cut_out(picture: NDArray[np.uint8], x: float, y: float, half: float) -> NDArray[np.uint8]:
    """Cut a face out, grey where the picture ends.

    Args:
        picture: (height, width, 3) BGR.
        x: Centre of its box, pixels.
        y: Centre of its box, pixels.
        half: Half the box's longer side, pixels.

    Returns:
        (224, 224, 3): from ``half`` above the centre to 1.8 times that below, 1.4 times that to either side.
    """
    margin = int(half * (1 + 2 * CROP_SCALE))
    padded_x, padded_y = x + margin, y + margin
    top, bottom = int(padded_y - half) - margin, int(padded_y + half * (1 + 2 * CROP_SCALE)) - margin
    left, right = int(padded_x - half * (1 + CROP_SCALE)) - margin, int(padded_x + half * (1 + CROP_SCALE)) - margin
    height, width = picture.shape[:2]
    crop = np.full((max(1, bottom - top), max(1, right - left), 3), PADDING_GREY, np.uint8)
    y0, y1 = max(0, top), min(height, bottom)
    x0, x1 = max(0, left), min(width, right)
    if y0 < y1 and x0 < x1:
        crop[y0 - top : y1 - top, x0 - left : x1 - left] = picture[y0:y1, x0:x1]
    return resized(crop)


def resized(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Any picture (height, width, 3) as (224, 224, 3), its proportions lost; as the released programs do."""
    return np.asarray(cv2.resize(picture, (PICTURE_SIDE, PICTURE_SIDE), interpolation=cv2.INTER_LINEAR), np.uint8)


def median_filter(values: NDArray[np.floating], width: int) -> NDArray[np.float64]:
    """Running median of (T,) values over an odd number of them, with zeros beyond both ends as SciPy has it."""
    padded = np.pad(np.asarray(values, np.float64), width // 2)
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1), np.float64)


def shown_boxes(boxes: NDArray[np.float64], rotation: int, width: int, height: int) -> NDArray[np.float64]:
    """Boxes (T, 4) x0, y0, x1, y1 of the coded picture in the picture as shown.

    Args:
        boxes: Pixels of the coded picture.
        rotation: Degrees clockwise that a player turns it: 0, 90, 180 or 270.
        width: Of the coded picture.
        height: Of the coded picture.
    """
    x0, y0, x1, y1 = boxes.T
    turned = {
        0: (x0, y0, x1, y1),
        90: (height - y1, x0, height - y0, x1),
        180: (width - x1, height - y1, width - x0, height - y0),
        270: (y0, width - x1, y1, width - x0),
    }
    return np.stack(turned[rotation % 360], 1)


def _plan(length: int, tracks: Sequence[LipTrack]) -> LipPlan:
    long = tuple(track for track in tracks if len(track.frames) >= SHORTEST_TRACK)
    used = sum(len(track.frames) for track in long)
    return LipPlan(length, long, len(tracks) - len(long), length - used)


def _runs(wanted: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(start, stop) of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], wanted, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _overlaps(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of each of (T, 4) boxes with the next: (T - 1,)."""
    a, b = boxes[:-1], boxes[1:]
    sides = np.maximum(0, np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]))
    both = sides.prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    return np.asarray(both / np.maximum(areas[:-1] + areas[1:] - both, 1e-9))


def _smooth_boxes(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, 4) corners -> (T, 3) smoothed centre x, centre y, half the longer side."""
    centres = (corners[:, :2] + corners[:, 2:]) / 2
    half = (corners[:, 2:] - corners[:, :2]).max(1) / 2
    series = (centres[:, 0], centres[:, 1], half)
    return np.stack([median_filter(values, SMOOTHED_BOXES) for values in series], 1)
