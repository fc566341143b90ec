"""A clip's moving and still pictures, made in one run through its files."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.errors import MediaError, OutputError
from talkingface.evaluation.observation import same_file
from talkingface.evaluation.result import EvaluationRow
from talkingface.evaluation.web.contact import (
    Box,
    Moment,
    canonical_picture,
    choose_moments,
    jpeg,
    moment_of,
)
from talkingface.evaluation.web.film import FilmWriter, film_writer
from talkingface.evaluation.web.matched import Check, Footage, Pair, look_through, matched_pairs, source_frames
from talkingface.media.audio import AudioTrack, read_audio

FILM_SECONDS = 8.0
FILM_LINES = 360
_NOTHING = 128  # gray where no source frame is known


@dataclass(frozen=True)
class ClipPictures:
    """What a page shows of a clip.

    Attributes:
        seconds: Time of the first frame, and of the end of the last.
        sound: What it speaks, from second 0 of the video's clock; None when it cannot be read.
        no_sound: Why there is no sound.
        moments: Of the contact sheet.
        film: MP4 of original and generated side by side, None when it was not wanted.
        film_size: Columns and lines of the film.
        film_seconds: How much of the clip it shows.
        has_source: The original is in it, to the left.
        poster: JPEG of the film's first picture.
        notes: What could not be shown, and why.
    """

    seconds: tuple[float, float]
    sound: AudioTrack | None
    no_sound: str | None
    moments: tuple[Moment, ...] = ()
    film: bytes | None = None
    film_size: tuple[int, int] = (0, 0)
    film_seconds: float = 0.0
    has_source: bool = False
    poster: bytes | None = None
    notes: tuple[str, ...] = field(default=())


def clip_pictures(
    row: EvaluationRow,
    boxes: Sequence[Box | None],
    *,
    with_film: bool,
    with_moments: bool,
    canonical: Path | None,
    threads: int,
    check: Check,
) -> ClipPictures:
    """Make the pictures of a clip.

    Args:
        row: The clip; it has a generated video.
        boxes: x0, y0, x1, y1 of the face in each of the generated video's coded pictures, None where it is not seen.
        with_film: Whether a film is wanted.
        with_moments: Whether a contact sheet is wanted.
        canonical: A folder of canonical frames, see ``contact.canonical_picture``.
        threads: Decoder threads, 0 for all cores.
        check: Called at every frame; what it raises ends the work.

    Raises:
        MediaError: the generated video cannot be read.
        OutputError: a temporary file cannot be written.
    """
    if row.generated is None:
        raise MediaError(f"{row.name}: it was not generated")
    generated = look_through(row.generated, threads, check)
    step = float(np.median(np.diff(generated.times))) if len(generated.times) > 1 else 0.04
    seconds = float(generated.times[0]), float(generated.times[-1]) + step
    source, notes = _source(row, threads, check) if with_film or with_moments else (None, [])
    sound, no_sound = _sound(row.audio, seconds[1])
    made = ClipPictures(seconds, sound, no_sound, notes=tuple(notes))
    chosen: list[int] = []
    if with_moments:
        faces = np.array([index < len(boxes) and boxes[index] is not None for index in range(len(generated.times))])
        known = source_frames(generated, source) >= 0
        chosen = choose_moments(generated.times, faces & known if (faces & known).any() else faces)
    film_end = generated.times[0] + FILM_SECONDS
    film_last = int(np.searchsorted(generated.times, film_end)) - 1 if with_film else -1
    last = max([film_last, *chosen])
    if last < 0:
        return made
    moments: list[Moment] = []
    panes = _Panes(generated, source)
    try:
        with tempfile.TemporaryDirectory() as folder, ExitStack() as work:
            path = Path(folder) / "film.mp4"
            writer: FilmWriter | None = None
            if with_film:
                track = None if sound is None else _first(sound, min(film_end, seconds[1]))
                writer = work.enter_context(film_writer(path, *panes.size, generated.rate, track))
            poster: bytes | None = None
            for pair in matched_pairs(generated, source, last, threads, check):
                if writer is not None and pair.index <= film_last:
                    picture = panes.picture(pair)
                    poster = poster or jpeg(picture, 70)
                    writer.add(picture, pair.seconds)
                if pair.index in chosen:
                    box = boxes[pair.index] if pair.index < len(boxes) else None
                    moment = moment_of(pair, generated, source, box)
                    if canonical is not None:
                        moment = replace(moment, canonical=canonical_picture(canonical, pair.index))
                    moments.append(moment)
            work.close()  # the film is whole now
            film = path.read_bytes() if with_film else None
    except OSError as error:
        raise OutputError(f"a temporary file of the web report cannot be written ({error})") from error
    return replace(
        made,
        moments=tuple(moments),
        film=film,
        film_size=panes.size,
        film_seconds=min(FILM_SECONDS, seconds[1] - seconds[0]),
        has_source=source is not None,
        poster=poster,
    )


class _Panes:
    """Lays the original, left, and the generated picture, right, beside each other."""

    def __init__(self, generated: Footage, source: Footage | None) -> None:
        self._generated, self._source = generated, source
        lines = min(FILM_LINES, round(generated.shown_size[1]))
        self._lines = max(2, lines - lines % 2)
        self._columns = self._width(generated)
        self._source_columns = 0 if source is None else self._width(source)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines of both together."""
        return self._source_columns + self._columns, self._lines

    def picture(self, pair: Pair) -> NDArray[np.uint8]:
        """Both pictures, BGR; gray in the original's place where it is not known."""
        right = self._generated.picture(pair.generated, (self._columns, self._lines))
        if self._source is None:
            return right
        size = self._source_columns, self._lines
        if pair.source is not None:
            left = self._source.picture(pair.source, size)
        else:
            left = np.full((size[1], size[0], 3), _NOTHING, np.uint8)
            cv2.putText(left, "no original frame", (8, size[1] // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1)
        return np.ascontiguousarray(np.hstack([left, right]))

    def _width(self, footage: Footage) -> int:
        width, height = footage.shown_size
        columns = round(self._lines * width / height)
        return max(2, columns - columns % 2)


def _source(row: EvaluationRow, threads: int, check: Check) -> tuple[Footage | None, list[str]]:
    if same_file(row.face, row.generated):
        return None, ["no original was given: pictures show the generated video alone"]
    try:
        return look_through(row.face, threads, check), []
    except MediaError as error:
        return None, [f"the original cannot be read any more: {error}"]


def _sound(path: Path, end: float) -> tuple[AudioTrack | None, str | None]:
    try:
        return read_audio(path, end=end), None
    except MediaError as error:
        return None, str(error)


def _first(sound: AudioTrack, seconds: float) -> AudioTrack:
    return replace(sound, samples=sound.samples[: max(1, round(seconds * sound.sample_rate))])
