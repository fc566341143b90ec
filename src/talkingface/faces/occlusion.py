"""What a person's lower face usually looks like in a track, and in which frames something else is seen there.

Every frame is sampled at points of the face mesh, so a mouth that opens, a head that turns and a face that comes nearer
leave the samples where they are on the face. The samples are compared point by point with those of other frames, and
the differences averaged over small neighbourhoods: something that covers part of the mouth makes one neighbourhood
wholly different. Frames that many others resemble are the usual look; the others are measured against them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

# what is usual, in the units of looks (per cent of the brightness of forehead and nose)
LIP_SPREAD, LUMA_SPREAD = 14.5, 10.0
CHROMA_SPREAD = 3.0
CLIP = 3.0  # a point that differs more than this differs enough
CODE_NOISE = 2.0  # codes of 8 bits: what noise and quantisation may add in dark pictures
EDGE_ON = 62.0  # degrees
SAME_PATTERN = (0.74, 0.86)  # correlation of the same mouth in another light; of another thing it is less
NEIGHBOURHOOD = 0.13  # inter-ocular distances
NEAR = 1.35  # two frames that differ less show the same
FAR_HOLD, FAR, VERY_FAR = 1.3, 1.75, 2.4
LEAST_NEIGHBOURS = 0.06
# brightness of a mouth on its skin at the sample points, in the order of the mesh: mean of eight clips of two speakers
# of the GRID corpus (CC BY 4.0), left and right made equal, mean taken out; only its correlation with a face is used
MOUTH_PATTERN = (
    -6, 10, -38, -58, -6, -1, -30, 1, 50, 11, -67, 6, -11, -67, -71, 32, 14, -40, -58, -37, -35, -50, -48, -16, 14,
    -13, -1, -9, -23, 0, 22, 32, -48, 15, 39, 30, 26, 16, -21, 1, -29, 12, 37, 34, 27, 4, -2, -2, -9, -1, 13, 18, -82,
    -72, -51, 18, 48, 27, 30, 43, 40, 38, 45, 30, 42, 47, 43, 43, 50, 11, -67, 6, -11, -67, -71, 32, 14, -40, -58,
    -37, -35, -50, -48, -16, 14, -13, -1, -9, -23, 0, 22, 32, -48, 15, 39, 30, 26, 16, -21, 1, 37, 34, 27, 4, -2, -9,
    -1, 13, 18, -82, -72, -51, 18, 48, 43, 40, 38, 45, 30, 42, 47, 43, 43,
)  # fmt: skip
OFF_COLOUR = 0.02
LIKENESS_WEIGHT = 12.0
CLEARLY_LIKER = 0.12
SAMPLED_FRAMES = 160
PROTOTYPES = 20
BLOCK = 1500  # frames


@dataclass(frozen=True)
class LowerFaceLooks:
    """Samples of some frames, made comparable.

    Attributes:
        values: (T, P, 3) luma and the two colour differences at the points of the lower face, per cent of the
            brightness of the upper face, colours relative to the upper face's.
        noise: (T,) what noise is in these units.
        yaw: (T,) degrees the head is turned to the viewer's right.
    """

    values: FloatArray
    noise: FloatArray
    yaw: FloatArray

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: slice | NDArray[np.int64] | BoolArray) -> LowerFaceLooks:
        return LowerFaceLooks(self.values[index], self.noise[index], self.yaw[index])

    def joined(self, other: LowerFaceLooks) -> LowerFaceLooks:
        """These looks and others."""
        return LowerFaceLooks(
            np.concatenate([self.values, other.values]),
            np.concatenate([self.noise, other.noise]),
            np.concatenate([self.yaw, other.yaw]),
        )


class LookComparer:
    """Measures how differently two frames show the lower face."""

    def __init__(self, reference: NDArray[np.floating], points: list[int]) -> None:
        """Set up neighbourhoods.

        Args:
            reference: (478, 3) generic face, canonical coordinates.
            points: Which of its points the looks hold; as many as ``MOUTH_PATTERN`` has.
        """
        surface = np.asarray(reference, np.float64)[: mesh.SURFACE_POINTS]
        places = surface[points, :2]
        squared = ((places[:, None] - places[None]) ** 2).sum(-1)
        # the mesh is dense at the lips: a point counts the less the more neighbours it has
        density = np.exp(-squared / (2 * 0.06**2)).sum(1)
        near = np.exp(-squared / (2 * NEIGHBOURHOOD**2)) / density
        self.neighbourhoods = (near / near.sum(1, keepdims=True)).astype(np.float32)
        lips = set(mesh.REFINED_LIPS)
        self.luma_spread = np.array([LIP_SPREAD if p in lips else LUMA_SPREAD for p in points], np.float32)
        self.skin = np.array([point not in lips for point in points])
        pattern = np.array(MOUTH_PATTERN, np.float32)
        self.pattern = pattern / np.linalg.norm(pattern)
        self.facing = np.array([_facing(surface, surface[point]) for point in points], np.float32)
        self.shading = np.concatenate([np.ones((len(points), 1)), places - places.mean(0)], 1)

    def seen(self, yaw: NDArray[np.floating] | float) -> FloatArray:
        """Which points face the camera when the head is turned by ``yaw`` degrees, (..., P), 0 or 1."""
        return np.asarray(np.abs(self.facing + np.asarray(yaw)[..., None]) < EDGE_ON, np.float32)

    def difference(self, looks: LowerFaceLooks, one: LowerFaceLooks) -> FloatArray:
        """How much the most different neighbourhood of every frame differs from the one frame's: (T,), 0..3."""
        distance = np.abs(looks.values - one.values[0])
        extra = np.maximum(looks.noise, one.noise[0])[:, None]
        luma = distance[..., 0] / np.hypot(self.luma_spread, extra)
        colour = distance[..., 1:].max(-1) / np.hypot(CHROMA_SPREAD, extra)
        points = np.minimum(np.maximum(luma, colour), CLIP)
        seen = self.seen(looks.yaw) * self.seen(one.yaw)
        mass = np.maximum(seen @ self.neighbourhoods.T, 0.4)
        return np.asarray(((points * seen) @ self.neighbourhoods.T / mass).max(1), np.float32)

    def table(self, looks: LowerFaceLooks) -> FloatArray:
        """Differences of all pairs, (T, T)."""
        return np.stack([self.difference(looks, looks[row : row + 1]) for row in range(len(looks))])

    def likeness(self, looks: LowerFaceLooks) -> float:
        """How much the middle of some looks is like a mouth on skin, 1 at most.

        The correlation of its luma with a mouth's pattern, less for skin of another colour than the upper face's.
        """
        middle = np.median(looks.values, 0)
        luma = middle[:, 0] - middle[:, 0].mean()
        off_colour = float(np.abs(middle[self.skin, 1:]).mean())
        alike = float(luma @ self.pattern / max(float(np.linalg.norm(luma)), 1e-6))
        return alike - OFF_COLOUR * min(off_colour, 20.0)

    def same_pattern(self, looks: LowerFaceLooks, usual: LowerFaceLooks) -> FloatArray:
        """Greatest correlation of every frame's luma with that of a usual look, (T,), -1..1.

        Even shading from side to side and from top to bottom is taken out of both: light that changes leaves a face's
        pattern as it is, and another thing in front of it does not.
        """
        best = np.full(len(looks), -1.0, np.float32)
        shown = self.seen(looks.yaw)
        for row in range(len(usual)):
            seen = shown * self.seen(usual.yaw[row])
            base, _ = np.linalg.qr(seen[..., None] * self.shading + 1e-6)

            def flat(luma: FloatArray, base: NDArray[np.floating] = base, seen: FloatArray = seen) -> FloatArray:
                luma = luma * seen
                level = luma - np.einsum("tpk,tk->tp", base, np.einsum("tpk,tp->tk", base, luma))
                return np.asarray(level / np.maximum(np.linalg.norm(level, axis=1, keepdims=True), 1e-6), np.float32)

            own = flat(looks.values[..., 0])
            other = flat(np.broadcast_to(usual.values[row, :, 0], own.shape))
            enough = seen.sum(1) >= 0.25 * seen.shape[1]
            best = np.maximum(best, np.where(enough, (own * other).sum(1), -1.0))
        return np.asarray(best, np.float32)


