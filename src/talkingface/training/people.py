"""Telling people apart, so that nobody is on both sides of a split: by their looks, or by the shape of their faces."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import OptionError
from talkingface.training.appearance import same_people
from talkingface.training.face_shape import (
    absorbed,
    alike_faces,
    distances,
    identity_vectors,
    linked_groups,
    usual_reach,
)
from talkingface.training.mouth_data import MouthClip

SAFETY = 1.2  # times the reach of face shapes: whoever is nearer to a held-out clip is left out
TOO_ALIKE = 0.45  # distance of appearances: a clip nearer to a held-out one, though of another group, is left out
SMALLEST_SHARE, LARGEST_SHARE = 0.01, 0.15
LONE_SHARE = 0.2  # of a batch, at most, is of a source that holds one person
ONE_VOICE_MINUTES = 6.0  # of one person count when minutes are shared out: more of the same voice teaches little


@dataclass(frozen=True)
class Faces:
    """Whose faces the clips show.

    Attributes:
        vectors: (N, D) one row a clip; one person's rows lie close together.
        groups: (N,) number of the person, or of the group of alike people, that must stay on one side of a split.
        people: (N,) number of the person, or of a part of a group; never in two groups.
        too_alike: Distance of rows within which two clips of different groups might be one person.
        by_looks: True when appearance told them apart, False when the shape of the face did.
    """

    vectors: NDArray[np.float64]
    groups: NDArray[np.int64]
    people: NDArray[np.int64]
    too_alike: float
    by_looks: bool


def faces_of(clips: Sequence[MouthClip], seed: int = 0) -> Faces:
    """Tell the people of clips apart: by appearance where every clip has an embedding, else by the mesh's shape.

    Speakers whom the data names are joined in either case.
    """
    speakers = [clip.speaker for clip in clips]
    looks = [clip.appearance for clip in clips if clip.appearance is not None]
    if len(looks) == len(clips):
        vectors = np.stack(looks).astype(np.float64)
        groups = _joined(same_people(vectors), speakers)
        return Faces(vectors, groups, groups, TOO_ALIKE, True)
    vectors = identity_vectors(clips)
    reach = usual_reach(vectors)
    groups = linked_groups(vectors, reach, speakers)
    groups = absorbed(groups, vectors, max(2, round(SMALLEST_SHARE * len(clips))))
    return Faces(vectors, groups, alike_faces(vectors, groups, seed), SAFETY * reach, False)


def _joined(groups: NDArray[np.int64], speakers: Sequence[str]) -> NDArray[np.int64]:
    """Groups, those that share a named speaker as one."""
    result = groups.copy()
    for speaker in sorted({name for name in speakers if name}):
        members = np.unique(result[[name == speaker for name in speakers]])
        result[np.isin(result, members)] = members[0]
    return np.unique(result, return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True)
class PeopleSplit:
    """Clips, divided by person.

    Attributes:
        train: To learn from.
        held: To validate on: nobody in it is in ``train``.
        left_out: Clips of neither part, because their face is too like one of ``held`` to be sure.
        groups: How many people, or groups of alike faces, were found.
        held_groups: How many of them are held.
        by_looks: True when appearance told people apart, False when the shape of the face did.
    """

    train: list[MouthClip]
    held: list[MouthClip]
    left_out: int
    groups: int
    held_groups: int
    by_looks: bool = False


def split_people(
    clips: Sequence[MouthClip], share: float = 0.12, seed: int = 0, validation: Collection[str] = ()
) -> PeopleSplit:
    """Divide clips into training and validation, disjoint by person.

    Groups are held out in an order that depends on nothing but the files' content and the seed.

    Args:
        clips: All clips.
        share: Part of the clips to hold out, at least.
        seed: Another seed holds out other people.
        validation: Names of clips; when given, the people of these and nobody else are held out.

    Returns:
        The parts, every clip with its ``person``. Where no half of the clips would be left to learn
        from (few clips, or everybody alike), nothing is held out.

    Raises:
        OptionError: ``validation`` names clips, and none of them is there.
    """
    if len(clips) < 4:
        return PeopleSplit([replace(clip, person=0) for clip in clips], [], 0, 1, 0)
    faces = faces_of(clips, seed)
    chosen = _named(clips, faces, validation) if validation else _drawn(clips, faces, share, seed)
    held_rows = np.isin(faces.groups, chosen)
    doubtful = np.zeros(len(clips), bool)
    if held_rows.any():
        nearest = distances(faces.vectors, faces.vectors[held_rows]).min(1)
        doubtful = (nearest < faces.too_alike) & ~held_rows
    if 2 * (held_rows | doubtful).sum() > len(clips):
        chosen, held_rows, doubtful = [], np.zeros(len(clips), bool), np.zeros(len(clips), bool)
    numbered = [replace(clip, person=int(person)) for clip, person in zip(clips, faces.people, strict=True)]
    train = [clip for clip, held, doubt in zip(numbered, held_rows, doubtful, strict=True) if not held and not doubt]
    held = [clip for clip, is_held in zip(numbered, held_rows, strict=True) if is_held]
    groups = int(faces.groups.max()) + 1
    return PeopleSplit(train, held, int(doubtful.sum()), groups, len(chosen), faces.by_looks)


def _drawn(clips: Sequence[MouthClip], faces: Faces, share: float, seed: int) -> list[int]:
    total = len(clips)
    sizes = np.bincount(faces.groups)
    order = sorted(range(len(sizes)), key=lambda group: _draw(clips, faces.groups, group, seed))
    fitting = [g for g in order if SMALLEST_SHARE * total <= sizes[g] <= LARGEST_SHARE * total]
    rest = [g for g in sorted(order, key=lambda g: sizes[g]) if g not in fitting]
    chosen: list[int] = []
    for group in fitting + rest:
        held_count = int(sizes[chosen].sum())
        if held_count >= share * total or held_count + sizes[group] > 0.5 * total:
            break
        chosen.append(group)
    return chosen


def _named(clips: Sequence[MouthClip], faces: Faces, names: Collection[str]) -> list[int]:
    rows = np.array([clip.name in names for clip in clips])
    if not rows.any():
        raise OptionError(f"none of the {len(names)} clips that are to validate is in the data")
    return [int(group) for group in np.unique(faces.groups[rows])]


def _draw(clips: Sequence[MouthClip], groups: NDArray[np.int64], group: int, seed: int) -> str:
    first = min(clip.digest + clip.name for clip, label in zip(clips, groups, strict=True) if label == group)
    return hashlib.sha256(f"{seed}:{first}".encode()).hexdigest()


def source_shares(clips: Sequence[MouthClip]) -> dict[str, float]:
    """Share of a batch for each source: the root of its minutes times how much its faces differ.

    So a quarter of an hour of one speaker does not outweigh six minutes of twenty-five. A source of one person has at
    most a fifth where there are others.
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
    shares = {source: weight / total for source, weight in weights.items()}
    lone = [source for source in shares if len({clip.person for clip in clips if clip.source == source}) == 1]
    others = sum(share for source, share in shares.items() if source not in lone)
    if others:
        capped = {source: min(shares[source], LONE_SHARE) for source in lone}
        rest = (1 - sum(capped.values())) / others
        shares = {source: capped.get(source, share * rest) for source, share in shares.items()}
    return shares


