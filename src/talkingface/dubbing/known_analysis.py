"""Pass 1, or what an earlier pass 1 over the same content found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from talkingface.cache import Cache
from talkingface.dubbing.analyse import analyse
from talkingface.dubbing.analysis_store import Analysis, load_analysis
from talkingface.dubbing.job import Job, JobKeys
from talkingface.dubbing.job_key import key_of
from talkingface.dubbing.work_folder import WorkFolder
from talkingface.errors import MediaError, OutputError
from talkingface.media.probe import MediaInfo, probe
from talkingface.progress import Cancellation, Progress

FOLDER = "analysis"


def obtain_analysis(
    job: Job,
    keys: JobKeys,
    source: Path,
    picture: MediaInfo,
    seconds: float,
    folder: WorkFolder,
    cache: Cache,
    *,
    progress: Progress,
    cancel: Cancellation,
    say: Callable[[str], None],
) -> Analysis:
    """Return what is known of a video, looking through it only when nobody did before.

    Args:
        job: Its options decide what part is looked at.
        keys: The video's decides which earlier analysis serves.
        source: The video: the job's own, or the clip made of its picture.
        picture: Of the job's face file.
        seconds: How long the sound is; decides how long a picture's clip is.
        folder: The job's folder: the analysis lies there until the job is done.
        cache: Where it stays.
        progress: Told about every frame.
        cancel: Checked at every frame.
        say: Told what the user should know.

    Raises:
        MediaError: nothing can be decoded, or not everything, and damaged files are not allowed.
        OutputError: the folder cannot be written in.
        Cancelled: when asked to stop.
    """
    options = job.options
    # errors shall name the picture, not the clip made of it
    info = picture if source == job.face else replace(probe(source), path=job.face)
    begin, end = (None, None) if picture.is_still else _range(options.start, options.end, options.preview)
    part = [seconds, options.seed, options.still] if picture.is_still else [begin, end]
    key = key_of([keys.face, part])
    target = folder.path / FOLDER
    analysis = _earlier(target, info) if folder.found else None
    if analysis is None and options.cache:
        analysis = _cached(cache, key, folder, info)
        if analysis is not None:
            say(f"{job.face.name}: was looked through before; what was found is used again")
    if analysis is None:
        making = folder.sub(f"{FOLDER}-unfinished")
        analyse(source, making, start=begin, end=end, threads=options.thread_count, progress=progress, cancel=cancel)
        try:
            folder.sub(FOLDER).rmdir()
            making.rename(target)
        except OSError as error:
            raise OutputError(f"{target}: cannot be made ({error.strerror or error})") from error
        analysis = load_analysis(target, info)
        if options.cache and analysis.clip.tracks:
            _keep(cache, key, target, folder.path, say)
    folder.kept_progress = True
    if analysis.loss is not None:
        if not options.allow_damaged:
            raise MediaError(f"{job.face}: {analysis.loss}; --allow-damaged uses what can be decoded")
        say(f"{job.face}: {analysis.loss}; the rest is used")
    return analysis


def _range(start: float | None, end: float | None, preview: float | None) -> tuple[float | None, float | None]:
    if preview is None:
        return start, end
    stop = (start or 0.0) + preview
    return start, stop if end is None else min(stop, end)


def _earlier(target: Path, info: MediaInfo) -> Analysis | None:
    """What an interrupted run of this job left, when it is whole."""
    try:
        return load_analysis(target, info)
    except (OSError, ValueError, KeyError):
        return None


def _cached(cache: Cache, key: str, folder: WorkFolder, info: MediaInfo) -> Analysis | None:
    try:
        folder.sub(FOLDER).rmdir()
        if not cache.fetch(key, folder.path / FOLDER):
            return None
        return load_analysis(folder.path / FOLDER, info)
    except (OSError, ValueError, KeyError):
        cache.discard(key)  # cut short by a full disk, or changed by somebody
        return None


def _keep(cache: Cache, key: str, target: Path, scratch: Path, say: Callable[[str], None]) -> None:
    try:
        cache.store(key, target, scratch)
    except (OSError, OutputError) as error:
        say(f"{cache.folder}: what was found in the video is not kept ({getattr(error, 'strerror', None) or error})")
