"""What the page shows of one clip: film, curves, moments and scores."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talkingface.errors import MediaError, OptionError
from talkingface.evaluation.result import EvaluationRow
from talkingface.evaluation.web.clip_pictures import ClipPictures, clip_pictures
from talkingface.evaluation.web.contact import Box, contact_sheet, data_uri
from talkingface.evaluation.web.curves import numbers, offset_figure, opening_figure, sync_figure
from talkingface.evaluation.web.markup import Markup, element
from talkingface.evaluation.web.matched import Check
from talkingface.evaluation.web.tables import one_clip_table

_BASE64 = 4 / 3


class Budget:
    """How many bytes the page may have, and what for.

    Plots come before contact sheets, and these before films: those of later clips are expected to be as large as the
    present one's. What is refused once is refused to all later clips, so that none is left out in between.

    Attributes:
        used: Bytes so far.
        films: Whether films are still taken.
        moments: Whether contact sheets are still taken.
        plots: Whether plots are still taken.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.used = 0
        self.films = self.moments = self.plots = most > 0

    def spend(self, size: int) -> None:
        """Count what is in the page in any case."""
        self.used += size

    def has_room(self, size: int, reserved: int) -> bool:
        """Whether so many bytes more fit beside what is kept free for later; they are counted then."""
        if self.used + size + reserved > self.most:
            return False
        self.used += size
        return True


@dataclass(frozen=True)
class ClipSection:
    """A clip's part of the page, and what of it was left out because the page would have grown too large."""

    markup: Markup
    left_out: tuple[str, ...] = ()


def clip_section(
    report: Mapping[str, Any],
    clip: str,
    number: int,
    later: int,
    row: EvaluationRow | None,
    budget: Budget,
    *,
    is_open: bool,
    canonical: Path | None,
    threads: int,
    check: Check,
) -> ClipSection:
    """Make a clip's part of the page.

    Args:
        report: As ``result_to_json`` gives it.
        clip: The clip's name.
        number: Its place, for its address in the page.
        later: How many clips come after it.
        row: Its files; None when they are not known.
        budget: What the page may still hold.
        is_open: Whether it is unfolded to begin with.
        canonical: A folder of canonical frames, or None.
        threads: Decoder threads, 0 for all cores.
        check: Called at every frame; what it raises ends the work.
    """
    details: Mapping[str, Any] = report.get("details", {}).get(clip) or {}
    notes: list[str] = []
    pictures: ClipPictures | None = None
    left_out: list[str] = []
    if row is None or row.generated is None:
        notes.append("its files are not known here: there are no pictures")
    elif not budget.plots:
        left_out = ["moments", "film"]  # the page is full: there is nothing to read the files for
    else:
        try:
            pictures = clip_pictures(
                row,
                _boxes(details),
                with_film=budget.films,
                with_moments=budget.moments,
                canonical=canonical,
                threads=threads,
                check=check,
            )
        except (MediaError, OptionError) as error:
            notes.append(f"its video cannot be read any more, so there are no pictures: {error}")
        notes += _changed(row, report.get("files") or {})
    table = one_clip_table(report, clip)
    budget.spend(len(table))
    plots = _plots(details, pictures)
    plots_size = sum(len(plot) for plot in plots.values())
    reserved = later * len(table)
    budget.plots = budget.plots and budget.has_room(plots_size, reserved)
    reserved += later * plots_size
    if not budget.plots:
        plots, left_out = {}, ["curves", *left_out]
    film = sheet = None
    if pictures is not None:
        notes += pictures.notes
        size = round(_BASE64 * sum(moment.size for moment in pictures.moments))
        budget.moments = budget.moments and budget.has_room(size, reserved)
        reserved += later * size
        if budget.moments and pictures.moments:
            sheet = contact_sheet(pictures.moments, clip)
        elif not budget.moments:
            left_out.append("moments")
        size = round(_BASE64 * (len(pictures.film or b"") + len(pictures.poster or b"")))
        budget.films = budget.films and budget.has_room(size, reserved)
        if budget.films and pictures.film is not None:
            film = _film(pictures, clip)
        elif not budget.films:
            left_out.append("film")
    if left_out:
        notes.append(f"left out, so that the page does not grow too large: {', '.join(left_out)}")
    figures = [film, *plots.values()] if film is not None else list(plots.values())
    body = [
        element("div", figures, class_="pair") if figures else None,
        sheet,
        table,
        element("ul", [element("li", _sentence(note)) for note in notes], class_="notes") if notes else None,
    ]
    shown = element(
        "details",
        element("summary", element("h3", clip), element("span", _summary(details), class_="brief")),
        element("div", [part for part in body if part is not None], class_="clip-body", id=f"clip-{number}"),
        class_="clip",
        open=is_open,
    )
    return ClipSection(shown, tuple(left_out))


