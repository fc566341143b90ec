"""Where the inside of a mouth lies: every pixel between the lips in coordinates of the skull, the jaw and the lips.

What paints an inner mouth knows nothing of pictures: it is told these places, and answers with colours. The same places
are cut from clips when such a painter is trained.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import gap_of

MOUTH = list(mesh.MOUTH_POINTS)
UPPER_EDGE = list(range(20, 31))  # of the 80 mouth points: the upper lip's inner edge from left to right
LOWER_EDGE = [20, *range(39, 29, -1)]
UPPER_MIDDLE, LOWER_MIDDLE = 25, 35
CHIN = [MOUTH.index(point) for point in (152, 148, 377, 176, 400, 175)]
# what lies about as far from the camera as teeth do: by these, pixels become places in the mouth
LIP_PLANE = [*range(40), *(MOUTH.index(point) for point in (164, 167, 393, 18, 83, 313))]
LEAST_DISTANCE = 0.004  # inter-ocular distances from a lip's edge: nearer places are taken for this near
MARGIN = 0.03  # inter-ocular distances beyond the lips' edges that are painted too, so that soft edges mix with paint


@dataclass(frozen=True)
class MouthSpace:
    """Places between the lips, all lengths in inter-ocular distances.

    Attributes:
        across: (n,) from the middle of the closed lips to the viewer's right, fixed to the skull.
        skull: (n,) downwards from the closed lips, fixed to the skull.
        jaw: (n,) the same, fixed to the jaw: 0 where the lower jaw carries the closed lips.
        below_upper: (n,) distance below the upper lip's edge, at least 0.004.
        above_lower: (n,) distance above the lower lip's edge, at least 0.004.
        along: (n,) -0.5..0.5 from the left corner to the right one; a little more beyond them.
        opening: (5,) of the whole mouth: inner-lip gap, width between the inner corners, how far the jaw is down, and
            how far the middles of the upper and the lower lip's edges lie below the closed lips.
    """

    across: NDArray[np.float32]
    skull: NDArray[np.float32]
    jaw: NDArray[np.float32]
    below_upper: NDArray[np.float32]
    above_lower: NDArray[np.float32]
    along: NDArray[np.float32]
    opening: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.across)

    def places(self) -> NDArray[np.float32]:
        """(n, 6) everything known of each place, in the order of the attributes."""
        return np.stack(
            [self.across, self.skull, self.jaw, self.below_upper, self.above_lower, self.along], 1
        )  # fmt: skip


def seam_of(closed_mouth: NDArray[np.floating]) -> NDArray[np.float64]:
    """The middle (2,) of closed lips (80, 2): the origin of the coordinates fixed to the skull."""
    return np.asarray(closed_mouth[[UPPER_MIDDLE, LOWER_MIDDLE]].mean(0), np.float64)


def mouth_space(
    points: NDArray[np.floating], closed: NDArray[np.floating], where: NDArray[np.floating], margin: float = MARGIN
) -> tuple[MouthSpace, NDArray[np.bool_]]:
    """Place pixels in a mouth.

    Args:
        points: (80, 2) the mouth, inter-ocular units, the head's pose removed.
        closed: (80, 2) the same person's closed mouth, likewise.
        where: (height, width, 2) places of pixels, likewise.
        margin: How far beyond the lips' edges places still count as between them.

    Returns:
        The places between the lips, row after row, and (height, width) bool, which those are.
    """
    origin = seam_of(closed)
    mouth = np.asarray(points, np.float64) - origin
    left, right = mouth[UPPER_EDGE[0]], mouth[UPPER_EDGE[-1]]
    middle, axis = (left + right) / 2, right - left
    length = max(float(np.linalg.norm(axis)), 1e-3)
    cosine, sine = axis / length
    turn = np.array([[cosine, sine], [-sine, cosine]])
    place = (where - origin).astype(np.float32)
    xs, ys = place[..., 0] - np.float32(middle[0]), place[..., 1] - np.float32(middle[1])
    along = np.float32(cosine) * xs + np.float32(sine) * ys
    over = np.float32(cosine) * ys - np.float32(sine) * xs
    upper = _edge(along, (mouth[UPPER_EDGE] - middle) @ turn.T)
    lower = np.maximum(_edge(along, (mouth[LOWER_EDGE] - middle) @ turn.T), upper)
    below, above = over - upper, lower - over
    inside = (below > -margin) & (above > -margin) & (np.abs(along) < 0.5 * length + margin)
    drop = float((points[CHIN, 1] - closed[CHIN, 1]).mean())
    opening = [gap_of(points), length, drop, mouth[UPPER_MIDDLE, 1], mouth[LOWER_MIDDLE, 1]]
    kept = place[inside]
    return (
        MouthSpace(
            kept[:, 0],
            kept[:, 1],
            kept[:, 1] - np.float32(drop),
            np.maximum(below[inside], np.float32(LEAST_DISTANCE)),
            np.maximum(above[inside], np.float32(LEAST_DISTANCE)),
            np.asarray(along[inside] / length, np.float32),
            np.array(opening, np.float32),
        ),
        inside,
    )


def _edge(along: NDArray[np.floating], points: NDArray[np.floating]) -> NDArray[np.float32]:
    """A lip's edge at places along the mouth, from its points ordered from left to right."""
    xs = np.maximum.accumulate(points[:, 0] + np.arange(len(points)) * 1e-5)
    return np.asarray(np.interp(along, xs, points[:, 1]), np.float32)
