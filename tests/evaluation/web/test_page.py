from __future__ import annotations

import copy
import datetime
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from talkingface.errors import Cancelled, OutputError
from talkingface.evaluation.result import EvaluationRow
from talkingface.evaluation.web import write_web_report
from talkingface.progress import Cancellation, SilentProgress

DATE = datetime.datetime(2026, 1, 2, 3, 4)
WITHOUT_END = {"img", "meta", "link", "br", "col", "wbr"}


class Page(HTMLParser):
    """Checks that elements are closed as they were opened, and keeps what tests look at."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in WITHOUT_END:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def write(path: Path, report: dict[str, Any], rows: list[EvaluationRow], **how: Any) -> SilentProgress:
    progress = SilentProgress()
    how = {"cancel": Cancellation(), "threads": 1, "date": DATE, **how}
    write_web_report(path, report, rows, progress=progress, **how)
    return progress


def test_the_page_holds_everything(tmp_path: Path, report: dict[str, Any], rows: list[EvaluationRow]) -> None:
    write(tmp_path / "report.html", report, rows)
    page = Page(tmp_path / "report.html")
    text = page.text
    for wanted in (
        "67 %", "2026-01-02 03:04", "0.1.0", "0.250", "0.125 to 0.375", "0.030 to 0.090", "How clearly lips fit the",
        "no truth", "/x/<b>y</b>.mp4: no face was found", "a note with <i>markup</i>", "ab" * 32, "device",
        "lips 2 frames (80 ms) late", "its video cannot be read any more", "Left out: sync was not measured",
    ):  # fmt: skip
        assert wanted.lower() in text.lower(), wanted
    assert "torch" not in text  # it is not installed
    assert len(page.all("video")) == 1
    assert str(page.all("video")[0]["src"]).startswith("data:video/mp4;base64,")
    assert len(page.all("img")) == 18


def test_names_of_files_cannot_become_markup(tmp_path: Path, report: dict[str, Any], rows: list[EvaluationRow]) -> None:
    write(tmp_path / "report.html", report, rows)
    page = Page(tmp_path / "report.html")
    assert len(page.all("script")) == 1 and not page.all("b") and not page.all("i_")
    assert "<script>alert(\"1\")</script> & 'b'" in page.text


def test_the_page_needs_nothing_from_anywhere(
    tmp_path: Path, report: dict[str, Any], rows: list[EvaluationRow]
) -> None:
    write(tmp_path / "report.html", report, rows)
    page = Page(tmp_path / "report.html")
    for tag, attributes in page.elements:
        for name in ("src", "href", "poster", "srcset", "action"):
            address = attributes.get(name)
            assert address is None or address.startswith(("data:", "#")), (tag, name, str(address)[:60])
    text = re.sub(r"data:[a-z/0-9]+;base64,[A-Za-z0-9+/=]+", "", (tmp_path / "report.html").read_text())
    assert "http:" not in text and "https:" not in text and "@import" not in text and "url(" not in text


def test_the_page_can_be_read_without_seeing_it(
    tmp_path: Path, report: dict[str, Any], rows: list[EvaluationRow]
) -> None:
    write(tmp_path / "report.html", report, rows)
    page = Page(tmp_path / "report.html")
    assert page.all("html") == [{"lang": "en"}]
    assert all(cell.get("scope") in ("row", "col") for cell in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(image.get("alt") for image in page.all("img"))
    assert all(plot.get("role") == "img" and plot.get("aria-label") for plot in page.all("svg"))
    assert all(film.get("aria-label") for film in page.all("video"))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    targets = {str(link["href"])[1:] for link in page.all("a")}
    assert len(ids) == len(set(ids)) and targets <= set(ids)


def test_the_same_report_gives_the_same_page(tmp_path: Path, report: dict[str, Any], rows: list[EvaluationRow]) -> None:
    as_read = json.loads(json.dumps(report))
    write(tmp_path / "a.html", report, rows)
    write(tmp_path / "b.html", as_read, rows)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_a_bare_report_without_files_makes_a_page(tmp_path: Path, report: dict[str, Any]) -> None:
    bare = {name: report[name] for name in ("metrics", "rows", "controls", "means", "success_rate")}
    write(tmp_path / "report.html", bare, [])
    text = Page(tmp_path / "report.html").text
    assert "Its files are not known here" in text and "holds no options" in text


def test_a_page_that_grows_too_large_leaves_out_films_first(
    tmp_path: Path, report: dict[str, Any], rows: list[EvaluationRow]
) -> None:
    name = rows[0].name
    clips = [f"clip {number}" for number in range(4)]
    for key in ("rows", "clip_controls", "details"):
        report[key] = {clip: copy.deepcopy(report[key][name]) for clip in clips}
    report["failures"] = {}
    many = [EvaluationRow(clip, rows[0].generated, rows[0].face, rows[0].audio) for clip in clips]
    write(tmp_path / "whole.html", report, many)
    whole = (tmp_path / "whole.html").stat().st_size
    asset_bytes = len((tmp_path / "whole.html").read_text().split("<main>")[0])
    film_bytes = len(str(Page(tmp_path / "whole.html").all("video")[0]["src"]))
    progress = write(tmp_path / "less.html", report, many, page_bytes=whole - asset_bytes - 2 * film_bytes)
    less = Page(tmp_path / "less.html")
    films = len(less.all("video"))
    assert 0 < films < 4 and len(less.all("img")) == 4 * 18 and less.text.count("Left out") == 4 - films
    assert "without film" in less.text and any("without film" in line for line in progress.messages)
    assert (tmp_path / "less.html").stat().st_size < whole
    write(tmp_path / "least.html", report, many, page_bytes=0)
    least = Page(tmp_path / "least.html")
    assert not least.all("video") and not least.all("img")
    assert least.text.count("Left out, so that the page does not grow too large: curves, moments, film.") == 4
    assert "0.250" in least.text


def test_a_page_is_written_whole_or_not_at_all(
    tmp_path: Path, report: dict[str, Any], rows: list[EvaluationRow]
) -> None:
    cancel = Cancellation()
    cancel.cancel()
    with pytest.raises(Cancelled):
        write(tmp_path / "report.html", report, rows, cancel=cancel)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OutputError, match="web report cannot be written"):
        write(tmp_path / "no folder" / "report.html", report, [])
    (tmp_path / "taken").mkdir()
    with pytest.raises(OutputError):
        write(tmp_path / "taken", report, [])
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "taken"])


def test_a_file_that_changed_since_it_was_scored_is_named(
    tmp_path: Path, report: dict[str, Any], rows: list[EvaluationRow]
) -> None:
    known = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in (rows[0].audio, rows[0].face)}
    write(tmp_path / "report.html", {**report, "files": known}, rows)
    assert "has changed since" not in Page(tmp_path / "report.html").text
    write(tmp_path / "report.html", {**report, "files": {**known, str(rows[0].face): "00" * 32}}, rows)
    assert f"{rows[0].face} has changed since it was scored" in Page(tmp_path / "report.html").text


def test_metrics_without_any_value_are_told_once(tmp_path: Path, report: dict[str, Any]) -> None:
    write(tmp_path / "report.html", report, [])
    text = Page(tmp_path / "report.html").text
    assert "Without a value in any clip: aperture_correlation : no truth" in text


def test_canonical_frames_have_a_column_where_a_backend_left_them(
    tmp_path: Path, report: dict[str, Any], rows: list[EvaluationRow]
) -> None:
    folder = tmp_path / "canonical"
    folder.mkdir()
    for number in range(50):
        cv2.imwrite(str(folder / f"{number:06d}.png"), np.full((8, 8, 3), number, np.uint8))
    write(tmp_path / "report.html", report, rows, canonical={rows[0].name: folder})
    images = Page(tmp_path / "report.html").all("img")
    assert len(images) == 24 and sum("canonical at" in str(image["alt"]) for image in images) == 6
