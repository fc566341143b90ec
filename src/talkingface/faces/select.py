"""Which of a clip's people are meant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import NoFaceError
from talkingface.faces.identity import SAME_PERSON, distance, embed_picture
from talkingface.faces.people import Person
from talkingface.faces.video import ClipTracks, shown_to_coded
from talkingface.media.probe import VideoStreamInfo
from talkingface.options import FaceChoice

NEAR_SECONDS = 0.5
VOICE_CONFIDENCE = 0.2  # a person whose lips fit a sound has about this or more
VOICE_MARGIN = 0.12  # of 72 clips of 3 s and more, each beside four other faces: 97 % decided rightly, none wrongly

VoiceFit = Callable[[], Mapping[int, float]]


@dataclass(frozen=True)
class Selection:
    """Who is meant.

    Attributes:
        people: One, or several for ``all``.
        reason: Why, in a few words.
    """

    people: tuple[Person, ...]
    reason: str


def select_people(clip: ClipTracks, choice: FaceChoice, voice_fit: VoiceFit | None = None) -> Selection:
    """Pick the people a user's choice means.

    Args:
        clip: What was found.
        choice: ``auto`` (whose lips fit the clip's own sound, else the most present), ``index`` (its rank), ``point``
            (who is seen there then), ``image`` (who looks like the picture) or ``all``.
        voice_fit: Gives by person's number how well the lips fit the clip's own sound; called only for ``auto`` with
            more than one person.

    Raises:
        NoFaceError: when there is no face, or none where or like the one that was asked for.
        MediaError: when the picture of ``image`` cannot be read.
    """
    people = clip.people
    if not people:
        raise NoFaceError(
            f"{clip.info.path}: no face was found in its {clip.frames} frame(s); show it larger, better lit "
            "or more from the front"
        )
    if choice.kind == "index":
        assert choice.index is not None
        if choice.index >= len(people):
            raise NoFaceError(
                f"{clip.info.path}: --face index:{choice.index} asks for person number {choice.index + 1}, but only "
                f"{len(people)} {'was' if len(people) == 1 else 'were'} found; index:0 is the most present"
            )
        return Selection((people[choice.index],), f"index:{choice.index} of {len(people)}, by presence")
    if choice.kind == "point":
        return Selection((_at_point(clip, choice),), f"{choice}: the face seen there")
    if choice.kind == "image":
        assert choice.image is not None
        return _like_picture(clip, choice.image)
    if choice.kind == "all":
        return Selection(tuple(people), f"all: {len(people)} of {len(people)}")
    return _automatic(people, voice_fit)


def point_on(clip: ClipTracks, person: Person) -> FaceChoice:
    """Return the ``point`` that chooses a person: the face's middle, in the middle of its longest track."""
    stream = clip.info.video[0]
    track = max(person.tracks, key=len)
    row = len(track) // 2
    box = track.boxes[row].reshape(2, 2)
    # turning the shown picture back is turning a picture of its size the other way
    width, height = (stream.height, stream.width) if stream.rotation % 180 else (stream.width, stream.height)
    x, y = shown_to_coded(box.mean(0, keepdims=True), -stream.rotation, width, height)[0] * _stretch(stream)
    return FaceChoice("point", time=round(float(track.times[row]), 2), x=round(float(x)), y=round(float(y)))


def _automatic(people: list[Person], voice_fit: VoiceFit | None) -> Selection:
    if len(people) == 1:
        return Selection((people[0],), "auto: the only person")
    fits = {} if voice_fit is None else dict(voice_fit())
    ranked = sorted(fits, key=lambda number: -fits[number])
    if ranked:
        best = fits[ranked[0]]
        second = fits[ranked[1]] if len(ranked) > 1 else 0.0
        if best >= VOICE_CONFIDENCE and best - second >= VOICE_MARGIN:
            return Selection(
                (people[ranked[0]],),
                f"auto: of {len(people)} people, the one whose lips fit the video's own sound "
                f"({best:.2f}, the next {second:.2f})",
            )
    return Selection((people[0],), f"auto: the most present of {len(people)} people")


def _like_picture(clip: ClipTracks, image: Path) -> Selection:
    wanted = embed_picture(image)
    known = [
        (distance(wanted.embedding, person.identity), person) for person in clip.people if person.identity is not None
    ]
    if not known:
        raise NoFaceError(
            f"{clip.info.path}: no face is seen well enough to compare it with {image}: all are too much turned away; "
            "choose with --face index:N or point:SECONDS,X,Y"
        )
    nearest, person = min(known, key=lambda pair: pair[0])
    if nearest > SAME_PERSON:
        raise NoFaceError(
            f"{clip.info.path}: nobody in it looks like {image}; the nearest of {len(clip.people)} is "
            f"index:{person.number} at distance {nearest:.2f}, and one person's pictures lie within {SAME_PERSON:g} of "
            "each other. Twins are not told apart, and a child's picture does not find the adult; give a picture of "
            "about the same age that shows the face from the front"
        )
    several = f"; the largest of {wanted.faces} faces in that picture" if wanted.faces > 1 else ""
    return Selection((person,), f"image:{image.name}: index:{person.number}, at distance {nearest:.2f}{several}")


def _stretch(stream: VideoStreamInfo) -> NDArray[np.float64]:
    """(2,) how much wider and higher a player shows the turned picture than its pixels are."""
    aspect = float(stream.sample_aspect_ratio or 1)
    return np.array([1.0, aspect] if stream.rotation % 180 else [aspect, 1.0])


def _at_point(clip: ClipTracks, choice: FaceChoice) -> Person:
    assert choice.time is not None and choice.x is not None and choice.y is not None
    stream = clip.info.video[0]
    shown = np.array([[choice.x, choice.y]]) / _stretch(stream)
    x, y = shown_to_coded(shown, stream.rotation, stream.width, stream.height)[0]
    best: tuple[float, Person] | None = None
    for person in clip.people:
        for track in person.tracks:
            row = int(np.abs(track.times - choice.time).argmin())
            if abs(float(track.times[row]) - choice.time) > NEAR_SECONDS:
                continue
            low, high = track.boxes[row, :2], track.boxes[row, 2:]
            margin = 0.25 * float((high - low).max())
            outside = max(low[0] - x, x - high[0], low[1] - y, y - high[1])
            if outside <= margin and (best is None or outside < best[0]):
                best = (float(outside), person)
    if best is None:
        raise NoFaceError(
            f"{clip.info.path}: no face at {choice.x:g},{choice.y:g} near {choice.time:g} s; "
            "`talkingface probe` lists the faces found and where they are"
        )
    return best[1]
