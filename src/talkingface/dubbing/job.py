"""What was asked for, and the key of everything in it that decides the result."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from talkingface.cache import Cache
from talkingface.dubbing.job_key import code_digest, file_digest, key_of
from talkingface.dubbing.result import plain_options
from talkingface.options import DubOptions
from talkingface.progress import Cancellation

# options that say where and how to work, not what comes out
_INDIFFERENT = frozenset(
    {"overwrite", "resume", "report", "debug", "work_dir", "cache", "cache_dir", "cache_size", "checkpoint_dir"}
)
# of the others, what the result's last steps alone depend on: segments stay the same
_LAST_STEPS = frozenset({"mark", "keep_background"})


@dataclass(frozen=True)
class Job:
    """What was asked for.

    Attributes:
        face: The video or picture.
        audio: The sound the result carries; None for the mix of a speaker map.
        output: The file to write.
        options: How.
    """

    face: Path
    audio: Path | None
    output: Path
    options: DubOptions

    @property
    def inputs(self) -> list[Path]:
        """Every file that is read."""
        choices = [self.options.face_choice, *(entry.face for entry in self.options.speakers)]
        pictures = [choice.image for choice in choices if choice.image is not None]
        sounds = [entry.audio for entry in self.options.speakers]
        shown = self.options.expression_picture
        if shown is not None:
            pictures.append(shown)
        return [self.face, *([] if self.audio is None else [self.audio]), *sounds, *pictures]


@dataclass(frozen=True)
class JobKeys:
    """Names by content.

    Attributes:
        job: Of everything that decides the result: all inputs, the options that matter, code and weights.
        face: Of the video, and of code and weights.
        weights: SHA-256 of the user's weights that are read, by file name.
    """

    job: str
    face: str
    weights: Mapping[str, str] = field(default_factory=dict)


def job_keys(
    job: Job, cancel: Cancellation, backend: Any = "landmark", weights: Mapping[str, Path] = MappingProxyType({})
) -> JobKeys:  # fmt: skip
    """Read all inputs and work out the keys.

    Args:
        job: What was asked for.
        cancel: Checked all the time.
        backend: The one that was chosen, or what else tells how lips are spoken, JSON-ready.
        weights: Files of the user's weights that it reads, by name; their content decides the result too.

    Raises:
        MediaError: an input cannot be read.
        Cancelled: when asked to stop.
    """
    options: dict[str, Any] = plain_options(job.options)
    decisive = {name: value for name, value in options.items() if name not in _INDIFFERENT | _LAST_STEPS}
    decisive["threads"] = job.options.thread_count
    code = code_digest()
    by_path = {path: file_digest(path, cancel) for path in dict.fromkeys(job.inputs)}
    digests = [by_path[path] for path in job.inputs]
    parts: list[Any] = [code, digests, job.audio is None, decisive]
    own = {name: file_digest(path, cancel) for name, path in weights.items()}
    return JobKeys(key_of([*parts, backend, own]), key_of([code, digests[0]]), own)


def job_parent(cache: Cache, say: Callable[[str], None]) -> Path:
    """Where jobs work: in the cache, or beside other temporary files when the cache cannot be written."""
    try:
        cache.jobs.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache.jobs):
            return cache.jobs
    except OSError as error:
        folder = Path(tempfile.gettempdir())
        say(f"{cache.folder}: cannot be written ({error.strerror or error}); working in {folder}")
        return folder
