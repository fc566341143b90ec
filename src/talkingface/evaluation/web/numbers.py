"""Numbers as the page shows them: as many decimals in a whole column, a true minus sign."""

from __future__ import annotations

import math
from collections.abc import Iterable

MINUS = "\u2212"


def decimals_for(values: Iterable[float]) -> int:
    """How many decimals show about four digits of the largest value."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    return 3 if largest < 10 else 2 if largest < 100 else 1 if largest < 1000 else 0


def number(value: float, decimals: int) -> str:
    """Return a number with so many decimals and a true minus sign; nothing is shown as minus zero."""
    text = f"{value:.{decimals}f}"
    if text.startswith("-"):
        text = text[1:] if not text.strip("-0.") else MINUS + text[1:]
    return text


def nice_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers between two others, at most ``most`` of them, in steps of 1, 2, 2.5 or 5 times 10^n."""
    if not high > low:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / max(1, most)))
    for factor in (1, 2, 2.5, 5, 10, 20, 25, 50):
        step = factor * power
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            return [round(place * step, 12) for place in range(first, last + 1)]
    return [low]


def tick_decimals(ticks: Iterable[float]) -> int:
    """How many decimals tell ticks apart."""
    ticks = list(ticks)
    for decimals in range(6):
        if all(abs(round(tick, decimals) - tick) < 1e-9 for tick in ticks):
            return decimals
    return 6
