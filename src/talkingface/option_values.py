"""What some options' texts mean: length rules, faces, speaker maps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from talkingface.errors import OptionError, nearest_names

_SOUND_LONGER = ("bounce", "loop", "hold", "cut")
_VIDEO_LONGER = ("cut", "pad")
KEEP_EXPRESSION = "keep"
EXPRESSION_NAMES = (KEEP_EXPRESSION, "neutral", "happy", "sad")


@dataclass(frozen=True)
class LengthRule:
    """What happens when picture and sound have different lengths.

    Attributes:
        sound_longer: ``bounce`` (play back and forth), ``loop``, ``hold`` (last frame) or ``cut`` (end the sound).
        video_longer: ``cut`` (end the picture with the sound) or ``pad`` (go on silently, mouth closed).
    """

    sound_longer: str = "bounce"
    video_longer: str = "cut"

    def __str__(self) -> str:
        return f"{self.sound_longer},{self.video_longer}"


def parse_length(text: str) -> LengthRule:
    """Read a ``length`` option.

    Args:
        text: A comma list of at most one of bounce, loop, hold, cut (for a longer sound) and at most one of cut, pad
            (for a longer video). A lone ``cut`` speaks of the sound; a longer video is cut anyway.

    Raises:
        OptionError: for another word, or two that contradict each other.
    """
    words = [word.strip().lower() for word in text.split(",")]
    known = dict.fromkeys((*_SOUND_LONGER, *_VIDEO_LONGER))
    for word in words:
        if word not in known:
            raise OptionError(f"there is no length rule {word!r}; {nearest_names(word, known)}")
    sound = [word for word in words if word not in _VIDEO_LONGER]
    video = [word for word in words if word == "pad"]
    for _ in range(words.count("cut")):
        # "cut" belongs to whichever of the two directions has no word yet, the sound's first.
        (video if sound else sound).append("cut")
    if len(sound) > 1 or len(video) > 1:
        raise OptionError(
            f"{text!r} says two things at once; give at most one of {', '.join(_SOUND_LONGER)} "
            f"and at most one of {', '.join(_VIDEO_LONGER)}, such as 'loop,pad'"
        )
    return LengthRule(sound[0] if sound else "bounce", video[0] if video else "cut")


@dataclass(frozen=True)
class FaceChoice:
    """Which face of the video is to speak.

    Attributes:
        kind: ``auto``, ``index``, ``point``, ``image`` or ``all``.
        index: For ``index``: 0 is the person most present, 1 the next.
        time: For ``point``: seconds on the video's own clock.
        x: For ``point``: pixels from the left of the picture as a player shows it.
        y: For ``point``: pixels from its top.
        image: For ``image``: a picture of the person.
    """

    kind: str = "auto"
    index: int | None = None
    time: float | None = None
    x: float | None = None
    y: float | None = None
    image: Path | None = None

    def __str__(self) -> str:
        if self.kind == "index":
            return f"index:{self.index}"
        if self.kind == "point":
            return f"point:{self.time:g},{self.x:g},{self.y:g}"
        if self.kind == "image":
            return f"image:{self.image}"
        return self.kind


def parse_face(text: str) -> FaceChoice:
    """Read a ``face`` option: ``auto``, ``index:N``, ``point:SECONDS,X,Y``, ``image:PATH`` or ``all``.

    Raises:
        OptionError: for anything else.
    """
    kind, _, rest = text.strip().partition(":")
    kind = kind.strip().lower()
    if kind in ("auto", "all") and not rest:
        return FaceChoice(kind)
    if kind == "image" and rest.strip():
        return FaceChoice("image", image=Path(rest.strip()).expanduser())
    if kind == "index" and rest.strip().isdecimal():
        return FaceChoice("index", index=int(rest))
    if kind == "point":
        try:
            numbers = [float(part) for part in rest.split(",")]
        except ValueError:
            numbers = []
        if len(numbers) == 3 and all(math.isfinite(number) and number >= 0 for number in numbers):
            return FaceChoice("point", time=numbers[0], x=numbers[1], y=numbers[2])
    raise OptionError(
        f"{text!r} is not a face; give auto, index:N (0 is the most present), point:SECONDS,X,Y, image:PATH or all"
    )


@dataclass(frozen=True)
class Pads:
    """By how many pixels a box is widened.

    Attributes:
        top: Upwards.
        bottom: Downwards.
        left: To the left, as the viewer sees it.
        right: To the right.
    """

    top: float
    bottom: float
    left: float
    right: float

    def __str__(self) -> str:
        return f"{self.top:g},{self.bottom:g},{self.left:g},{self.right:g}"


def parse_pads(text: str) -> Pads:
    """Read a ``pads`` option: four numbers, top, bottom, left and right, by commas or spaces.

    Raises:
        OptionError: for anything else, or numbers beyond 1000.
    """
    try:
        numbers = [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        numbers = []
    if len(numbers) != 4 or not all(abs(number) <= 1000 for number in numbers):
        raise OptionError(f"{text!r} are no pads; give pixels for top, bottom, left and right, such as 0,20,0,0")
    return Pads(*numbers)


def parse_expression(text: str) -> str:
    """Read an ``expression`` option: a name, or the path of a picture or video.

    ``smile`` is VideoReTalking's word for ``happy``.

    Raises:
        OptionError: it is no name, and does not look like a path: without a folder and without an extension.
    """
    word = text.strip()
    name = {"smile": "happy"}.get(word.lower(), word.lower())
    if name in EXPRESSION_NAMES:
        return name
    path = Path(word).expanduser()
    if not path.suffix and len(path.parts) < 2:
        raise OptionError(
            f"there is no expression {word!r}; {nearest_names(name, EXPRESSION_NAMES)}; or give the path of a picture "
            "or video that shows one"
        )
    return str(path)


@dataclass(frozen=True)
class SpeakerSound:
    """One line of a speaker map: this face speaks that sound.

    Attributes:
        face: Which face.
        audio: The sound; it begins with the result.
    """

    face: FaceChoice
    audio: Path

    def __str__(self) -> str:
        return f"{self.face}={self.audio}"


def parse_speaker_map(text: str) -> tuple[SpeakerSound, ...]:
    """Read a ``speaker_map`` option: ``FACE=SOUND; FACE=SOUND ...``.

    Raises:
        OptionError: an entry has no ``=``, its face is not one, or is given twice; or there is no entry.
    """
    entries = []
    for part in text.split(";"):
        if not part.strip():
            continue
        face, separator, audio = part.partition("=")
        if not separator or not audio.strip():
            raise OptionError(f"{part.strip()!r} is no FACE=SOUND, such as 'index:0=her.wav; index:1=him.wav'")
        entries.append(SpeakerSound(parse_face(face), Path(audio.strip()).expanduser()))
    if not entries:
        raise OptionError("the map is empty; give FACE=SOUND, such as 'index:0=her.wav; index:1=him.wav'")
    faces = [str(entry.face) for entry in entries]
    twice = next((face for face in faces if faces.count(face) > 1), None)
    if twice is not None or ("all" in faces and len(faces) > 1):
        raise OptionError(f"face {twice or 'all'!r} would speak two sounds at once; map each face once")
    return tuple(entries)
