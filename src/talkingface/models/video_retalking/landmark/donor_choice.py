"""Which of the person's own mouths each frame of the result is made from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import gap_of
from talkingface.media.row_file import RowFile, Rows
from talkingface.models.video_retalking.landmark.canonicalize import CanonicalFace
from talkingface.models.video_retalking.landmark.donor_look import LookDistances
from talkingface.models.video_retalking.landmark.donors import Donors
from talkingface.progress import Cancellation

POSE_WEIGHT = 0.06  # cost of 10 degrees of head turn between donor and frame, inter-ocular units
MISSING_GAP_WEIGHT = 1.0
MISSING_GAP_SEEN = 0.02  # inter-ocular units; beyond it the inside cannot be stretched and depth must be painted
PAINTED_GAP_WEIGHT = 1.5
OPEN_FOR_CLOSED = 0.04  # cost of an open donor for a closed mouth
SWITCH_COST = 0.02
LOOK_COST = 5.0  # of a jump that changes brightness by 1 over 1 inter-ocular distance of height
ODD_LOOK_COST = 0.3  # of lips that look unlike the person's by a brightness of 1
SOFT_COST = 0.02  # of a mouth without any sharpness
BLUR_COST = 0.02  # of a mouth twice as sharp, or half as sharp, as the frame's own is for its opening
BLUR_MOST = 0.03
CUT_COST = 0.1  # of a mouth that the picture's border touches; none where so much lies between them:
CUT_MARGIN = 0.28  # inter-ocular distances
STEP_COST = 0.004  # of going on with the donor's next or previous frame: to and fro between two is a tremble
SOURCES = 48  # donors a jump may come from: the cheapest at that time
STEPS = 500  # frames looked at together
_LIPS = list(mesh.LIPS_OUTER + mesh.LIPS_INNER)


def choose_donors(
    face: CanonicalFace, rows: NDArray[np.int64], targets: Rows, donors: Donors, folder: Path,
    cancel: Cancellation | None = None,
) -> NDArray[np.int64]:  # fmt: skip
    """Choose for every frame of the result the kept mouth that needs the least change, and change seldom.

    A path of least cost (Viterbi): the distance of lip shapes, the opening a donor lacks, the turn of the head between
    them, lips that look odd or soft, and a price for every jump that grows with the change to be seen: so donors change
    where the mouth is closed, or where they look alike. Going on with the donor's next or previous frame costs little.

    Args:
        face: The person.
        rows: (N,) row of the track each frame of the result is made on.
        targets: N canonical lip points wanted, (40, 2) each (outer, inner).
        donors: The kept mouths.
        folder: For the table of the path, 0.8 KB a frame; nothing stays in it.
        cancel: Checked all the time.

    Returns:
        (N,) rows of the track to take the mouth from.

    Raises:
        OutputError: the table cannot be written.
        Cancelled: when asked to stop.
    """
    table = folder / "donor-path.rows"
    table.unlink(missing_ok=True)
    search = _Search(face, donors)
    with RowFile(table, (len(search.kept),), np.int16) as back:
        for low in range(0, len(rows), STEPS):
            if cancel is not None:
                cancel.check()
            high = min(len(rows), low + STEPS)
            back.extend(search.steps(rows[low:high], np.asarray(targets[low:high], np.float64)))
        path = np.empty(len(rows), np.int64)
        if len(rows):
            path[-1] = int(search.total.argmin())
        for low in range((len(rows) - 1) // STEPS * STEPS, -1, -STEPS):
            high = min(len(rows), low + STEPS)
            part = back[low:high]
            for step in range(high - 1, max(low, 1) - 1, -1):
                path[step - 1] = part[step - low, path[step]]
    table.unlink(missing_ok=True)
    return np.asarray(search.kept[path])


class _Search:
    """The forward half of the search, with what it needs to know of every donor."""

    def __init__(self, face: CanonicalFace, donors: Donors) -> None:
        frames = face.track.frames
        places = np.searchsorted(frames, donors.frames)
        there = places < len(frames)
        there[there] = frames[places[there]] == donors.frames[there]
        kept = places[there]
        sure = face.trusted[kept]
        if sure.any():  # a mouth behind a hand is no mouth to take
            kept = kept[sure]
        found = places[there]
        self._crispness = np.interp(np.arange(len(frames)), found, _crispness(face, found, donors))
        self.kept = kept
        shapes = np.stack([face.shape(int(row))[_LIPS, :2] for row in kept])
        self._shapes = (shapes - shapes.mean(1, keepdims=True)).reshape(len(kept), -1).astype(np.float32)
        self._gaps = face.gap[kept]
        self._closed_level = float(np.percentile(face.gap, 12)) + 0.01
        self._looks = face.pose.rotation[:, 2]  # where the face looks: enough to compare head poses but for roll
        sharp = donors.sharpness(frames[kept])
        self._looks_apart = LookDistances.between(donors.looks(frames[kept]))
        self._worse = SOFT_COST * np.clip(1 - sharp / max(float(np.median(sharp)), 1e-6), 0, 1)
        self._worse += ODD_LOOK_COST * self._looks_apart.oddness
        self._worse += CUT_COST * _cut(face, kept)
        self._before = np.full(len(kept), -1)
        self._before[1:] = np.where(np.diff(kept) == 1, np.arange(len(kept) - 1), -1)
        self._after = np.full(len(kept), -1)
        self._after[:-1] = np.where(np.diff(kept) == 1, np.arange(1, len(kept)), -1)
        self.total: NDArray[np.float64] = np.zeros(0)

    def steps(self, rows: NDArray[np.int64], targets: NDArray[np.float64]) -> NDArray[np.int16]:
        """Go on by some frames; (n, K) where each donor's best path came from."""
        every = np.arange(len(self.kept))
        wanted_gap = gap_of(targets)
        centred = (targets - targets.mean(1, keepdims=True)).astype(np.float32)
        back = np.empty((len(rows), len(self.kept)), np.int16)
        for step, row in enumerate(rows):
            cost = self._costs(row, centred[step], float(wanted_gap[step]))
            if not len(self.total):
                self.total, back[step] = cost, every
                continue
            best, came_from = self._jumps(float(wanted_gap[step]))
            for source, price in ((every, 0.0), (self._before, STEP_COST), (self._after, STEP_COST)):
                value = np.where(source >= 0, self.total[source] + price, np.inf)
                better = value < best
                best[better], came_from[better] = value[better], source[better]
            back[step] = came_from
            self.total = best + cost
        return back

    def _jumps(self, gap: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The cheapest jump to every donor, (K,), and the donor it comes from."""
        sources = np.argsort(self.total, kind="stable")[:SOURCES]
        prices = self.total[sources, None] + SWITCH_COST + LOOK_COST * self._looks_apart.change(sources, gap)
        first = prices.argmin(0)
        return prices[first, np.arange(len(self.kept))], sources[first]

    def _costs(self, row: int, centred: NDArray[np.float32], wanted_gap: float) -> NDArray[np.float64]:
        difference = (self._shapes - centred.ravel()).reshape(len(self.kept), 40, 2)
        cost = np.sqrt((difference**2).sum(-1)).mean(1).astype(np.float64) + self._worse
        missing = np.maximum(wanted_gap - self._gaps, 0)
        cost += MISSING_GAP_WEIGHT * missing + PAINTED_GAP_WEIGHT * np.maximum(missing - MISSING_GAP_SEEN, 0)
        angle = np.degrees(np.arccos(np.clip(self._looks[self.kept] @ self._looks[row], -1, 1)))
        cost += POSE_WEIGHT * angle / 10
        cost += np.minimum(BLUR_COST * np.abs(self._crispness[self.kept] - self._crispness[row]), BLUR_MOST)
        if wanted_gap < self._closed_level:
            cost += OPEN_FOR_CLOSED * np.clip((self._gaps - self._closed_level) / 0.02, 0, 1)
        return np.asarray(cost)


def _crispness(face: CanonicalFace, rows: NDArray[np.int64], donors: Donors) -> NDArray[np.float64]:
    """How sharp kept mouths are for their openings, as teeth are sharper than lips: (K,) octaves, 0 as usual."""
    sharp = np.log2(np.maximum(donors.sharpness(face.track.frames[rows]), 0.1))
    gap = face.gap[rows] - face.gap[rows].mean()
    slope = float((gap * sharp).mean() / ((gap**2).mean() + 1e-6))
    return np.asarray(sharp - sharp.mean() - slope * gap)


def _cut(face: CanonicalFace, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """How near mouths are to the picture's border, (K,): 0 when all round them is seen, 1 when they touch it."""
    lips = np.stack([face.landmarks[int(row)][list(mesh.LIPS_OUTER), :2] for row in rows])
    size = np.array([face.track.width, face.track.height])
    left = np.minimum(lips.min(1), size - lips.max(1)).min(1) / face.interocular[rows]
    return np.asarray(np.clip(1 - left / CUT_MARGIN, 0, 1))