def halves(clips: Sequence[MouthClip]) -> tuple[list[MouthClip], list[MouthClip]]:
    """Divide clips in two, disjoint by group of alike faces, with about as many minutes and alike people in both.

    Sources of a single person go first, the largest to the first half, each to the half that has less. The people of
    other sources are lined up along the direction in which faces differ most, which parts men from women, and dealt
    out along that line: both halves get their part of either end. Of one person at most six minutes count.
    """
    if not clips:
        return [], []
    faces = faces_of(clips)
    minutes = np.array([clip.minutes for clip in clips])
    sources = np.array([clip.source for clip in clips])
    groups = range(int(faces.groups.max()) + 1)
    weight = [min(ONE_VOICE_MINUTES, float(minutes[faces.groups == group].sum())) for group in groups]
    home = {group: str(max(sources[faces.groups == group], key=list(sources).count)) for group in groups}
    by_source = {source: [group for group in groups if home[group] == source] for source in sorted(set(home.values()))}
    alone = sorted((members[0] for members in by_source.values() if len(members) == 1), key=lambda g: -weight[g])
    first, second = 0.0, 0.0
    in_second: set[int] = set()
    for group in alone:
        if second < first:
            in_second.add(group)
            second += weight[group]
        else:
            first += weight[group]
    crowds = {source: members for source, members in by_source.items() if len(members) > 1}
    left = sum(weight[group] for members in crowds.values() for group in members)
    share = float(np.clip(((first + second + left) / 2 - second) / max(left, 1e-9), 0, 1))
    for members in crowds.values():
        means = np.stack([faces.vectors[faces.groups == group].mean(0) for group in members])
        _, _, axes = np.linalg.svd(means - means.mean(0), full_matrices=False)
        # an axis has no sign of its own: the end that comes first depends on nothing but the files' content
        place = (means - means.mean(0)) @ axes[0]
        draws = [_draw(clips, faces.groups, group, 0) for group in members]
        place *= -np.sign(place[draws.index(min(draws))]) or 1.0
        due, given = 0.0, 0.0
        for at in np.argsort(place, kind="stable"):
            group = members[int(at)]
            due += share * weight[group]
            if due - given >= weight[group] / 2:
                in_second.add(group)
                given += weight[group]
    chosen = [int(group) in in_second for group in faces.groups]
    return (
        [clip for clip, is_second in zip(clips, chosen, strict=True) if not is_second],
        [clip for clip, is_second in zip(clips, chosen, strict=True) if is_second],
    )
