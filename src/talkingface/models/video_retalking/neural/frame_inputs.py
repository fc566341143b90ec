"""What the networks are given of one frame: where it lies, and the pictures cut out there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkingface.media.planes import Plane, PlaneLayout
from talkingface.models.video_retalking.neural.face_frames import CROP, FaceFrames, chained, undone
from talkingface.models.video_retalking.neural.frame_pictures import (
    bgr_of,
    crops_of,
    looked_up,
    region_round,
)
from talkingface.restore.alignment import GFPGAN_POINTS, GPEN_POINTS, similarity

FloatArray = NDArray[np.float32]
Map = NDArray[np.float64]
POINTS = {"gfpgan": GFPGAN_POINTS, "gpen": GPEN_POINTS}
POINTS_SIZE = 512  # pixels across of the pictures those points are given in


@dataclass(frozen=True)
class Sizes:
    """Pixels across of what the networks work on.

    Attributes:
        box: Of the lips' networks.
        restored: Of the restorer; 0 without one.
        enhancer: ``gfpgan`` or ``gpen``: by whose points the restorer's pictures are aligned.
        reference: Of the reference's restorer; 0 without one.
    """

    box: int
    restored: int
    enhancer: str
    reference: int


@dataclass(frozen=True)
class FramePlaces:
    """Where everything of one frame lies; (2, 3) maps each.

    Attributes:
        crop: From the crop of 256 pixels to the coded frame.
        box: From the box's picture to the coded frame.
        aligned: From the restorer's aligned picture to the coded frame; None without a restorer.
        reference: From the reference restorer's aligned picture to the crop; None without one.
    """

    crop: Map
    box: Map
    aligned: Map | None
    reference: Map | None

    @property
    def crop_of_box(self) -> Map:
        """From the box's picture to the crop."""
        return chained(self.box, undone(self.crop))

    @property
    def box_of_aligned(self) -> Map:
        """From the restorer's aligned picture to the box's; where there is a restorer."""
        assert self.aligned is not None
        return chained(self.aligned, undone(self.box))


@dataclass(frozen=True)
class FramePictures:
    """What is cut out of one frame, BGR in 0..255.

    Attributes:
        crop: (256, 256, 3) of the frame, or of the one reference.
        face: (B, B, 3) the box.
        aligned: (S, S, 3) as the restorer wants it; None without one.
    """

    crop: FloatArray
    face: FloatArray
    aligned: FloatArray | None


@dataclass(frozen=True)
class FrameInput:
    """All that the networks are given of one frame.

    Attributes:
        places: Where its pictures lie.
        pictures: Those.
        window: (73, 26) coefficients round it.
        mel: (80, 16) what it speaks.
    """

    places: FramePlaces
    pictures: FramePictures
    window: FloatArray
    mel: FloatArray


def places_of(face: FaceFrames, row: int, to_coded: Map, sizes: Sizes) -> FramePlaces:
    """Work out where the pictures of a frame lie.

    Args:
        face: Where the face is.
        row: Of the track.
        to_coded: From the shown picture to the coded frame.
        sizes: Of the networks' pictures.
    """

    def aligned(points: NDArray[np.float64], size: int) -> Map:
        return undone(similarity(face.five[row], (points + 0.5) * (size / POINTS_SIZE)))

    restored = None
    if sizes.restored:
        restored = chained(aligned(POINTS[sizes.enhancer], sizes.restored), to_coded)
    reference = None
    if sizes.reference:
        reference = chained(aligned(GPEN_POINTS, sizes.reference), undone(face.crop_to_shown(row)))
    return FramePlaces(
        crop=chained(face.crop_to_shown(row), to_coded),
        box=chained(face.box_to_shown(row, sizes.box), to_coded),
        aligned=restored,
        reference=reference,
    )


def is_in_picture(places: FramePlaces, sizes: Sizes, layout: PlaneLayout) -> bool:
    """Whether enough of the box lies in the frame."""
    return region_round([whole(places.box, sizes.box)], layout.width, layout.height) is not None


def whole(map_: Map, size: int) -> Map:
    """The map of a picture of ``size`` pixels across as that of one of 1 x 1."""
    return np.asarray(map_ @ np.diag([size, size, 1.0]))


def cut(
    planes: Sequence[Plane], places: FramePlaces, sizes: Sizes, layout: PlaneLayout, reference: FloatArray | None
) -> FramePictures:
    """Cut the pictures out of a frame; they share one conversion to BGR.

    Args:
        planes: Of the frame.
        places: Of which the box is in the picture.
        sizes: Of the networks' pictures.
        layout: Of the frame.
        reference: (256, 256, 3) stands for the frame's own crop; None when that is cut.
    """
    wanted = [whole(places.box, sizes.box)]
    if reference is None:
        wanted.append(whole(places.crop, CROP))
    if places.aligned is not None:
        wanted.append(whole(places.aligned, sizes.restored))
    region = region_round(wanted, layout.width, layout.height)
    assert region is not None  # it holds the box
    picture = bgr_of(crops_of(planes, region, layout), layout)
    into = undone(region.to_frame)

    def looked(map_: Map, size: int) -> FloatArray:
        return looked_up(picture, chained(map_, into), size, size)

    return FramePictures(
        crop=looked(places.crop, CROP) if reference is None else reference,
        face=looked(places.box, sizes.box),
        aligned=None if places.aligned is None else looked(places.aligned, sizes.restored),
    )
