"""What ``talkingface evaluate`` or a run reported of one method, read back from its JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talkingface.data.naming import distinct_names, numbered
from talkingface.errors import MediaError, OptionError
from talkingface.run_folder import REPORT_JSON, VERSIONS


@dataclass(frozen=True)
class MetricAbout:
    """What a report says of a metric.

    Attributes:
        unit: Of its values; empty for a plain number.
        direction: ``higher``, ``lower``, ``near 1`` or ``near 0``.
        help: What it measures.
        over_all: It has one value for the whole set of clips, and none for a clip.
    """

    unit: str
    direction: str
    help: str
    over_all: bool


@dataclass(frozen=True)
class MethodReport:
    """One method's scores.

    Attributes:
        name: Of the method.
        path: The report's file.
        about: Metric name -> what it is, in the report's order.
        rows: Clip name -> metric name -> value; None where there is none.
        means: Metric name -> mean, or the one value of a metric over all clips.
        failures: Clip name -> why it was not scored.
        controls: Clip name -> control name -> metric name -> value.
        inputs: Clip name -> ``face``, ``audio``, ``truth`` -> SHA-256 of the file or, where that is unknown, its path.
            What is the scored video itself, because nothing else was given, is left out.
        settings: What changes values beside the files: ``lse_mode``, the program's version, hashes of its networks.
    """

    name: str
    path: Path
    about: Mapping[str, MetricAbout]
    rows: Mapping[str, Mapping[str, float | None]]
    means: Mapping[str, float | None]
    failures: Mapping[str, str]
    controls: Mapping[str, Mapping[str, Mapping[str, float | None]]]
    inputs: Mapping[str, Mapping[str, str]]
    settings: Mapping[str, str]

    @property
    def success_rate(self) -> float:
        """Clips that were made and scored, over all its clips: 0..1."""
        return 1.0 - len(self.failures) / len(self.rows)


def read_reports(paths: Sequence[Path], names: Sequence[str] = ()) -> list[MethodReport]:
    """Read one report a method.

    Args:
        paths: Each a report of ``evaluate``, a run's ``report.json``, or a folder that holds a ``report.json``.
        names: Of the methods, in the same order; when empty, the names of the folders or files.

    Raises:
        OptionError: there are not as many names as reports, or two that are equal.
        MediaError: a report is missing or is none.
    """
    files = [path / REPORT_JSON if path.is_dir() else path for path in paths]
    if not names:
        # "results/ours/report.json" is the method "ours", not "report"
        given = [file.absolute().parent if file.name == REPORT_JSON else file.with_suffix("") for file in files]
        names = distinct_names(given, keep_ending=True)
    if len(names) != len(paths):
        raise OptionError(f"--names gives {len(names)} names for {len(paths)} reports; give one for each")
    if numbered(names) != list(names):
        raise OptionError(f"--names has a name twice: {', '.join(names)}")
    return [read_report(file, name) for file, name in zip(files, names, strict=True)]


def read_report(path: Path, name: str) -> MethodReport:
    """Read a report of ``evaluate`` or of a run.

    Raises:
        MediaError: the file is missing, no report, or of a run in which nothing was scored.
    """
    whole = _read_json(path)
    if not isinstance(whole, dict):
        raise MediaError(f"{path}: is no report of talkingface evaluate or run")
    found = whole.get("evaluation", whole)
    if found is None:
        raise MediaError(f"{path}: nothing was scored in this run: {whole.get('evaluation_failure') or 'no scores'}")
    try:
        about = {
            metric: MetricAbout(
                str(found["about_metrics"][metric]["unit"]),
                str(found["about_metrics"][metric]["direction"]),
                str(found["about_metrics"][metric]["help"]),
                bool(found["about_metrics"][metric].get("over_all", False)),
            )
            for metric in found["metrics"]
        }
        rows = {clip: _values(scores) for clip, scores in found["rows"].items()}
        means = _values(found["means"])
        controls = {
            clip: {control: _values(scores) for control, scores in table.items()}
            for clip, table in found.get("clip_controls", {}).items()
        }
        failures = {clip: str(reason) for clip, reason in found["failures"].items() if clip in rows}
        inputs = _inputs(found)
        settings = _settings(whole, path)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise MediaError(f"{path}: is no report of talkingface evaluate or run, or is damaged") from None
    if not rows:
        raise MediaError(f"{path}: holds no clip")
    return MethodReport(name, path, about, rows, means, failures, controls, inputs, settings)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        hint = "; is it the folder of a run?" if path.name == REPORT_JSON and path.parent.is_dir() else ""
        raise MediaError(f"{path}: cannot be read: {error.strerror or error}{hint}") from None
    except (ValueError, RecursionError):
        raise MediaError(f"{path}: is not JSON in UTF-8") from None


def _values(scores: Mapping[str, Any]) -> dict[str, float | None]:
    """Metric name -> value, of ``{"value": ..., "reason": ...}`` each."""
    found: dict[str, float | None] = {}
    for metric, score in scores.items():
        value = score["value"]
        number = None if value is None else float(value)
        found[metric] = number if number is not None and math.isfinite(number) else None
    return found


def _inputs(found: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    hashes = found.get("files", {})
    return {
        clip: {role: str(hashes.get(file, file)) for role, file in files.items() if file and file != files["generated"]}
        for clip, files in found.get("inputs", {}).items()
    }


def _settings(whole: Mapping[str, Any], path: Path) -> dict[str, str]:
    versions = whole.get("versions")
    if versions is None and (path.parent / VERSIONS).is_file():
        versions = _read_json(path.parent / VERSIONS)
    settings: dict[str, str] = {}
    mode = whole.get("options", {}).get("lse_mode") or whole.get("configuration", {}).get("lse_mode", {}).get("value")
    if mode:
        settings["lse_mode"] = str(mode)
    if versions:
        settings["talkingface"] = str(versions["packages"]["talkingface"])
        settings |= {file: str(digest) for file, digest in versions.get("weights_sha256", {}).items()}
    return settings
