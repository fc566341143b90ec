"""Telling people apart by the shape of their faces: what is left where nobody's looks are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from talkingface.training.mouth_data import MouthClip

SHAPE_COMPONENTS, IDENTITY_COMPONENTS = 80, 30
SAME_PERSON_QUANTILE = 0.95
CLIPS_PER_FACE = 40


def identity_vectors(clips: Sequence[MouthClip]) -> NDArray[np.float64]:
    """Features in which one person's clips lie close together, (N, D), D at most 30.

    Face shapes are whitened by what varies while a person speaks (within clips) and between clips of speakers whom
    the data names; what is left is what differs between people.
    """
    faces = np.stack([clip.identity for clip in clips]).astype(np.float64)
    means = faces.mean(1)
    centred = means - means.mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:SHAPE_COMPONENTS]
    flat = centred @ axes.T
    inside = (faces - means[:, None]).reshape(-1, faces.shape[-1]) @ axes.T
    within = inside.T @ inside / len(inside)
    named = [clip.speaker for clip in clips]
    for speaker in sorted({name for name in named if name}):
        rows = flat[[name == speaker for name in named]]
        if len(rows) > SHAPE_COMPONENTS // 2:
            rows = rows - rows.mean(0)
            within = within + 0.5 * rows.T @ rows / len(rows)
    # ridge: directions that hardly vary within clips must not decide everything
    within = within + np.eye(len(within)) * (0.05 * np.trace(within) / len(within) + 1e-12)
    values, vectors = np.linalg.eigh(within)
    whitened = flat @ (vectors / np.sqrt(values))
    _, _, axes = np.linalg.svd(whitened - whitened.mean(0), full_matrices=False)
    return np.asarray(whitened @ axes[:IDENTITY_COMPONENTS].T)


def distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Euclidean distances (len(a), len(b)) between the rows of two arrays."""
    squared = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    return np.asarray(np.sqrt(np.maximum(squared, 0)))


def linked_groups(vectors: NDArray[np.float64], reach: float, names: Sequence[str]) -> NDArray[np.int64]:
    """Single-linkage groups: whoever lies within ``reach`` of a member is one too. Equal non-empty names are linked."""
    labels = np.full(len(vectors), -1, np.int64)
    label = 0
    for first in range(len(vectors)):
        if labels[first] >= 0:
            continue
        labels[first] = label
        waiting = [first]
        while waiting:
            at = waiting.pop()
            near = distances(vectors[at][None], vectors)[0] < reach
            if names[at]:
                near |= np.array([name == names[at] for name in names])
            found = np.flatnonzero(near & (labels < 0))
            labels[found] = label
            waiting += [int(row) for row in found]
        label += 1
    return labels


def absorbed(labels: NDArray[np.int64], vectors: NDArray[np.float64], smallest: int) -> NDArray[np.int64]:
    """Give groups of fewer than ``smallest`` clips to the group of their nearest clip in a larger one, if there is one.

    They are mostly clips on which a person looks unlike themselves (a turned head, a poor track): left alone, they
    could end up on the other side of a split.
    """
    sizes = np.bincount(labels)
    large = sizes[labels] >= smallest
    if not large.any():
        return labels
    result = labels.copy()
    for label in np.flatnonzero((sizes > 0) & (sizes < smallest)):
        gaps = distances(vectors[labels == label], vectors[large])
        result[labels == label] = labels[large][gaps.min(0).argmin()]
    return np.unique(result, return_inverse=True)[1].astype(np.int64)


def usual_reach(vectors: NDArray[np.float64]) -> float:
    """The distance within which two clips are taken for the same person: nearly every clip's nearest lies inside."""
    nearest = []
    for row in range(len(vectors)):
        all_distances = distances(vectors[row][None], vectors)[0]
        all_distances[row] = np.inf
        nearest.append(all_distances.min())
    return float(np.quantile(nearest, SAME_PERSON_QUANTILE))


def alike_faces(vectors: NDArray[np.float64], labels: NDArray[np.int64], seed: int = 0) -> NDArray[np.int64]:
    """Divide groups that hold more than 40 clips by k-means, (N,) numbers.

    A large group is many people whose faces single linkage has chained together. What is learnt of a person (how
    widely the mouth opens) needs finer groups, and is not harmed when one person falls into two.
    """
    result = np.zeros(len(vectors), np.int64)
    first = 0
    for label in range(int(labels.max()) + 1):
        rows = np.flatnonzero(labels == label)
        count = max(1, len(rows) // CLIPS_PER_FACE)
        points = vectors[rows]
        rng = np.random.default_rng((seed, label))
        centres = points[rng.choice(len(points), 1)]
        while len(centres) < count:
            squared = distances(points, centres).min(1) ** 2
            centres = np.vstack([centres, points[rng.choice(len(points), p=squared / squared.sum())]])
        nearest = np.zeros(len(points), np.int64)
        for _ in range(40):
            nearest = distances(points, centres).argmin(1)
            centres = np.stack(
                [points[nearest == k].mean(0) if (nearest == k).any() else centres[k] for k in range(count)]
            )
        result[rows] = first + nearest
        first += count
    return result
