from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from talkingface.evaluation.web.plot import MOST_POINTS, Level, Line, Mark, Plot, drawn, thinned, y_range

TIMES = [0.0, 1.0, 2.0, 3.0, 4.0]


def plot(*values: float | None, **how: object) -> Plot:
    return Plot([Line(TIMES, values, "generated")], (0.0, 4.0), "opening <%>", "time, s", 'a "b" & c', **how)  # type: ignore[arg-type]


def line_of(markup: str) -> str:
    found = ET.fromstring(markup).find("path[@class='line generated']")
    assert found is not None
    return found.get("d", "")


def test_a_plot_is_well_formed_and_says_what_it_shows() -> None:
    root = ET.fromstring(
        drawn(plot(1, 2, 3, 2, 1, mark=Mark(2, 3, "<top>"), levels=[Level(2)], bands=[(1, 2)],
                   envelope=[(0, 0.5), (4, 1)], over_time=True))
    )  # fmt: skip
    assert root.get("role") == "img" and root.get("aria-label") == 'a "b" & c'
    texts = [text.text for text in root.iter("text")]
    assert "opening <%>" in texts and "<top>" in texts and "time, s" in texts
    assert root.get("data-to") == "4"


def test_missing_values_break_the_line() -> None:
    path = line_of(drawn(plot(1, 2, None, 2, float("nan"))))
    assert path.count("M") == 2 and path.count("L") == 1


def test_higher_values_lie_higher_and_later_ones_further_right() -> None:
    places = [
        tuple(map(float, place)) for place in re.findall(r"([\d.]+) ([\d.]+)", line_of(drawn(plot(1, 2, 3, 4, 5))))
    ]
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert [y for _, y in places] == sorted((y for _, y in places), reverse=True)


def test_the_range_holds_levels_zero_and_flat_lines() -> None:
    low, high = y_range(plot(1, 1, 1, 1, 1))
    assert low < 1 < high
    assert y_range(plot(1, 2, 2, 2, 2, zero=True))[0] == 0
    assert y_range(plot(1, 2, 2, 2, 2, levels=[Level(9)]))[1] > 9
    assert y_range(plot(None, None, None, None, None))[0] < y_range(plot(None, None, None, None, None))[1]


def test_long_lines_keep_their_peaks_and_gaps() -> None:
    values: list[float | None] = [0.0] * 20_000
    values[12_345], values[17] = 5.0, -3.0
    values[4000:4100] = [None] * 100
    x, y = thinned(list(range(20_000)), values)
    assert len(x) == len(y) <= MOST_POINTS + 20
    assert x == sorted(x)
    assert y[x.index(12_345)] == 5.0 and y[x.index(17)] == -3.0
    assert any(value is None for value in y)
