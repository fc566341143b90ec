"""Who is in a clip: tracks of one person, across cuts and losses, put together by appearance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from talkingface.faces.identity import SAME_PERSON
from talkingface.faces.track import FaceTrack

FEWEST_FRAMES = 5


@dataclass(frozen=True)
class Person:
    """One person.

    Attributes:
        number: Rank by prominence: 0 is the most prominent.
        tracks: In time order.
        identity: Mean appearance of all tracks, weighted by their frames; None when unknown.
    """

    number: int
    tracks: tuple[FaceTrack, ...]
    identity: NDArray[np.float32] | None = None

    @property
    def prominence(self) -> float:
        """How much of the clip this person is: the sum over the tracks."""
        return sum(track.prominence for track in self.tracks)

    @cached_property
    def frames(self) -> NDArray[np.int64]:
        """Rising indices of all frames the person is seen in."""
        return np.unique(np.concatenate([track.frames for track in self.tracks]))

    @property
    def times(self) -> tuple[tuple[float, float], ...]:
        """Seconds of the first and the last frame of each track."""
        return tuple((float(track.times[0]), float(track.times[-1])) for track in self.tracks)

    @property
    def face_width(self) -> float:
        """Width of the face in pixels, averaged over the frames."""
        widths = [track.face_width for track in self.tracks]
        return float(np.average(widths, weights=[len(track) for track in self.tracks]))


def group_people(tracks: Sequence[FaceTrack], threshold: float = SAME_PERSON) -> list[Person]:
    """Put tracks together that show one person: average linkage of their identities.

    Tracks that share a frame are never one person, however alike. A track without an identity is a person of its own.
    Who is seen in fewer than ``FEWEST_FRAMES`` frames is a chance find, and left out where others are seen longer.

    Args:
        tracks: Of one clip.
        threshold: Groups whose tracks are further apart than this on average are different people.

    Returns:
        The most prominent first.
    """
    groups = [[track] for track in tracks]
    far = _distances(tracks)
    while len(groups) > 1:
        one, other = sorted(int(place) for place in np.unravel_index(int(far.argmin()), far.shape))
        if not far[one, other] <= threshold:
            break
        sizes = len(groups[one]), len(groups[other])
        far[one] = far[:, one] = np.average([far[one], far[other]], axis=0, weights=sizes)
        far[one, one] = np.inf
        groups[one] += groups[other]
        last = len(groups) - 1  # the last group takes the place of the one that is gone
        far[other], far[:, other] = far[last], far[:, last]
        far[other, other] = np.inf
        groups[other] = groups[last]
        groups, far = groups[:last], far[:last, :last]
    longer = [group for group in groups if sum(map(len, group)) >= FEWEST_FRAMES]
    ranked = sorted(longer or groups, key=lambda group: -sum(track.prominence for track in group))
    return [_person(number, group) for number, group in enumerate(ranked)]


def _distances(tracks: Sequence[FaceTrack]) -> NDArray[np.float64]:
    """(n, n) distances of identities; infinite where two tracks cannot be, or are not known to be, one person."""
    far = np.full((len(tracks), len(tracks)), np.inf)
    known = [place for place, track in enumerate(tracks) if track.identity is not None]
    if not known:
        return far
    identities = np.array([tracks[place].identity for place in known], np.float64)
    for row, place in enumerate(known):
        far[place, known] = np.linalg.norm(identities - identities[row], axis=1)
    firsts = np.array([track.frames[0] for track in tracks])
    lasts = np.array([track.frames[-1] for track in tracks])
    for one, other in np.argwhere((firsts[:, None] <= lasts) & (firsts <= lasts[:, None])):
        if one == other or (one < other and len(np.intersect1d(tracks[one].frames, tracks[other].frames))):
            far[one, other] = far[other, one] = np.inf
    return far


def _person(number: int, tracks: list[FaceTrack]) -> Person:
    in_order = tuple(sorted(tracks, key=lambda track: (float(track.times[0]), track.number)))
    known = [track for track in in_order if track.identity is not None]
    identity = None
    if known:
        weights = [len(track) for track in known]
        identity = np.average([track.identity for track in known], axis=0, weights=weights).astype(np.float32)
    return Person(number, in_order, identity)
