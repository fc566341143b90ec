"""A clip's plots: distance at every offset, sync over time, and the mouth's opening over the sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talkingface.evaluation.web.markup import Markup, element
from talkingface.evaluation.web.plot import Level, Line, Mark, Plot, drawn
from talkingface.media.sound import Sound

FRAME_SECONDS = 0.04
ENVELOPE_STEPS = 280


def offset_figure(details: Mapping[str, Any]) -> Markup:
    """The distance between lips and sound at every offset, of each expert that judged the clip."""
    plots = [
        drawn(plot)
        for key, judge in (("sync", "landmark expert"), ("syncnet", "SyncNet"))
        if (plot := _offset_plot(details.get(key) or {}, judge)) is not None
    ]
    if not plots:
        return left_out("Distance at every offset", "sync was not measured in this clip")
    return element(
        "figure",
        element("h4", "Distance at every offset"),
        element("p", key("generated", "generated"), key("level", "median"), class_="legend"),
        plots,
        element(
            "figcaption",
            "How far lips and sound lie apart when the lips are taken to be late by so many frames of 40 ms. The depth "
            "of the dip below the median is the confidence.",
        ),
    )


def _offset_plot(sync: Mapping[str, Any], judge: str) -> Plot | None:
    late, distance = numbers(sync.get("lips_late_by")), numbers(sync.get("distance"))
    known = [value for value in distance if value is not None]
    if not late or len(late) != len(distance) or not known:
        return None
    frames = [float(value or 0.0) for value in late]
    best = min((value, frame) for value, frame in zip(distance, frames, strict=True) if value is not None)
    said = offset_words(best[1])
    return Plot(
        lines=[Line(frames, distance, "generated")],
        x_range=(min(frames), max(frames)),
        y_label=f"distance, {judge}",
        x_label="lips late by, frames",
        description=f"{judge}: distance over offset; lowest {best[0]:.3f}, {said}; median {np.median(known):.3f}",
        mark=Mark(best[1], best[0], said),
        levels=[Level(float(np.median(known)))],
        height=250.0,
    )


def offset_words(frames: float) -> str:
    """Such as ``lips 2 frames (80 ms) late``."""
    if not frames:
        return "in sync, 0 frames"
    size = abs(round(frames))
    way = "late" if frames > 0 else "early"
    return f"lips {size} frame{'s' * (size != 1)} ({round(1000 * size * FRAME_SECONDS)} ms) {way}"


def sync_figure(details: Mapping[str, Any], seconds: tuple[float, float] | None) -> Markup:
    """How well each second round a moment fits the sound, at the clip's best offset."""
    curves = details.get("curves") or {}
    syncnet = details.get("syncnet") or {}
    wanted = [
        (curves.get("sync_time"), curves.get("sync_confidence"), "confidence, landmark expert"),
        (curves.get("sync_time"), curves.get("sync_distance"), "distance, landmark expert"),
        (syncnet.get("window_times"), syncnet.get("frame_confidence"), "confidence, SyncNet"),
    ]
    found: list[tuple[list[float], list[float | None], str]] = []
    for given_times, given_values, label in wanted:
        times, values = numbers(given_times), numbers(given_values)
        if times and len(times) == len(values) and any(value is not None for value in values):
            found.append((*with_breaks([float(time or 0.0) for time in times], values), label))
    if not found:
        return left_out("Sync over time", "this report holds no sync curve of the clip")
    ends = seconds or (0.0, max(x[-1] for x, _, _ in found))
    plots = []
    for place, (x, y, label) in enumerate(found):
        last = place == len(found) - 1
        known = [value for value in y if value is not None]
        words = f"{label} over time: from {min(known):.2f} to {max(known):.2f}, median {np.median(known):.2f}"
        plots.append(
            drawn(
                Plot(
                    lines=[Line(x, y, "generated")],
                    x_range=ends,
                    y_label=label,
                    x_label="time, s" if last else "",
                    description=words,
                    height=(220.0 if len(found) == 1 else 166.0) if last else 140.0,
                    over_time=True,
                )
            )
        )
    return element(
        "figure",
        element("h4", "Sync over time"),
        plots,
        element(
            "figcaption",
            "At the clip’s best offset; each value belongs to the stretch of speech round its moment. Pauses hold no "
            "information: confidence falls there.",
        ),
    )


