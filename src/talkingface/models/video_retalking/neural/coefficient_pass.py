"""Coefficients of every frame of a shot: one more streaming look through the clip, a row of 262 numbers a frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import av
import numpy as np
import torch
from numpy.typing import NDArray

from talkingface.media.planes import Plane, PlaneLayout, plane_views
from talkingface.media.row_file import RowFile
from talkingface.models.video_retalking.neural.devices import Batches
from talkingface.models.video_retalking.neural.face_frames import CROP, FaceFrames, chained, undone
from talkingface.models.video_retalking.neural.frame_pictures import bgr_of, crops_of, looked_up, region_round
from talkingface.models.video_retalking.neural.network_set import NetworkSet
from talkingface.models.video_retalking.neural.pose_fit import PoseFit, cut_faces, fit_pose, upwards
from talkingface.models.video_retalking.neural.semantic_window import ROW

FloatArray = NDArray[np.float32]


class CropReader:
    """Cuts the upright square round a head out of frames."""

    def __init__(self, layout: PlaneLayout, to_coded: NDArray[np.float64]) -> None:
        """Get ready.

        Args:
            layout: Of the frames.
            to_coded: (2, 3) from the shown picture to the coded frame.
        """
        self.layout = layout
        self.to_coded = to_coded

    def crop(self, planes: Sequence[Plane], face: FaceFrames, row: int) -> FloatArray:
        """(256, 256, 3) BGR in 0..255; gray where the frame shows nothing of the square."""
        unit = chained(face.crop_to_shown(row, 1), self.to_coded)
        region = region_round([unit], self.layout.width, self.layout.height)
        if region is None:
            return np.full((CROP, CROP, 3), 127.5, np.float32)
        picture = bgr_of(crops_of(planes, region, self.layout), self.layout)
        map_ = chained(chained(face.crop_to_shown(row), self.to_coded), undone(region.to_frame))
        return looked_up(picture, map_, CROP, CROP)


def pose_in_crop(face: FaceFrames, row: int, space: NDArray[np.floating]) -> PoseFit:
    """How the standard face lies in a crop.

    Args:
        face: Where it is.
        row: Of the track.
        space: (5, 3) from ``standard_points.standard_five``.
    """
    left, top, side = face.crops[row]
    points = (face.five[row] - [left, top]) * (CROP / side) - 0.5
    return fit_pose(upwards(points, CROP), space, CROP, CROP)


def coefficient_rows(
    networks: NetworkSet, crops: Sequence[FloatArray], fits: Sequence[PoseFit]
) -> NDArray[np.float32]:  # fmt: skip
    """(N, 262) of crops (256, 256, 3) BGR in 0..255, see ``semantic_window``."""
    pictures = torch.from_numpy(np.stack(crops)[..., ::-1].copy()).permute(0, 3, 1, 2)
    with torch.inference_mode():
        cut = cut_faces(pictures.to(networks.device) / 255, list(fits)).clamp(0, 1).to(networks.dtype)
        seen = networks.coefficients(cut.contiguous(memory_format=torch.channels_last)).float().cpu().numpy()
    return np.concatenate([seen, np.stack([fit.row() for fit in fits])], 1).astype(np.float32)


def write_coefficients(
    path: Path, face: FaceFrames, rows: range, frames: Iterable[av.VideoFrame], reader: CropReader,
    networks: NetworkSet, space: NDArray[np.floating], batches: Batches, passed: Callable[[], None],
) -> RowFile:  # fmt: skip
    """Look through frames and keep their coefficients; what a file holds already is not looked for again.

    Args:
        path: The file.
        face: Where the face is.
        rows: Of the track, one for each frame.
        frames: In the rows' order.
        reader: Cuts crops.
        networks: Whose ``coefficients`` is run.
        space: (5, 3) the standard face.
        batches: How many at a time.
        passed: Called for every frame; may raise.

    Returns:
        (262,) a row; the first is that of ``rows[0]``.

    Raises:
        OutputError: the file cannot be written.
    """
    file = RowFile(path, (ROW,))
    if len(file) == len(rows):
        return file  # an interrupted run made it; the job's name says that it is the same
    path.unlink(missing_ok=True)
    file = RowFile(path, (ROW,))

    def seen(items: Sequence[tuple[FloatArray, PoseFit]]) -> list[FloatArray]:
        return list(coefficient_rows(networks, [crop for crop, _ in items], [fit for _, fit in items]))

    for group in _grouped(zip(rows, frames, strict=True), lambda: batches.size):
        items = []
        for row, frame in group:
            passed()
            items.append((reader.crop(plane_views(frame), face, row), pose_in_crop(face, row, space)))
        file.extend(np.stack(batches.run(seen, items)))
    file.flush()
    return file


def _grouped(
    items: Iterator[tuple[int, av.VideoFrame]], size: Callable[[], int]
) -> Iterator[list[tuple[int, av.VideoFrame]]]:
    group = []
    for item in items:
        group.append(item)
        if len(group) >= size():
            yield group
            group = []
    if group:
        yield group
