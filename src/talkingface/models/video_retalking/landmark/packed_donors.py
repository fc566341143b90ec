"""Stage 2b, speak: packed mouths, read back when they are needed."""

from __future__ import annotations

import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkingface.media.planes import PlaneLayout
from talkingface.models.video_retalking.landmark.donor_look import FloatArray
from talkingface.models.video_retalking.landmark.donors import (
    MEMORY_BYTES,
    Donor,
    cut_planes,
    packed_index,
    sample_kind,
)


class RecentDonors:
    """The crops read last, of all faces of a job together."""

    def __init__(self, size: int = MEMORY_BYTES) -> None:
        self._left = size
        self._donors: OrderedDict[tuple[Path, int], Donor] = OrderedDict()

    def get(self, key: tuple[Path, int]) -> Donor | None:
        """A crop, if it is still there."""
        donor = self._donors.get(key)
        if donor is not None:
            self._donors.move_to_end(key)
        return donor

    def put(self, key: tuple[Path, int], donor: Donor) -> None:
        """Keep a crop; those not looked at for longest go."""
        self._donors[key] = donor
        self._left -= sum(plane.nbytes for plane in donor.planes)
        while self._left < 0 and len(self._donors) > 1:
            _, oldest = self._donors.popitem(last=False)
            self._left += sum(plane.nbytes for plane in oldest.planes)


class PackedDonors:
    """What ``DonorBank.pack`` wrote, read when it is needed."""

    def __init__(self, path: Path, layout: PlaneLayout, recent: RecentDonors | None = None) -> None:
        """Read what is known of the crops.

        Raises:
            OSError: the files are not there.
            ValueError: they are not whole.
        """
        self._path = path
        self._kind = sample_kind(layout)
        self._recent = recent or RecentDonors()
        try:
            with np.load(packed_index(path), allow_pickle=False) as index:
                self.frames: NDArray[np.int64] = index["frames"]
                self._corners, self._shapes, self._sharpness = index["corners"], index["shapes"], index["sharpness"]
                self._looks, self._seams = index["looks"], index["seams"]
        except (zipfile.BadZipFile, EOFError) as error:
            raise ValueError(f"{path}: its index is not whole") from error
        counts = self._shapes.prod(-1).sum(-1) if len(self.frames) else np.zeros(0, np.int64)
        self._starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        if path.stat().st_size != int(self._starts[-1]) * self._kind.itemsize:
            raise ValueError(f"{path}: has another length than its index says")

    def __len__(self) -> int:
        return len(self.frames)

    def sharpness(self, frames: NDArray[np.int64]) -> NDArray[np.float64]:
        """Sharpness of kept frames' mouths; see ``DonorBank.sharpness``."""
        return np.asarray(self._sharpness[np.searchsorted(self.frames, frames)])

    def looks(self, frames: NDArray[np.int64]) -> FloatArray:
        """Looks of kept frames' mouths; see ``DonorBank.looks``."""
        return np.asarray(self._looks[np.searchsorted(self.frames, frames)])

    def seam(self, frame: int) -> FloatArray:
        """The seam of a kept frame's mouth; see ``DonorBank.seam``."""
        return np.asarray(self._seams[np.searchsorted(self.frames, frame)])

    def get(self, frame: int) -> Donor:
        """Read a crop."""
        donor = self._recent.get((self._path, frame))
        if donor is None:
            place = int(np.searchsorted(self.frames, frame))
            start, stop = int(self._starts[place]), int(self._starts[place + 1])
            raw = np.fromfile(self._path, self._kind, stop - start, offset=start * self._kind.itemsize)
            shapes = [(int(rows), int(columns)) for rows, columns in self._shapes[place]]
            donor = Donor(frame, int(self._corners[place, 0]), int(self._corners[place, 1]), cut_planes(raw, shapes))
            self._recent.put((self._path, frame), donor)
        return donor
