"""Telling people apart by the shape of their faces, so that nobody is on both sides of a validation split."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from talkingface.training.mouth_data import MouthClip

SHAPE_COMPONENTS, IDENTITY_COMPONENTS = 80, 30
SAME_PERSON_QUANTILE = 0.95
SAFETY = 1.2
SMALLEST_SHARE, LARGEST_SHARE = 0.01, 0.15
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


def _reach(vectors: NDArray[np.float64]) -> float:
    """The distance within which two clips are taken for the same person: nearly every clip's nearest lies inside."""
    nearest = []
    for row in range(len(vectors)):
        all_distances = distances(vectors[row][None], vectors)[0]
        all_distances[row] = np.inf
        nearest.append(all_distances.min())
    return float(np.quantile(nearest, SAME_PERSON_QUANTILE))


@dataclass(frozen=True)
class PeopleSplit:
    """Clips, divided by person.

    Attributes:
        train: To learn from.
        held: To validate on: nobody in it is in ``train``.
        left_out: Clips of neither part, because their face is too like one of ``held`` to be sure.
        groups: How many groups of alike faces were found.
        held_groups: How many of them are held.
    """

    train: list[MouthClip]
    held: list[MouthClip]
    left_out: int
    groups: int
    held_groups: int


def split_people(clips: Sequence[MouthClip], share: float = 0.12, seed: int = 0) -> PeopleSplit:
    """Divide clips into training and validation, disjoint by person.

    Groups of alike faces are found by single linkage, and joined where the data names the speaker.
    Groups are held out in an order that depends on nothing but the files' content and the seed.

    Args:
        clips: All clips.
        share: Part of the clips to hold out, at least.
        seed: Another seed holds out other people.

    Returns:
        The parts, every clip with its ``person``. Where no half of the clips would be left to learn
        from (few clips, or everybody alike), nothing is held out.
    """
    if len(clips) < 4:
        return PeopleSplit([replace(clip, person=0) for clip in clips], [], 0, 1, 0)
    vectors = identity_vectors(clips)
    reach = _reach(vectors)
    labels = linked_groups(vectors, reach, [clip.speaker for clip in clips])
    total = len(clips)
    labels = absorbed(labels, vectors, max(2, round(SMALLEST_SHARE * total)))
    sizes = np.bincount(labels)
    order = sorted(range(len(sizes)), key=lambda group: _draw(clips, labels, group, seed))
    fitting = [g for g in order if SMALLEST_SHARE * total <= sizes[g] <= LARGEST_SHARE * total]
    rest = [g for g in sorted(order, key=lambda g: sizes[g]) if g not in fitting]
    chosen: list[int] = []
    for group in fitting + rest:
        held_count = int(sizes[chosen].sum())
        if held_count >= share * total or held_count + sizes[group] > 0.5 * total:
            break
        chosen.append(group)
    held_rows = np.isin(labels, chosen)
    doubtful = np.zeros(total, bool)
    if held_rows.any():
        doubtful = (distances(vectors, vectors[held_rows]).min(1) < SAFETY * reach) & ~held_rows
    faces = alike_faces(vectors, labels, seed)
    if 2 * (held_rows | doubtful).sum() > total:
        chosen, held_rows, doubtful = [], np.zeros(total, bool), np.zeros(total, bool)
    numbered = [replace(clip, person=int(face)) for clip, face in zip(clips, faces, strict=True)]
    train = [clip for clip, held, doubt in zip(numbered, held_rows, doubtful, strict=True) if not held and not doubt]
    held = [clip for clip, is_held in zip(numbered, held_rows, strict=True) if is_held]
    return PeopleSplit(train, held, int(doubtful.sum()), len(sizes), len(chosen))


def source_shares(clips: Sequence[MouthClip]) -> dict[str, float]:
    """Share of a batch for each source: the root of its minutes times how much its faces differ.

    So a quarter of an hour of one speaker does not outweigh six minutes of twenty-five.
    """
    if len(clips) < 4:
        return {clip.source: 1.0 for clip in clips}
    vectors = identity_vectors(clips)
    everyone = float(np.median(distances(vectors[::7], vectors)))
    weights: dict[str, float] = {}
    for source in sorted({clip.source for clip in clips}):
        rows = np.array([clip.source == source for clip in clips])
        variety = float(np.median(distances(vectors[rows][::7], vectors[rows]))) / max(everyone, 1e-9)
        minutes = sum(clip.minutes for clip in clips if clip.source == source)
        weights[source] = float(np.sqrt(minutes * np.clip(variety, 0.1, 1.0)))
    total = sum(weights.values())
    return {source: weight / total for source, weight in weights.items()}


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


def _draw(clips: Sequence[MouthClip], labels: NDArray[np.int64], group: int, seed: int) -> str:
    first = min(clip.digest + clip.name for clip, label in zip(clips, labels, strict=True) if label == group)
    return hashlib.sha256(f"{seed}:{first}".encode()).hexdigest()
