"""A run's own folder ``results/<model>-<dataset>-<time>/`` and the files in it."""

from __future__ import annotations

import datetime
import json
import logging
import math
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from talkingface.errors import OutputError
from talkingface.progress import Progress

VIDEOS = "videos"
REPORT_JSON = "report.json"
REPORT_MARKDOWN = "report.md"
REPORT_PAGE = "report.html"
CONFIG = "config.yaml"
VERSIONS = "versions.json"
LOG = "run.log"


def create_run_folder(results_dir: Path, model: str, dataset: str) -> Path:
    """Make a folder that did not exist before, with ``videos/`` in it.

    Raises:
        OutputError: when it cannot be made.
    """
    time = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    number = 1
    while True:
        folder = results_dir / (f"{model}-{dataset}-{time}" + (f"-{number}" if number > 1 else ""))
        try:
            folder.mkdir(parents=True)
            (folder / VIDEOS).mkdir()
        except FileExistsError:
            if results_dir.exists() and not results_dir.is_dir():
                raise OutputError(f"{results_dir}: is a file, not a folder for results") from None
            number += 1  # another run began in the same second
            continue
        except OSError as error:
            raise OutputError(f"{folder}: cannot be made: {error.strerror or error}") from None
        return folder


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all: what was there before stays until the new text is complete.

    Raises:
        OutputError: when it cannot be written.
    """
    content = text.encode("utf-8")
    target = path.resolve()  # a link stays a link
    beside = target.with_name(f".talkingface-{uuid.uuid4().hex}.part")
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(content)  # a pipe or device cannot be replaced
            return
        try:
            beside.write_bytes(content)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from None


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file. Paths become texts, and numbers that JSON does not have (NaN, infinity) null.

    Raises:
        OutputError: when it cannot be written.
    """
    write_text(path, json_text(content) + "\n")


def json_text(content: Any) -> str:
    """Return content as JSON text; see ``write_json``. A list that holds no objects is one line."""
    return _indented(_json_ready(content), "")


class LoggedProgress:
    """A ``Progress`` that passes everything on, and writes stages and messages to the run's log.

    Attributes:
        prefix: Put before every stage's name, such as ``"2/5 "``.
    """

    def __init__(self, progress: Progress, logger: logging.Logger) -> None:
        self.prefix = ""
        self._progress = progress
        self._logger = logger

    def stage(self, name: str, total: int | None) -> None:
        """A new stage begins."""
        self._logger.info("stage %s%s%s", self.prefix, name, "" if total is None else f" ({total} steps)")
        self._progress.stage(self.prefix + name, total)

    def advance(self, steps: int = 1) -> None:
        """Pass the steps on."""
        self._progress.advance(steps)

    def message(self, text: str) -> None:
        """Show the line and log it."""
        self._logger.info("%s", text)
        self._progress.message(text)


@contextmanager
def open_log(path: Path) -> Iterator[logging.Logger]:
    """Log to a file while the block runs: what the run says itself, and every warning of this package.

    Raises:
        OutputError: when the file cannot be written.
    """
    try:
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    # The run's own logger is private to this run; the package's logger is only borrowed for its warnings.
    logger = logging.Logger("talkingface.run", logging.INFO)
    logger.addHandler(handler)
    package = logging.getLogger("talkingface")
    package.addHandler(handler)
    try:
        yield logger
    finally:
        package.removeHandler(handler)
        handler.close()


def _json_ready(content: Any) -> Any:
    if isinstance(content, dict):
        return {str(key): _json_ready(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_json_ready(value) for value in content]
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if content is None or isinstance(content, str | bool | int):
        return content
    return str(content)


def _indented(content: Any, margin: str) -> str:
    inner = margin + "  "
    if isinstance(content, dict) and content:
        lines = [f"{inner}{json.dumps(key, ensure_ascii=False)}: {_indented(v, inner)}" for key, v in content.items()]
        return "{\n" + ",\n".join(lines) + f"\n{margin}}}"
    if isinstance(content, list) and any(isinstance(value, dict) for value in content):
        return "[\n" + ",\n".join(f"{inner}{_indented(value, inner)}" for value in content) + f"\n{margin}]"
    return json.dumps(content, ensure_ascii=False, allow_nan=False)
