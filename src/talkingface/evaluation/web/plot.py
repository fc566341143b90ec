"""Line plots as inline SVG. Colours are the page's own (``web/page.css``), so that they fit both of its themes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from talkingface.evaluation.web.markup import Markup, element
from talkingface.evaluation.web.numbers import nice_ticks, number, tick_decimals

WIDTH = 560.0
LEFT, RIGHT, TOP, BOTTOM = 50.0, 12.0, 26.0, 42.0
MOST_POINTS = 700  # of a line; more than a screen has columns for

Values = Sequence[float | None]


@dataclass(frozen=True)
class Line:
    """One line of a plot.

    Attributes:
        x: Rising.
        y: As many; None or nan breaks the line.
        style: ``generated``, ``truth`` or ``control``: colour and dashes.
    """

    x: Sequence[float]
    y: Values
    style: str


@dataclass(frozen=True)
class Mark:
    """A point with words beside it."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Level:
    """A dotted line across, told by the plot's legend."""

    y: float


@dataclass(frozen=True)
class Plot:
    """What a plot shows.

    Attributes:
        lines: Drawn in this order.
        x_range: Left and right end.
        y_label: Said above the axis, with its unit.
        x_label: Said below the axis; empty to leave out the axis's numbers too.
        description: What is to be seen, in words, for who cannot see it.
        bands: Stretches of x that are shaded, such as frames without a face.
        envelope: (x, 0..1) how loud a sound is, drawn behind the lines about the middle.
        mark: A point told by name.
        levels: Dotted lines across.
        zero: Whether y begins at 0.
        height: In pixels at full size.
        over_time: x is the time of a video, whose place is shown while it plays.
    """

    lines: Sequence[Line]
    x_range: tuple[float, float]
    y_label: str
    x_label: str
    description: str
    bands: Sequence[tuple[float, float]] = ()
    envelope: Sequence[tuple[float, float]] = ()
    mark: Mark | None = None
    levels: Sequence[Level] = ()
    zero: bool = False
    height: float = 220.0
    over_time: bool = False

    @property
    def bottom(self) -> float:
        """Where the axis of x lies."""
        return self.height - (BOTTOM if self.x_label else 10.0)

    def to_x(self, value: float) -> float:
        """Where a value of x lies, pixels from the left."""
        low, high = self.x_range
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - low) / ((high - low) or 1.0)

    def to_y(self, value: float) -> float:
        """Where a value of y lies, pixels from the top."""
        low, high = y_range(self)
        return self.bottom - (self.bottom - TOP) * (value - low) / ((high - low) or 1.0)


def y_range(plot: Plot) -> tuple[float, float]:
    """Lowest and highest y, with some room."""
    known = [y for line in plot.lines for y in line.y if y is not None and math.isfinite(y)]
    known += [level.y for level in plot.levels]
    low, high = min(known, default=0.0), max(known, default=1.0)
    if plot.zero:
        low = min(0.0, low)
    room = 0.06 * ((high - low) or abs(high) or 1.0)
    if plot.zero and low == 0.0:
        return low, high + room
    return low - (4 * room if plot.mark is not None else room), high + room  # the mark's words stand below it


def drawn(plot: Plot) -> Markup:
    """Return a plot as an SVG element."""
    ends = (
        {
            "data_left": _short(LEFT),
            "data_right": _short(WIDTH - RIGHT),
            "data_from": _short(plot.x_range[0]),
            "data_to": _short(plot.x_range[1]),
        }
        if plot.over_time
        else {}
    )
    parts = [*_behind(plot), *_axes(plot)]
    parts += [element("path", d=_path(plot, line), class_=f"line {line.style}") for line in plot.lines]
    parts += _words(plot)
    if plot.over_time:
        parts.append(_vertical("playhead", LEFT, TOP, plot.bottom))
    return element(
        "svg",
        parts,
        viewBox=f"0 0 {_short(WIDTH)} {_short(plot.height)}",
        class_="plot",
        role="img",
        aria_label=plot.description,
        **ends,
    )


def thinned(x: Sequence[float], y: Values, most: int = MOST_POINTS) -> tuple[list[float], list[float | None]]:
    """Leave so many points of a line that a screen can show: of each stretch the lowest and the highest.

    Returns:
        x and y, at most ``most`` or a few more; the same points where they are few enough.
    """
    if len(x) <= most:
        return list(x), list(y)
    stretch = math.ceil(2 * len(x) / most)
    kept: list[int] = []
    for start in range(0, len(x), stretch):
        inside = range(start, min(start + stretch, len(x)))
        known = [index for index in inside if _known(y[index])]
        if len(known) < len(inside):
            kept.append(next(index for index in inside if not _known(y[index])))  # the gap stays one
        if known:
            kept += [min(known, key=lambda index: y[index] or 0.0), max(known, key=lambda index: y[index] or 0.0)]
    kept = sorted(set(kept))
    return [x[index] for index in kept], [y[index] for index in kept]


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0") if abs(value) >= 10 else f"{value:.3f}".rstrip("0").rstrip(".")