def _facing(surface: NDArray[np.float64], point: NDArray[np.float64]) -> float:
    """Degrees by which the surface at a point looks to the viewer's right."""
    near = surface[np.argsort(((surface - point) ** 2).sum(1))[:9]]
    normal = np.linalg.svd(near - near.mean(0))[2][2]
    normal = normal * -np.sign(normal[2])
    return float(np.degrees(np.arctan2(normal[0], -normal[2])))


def dense_groups(table: FloatArray, near: float = NEAR) -> list[NDArray[np.int64]]:
    """Groups of frames that are linked by frames with many neighbours (DBSCAN's core points), the largest first."""
    close = table < near
    core = close.sum(1) >= max(3, LEAST_NEIGHBOURS * len(table))
    label = np.full(len(table), -1)
    groups = 0
    for first in np.flatnonzero(core):
        if label[first] >= 0:
            continue
        label[first] = groups
        waiting = [int(first)]
        while waiting:
            found = np.flatnonzero(close[waiting.pop()] & core & (label < 0))
            label[found] = groups
            waiting += [int(v) for v in found]
        groups += 1
    members = [np.flatnonzero(label == group) for group in range(groups)]
    return sorted(members, key=lambda rows: -len(rows))


def spread_out(table: FloatArray, rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Up to ``count`` of ``rows`` that differ most from each other, beginning with the most central one."""
    inside = table[np.ix_(rows, rows)]
    chosen = [int(inside.mean(1).argmin())]
    nearest = inside[chosen[0]].copy()
    while len(chosen) < min(count, len(rows)):
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, inside[chosen[-1]])
    return rows[chosen]


def usual_looks(comparer: LookComparer, looks: LowerFaceLooks, known: LowerFaceLooks | None = None) -> LowerFaceLooks:
    """A few looks that stand for what is usual among some frames.

    The largest group of frames that resemble each other, unless another one that is not much smaller is clearly more
    like a mouth. Further groups count when they resemble it nearly enough, or resemble ``known`` looks.

    Args:
        comparer: Of the sample points.
        looks: Frames spread over the track or a part of it.
        known: What is usual in the track as a whole.
    """
    table = comparer.table(looks)
    groups = dense_groups(table)
    if not groups:
        # too few frames, or all differ: nothing is unusual then
        return looks[spread_out(table, np.arange(len(looks)), PROTOTYPES)]
    likeness = [comparer.likeness(looks[rows]) for rows in groups]
    if known is None:
        # seldom seen, but much more of a mouth: then what is seen most of the time is in front of it
        main = max(range(len(groups)), key=lambda n: float(np.log(len(groups[n]))) + LIKENESS_WEIGHT * likeness[n])
        if likeness[main] - likeness[0] < CLEARLY_LIKER:
            main = 0
        usual = [main]
    else:
        usual = [
            number
            for number, rows in enumerate(groups)
            if float(np.median(strangeness(comparer, looks[rows], known))) < FAR_HOLD
        ]
        if not usual:
            return known
    found = True
    while found:
        found = False
        for number, rows in enumerate(groups):
            if number in usual:
                continue
            gap = min(float(table[np.ix_(rows, groups[member])].min()) for member in usual)
            fall = likeness[usual[0]] - likeness[number]
            like = float(np.median(comparer.same_pattern(looks[rows], looks[groups[usual[0]]][::4])))
            if (gap < 1.1 * NEAR and fall < 0.25) or like > SAME_PATTERN[1]:
                usual.append(number)
                found = True
    rows = np.sort(np.concatenate([groups[number] for number in usual]))
    return looks[spread_out(table, rows, PROTOTYPES)]


def strangeness(comparer: LookComparer, looks: LowerFaceLooks, usual: LowerFaceLooks) -> FloatArray:
    """How much every frame differs from the nearest usual look, (T,), 0..3; 1 is common, 2 is not the same thing."""
    nearest = np.full(len(looks), CLIP, np.float32)
    for row in range(len(usual)):
        nearest = np.minimum(nearest, comparer.difference(looks, usual[row : row + 1]))
    strange = np.flatnonzero(nearest > FAR_HOLD)
    for first in range(0, len(strange), 128):
        rows = strange[first : first + 128]
        low, high = SAME_PATTERN
        same = np.clip((comparer.same_pattern(looks[rows], usual) - low) / (high - low), 0, 1)
        nearest[rows] *= 1 - 0.45 * same
    return nearest


def runs(flags: BoolArray) -> list[tuple[int, int]]:
    """Half-open ranges of rows in which ``flags`` is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def occluded_frames(strange: FloatArray) -> BoolArray:
    """Frames in which something else is seen.

    A run of frames that all differ somewhat counts when two of them differ clearly, or one very much: so a mouth half
    covered on the way belongs to it, and a blurred or unusual frame does not.

    Args:
        strange: (T,) from ``strangeness``.
    """
    covered = np.zeros(len(strange), bool)
    for first, end in runs(strange > FAR_HOLD):
        part = strange[first:end]
        if int((part > FAR).sum()) >= 2 or float(part.max()) > VERY_FAR:
            covered[first:end] = True
    return covered