def opening_figure(
    details: Mapping[str, Any], seconds: tuple[float, float] | None, sound: Sound | None, no_sound: str | None
) -> Markup:
    """The mouth's opening, generated and true, over the sound's waveform."""
    title = "Opening of the mouth"
    curves = details.get("curves") or {}
    x, y = numbers(curves.get("time")), numbers(curves.get("opening"))
    if not x or len(x) != len(y) or not any(value is not None for value in y):
        return left_out(title, "this report holds no opening of the mouth")
    times = [float(value or 0.0) for value in x]
    true = numbers(curves.get("true_opening"))
    ends = seconds or (times[0], times[-1])
    lines = [Line(times, percent(y), "generated")]
    has_truth = len(true) == len(times) and any(value is not None for value in true)
    if has_truth:
        lines.insert(0, Line(times, percent(true), "truth"))
    around = envelope(sound, ends) if sound is not None else []
    plot = Plot(
        lines=lines,
        x_range=ends,
        y_label="inner-lip gap, % of the eye distance",
        x_label="time, s",
        description=_opening_words(y, true if has_truth else []),
        bands=gaps(times, y),
        envelope=around,
        zero=True,
        height=270.0,
        over_time=True,
    )
    legend = [key("generated", "generated")]
    legend += [key("truth", "truth")] if has_truth else []
    legend += [key("envelope", "loudness of the sound")] if around else []
    legend += [key("band", "face not seen")] if plot.bands else []
    said = [] if has_truth else ["there is no truth to compare with"]
    said += [f"no waveform: {no_sound}"] if no_sound else []
    return element(
        "figure",
        element("h4", title),
        element("p", legend, class_="legend"),
        drawn(plot),
        element("figcaption", "; ".join(said)[:1].upper() + "; ".join(said)[1:] + ".") if said else None,
    )


def _opening_words(opening: Sequence[float | None], true: Sequence[float | None]) -> str:
    def most(values: Sequence[float | None]) -> float:
        return 100 * max(value for value in values if value is not None)

    words = f"opening of the generated mouth over time, at most {most(opening):.0f} % of the eye distance"
    return words + (f"; of the true one, at most {most(true):.0f} %" if true else "")


def key(style: str, text: str) -> Markup:
    """An entry of a legend."""
    return element("span", element("i", class_=f"swatch {style}"), text)


def left_out(title: str, reason: str) -> Markup:
    """What stands in a plot's place when its data are missing."""
    return element("figure", element("h4", title), element("p", f"Left out: {reason}.", class_="absent"))


def numbers(values: object) -> list[float | None]:
    """Numbers of a report: what is none, or not finite, is None; no list at all is an empty one."""
    if not isinstance(values, Sequence | np.ndarray) or isinstance(values, str):
        return []
    return [
        float(value) if isinstance(value, int | float | np.number) and np.isfinite(value) else None for value in values
    ]


def percent(values: Sequence[float | None]) -> list[float | None]:
    """Shares as percent."""
    return [None if value is None else 100 * value for value in values]


def with_breaks(times: list[float], values: list[float | None]) -> tuple[list[float], list[float | None]]:
    """Break a line where a series of moments itself has a gap: far wider than its usual step."""
    if len(times) < 3:
        return times, values
    usual = float(np.median(np.diff(times)))
    x, y = times[:1], values[:1]
    for before, time, value in zip(times, times[1:], values[1:], strict=False):
        if time - before > 2.5 * usual:
            x.append((before + time) / 2)
            y.append(None)
        x.append(time)
        y.append(value)
    return x, y


def gaps(times: Sequence[float], values: Sequence[float | None]) -> list[tuple[float, float]]:
    """The stretches of time in which values are missing, up to their neighbours."""
    found: list[tuple[float, float]] = []
    start: float | None = None
    for place, value in enumerate(values):
        if value is None and start is None:
            start = times[max(0, place - 1)]
        elif value is not None and start is not None:
            found.append((start, times[place]))
            start = None
    if start is not None:
        found.append((start, times[-1]))
    return found


def envelope(sound: Sound, seconds: tuple[float, float], steps: int = ENVELOPE_STEPS) -> list[tuple[float, float]]:
    """How loud a sound is over time.

    Args:
        sound: Its first sample lies at second 0.
        seconds: From, to.
        steps: How many values.

    Returns:
        (second, 0..1): the largest sample of each stretch over that of all; empty for silence.
    """
    rate = sound.sample_rate
    edges = np.linspace(seconds[0] * rate, seconds[1] * rate, steps + 1).round().astype(np.int64)
    peaks: NDArray[np.float64] = np.zeros(steps)
    place = 0
    for block in sound.blocks():
        loud = np.abs(np.nan_to_num(block)).max(1)
        for step in range(steps):
            low, high = max(edges[step], place) - place, min(edges[step + 1], place + len(loud)) - place
            if low < high:
                peaks[step] = max(peaks[step], float(loud[low:high].max()))
        place += len(loud)
    top = float(peaks.max())
    if not top > 0:
        return []
    middles = (edges[:-1] + edges[1:]) / 2 / rate
    return [(float(time), float(peak / top)) for time, peak in zip(middles, peaks, strict=True)]
