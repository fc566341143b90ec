"""Telling people apart by how their faces look: average linkage of appearance embeddings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAME_PERSON = 0.5  # as in faces/identity.py, which needs video code; training from a packed data set has none


def squared_distances(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Squared Euclidean distances (N, N) between the rows of an array."""
    rows = np.asarray(vectors, np.float64)
    lengths = (rows**2).sum(1)
    squared = lengths[:, None] + lengths[None] - 2 * rows @ rows.T
    return np.asarray(np.maximum(squared, 0), np.float32)


def linkage(vectors: NDArray[np.floating]) -> list[tuple[int, int, float]]:
    """All merges of average linkage, by following chains of nearest neighbours, so in quadratic time.

    Args:
        vectors: (N, D) embeddings.

    Returns:
        N - 1 entries: a row of one group, a row of the other, and the mean distance of the two groups' rows. They are
        not sorted; the tree they make is the same as if they were.
    """
    count = len(vectors)
    far = np.sqrt(squared_distances(vectors))
    np.fill_diagonal(far, np.inf)
    sizes = np.ones(count, np.int64)
    alive = np.ones(count, bool)
    merges: list[tuple[int, int, float]] = []
    chain: list[int] = []
    while len(merges) < count - 1:
        if not chain:
            chain = [int(alive.argmax())]
        while True:
            last = chain[-1]
            row = far[last]
            near = int(row.argmin())
            if len(chain) > 1 and row[chain[-2]] <= row[near]:
                near = chain[-2]  # of equals the one we came from, or the chain might never end
                break
            chain.append(near)
        del chain[-2:]
        merges.append((last, near, float(far[last, near])))
        mean = (far[last] * sizes[last] + far[near] * sizes[near]) / (sizes[last] + sizes[near])
        far[near] = far[:, near] = mean
        far[near, near] = np.inf
        far[last] = far[:, last] = np.inf
        sizes[near] += sizes[last]
        alive[last] = False
    return merges


def same_people(vectors: NDArray[np.floating], threshold: float = SAME_PERSON) -> NDArray[np.int64]:
    """Number the people that (N, D) appearance embeddings show, (N,), in the order of their first row.

    Args:
        vectors: Means over the frames of a clip.
        threshold: Groups whose clips are further apart than this on average are different people.
    """
    parents = np.arange(len(vectors))

    def root(row: int) -> int:
        while parents[row] != row:
            parents[row] = parents[parents[row]]
            row = int(parents[row])
        return row

    for one, other, distance in linkage(vectors):
        if distance <= threshold:
            first, second = sorted((root(one), root(other)))
            parents[second] = first
    roots = np.array([root(row) for row in range(len(vectors))], np.int64)
    return np.unique(roots, return_inverse=True)[1].astype(np.int64)
