"""``report.html``: an evaluation as one file that needs no network, no library and no server."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from talkingface import __version__
from talkingface.errors import OutputError
from talkingface.evaluation.result import EvaluationRow
from talkingface.evaluation.web.clip_section import Budget, clip_section
from talkingface.evaluation.web.markup import Markup, element, joined
from talkingface.evaluation.web.strips import score_strips
from talkingface.evaluation.web.tables import broken_name, clip_table, score_table, two_columns, without_values
from talkingface.progress import Cancellation, Progress

PAGE_BYTES = 25_000_000
_UNFOLDED = 2  # clips that are shown unfolded to begin with, where there are no more


def write_web_report(
    path: Path,
    report: Mapping[str, Any],
    rows: Sequence[EvaluationRow],
    *,
    progress: Progress,
    cancel: Cancellation,
    threads: int = 0,
    page_bytes: int = PAGE_BYTES,
    canonical: Mapping[str, Path] | None = None,
    date: datetime.datetime | None = None,
) -> None:
    """Write an evaluation as a web page.

    Args:
        path: Where it goes; a file that is there is replaced, in one step.
        report: As ``report.result_to_json`` gives it, or as read from a ``report.json``. Besides, where it has them:
            ``title``, ``options`` and ``versions``. Plots are made from the ``details`` of a clip: ``curves``
            (``time``, ``face_box``, ``opening``, ``true_opening``, ``sync_time``, ``sync_distance``,
            ``sync_confidence``), and ``sync`` and ``syncnet`` (``lips_late_by``, ``distance``, ``window_times``,
            ``frame_confidence``). What is missing is left out, and the page says so.
        rows: The clips' files. They are read again; a clip whose files are gone keeps its tables and curves.
        progress: Told about every clip.
        cancel: Checked at every frame.
        threads: Decoder threads, 0 for all cores.
        page_bytes: How large the page may grow. Beyond it clips come without film, then without pictures, then
            without curves; the tables are always whole.
        canonical: Clip name -> folder of canonical frames, pictures named by the generated frame's number.
        date: When it is said to be made; now, where not given.

    Raises:
        OutputError: it cannot be written.
        Cancelled: when asked to stop; nothing is written then.
    """
    clips = [name for name in report.get("rows", {}) if name not in report.get("failures", {})]
    numbers = {name: place + 1 for place, name in enumerate(report.get("rows", {}))}
    files = {row.name: row for row in rows}
    progress.stage("web report", len(clips))
    budget = Budget(page_bytes)
    tables = [_scores(report), *([_clip_scores(report, numbers)] if len(numbers) > 1 else [])]
    tables += [_failures(report, numbers), _notes(report)]
    provenance = _provenance(report)
    budget.spend(sum(len(part) for part in (*tables, provenance)))
    sections: list[Markup] = []
    left_out: dict[str, list[str]] = {}
    for place, name in enumerate(clips):
        cancel.check()
        section = clip_section(
            report,
            name,
            numbers[name],
            len(clips) - 1 - place,
            files.get(name),
            budget,
            is_open=len(clips) <= _UNFOLDED,
            canonical=(canonical or {}).get(name),
            threads=threads,
            check=cancel.check,
        )
        sections.append(section.markup)
        for thing in section.left_out:
            left_out.setdefault(thing, []).append(name)
        progress.advance()
    shortened = _shortened(left_out, page_bytes)
    for line in shortened:
        progress.message(f"web report: {line}")
    body = [_header(report, rows, date or datetime.datetime.now()), *tables]
    body += [_clips(sections, shortened), provenance]
    _write(path, _document(_title(report, rows), body))


def _document(title: str, body: Iterable[Markup]) -> str:
    style, script = (_asset(name) for name in ("page.css", "page.js"))
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content=f"talkingface {__version__}"),
        # The page asks for nothing from anywhere, and nothing in it can.
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("link", rel="icon", href="data:,"),
        element("title", title),
        element("style", Markup(style)),
    )
    page = element("body", element("main", list(body)), element("script", Markup(script)))
    return f"<!DOCTYPE html>\n{element('html', head, page, lang='en')}\n"


_POLICY = (
    "default-src 'none'; img-src data:; media-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
)


def _asset(name: str) -> str:
    return (resources.files("talkingface") / "assets" / "web" / name).read_text(encoding="utf-8")


def _title(report: Mapping[str, Any], rows: Sequence[EvaluationRow]) -> str:
    if report.get("title"):
        return str(report["title"])
    names = list(report.get("rows", {}))
    if len(names) == 1:
        return f"Scores of {names[0]}"
    folders = {row.generated.absolute().parent for row in rows if row.generated is not None}
    where = f" in {folders.pop().name}" if len(folders) == 1 else ""
    return f"Scores of {len(names)} clips{where}"


def _header(report: Mapping[str, Any], rows: Sequence[EvaluationRow], date: datetime.datetime) -> Markup:
    names, failures = report.get("rows", {}), report.get("failures", {})
    version = _versions(report).get("talkingface", __version__)
    scored = len(names) - len(failures)
    facts: list[tuple[str, str | Markup]] = [
        ("clips", str(len(names))),
        ("scored", str(scored)),
        ("failed", element("a", str(len(failures)), href="#failed") if failures else "0"),
        ("success rate", f"{100 * float(report.get('success_rate', 0.0)):.0f} %"),
        ("date", element("time", f"{date:%Y-%m-%d %H:%M}", datetime=f"{date:%Y-%m-%dT%H:%M}")),
        ("talkingface", str(version)),
    ]
    links = [("scores", "Scores")]
    links += [("each-clip", "Each clip")] if len(names) > 1 else []
    links += [("failed", "Failed clips")] if failures else []
    links += [("notes", "Notes")] if report.get("notes") else []
    links += [("curves", "Curves and pictures"), ("provenance", "Provenance")]
    return element(
        "header",
        element("p", "Evaluation of generated talking-face videos", class_="eyebrow"),
        element("h1", _title(report, rows)),
        element(
            "dl", [element("div", element("dt", name), element("dd", value)) for name, value in facts], class_="facts"
        ),
        element("nav", [element("a", text, href=f"#{place}") for place, text in links], aria_label="On this page"),
    )


def _section(name: str, title: str, *parts: Markup | None) -> Markup:
    return element(
        "section", element("h2", title), [part for part in parts if part is not None], id=name, class_="part"
    )


def _scores(report: Mapping[str, Any]) -> Markup:
    about = report.get("about_metrics", {})
    meanings = [
        element("div", element("dt", element("code", broken_name(name))), element("dd", f"{about[name]['help']}."))
        for name in report["metrics"]
        if about.get(name, {}).get("help")
    ]
    # on a narrow screen the table has no room for the sentences
    meaning = element("details", element("summary", "The metrics in words"), element("dl", meanings), class_="meanings")
    missing = [element("li", element("code", names), f": {reason}") for reason, names in without_values(report)]
    absent = element("p", "Without a value in any clip:", class_="said"), element("ul", missing, class_="notes missing")
    table = score_table(report, score_strips(report))
    return _section("scores", "Scores", table, *(absent if missing else ()), meaning if meanings else None)


def _clip_scores(report: Mapping[str, Any], numbers: Mapping[str, int]) -> Markup:
    return _section("each-clip", "Each clip", clip_table(report, numbers))


def _failures(report: Mapping[str, Any], numbers: Mapping[str, int]) -> Markup:
    failures = report.get("failures", {})
    if not failures:
        return Markup("")
    lines = [
        element("div", element("dt", name, id=f"clip-{numbers.get(name, 0)}"), element("dd", " ".join(reason.split())))
        for name, reason in failures.items()
    ]
    count = len(report.get("rows", {}))
    words = f"{len(failures)} of {count} clips could not be scored. They lower the success rate and are in no mean."
    return _section("failed", "Failed clips", element("p", words, class_="said"), element("dl", lines, class_="failed"))


def _notes(report: Mapping[str, Any]) -> Markup:
    notes = report.get("notes", [])
    if not notes:
        return Markup("")
    return _section("notes", "Notes", element("ul", [element("li", note) for note in notes], class_="notes"))


def _clips(sections: Sequence[Markup], shortened: Sequence[str]) -> Markup:
    words = [element("p", line[:1].upper() + line[1:] + ".", class_="said") for line in shortened]
    if not sections:
        words.append(element("p", "No clip was scored.", class_="said"))
    return _section("curves", "Curves and pictures", joined(words), joined(sections))


def _shortened(left_out: Mapping[str, Sequence[str]], page_bytes: int) -> list[str]:
    """What clips had to do without, in words."""
    lines = []
    for thing, clips in left_out.items():
        which = f"from {clips[0]} on, {len(clips)} clip{' comes' if len(clips) == 1 else 's come'}"
        lines.append(f"{which} without {thing}: the page may have {page_bytes / 1e6:.3g} MB")
    return lines


def _provenance(report: Mapping[str, Any]) -> Markup:
    parts = []
    weights = (report.get("versions") or {}).get("weights_sha256") or {}
    for found, heads, caption, kind in (
        (report.get("options") or {}, ("option", "value"), "Options", "plain"),
        (_versions(report), ("what", "version"), "Versions", "plain"),
        (report.get("files") or {}, ("file", "SHA-256"), "Files that were read", "hashes"),
        (weights, ("file", "SHA-256"), "Networks that ship with talkingface", "hashes"),
    ):
        if found:
            parts.append(two_columns(((str(name), value) for name, value in found.items()), heads, caption, kind))
    if not parts:
        parts.append(element("p", "This report holds no options, versions or file hashes.", class_="said"))
    return _section("provenance", "Provenance", *parts)


def _versions(report: Mapping[str, Any]) -> dict[str, Any]:
    """Versions by name, those of packages among them; packages that are not installed are left out."""
    versions = {name: value for name, value in (report.get("versions") or {}).items() if name != "weights_sha256"}
    packages: Mapping[str, Any] = versions.pop("packages", None) or {}
    return {**versions, **{name: value for name, value in packages.items() if value is not None}}


def _write(path: Path, text: str) -> None:
    """Write a text so that a reader finds the old file or the whole new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            beside.write_text(text, encoding="utf-8")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: the web report cannot be written ({error.strerror or error})") from error