def _changed(row: EvaluationRow, hashes: Mapping[str, str]) -> list[str]:
    """Which of a clip's files are not what was scored: a page can be made long after its report."""
    changed = []
    for path in dict.fromkeys((row.generated, row.face, row.audio, row.truth)):
        known = hashes.get(str(path))
        if path is None or known is None:
            continue
        try:
            with path.open("rb") as file:
                same = hashlib.file_digest(file, "sha256").hexdigest() == known
        except OSError:
            continue  # it is gone, which is said elsewhere
        if not same:
            changed.append(f"{path} has changed since it was scored: its pictures are not what the scores are of")
    return changed


def _boxes(details: Mapping[str, Any]) -> list[Box | None]:
    boxes = (details.get("curves") or {}).get("face_box")
    if not isinstance(boxes, Sequence):
        return []
    found: list[Box | None] = []
    for box in boxes:
        corners = [value for value in numbers(box) if value is not None]
        whole = len(corners) == 4 and corners[2] > corners[0] and corners[3] > corners[1]
        found.append((corners[0], corners[1], corners[2], corners[3]) if whole else None)
    return found


def _plots(details: Mapping[str, Any], pictures: ClipPictures | None) -> dict[str, Markup]:
    seconds = None if pictures is None else pictures.seconds
    sound = None if pictures is None else pictures.sound
    no_sound = "the sound cannot be read" if pictures is None else pictures.no_sound
    return {
        "offset": offset_figure(details),
        "sync": sync_figure(details, seconds),
        "opening": opening_figure(details, seconds, sound, no_sound),
    }


def _film(pictures: ClipPictures, clip: str) -> Markup:
    width, height = pictures.film_size
    sides = ["original", "generated"] if pictures.has_source else ["generated"]
    words = " and ".join(sides)
    whole = pictures.film_seconds >= pictures.seconds[1] - pictures.seconds[0] - 0.01
    length = "the whole clip" if whole else f"the first {pictures.film_seconds:g} s"
    with_sound = "with the sound it speaks" if pictures.no_sound is None else f"silent: {pictures.no_sound}"
    video = element(
        "video",
        f"This browser plays no video: {words} side by side.",
        src=data_uri(pictures.film or b"", "video/mp4"),
        poster=data_uri(pictures.poster, "image/jpeg") if pictures.poster is not None else None,
        controls=True,
        playsinline=True,
        loop=True,
        preload="metadata",
        width=width,
        height=height,
        aria_label=f"{clip}: {words} side by side" if pictures.has_source else f"{clip}: {words}",
    )
    return element(
        "figure",
        element("h4", "Side by side" if pictures.has_source else "Generated video"),
        element("div", [element("span", side) for side in sides], class_="sides"),
        video,
        element("figcaption", f"{length[:1].upper()}{length[1:]}, {with_sound}."),
        class_="film",
        style=f"--wide:{width}px",
    )


def _summary(details: Mapping[str, Any]) -> str:
    frames, without = details.get("frames"), details.get("frames_without_face")
    said = [] if frames is None else [f"{frames} frames"]
    if without:
        said.append(f"{without} without the face")
    return ", ".join(said)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