def _path(plot: Plot, line: Line) -> str:
    steps, pen_down = [], False
    for x, y in zip(*thinned(line.x, line.y), strict=True):
        if y is None or not math.isfinite(y):
            pen_down = False
            continue
        # a single point between two gaps is drawn as a dot: a line to itself with a round end
        steps.append(f"{'L' if pen_down else 'M'}{plot.to_x(x):.1f} {plot.to_y(y):.1f}" + ("" if pen_down else "h0"))
        pen_down = True
    return "".join(steps)


def _vertical(kind: str, x: float, top: float, bottom: float) -> Markup:
    return element("line", class_=kind, x1=_short(x), x2=_short(x), y1=_short(top), y2=_short(bottom))


def _behind(plot: Plot) -> list[Markup]:
    parts = []
    for low, high in plot.bands:
        left, right = plot.to_x(max(low, plot.x_range[0])), plot.to_x(min(high, plot.x_range[1]))
        if right > left:
            parts.append(
                element(
                    "rect",
                    class_="band",
                    x=_short(left),
                    y=_short(TOP),
                    width=_short(right - left),
                    height=_short(plot.bottom - TOP),
                )
            )
    if plot.envelope:
        middle, half = (TOP + plot.bottom) / 2, (plot.bottom - TOP) / 2 - 2
        upper = [f"{plot.to_x(x):.1f} {middle - half * size:.1f}" for x, size in plot.envelope]
        lower = [f"{plot.to_x(x):.1f} {middle + half * size:.1f}" for x, size in reversed(plot.envelope)]
        parts.append(element("path", d=f"M{'L'.join(upper + lower)}Z", class_="envelope"))
    return parts


def _axes(plot: Plot) -> list[Markup]:
    parts = [element("text", plot.y_label, class_="name", x="0", y="13")]
    ticks = nice_ticks(*y_range(plot), most=5 if plot.height >= 180 else 4)
    decimals = tick_decimals(ticks)
    for tick in ticks:
        y = plot.to_y(tick)
        parts.append(
            element("line", class_="grid", x1=_short(LEFT), x2=_short(WIDTH - RIGHT), y1=f"{y:.1f}", y2=f"{y:.1f}")
        )
        parts.append(element("text", number(tick, decimals), class_="tick y", x=_short(LEFT - 7), y=f"{y + 4:.1f}"))
    parts.append(
        element(
            "line",
            class_="axis",
            x1=_short(LEFT),
            x2=_short(WIDTH - RIGHT),
            y1=_short(plot.bottom),
            y2=_short(plot.bottom),
        )
    )
    ticks = nice_ticks(*plot.x_range, most=9)
    decimals = tick_decimals(ticks)
    for place, tick in enumerate(ticks):
        x = plot.to_x(tick)
        parts.append(_vertical("axis", x, plot.bottom, plot.bottom + 4))
        if plot.x_label:
            # on a phone, where letters are larger, every second one is hidden
            kind = "tick x" + (" second" if (place - len(ticks) // 2) % 2 else "")
            parts.append(element("text", number(tick, decimals), class_=kind, x=f"{x:.1f}", y=_short(plot.bottom + 17)))
    if plot.x_label:
        parts.append(
            element("text", plot.x_label, class_="name end", x=_short(WIDTH - RIGHT), y=_short(plot.height - 3))
        )
    return parts


def _words(plot: Plot) -> list[Markup]:
    parts = []
    for level in plot.levels:
        y = plot.to_y(level.y)
        parts.append(
            element("line", class_="level", x1=_short(LEFT), x2=_short(WIDTH - RIGHT), y1=f"{y:.1f}", y2=f"{y:.1f}")
        )
    if plot.mark is not None:
        x, y = plot.to_x(plot.mark.x), plot.to_y(plot.mark.y)
        # words go below the point, where a curve's lowest point leaves room
        side = " end" if x > WIDTH * 0.75 else "" if x < WIDTH * 0.25 else " middle"
        parts.append(element("circle", class_="mark", cx=f"{x:.1f}", cy=f"{y:.1f}", r="4"))
        parts.append(element("text", plot.mark.text, class_=f"said strong{side}", x=f"{x:.1f}", y=f"{y + 19:.1f}"))
    return parts
